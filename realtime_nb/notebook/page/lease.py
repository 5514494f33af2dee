"""The pages that show a widget, and the one among them that has the sound.

Owns who is there and who holds the lease. Must not know sessions or the comm. Runs on the loop only; time comes in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Page", "Pages"]

_SILENT_S = 6.0
"""A page that says nothing for so long is gone: its heartbeat comes once a second, or once a minute at the worst in a
background tab, where a page that plays or captures is not throttled."""
_BACKGROUND_S = 75.0
"""A page with the microphone or the socket is not given up for being in the background."""


@dataclass
class Page:
    """One page, as far as the kernel knows it."""

    id: str
    heard_at: float
    gesture_at: float = -1.0
    events: bool = False
    capturing: bool = False


class Pages:
    """Who shows the widget. The newest gesture has the sound; without any gesture, the first page that came.

    Attributes:
        lease: the page that has the sound, or None.
        holder: says which page holds the connection to the service, if one does.
    """

    def __init__(self) -> None:
        self._pages: dict[str, Page] = {}
        self.lease: str | None = None
        self.holder: Callable[[], str | None] = lambda: None

    def get(self, page_id: str) -> Page | None:
        """The page, if it has said hello and not goodbye."""
        return self._pages.get(page_id)

    def heard(self, page_id: str, now: float) -> Page:
        """Note a sign of life; a page that we had given up is back."""
        page = self._pages.get(page_id)
        if page is None:
            page = self._pages[page_id] = Page(page_id, now)
        page.heard_at = now
        return page

    def claim(self, page_id: str, now: float) -> bool:
        """A gesture in this page; True when the sound moves to it."""
        self.heard(page_id, now).gesture_at = now
        moved = self.lease != page_id
        self.lease = page_id
        return moved

    def forgive(self, late_s: float) -> None:
        """The kernel was busy and heard nobody for so long."""
        for page in self._pages.values():
            page.heard_at += max(0.0, late_s)

    def leave(self, page_id: str) -> None:
        """A page is gone; its lease with it."""
        self._pages.pop(page_id, None)
        if self.lease == page_id:
            self.lease = None

    def settle(self, now: float) -> bool:
        """Drop the silent and give a free lease to the page with the newest gesture; True when the lease moved."""
        before = self.lease
        for page in list(self._pages.values()):
            patience = _BACKGROUND_S if page.capturing or page.id == self.holder() else _SILENT_S
            if now - page.heard_at > patience:
                self.leave(page.id)
        if self.lease is None and self._pages:
            self.lease = max(self._pages.values(), key=lambda page: page.gesture_at).id
        return self.lease != before

    @property
    def watching_events(self) -> bool:
        """Whether any page shows the events panel."""
        return any(page.events for page in self._pages.values())

    def __len__(self) -> int:
        return len(self._pages)
