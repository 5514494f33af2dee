"""Run observers under the cell that registered them, with their prints and exceptions.

Owns the wrapper of an observer. Must not know widgets, threads or kernels. A kernel decides by context variables under
which cell a print appears; in the notifier's own context that is the last message of a page, which is shown nowhere
(docs/notebook.md 26).
"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable
from typing import Any

_logger = logging.getLogger("realtime_nb")
_thread = threading.local()


def mark_notifier_thread() -> None:
    """Note that the calling thread is one of ours, which no cell began."""
    _thread.is_notifier = True


class Observer:
    """A trait observer, and the context of the cell that registered it.

    On the notifier thread it runs in a copy of that context, and its exception is logged there. On any other thread,
    where the user's own code sets a trait, it runs as it is. It equals its function, so that `unobserve(function)`
    finds it.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self._context = contextvars.copy_context()

    def __call__(self, change: Any) -> Any:
        """Call the function with a change."""
        if not getattr(_thread, "is_notifier", False):
            return self.function(change)
        # A fresh copy for each call: one context cannot be entered twice at a time.
        return self._context.copy().run(self._logged, change)

    def _logged(self, change: Any) -> Any:
        try:
            return self.function(change)
        except Exception:
            _logger.exception("An observer of %r raised; the conversation goes on.", change["name"])
            return None

    def __eq__(self, other: object) -> bool:
        return bool(self.function == (other.function if isinstance(other, Observer) else other))

    def __hash__(self) -> int:
        return hash(self.function)
