"""Handlers of playback events: samples played, playback cut, items truncated.

Owns what the records say about playback. Must not know which words were heard (`heard.py` estimates that).
"""

from __future__ import annotations

from realtime_nb.wire.realtime import ConversationItemTruncated

from .changes import Change
from .conversation import Conversation
from .input_timeline import SAMPLES_PER_MS
from .local_events import LocalInterrupt, NotPlayed, Played, ResponseInterrupted
from .records import ItemRecord


def _heard_something(c: Conversation, record: ItemRecord, at: float | None) -> None:
    if record.first_played_at is None and at is not None:
        record.first_played_at = at
        c.store.mark_changed(record.id)


def on_played(c: Conversation, event: Played, at: float | None, out: list[Change]) -> None:
    """Records how much of a part was played; after a cut the count does not grow."""
    record = c.store.undeleted_item(event.item_id, at)
    if record is None:
        return
    part = record.part(event.content_index)
    if part.cut is None and (part.played is None or event.samples > part.played):
        part.played = max(event.samples, 0)
        response = c.store.response_of(record)
        if response is not None and response.status == "cancelled":
            c.store.mark_changed(record.id)  # the heard text depends on it
    if event.samples > 0:
        _heard_something(c, record, at)
    if event.final and not part.finished:
        part.finished = True
        c.store.queue.pop((record.id, event.content_index), None)
        c.store.mark_changed(record.id)


def on_not_played(c: Conversation, event: NotPlayed, at: float | None, out: list[Change]) -> None:
    """Notes that latencies go to the first sound received: the wait for a page or for a gesture is no latency."""
    record = c.store.items.get(event.item_id)
    if record is not None and record.first_played_at is None and not record.not_played:
        record.not_played = True
        c.store.mark_changed(record.id)


def on_interrupt(c: Conversation, event: LocalInterrupt, at: float | None, out: list[Change]) -> None:
    """Cuts a part where the player stopped, and every part queued after it at 0 (docs/protocol.md 32)."""
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
        # The player works in order, so the parts queued before this one were played to their end.
        c.store.queue.clear()


def on_response_interrupted(c: Conversation, event: ResponseInterrupted, at: float | None, out: list[Change]) -> None:
    """Marks a response that has not ended as interrupted."""
    response = c.store.responses.get(event.response_id)
    if response is not None and not response.done:
        response.interrupted = True


def _silence(c: Conversation, record: ItemRecord) -> None:
    response = c.store.response_of(record)
    if response is not None and not response.done:
        response.interrupted = True
    c.store.mark_changed(record.id)


def on_truncated(c: Conversation, event: ConversationItemTruncated, at: float | None, out: list[Change]) -> None:
    """Records where the server truncated an item. The server's transcript is gone; ours stays (docs/protocol.md 34)."""
    record = c.store.undeleted_item(event.item_id, at)
    if record is None:
        return
    record.part(event.content_index).truncated = max(event.audio_end_ms, 0) * SAMPLES_PER_MS
    c.store.queue.pop((record.id, event.content_index), None)
    c.store.mark_changed(record.id)
