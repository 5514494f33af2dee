"""Handlers of item events: added, done, retrieved, deleted, refused, or sent by this client.

Owns how an item's snapshot updates its record. Must not know turns.
"""

from __future__ import annotations

import base64
import binascii

from realtime_nb.wire.realtime import (
    ContentPart,
    ConversationItemAdded,
    ConversationItemCreated,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemRetrieved,
    ErrorEvent,
    FunctionCallItem,
    FunctionCallOutputItem,
    Item,
    McpCallItem,
    MessageItem,
)

from .calls import note_call, note_output
from .changes import Change
from .conversation import Conversation
from .input import accept_user_turn
from .local_events import ClientItem
from .records import ItemRecord, Kind, PartRecord
from .turn import Role

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}


def apply_snapshot(c: Conversation, item: Item, at: float | None) -> ItemRecord | None:
    """Updates an item's record from a snapshot of the item; returns None if the snapshot is ignored.

    A snapshot is ignored if it has no id, if its item was deleted, or if the id belongs to an item of another kind.
    """
    if not item.id:
        return None
    record = c.store.item(item.id, at)
    if record.deleted:
        return None
    if record.started_at is None:
        record.started_at = c.store.time_of_day(at)
    kind = _kind(item)
    if record.kind not in (None, "other", kind):
        return None
    if record.kind is None or kind != "other":  # an item that could not be read may be said whole later
        record.kind = kind
    c.store.mark_changed(record.id)
    if item.status is not None and not (record.status in ("completed", "incomplete") and item.status == "in_progress"):
        record.status = item.status
    if isinstance(item, MessageItem):
        record.role = _ROLES.get(item.role, record.role)
        for index, content in enumerate(item.content):
            _apply_part(record.part(index), content, growing=item.status == "in_progress" and item.role == "assistant")
    elif isinstance(item, FunctionCallItem):
        note_call(c.store, record, call_id=item.call_id or "", name=item.name)
        if item.status != "in_progress" and item.arguments:
            _arguments(record, item.arguments)
        if item.status == "incomplete" and record.output is None:
            record.call_status = "cancelled"  # its arguments may be cut off: docs/protocol.md 26
    elif isinstance(item, McpCallItem):
        note_call(c.store, record, call_id=record.id, name=item.name)
        if item.arguments:
            _arguments(record, item.arguments)
        if item.output is not None:
            record.output, record.call_status = item.output, "completed"
        if item.error is not None:
            record.output, record.call_status = str(item.error.get("message") or item.error), "failed"
    elif isinstance(item, FunctionCallOutputItem):
        note_output(c.store, item.call_id, item.output)
    return record


def _kind(item: Item) -> Kind:
    if isinstance(item, MessageItem):
        return "message"
    return "call" if isinstance(item, (FunctionCallItem, McpCallItem)) else "other"


def _arguments(record: ItemRecord, arguments: str) -> None:
    record.arguments = [arguments]
    record.arguments_done = True


def _apply_part(part: PartRecord, content: ContentPart, *, growing: bool) -> None:
    part.is_audio = part.is_audio or content.is_audio
    words = content.words
    # The snapshot of a growing item repeats its deltas. A null transcript is unknown (docs/protocol.md 38), and after a
    # truncation the server's transcript is gone (34): neither erases text that came before.
    if not growing and words is not None and (words or part.words is None):
        part.final = words
    # A server may leave the image out of the item that it echoes: keep the image that was sent.
    part.image_url = content.image_url or part.image_url
    part.detail = content.detail or part.detail
    if content.audio and not part.chunks:
        try:
            pcm = base64.b64decode(content.audio, validate=True)
        except (binascii.Error, ValueError):
            return
        if pcm and len(pcm) % 2 == 0:
            part.chunks, part.samples, part.audio_done = [pcm], len(pcm) // 2, True


def on_item(
    c: Conversation,
    event: ConversationItemAdded | ConversationItemDone | ConversationItemCreated,
    at: float | None,
    out: list[Change],
) -> None:
    """Updates an item from `added`, `done` or the legacy `created`: each may be missing or repeated.

    `previous_item_id` gives the item its place, not the order of arrival (docs/protocol.md 36).
    """
    record = apply_snapshot(c, event.item, at)
    if record is None:
        return
    c.store.link(record.id, event.previous_item_id)
    _place(c, record, at)


def on_retrieved(c: Conversation, event: ConversationItemRetrieved, at: float | None, out: list[Change]) -> None:
    """Updates an item from the answer to `retrieve`, which names no predecessor."""
    record = apply_snapshot(c, event.item, at)
    if record is not None:
        _place(c, record, at)


def _place(c: Conversation, record: ItemRecord, at: float | None) -> None:
    first = not record.in_conversation
    record.in_conversation = True
    c.store.unacknowledged.pop(record.id, None)
    if record.refused:  # marked as undelivered when a connection was lost, but the server did have it
        record.refused, record.note = False, None
    if record.role == "user" and first:
        accept_user_turn(c, record, at)


def on_deleted(c: Conversation, event: ConversationItemDeleted, at: float | None, out: list[Change]) -> None:
    """Empties and hides a deleted item; its record keeps the place to which later items are linked."""
    if not event.item_id:
        return
    record = c.store.item(event.item_id, None)
    record.deleted = True
    record.parts = {}
    record.sound = None
    record.arguments = []
    c.store.reserved.pop(record.id, None)
    c.store.waiting.pop(record.id, None)
    c.store.lone_calls.pop(record.id, None)
    c.store.unacknowledged.pop(record.id, None)
    c.store.mark_changed(record.id)


def on_client_item(c: Conversation, event: ClientItem, at: float | None, out: list[Change]) -> None:
    """Shows an item that this client sent, before the server acknowledges it (docs/protocol.md 39)."""
    known = c.store.items.get(event.item.id or "")
    if known is not None and known.in_conversation:
        return
    record = apply_snapshot(c, event.item, at)
    if record is None:
        return
    record.sent_at = at
    c.store.link(record.id, event.previous_item_id)
    c.store.unacknowledged[record.id] = event.event_id


def on_error(c: Conversation, event: ErrorEvent, at: float | None, out: list[Change]) -> None:
    """Marks the item or the commit that the server refused; other errors do not change the conversation."""
    if (event.error.code or "").startswith("input_audio_buffer_commit"):
        c.store.timeline.acknowledge("commit")
    if not event.error.event_id:
        return
    for item_id, event_id in c.store.unacknowledged.items():
        if event_id == event.error.event_id:
            refuse(c, c.store.items[item_id], event.error.message or event.error.code or "refused by the server")
            return


def refuse(c: Conversation, record: ItemRecord, note: str) -> None:
    """Marks an item of this client as refused or undelivered, with the reason as a note."""
    c.store.unacknowledged.pop(record.id, None)
    record.refused, record.note = True, note
    c.store.mark_changed(record.id)
