"""`ResultsCard`: the card of a sweep's results.

Owns the widget and the thread on which its requests are answered. Must not know what is asked.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import traitlets as t

from realtime_nb.notebook.host import keep_comm_on_subshell

from .requests import answer
from .source import ResultsSource

_STATIC = Path(__file__).parents[2] / "static"
_KNOWN = 500  # questions: a page repeats one within seconds
_SEND_AGAIN_S = 1.0
_logger = logging.getLogger("realtime_nb")


@cache
def _answers() -> ThreadPoolExecutor:
    """Return the thread on which all cards answer, started at the first request.

    A figure takes a second, during which the kernel's thread would bring no message to any other widget.
    """
    return ThreadPoolExecutor(1, thread_name_prefix="realtime-nb-results")


class ResultsCard(anywidget.AnyWidget):
    """A card with the trials of a sweep, its figures, pairs to listen to, and blind listening.

    Args:
        results: that it shows.
        key: of the static page beside it, which the card hides.

    Attributes:
        answered: set at every answer to a page.
    """

    _esm = (_STATIC / "results.js").read_text(encoding="utf-8")
    _css = (_STATIC / "results.css").read_text(encoding="utf-8")

    key = t.Unicode(read_only=True).tag(sync=True)

    def __init__(self, results: ResultsSource, *, key: str = "") -> None:
        super().__init__()
        self.set_trait("key", key)
        self.results = results
        self.answered = threading.Event()
        self._answering: tuple[int, str] | None = None  # the thread, and the question's id
        self._known: deque[str] = deque(maxlen=_KNOWN)
        self._change_sent = -math.inf  # when, where no page has asked since
        keep_comm_on_subshell(self.comm)
        self.on_msg(self._receive)

    def rows_changed(self) -> None:
        """Let the pages ask for the rows again; the page whose question changed them shows that already.

        A cell may rate thousands of trials in a loop: no second message is sent until a page asks, because its next
        answer holds all changes. After a second it is sent all the same: a busy server drops messages.
        """
        if self.comm is None:
            return
        now = time.monotonic()
        thread, ask_id = self._answering or (None, "")
        if thread == threading.get_ident():
            # Only other views ask after it, if there are any: it must not hold back the message of a later change.
            self.send({"kind": "changed", "by": ask_id})
        elif now >= self._change_sent + _SEND_AGAIN_S:
            self._change_sent = now
            self.send({"kind": "changed", "by": ""})

    def _receive(self, _: Any, content: Any, buffers: Any) -> None:
        """Hand a page's message to the thread that answers; called on the kernel's thread for comm messages."""
        _answers().submit(self._answer, content)

    def _answer(self, content: Any) -> None:
        if self._is_repeated(content):
            return
        self._answering = threading.get_ident(), _id_of(content) or ""
        self._change_sent = -math.inf  # before the rows are read: a change from now on may not be in the answer
        try:
            if (found := answer(self.results, content)) is not None:
                message, parts = found
                self.send(message, buffers=list(parts))
        except Exception:  # the thread's future would keep it unseen
            _logger.warning("the results card could not answer its page", exc_info=True)
        finally:
            self._answering = None
            self.answered.set()

    def _is_repeated(self, content: Any) -> bool:
        """Whether this question came before: a page asks again where an answer is late, also for votes and ratings."""
        ask_id = _id_of(content)
        if ask_id is None:
            return False
        if ask_id in self._known:
            return True
        self._known.append(ask_id)
        return False


def _id_of(content: Any) -> str | None:
    """Return the id of a page's question, which begins with that of its view; None where it has none."""
    ask_id = content.get("id") if isinstance(content, dict) else None
    return ask_id if isinstance(ask_id, str) else None
