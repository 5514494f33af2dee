"""Handlers of response events: created, output items, content parts, done.

Owns the beginning and the end of a response, and its usage. Must not know turns or playback.
"""

from __future__ import annotations

from msgspec import UNSET

from realtime_nb.wire.realtime import (
    Response,
    ResponseContentPartAdded,
    ResponseContentPartDone,
    ResponseCreated,
    ResponseDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
)

from .changes import AudioDone, Change, ResponseEnded, ResponseStarted, UsageChanged
from .conversation import Conversation
from .input import stop_waiting
from .items import apply_snapshot
from .records import ItemRecord, ResponseRecord
from .usage import from_response, is_reported

_PARTS_OF_SOUND = ("audio", "output_audio")


def _record_of(c: Conversation, reported: Response) -> ResponseRecord | None:
    """Returns the record of a response that an event reports; a null `conversation_id` makes it out of band."""
    if not reported.id:
        return None
    response = c.store.response(reported.id)
    if reported.conversation_id is not UNSET:
        in_band = reported.conversation_id is not None or response.in_band is True
        if in_band is not response.in_band:
            response.in_band = in_band
            for item_id in response.items:
                c.store.mark_changed(item_id)
    spoken = reported.audio.output if reported.audio is not None else None
    if spoken is not None and spoken.format is not None:
        response.format = spoken.format.type or None, spoken.format.rate or None
    return response


def on_created(c: Conversation, event: ResponseCreated, at: float | None, out: list[Change]) -> None:
    """Starts a response and links it to the user's turn that waited for one."""
    response = _record_of(c, event.response)
    if response is None or response.started or response.done:
        return
    response.started = True
    response.created_at = at
    if not response.out_of_band:
        response.user, c.store.unanswered = c.store.unanswered, None
    out.append(ResponseStarted(response.id, response.out_of_band))


def on_output_item(
    c: Conversation, event: ResponseOutputItemAdded | ResponseOutputItemDone, at: float | None, out: list[Change]
) -> None:
    """Adds an item to its response."""
    record = apply_snapshot(c, event.item, at)
    if record is None:
        return
    response = c.store.join(record, event.response_id)
    record.output_index = event.output_index
    if response is not None and response.id == event.response_id:
        _put_before_later_ones(c, response, record)


def _put_before_later_ones(c: Conversation, response: ResponseRecord, record: ItemRecord) -> None:
    """Places an item before the items of its response that have a higher output index (docs/protocol.md 25)."""
    place = c.store.order.position(record.id)
    for item_id in response.items:
        later = c.store.items[item_id]
        if later.output_index > record.output_index and c.store.order.position(item_id) < place:
            c.store.link(item_id, record.id)


def on_content_part(
    c: Conversation, event: ResponseContentPartAdded | ResponseContentPartDone, at: float | None, out: list[Change]
) -> None:
    """Records a part's kind, and its text once the part is done."""
    record = c.store.undeleted_item(event.item_id, at)
    if record is None:
        return
    response = c.store.join(record, event.response_id)
    if record.kind is None:
        record.kind, record.role = "message", "assistant"
    part = record.part(event.content_index)
    part.is_audio = part.is_audio or event.part.type in _PARTS_OF_SOUND
    words = event.part.transcript if part.is_audio else event.part.text
    done = isinstance(event, ResponseContentPartDone)
    if done and words and not (response is not None and response.done and part.final):
        part.final = words
    c.store.mark_changed(record.id)


def on_done(c: Conversation, event: ResponseDone, at: float | None, out: list[Change]) -> None:
    """Ends a response and counts its usage once for its id, also if it did not complete (docs/protocol.md 23)."""
    reported = event.response
    response = _record_of(c, reported)
    if response is None:
        return
    for item in reported.output or ():
        record = apply_snapshot(c, item, at)
        if record is not None:
            c.store.join(record, response.id)
    if reported.usage is not None and is_reported(reported.usage):
        priced = c.store.add_usage(f"response {response.id}", from_response(reported.usage))
        if priced is not None:
            response.usage = priced
            out.append(UsageChanged(priced))
    elif not response.done:
        whole = reported.status in ("completed", "incomplete", None)
        missing = c.store.add_unreported(response.id, complete=whole)
        if missing is not None:
            out.append(UsageChanged(missing))
    if response.done:
        for item_id in response.items:
            c.store.mark_changed(item_id)
        return
    note = None
    if (details := reported.status_details) is not None:
        note = (details.error.message or details.error.code) if details.error is not None else details.reason
    close_response(c, response, reported.status or "completed", note, out)
    if not response.out_of_band:
        stop_waiting(c, response.user)


def close_response(c: Conversation, response: ResponseRecord, status: str, note: str | None, out: list[Change]) -> None:
    """Ends a response and closes its items: later deltas of it are ignored."""
    response.done, response.status = True, status
    if status in ("failed", "incomplete"):
        response.note = f"{status}: {note}" if note else status
    c.store.open_responses.pop(response.id, None)
    answered = False
    for item_id in response.items:
        item = c.store.items[item_id]
        item.closed = True
        answered = answered or item.kind == "message"
        if item.kind == "call" and status != "completed" and item.status != "completed":
            item.over = True
            if item.call_status == "in_progress":
                item.call_status = "cancelled"
        for index, part in item.parts.items():
            if part.samples and not part.audio_done:
                part.audio_done = True
                if not response.interrupted and not c.store.hidden(item):
                    out.append(AudioDone(item_id, index, part.samples))
        c.store.mark_changed(item_id)
    if not response.out_of_band:
        if not answered:
            _end_calls_before(c, response)
        if not response.items and status in ("failed", "incomplete"):
            _show_failure(c, response)
    out.append(ResponseEnded(response.id, status, response.out_of_band))


def _end_calls_before(c: Conversation, response: ResponseRecord) -> None:
    """Settles earlier tool calls that this response should have answered and did not."""
    if any(c.store.items[i].kind == "call" for i in response.items):
        return
    for item_id in list(c.store.lone_calls):
        call = c.store.items[item_id]
        if call.response_id != response.id:
            call.over = True
            c.store.mark_changed(item_id)


def _show_failure(c: Conversation, response: ResponseRecord) -> None:
    """Adds a failed turn for a response that failed before it had an item, so that the reader sees why."""
    record = c.store.item(response.id, response.created_at)
    if record.kind is None:
        record.kind, record.role = "message", "assistant"
        c.store.join(record, response.id)
        anchor = response.user if response.user is not None else c.store.order.at(len(c.store.order) - 2)
        if anchor is not None:
            c.store.order.pin_behind(record.id, anchor)
        c.store.mark_changed(record.id)
