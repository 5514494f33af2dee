"""The pages that show a widget, and which of them has the lease: the right to its sound and its microphone.

Owns who is there and who holds the lease; `page/lease.py` moves sound and microphone accordingly. Pure: time comes in.
Must not know sessions or the comm.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

_LEAST_PATIENCE_S = 30.0
_PATIENCE_BEATS = 4
"""A page that sends nothing for so many of its heartbeats is gone, for not every page can say goodbye (docs/notebook.md
36). The page states how often it beats: every second while it plays, listens or waits for an answer, else every 20 s.
80 s are also long enough for a tab in the background, whose timers run once a minute at the worst; one that plays or
captures is not throttled. 30 s are for a page whose main thread draws the output of a cell that prints a lot
(docs/notebook.md 29)."""
_USUAL_BEAT_S = 20.0
_MOST_PAGES = 64


@dataclass
class Page:
    """One page that shows the widget.

    Attributes:
        id: its own.
        heard_at: when it last sent anything.
        gesture_at: when the user last did something in it.
        beat_s: how often it sends a heartbeat.
        events: it shows the events panel.
        views: in how many places it shows the card.
    """

    id: str
    heard_at: float
    gesture_at: float = -1.0
    beat_s: float = _USUAL_BEAT_S
    events: bool = False
    views: int = 0


class Pages:
    """The pages that show the widget. The page of the newest gesture has the lease; before any, the first page.

    Attributes:
        lease: the page that has the sound and may have the microphone, or None.
        missing_messages: messages of pages that never came.
        seen: a page has shown the card, now or earlier.
        unviewed_at: when the last view of all pages was reported gone, and none has come since; None otherwise, and
            also where a page that showed the card was closed or reloaded.
    """

    def __init__(self) -> None:
        self._pages: dict[str, Page] = {}
        self.lease: str | None = None
        self.missing_messages = 0
        self.seen = False
        self.unviewed_at: float | None = None

    def get(self, page_id: str) -> Page | None:
        """The page, if it is there."""
        return self._pages.get(page_id)

    def heard(self, page_id: str, now: float) -> Page:
        """Note a sign of life; a page that was dropped is back. Of very many, the one that was silent longest goes."""
        page = self._pages.get(page_id)
        if page is None:
            if len(self._pages) >= _MOST_PAGES:
                others = (each for each in self._pages.values() if each.id != self.lease)
                self.leave(min(others, key=attrgetter("heard_at")).id)
            page = self._pages[page_id] = Page(page_id, now)
        page.heard_at = now
        return page

    def alive(self, page_id: str, now: float) -> None:
        """Note a sign of life of a page that is there, before its messages can be acted upon."""
        if page_id in self._pages:
            self._pages[page_id].heard_at = now

    def claim(self, page_id: str, now: float) -> bool:
        """Give the lease to the page of a gesture; True when it moved."""
        self.heard(page_id, now).gesture_at = now
        moved = self.lease != page_id
        self.lease = page_id
        return moved

    def view(self, page_id: str, count: int, now: float) -> None:
        """Note in how many places a page shows the card."""
        self.heard(page_id, now).views = count
        if count:
            self.seen, self.unviewed_at = True, None
        else:
            self.unview(now)

    def unview(self, now: float) -> None:
        """Note that no page shows the card any more, unless one does."""
        if not self.viewed:
            self.unviewed_at = now

    @property
    def viewed(self) -> bool:
        """Whether any page shows the card."""
        return any(page.views for page in self._pages.values())

    def excuse(self, late_s: float) -> None:
        """Forgive all pages a silence of `late_s`: the kernel was busy and could not receive their messages."""
        for page in self._pages.values():
            page.heard_at += max(0.0, late_s)

    def leave(self, page_id: str) -> None:
        """Drop a page, and its lease with it."""
        self._pages.pop(page_id, None)
        if self.lease == page_id:
            self.lease = None

    def settle(self, now: float) -> bool:
        """Drop silent pages, and give a free lease to the page of the newest gesture; True when the lease moved."""
        before = self.lease
        for page in list(self._pages.values()):
            if now - page.heard_at > max(_LEAST_PATIENCE_S, _PATIENCE_BEATS * page.beat_s):
                self.leave(page.id)
        if self.lease is None and self._pages:
            self.lease = max(self._pages.values(), key=lambda page: page.gesture_at).id
        return self.lease != before

    @property
    def ids(self) -> tuple[str, ...]:
        """The pages that are there."""
        return tuple(self._pages)

    @property
    def watching_events(self) -> bool:
        """Whether any page shows the events panel."""
        return any(map(attrgetter("events"), self._pages.values()))

    def __len__(self) -> int:
        return len(self._pages)
