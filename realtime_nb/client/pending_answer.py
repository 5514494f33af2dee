"""`PendingAnswer`: a question that is asked when it is awaited, and says so until then.

Owns the repr that asks for the `await`, and the warning about a forgotten one. Must not know how a question is asked.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from realtime_nb.client.caller import caller
from realtime_nb.conversation.turn import Turn


class PendingAnswer(Coroutine[Any, Any, Turn]):
    """The coroutine of `ask`: await it, or give it to `asyncio.create_task` or `rt.run`.

    Args:
        label: the question in short.
        begin: makes the coroutine that asks it; called at the first await.
    """

    def __init__(self, label: str, begin: Callable[[], Coroutine[Any, Any, Turn]]) -> None:
        self._label = label
        self._begin = begin
        self._asked: Coroutine[Any, Any, Turn] | None = None
        self._closed = False
        self._where = caller()

    def __repr__(self) -> str:
        if self._asked is None and not self._closed:
            return f"<ask({self._label!r}): nothing is asked yet, await me: `turn = await w.ask(...)`>"
        return f"<ask({self._label!r}): asked>"

    def _coroutine(self) -> Coroutine[Any, Any, Turn]:
        if self._closed:
            raise RuntimeError("cannot await this question: it was closed")
        if self._asked is None:
            self._asked = self._begin()
        return self._asked

    def __await__(self) -> Generator[Any, Any, Turn]:
        return self._coroutine().__await__()

    def send(self, value: Any) -> Any:
        """Go on, as an event loop does."""
        return self._coroutine().send(value)

    def throw(self, *error: Any) -> Any:
        """Raise an exception where the coroutine waits, as an event loop does."""
        return self._coroutine().throw(*error)

    def close(self) -> None:
        """End without asking, or in the middle."""
        self._closed = True
        if self._asked is not None:
            self._asked.close()

    def __del__(self) -> None:
        if self._asked is None and not self._closed and not sys.is_finalizing():
            warnings.warn_explicit(
                f"ask({self._label!r}) was never awaited: nothing was asked. Write `turn = await w.ask(...)`, or "
                "rt.run(w.ask(...)) where `await` is not possible.",
                RuntimeWarning,
                *self._where,
            )
