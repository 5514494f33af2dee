"""When the session of a widget is unused, so that it is parked: closed, while what was said stays for the next one.

Owns the rules and their times. Must not know how a session is opened or closed, or how a page looks. Runs on the loop
only.

A service bills an open session by the minute, and an open microphone for good. So a session needs a page that shows
the card, or a call of the public API; even with a page it ends when nothing has used it for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from realtime_nb.notebook.audio.microphone_queue import MicrophoneQueue
from realtime_nb.notebook.page.pages import Pages

_UNVIEWED_S = 10.0
"""A card that is drawn again, in a cell that was moved or run again, is back sooner."""
_UNUSED_S = 30 * 60.0


class Activity(Protocol):
    """What a session says about itself."""

    @property
    def response_signs(self) -> int:
        """A count that grows with each event of a response."""

    @property
    def tools_running(self) -> bool:
        """Whether a tool runs."""


class Parking:
    """Decides when a session is unused.

    Use is: a call of the public API, a microphone that is on, a gesture, an answer, a tool that runs, and any event
    that is sent.

    Args:
        pages: whether any of them shows the card.
        microphone: whether it is on.
        idle_minutes: after how many minutes without a page and a call; None: never.
    """

    def __init__(self, pages: Pages, microphone: MicrophoneQueue, idle_minutes: float | None) -> None:
        self._pages = pages
        self._microphone = microphone
        self._idle_minutes = idle_minutes
        self._calls = 0
        self._signs = (0, 0)
        self._called_at = self._held_at = self._used_at = self._viewed_at = float("-inf")

    @contextmanager
    def call(self) -> Iterator[None]:
        """Count a call of the public API as use, from its beginning to its end."""
        self._called_at = asyncio.get_running_loop().time()
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1
            self._used_at = self._held_at = asyncio.get_running_loop().time()

    def used(self) -> None:
        """Note that the session was used just now."""
        self._used_at = asyncio.get_running_loop().time()

    def due(self, session: Activity, sent: int, now: float) -> str | None:
        """Return why the session is to be parked now, as a sentence; None where it is in use.

        It must be called about once a second while a session is open: it also notes what goes on.

        Args:
            session: the open one.
            sent: how many events have been sent.
            now: the loop's time.
        """
        if self._calls or self._microphone.page is not None:
            self._used_at = self._held_at = now
        signs = (session.response_signs, sent)
        if signs != self._signs or session.tools_running:
            self._signs, self._used_at = signs, now
        if self._pages.viewed:
            self._viewed_at = now
            return f"Nothing used it for {_UNUSED_S / 60:g} minutes." if now - self._used_at >= _UNUSED_S else None
        # A page that was closed or reloaded has not reported that its last view is gone: it may come back.
        gone_at = self._pages.unviewed_at
        if gone_at is not None and gone_at > self._called_at and now - max(gone_at, self._held_at) >= _UNVIEWED_S:
            return "No page shows the card any more."
        unwatched_s = now - max(self._used_at, self._viewed_at)
        if self._idle_minutes is not None and unwatched_s >= 60 * self._idle_minutes:
            return f"No page showed the card, and no call was made, for {self._idle_minutes:g} minutes."
        return None
