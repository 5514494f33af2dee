"""Makes static pages after their cells have ended: figures and sounds take seconds, and the card would wait for them.

Owns the thread that makes them, and which pages are still wanted. Must not know what is in a page, or notebooks.

The thread ends when there is nothing to make. It is a daemon: a kernel that shuts down does not wait for a page.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

from realtime_nb.texts import whole_characters

from .late_output import LateOutput

_PAGE_ASKS_WITHIN_S = 2.0
_SETTLES_S = 0.5  # the front end draws the table with the processor that a page would be made with
_TRIES = 3
_logger = logging.getLogger("realtime_nb")

Page: TypeAlias = tuple[str, str]
"""HTML, and the same as plain text."""


@dataclass(eq=False)
class _Job:
    """A page to make."""

    output: LateOutput
    make: Callable[[], Page]
    card_is_drawn: threading.Event
    unwanted: bool = False

    def is_replaced_by(self, other: LateOutput) -> bool:
        """Whether the cell of this page has run again since: its outputs are gone."""
        return self.output.cell == other.cell and self.output.run != other.run


class PageMaker:
    """Makes pages one after the other, on a thread that lives as long as there are pages to make."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs = False
        self._waiting: deque[_Job] = deque()  # bounded by the cells that were run within seconds
        self._working: _Job | None = None

    def make_later(self, output: LateOutput, make: Callable[[], Page], card_is_drawn: threading.Event) -> None:
        """Fill an output soon; pages of earlier runs of its cell are not made any more.

        Args:
            output: of the running cell.
            make: returns the page; called on the maker's thread.
            card_is_drawn: set when the page that shows the card has its answer, for which this waits a short time.
        """
        with self._lock:
            self._waiting = deque(each for each in self._waiting if not each.is_replaced_by(output))
            self._waiting.append(_Job(output, make, card_is_drawn))
            if self._working is not None and self._working.is_replaced_by(output):
                self._working.unwanted = True
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._run, name="realtime-nb-static-page", daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._lock:
                self._working = self._waiting.popleft() if self._waiting else None
                if self._working is None:
                    self._runs = False
                    return
                job = self._working
            try:
                _make(job)
            except Exception:  # the kernel may be closing its sockets; the next page is made all the same
                _logger.warning("the static page of results could not be shown", exc_info=True)
            del job  # it holds the results


def _make(job: _Job) -> None:
    if job.card_is_drawn.wait(_PAGE_ASKS_WITHIN_S):
        time.sleep(_SETTLES_S)
    if job.unwanted:
        return
    page = _made(job.make)
    if not job.unwanted:
        job.output.fill(*page)


def _made(make: Callable[[], Page]) -> Page:
    """Return a page; where it cannot be made, one that says why."""
    for tries_left in reversed(range(_TRIES)):
        try:
            return make()
        except Exception as error:
            # A user's code may write into `results.rows` meanwhile: "dictionary changed size during iteration".
            if tries_left and isinstance(error, RuntimeError):
                continue
            _logger.warning("the static page of results could not be made", exc_info=True)
            words = f"The page of these results could not be made: {type(error).__name__}: {error}"
            words = whole_characters(words)
            return f"<p>{escape(words)}</p>", words
    raise AssertionError
