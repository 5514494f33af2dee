"""What was heard: samples played, playback cut, items truncated.

Owns the facts about the speaker. Must not know how much text they make (`heard.py` does).
"""

from __future__ import annotations

from realtime_nb.wire.realtime import ConversationItemTruncated

from .changes import Change
from .conversation import Conversation
from .input_timeline import SAMPLES_PER_MS
from .local_events import LocalInterrupt, Played
from .records import ItemRecord

__all__ = ["on_interrupt", "on_played", "on_truncated"]


def _heard_something(c: Conversation, record: ItemRecord, at: float | None) -> None:
    if record.first_played_at is None and at is not None:
        record.first_played_at = at
        c.store.mark_changed(record.id)


def on_played(c: Conversation, event: Played, at: float | None, out: list[Change]) -> None:
    """Moves a part's playback on; after a cut nothing more was heard."""
    record = c.store.undeleted_item(event.item_id, at)
    if record is None:
        return
    part = record.part(event.content_index)
    if part.cut is None and (part.played is None or event.samples > part.played):
        part.played = max(event.samples, 0)
        response = c.store.response_of(record)
        if response is not None and response.status == "cancelled":
            c.store.mark_changed(record.id)  # how much was heard depends on it
    if event.samples > 0:
        _heard_something(c, record, at)
    if event.final and not part.finished:
        part.finished = True
        c.store.queue.pop((record.id, event.content_index), None)
        c.store.mark_changed(record.id)


def on_interrupt(c: Conversation, event: LocalInterrupt, at: float | None, out: list[Change]) -> None:
    """Cuts a part where the player fell silent, and all that was queued behind it."""
    record = c.store.undeleted_item(event.item_id, at)
    if record is None:
        return
    part = record.part(event.content_index)
    part.cut = max(event.samples, 0)
    if part.cut:
        _heard_something(c, record, at)
    _silence(c, record)
    key = (record.id, event.content_index)
    if key in c.store.queue:
        queued = list(c.store.queue)
        for item_id, content_index in queued[queued.index(key) + 1 :]:
            behind = c.store.items[item_id]
            other = behind.part(content_index)
            other.implied_cut = other.played or 0
            _silence(c, behind)
        # What stands before it was played, or the player would not have come so far.
        c.store.queue.clear()


def _silence(c: Conversation, record: ItemRecord) -> None:
    response = c.store.response_of(record)
    if response is not None and not response.done:
        response.interrupted = True
    c.store.mark_changed(record.id)


def on_truncated(c: Conversation, event: ConversationItemTruncated, at: float | None, out: list[Change]) -> None:
    """Notes where the server cut an item; our own text stays, the server's is gone."""
    record = c.store.undeleted_item(event.item_id, at)
    if record is None:
        return
    record.part(event.content_index).truncated = max(event.audio_end_ms, 0) * SAMPLES_PER_MS
    c.store.queue.pop((record.id, event.content_index), None)
    c.store.mark_changed(record.id)
