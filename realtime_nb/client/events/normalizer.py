"""Completes a server's events, so that every response and item begins, ends and has a name of its own.

Owns what a server may leave out or say otherwise: a missing `response.created`, an event without an id, ids that are
used again, an item of ours under another name, a tool call that is announced in one event only. Behind it stand the
conversation, the response queue and the tool runner, which then need no case for any of these. Handlers of
`conn.on(...)` and readers of `async for` get the events as they came. `item_names.py` names the items of responses,
`our_items.py` finds those that we sent, `input_items.py` has those of the user's sound. Must not know sockets or
asyncio.

An id that the server uses a second time gets a name of ours (`item_1~2`); `outward` puts the server's own id back
into what is sent about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from realtime_nb.client.events.client_event import EVENT_ID
from realtime_nb.client.events.input_items import InputItems
from realtime_nb.client.events.item_names import ItemNames
from realtime_nb.client.events.our_items import OurItems
from realtime_nb.client.events.recent import Recent
from realtime_nb.client.events.response_so_far import (
    LatestResponses,
    ResponseSoFar,
    arguments_text,
    final_status,
    renamed,
    with_fields,
)
from realtime_nb.client.events.server_names import ServerNames
from realtime_nb.wire import realtime as wire

__all__ = ["EventNormalizer"]


class EventNormalizer:
    """The events of one conversation's server, completed. Feed it every event in order."""

    def __init__(self) -> None:
        self._responses = ServerNames("response")
        self._items = ServerNames("item")
        self._calls = ServerNames("call")
        self._names = ItemNames(self._items, self._calls)
        self._records = LatestResponses()  # by the server's id: the latest response of that id
        self._open: dict[str, ResponseSoFar] = {}
        self._current: ResponseSoFar | None = None
        self._latest: ResponseSoFar | None = None
        self._lone: str | None = None  # a message of the assistant that is of no response yet
        self._by_name = LatestResponses()
        self._over: Recent[None] = Recent()  # the server's ids of responses that ended
        self._input = InputItems(self._items)
        self._ours = OurItems()
        self._event_ids: Recent[None] = Recent()  # of client events, where the user gave them
        self._due = False  # whether a response was asked for, or the user spoke, and none has begun since
        self._asked = 0  # how many requests for a response have had none yet

    def restart(self) -> None:
        """The connection has another transport: the server's ids and open responses are gone with the old session."""
        for names in (self._responses, self._items, self._calls):
            names.restart()
        self._records.clear()
        self._open.clear()
        self._by_name.clear()
        self._names.owner.clear()
        self._over.clear()
        self._input.clear()
        self._ours.clear()
        self._due, self._asked = False, 0
        self._current, self._latest, self._lone = None, None, None

    # Out

    def outward(self, raw: dict[str, Any]) -> dict[str, Any]:
        """A client event as the server must read it: its own ids for what we call otherwise."""
        changed = dict(raw)
        for field, names in (
            ("item_id", self._items),
            ("previous_item_id", self._items),
            ("response_id", self._responses),
        ):
            if isinstance(changed.get(field), str):
                changed[field] = names.outward(changed[field])
        item = changed.get("item")
        if isinstance(item, dict):
            fields = {}
            if isinstance(item.get("call_id"), str):
                fields["call_id"] = self._calls.outward_in_new_session(item["call_id"])
            if isinstance(item.get("id"), str) and raw["type"] == "conversation.item.create":
                fields["id"] = self._items.outward_in_new_session(item["id"])
            changed["item"] = {**item, **fields}
        return changed if changed != raw else raw

    def outward_response(self, name: str) -> str:
        """The server's id of a response."""
        return self._responses.outward(name)

    def sent(self, raw: dict[str, Any]) -> None:
        """Note an item of ours that leaves, which the server may call by an id of its own, or a question."""
        item = raw.get("item")
        if raw["type"] == "conversation.item.create" and isinstance(item, dict) and item.get("id"):
            self._ours.on_sent(item, raw.get("event_id") or "")
            self._items.keep(item["id"])
        elif raw["type"] == "response.create":
            self._ours.on_response_asked()
            self._due = True
            self._asked += 1

    # In

    def received(self, event: Any) -> Sequence[Any]:
        """The events that take the place of `event`: most often itself, unchanged."""
        current = self._current
        if (
            current is not None
            and type(event) in _STREAMED
            and event.response_id == current.server_id
            and event.item_id == current.streamed
        ):
            if current.name == current.server_id and current.streamed_as == current.streamed:
                return (event,)
            return (with_fields(event, response_id=current.name, item_id=current.streamed_as),)
        complete = _COMPLETE.get(type(event))
        if complete is None:
            return (event,)
        out: list[Any] = []
        if getattr(event, "response_id", None) and self._is_dropped(event.response_id):
            return ()
        complete(self, event, out)
        return out

    def _is_dropped(self, response_id: str) -> bool:
        """Whether events of a response are late: it was abandoned, or it ended long ago."""
        record = self._records.get(response_id)
        return record.abandoned if record is not None else response_id in self._over

    def abandon(self, name: str, status: str, code: str, message: str) -> Sequence[Any]:
        """End a response that the server does not end; what still comes of it is dropped.

        Returns:
            the `response.done` of it; none where it is over, or not known.
        """
        record = self._open.get(name)
        if record is None:
            return ()
        out: list[Any] = []
        self._end(record, status, wire.ResponseError(type="client_error", code=code, message=message), out)
        record.abandoned = True
        return out

    def _end(self, record: ResponseSoFar, status: str, error: wire.ResponseError, out: list[Any]) -> None:
        details = wire.ResponseStatus(type=status, error=error)
        response = wire.Response(id=record.server_id, status=status, status_details=details, output=[])
        self._on_done(wire.ResponseDone(response=response), out)

    def leaves(self, event_id: str) -> None:
        """Note an id that a user gave a client event, and that an error of the server may name."""
        self._event_ids[event_id] = None

    def about_ours(self, event: wire.ErrorEvent) -> wire.ErrorEvent:
        """An error without its `event_id` where no client event has that id: some servers give one of their own."""
        event_id = event.error.event_id
        if not event_id or event_id in self._event_ids or EVENT_ID.fullmatch(event_id):
            return event
        return with_fields(event, error=with_fields(event.error, event_id=None))  # type: ignore[no-any-return]

    # Responses

    def _record(self, response_id: str | None, event: Any, out: list[Any]) -> ResponseSoFar:
        """The response that an event belongs to; begins one where the server has not said that it did."""
        record = self._records.get(response_id) if response_id else None
        if record is not None and record.completed and self._due and self._begins(event, record):
            record = None  # the id of the response before, which is over
        if record is None and self._open:
            if not response_id:
                return next(reversed(self._open.values()))
            if (meant := self._meant_by(response_id, event)) is not None:
                return meant
        if record is None:
            record = self._begin(response_id)
            out.append(wire.ResponseCreated(response=wire.Response(id=record.name, status="in_progress", output=[])))
        return record

    def _meant_by(self, response_id: str, event: Any) -> ResponseSoFar | None:
        """The open response that an event under an unknown id is about; None where it begins one of its own.

        Some servers give `response.created` no id, or one event of a response another id than the rest. A response of
        its own would never end, and the next question would wait for it.
        """
        newest = next(reversed(self._open.values()))
        if newest.unnamed and not newest.items:
            self._responses.alias(response_id, newest.name)
            newest.server_id, newest.unnamed = response_id, False
            self._records[response_id] = newest
            return newest
        item = getattr(event, "item", None)
        item_ids = [item.id if item is not None else getattr(event, "item_id", None)]
        if isinstance(event, wire.ResponseDone):
            item_ids = [item.id for item in event.response.output or ()]
        for item_id in item_ids:
            owner = self._owner_of(self._items.inward(item_id) or "") if item_id else None
            if owner is not None and owner.name in self._open:
                return owner
        is_due = self._due or self._asked > 0
        return None if is_due else newest

    def _begins(self, event: Any, record: ResponseSoFar) -> bool:
        """Whether an event under the id of a completed response is of the next one, and not the last one's, late."""
        if type(event) in _BEGINNINGS:
            return True
        if isinstance(event, wire.ResponseDone):
            items = [item.id or "" for item in event.response.output or ()]
        else:
            item = getattr(event, "item", None)
            items = [(item.id if item is not None else event.item_id) or ""]
        return any(self._items.inward(item_id) not in record.items for item_id in items)

    def _begin(self, response_id: str | None) -> ResponseSoFar:
        name = self._responses.new(response_id)
        record = self._current = self._latest = ResponseSoFar(name, response_id or name)
        self._lone = None
        self._records[record.server_id] = self._by_name[name] = self._open[name] = record
        self._over.pop(record.server_id, None)
        record.questions, self._due = self._ours.pop_questions(), False
        record.unnamed = not response_id
        self._asked = max(0, self._asked - 1)
        return record

    def _on_created(self, event: wire.ResponseCreated, out: list[Any]) -> None:
        record = self._records.get(event.response.id or "")
        if record is not None and record.done and not self._due and event.event_id and event == record.created:
            return  # the very same event once more, as a stream that resumes may send it
        if record is None or record.done:
            record = self._begin(event.response.id)
        record.created = event
        if record.name != event.response.id:
            event = with_fields(event, response=with_fields(event.response, id=record.name))
        out.append(event)

    def _on_done(self, event: wire.ResponseDone, out: list[Any]) -> None:
        begun = len(out)
        record = self._record(event.response.id, event, out)
        if record.abandoned:
            # A create that crossed it waits for this end, and nothing else of it counts (no call is run any more).
            out.append(with_fields(event, response=with_fields(event.response, id=record.name, output=[])))
        if record.done:
            return
        if len(out) > begun and event.response.status == "in_progress" and not event.response.output:
            return  # some servers say `done` of a response that has just begun
        told = event.response.output or []
        claimed = {self._items.inward(item.id or "") or "" for item in told}
        claimed |= {record.by_call.get(getattr(item, "call_id", None) or "", "") for item in told}
        seen = set[str]()
        output = [self._named(item, record, index, claimed=claimed, seen=seen) for index, item in enumerate(told)]
        known = {item.id for item in output}
        status = final_status(event.response)
        if status == "completed":
            for item_id, call in record.calls.items():
                if call.name and item_id not in known and item_id not in record.calls_done:
                    whole = arguments_text(call.arguments) or arguments_text("".join(record.pieces.get(item_id, ())))
                    ended = "completed" if call.status == "in_progress" else call.status
                    if (whole, ended) != (call.arguments, call.status):
                        call = with_fields(call, arguments=whole, status=ended)
                    out.append(wire.ResponseOutputItemDone(response_id=record.name, item=call))
        record.done = True
        record.completed = status == "completed"
        if record.completed:
            out += self._ours.confirmed_by_answer(record.questions)
        self._open.pop(record.name, None)
        if self._current is record:
            self._current = next(reversed(self._open.values()), None)
        response = event.response
        if record.name != response.id or status != response.status or output != (response.output or []):
            response = with_fields(response, id=record.name, status=status, output=output)
            event = with_fields(event, response=response)
        out.append(event)

    def _on_error(self, event: wire.ErrorEvent, out: list[Any]) -> None:
        """An error: it may refuse an item of ours, which then is not there."""
        raw = event.raw or {}
        if self._open and raw.get("type") == "response.error":
            detail = event.error  # some servers end a response that failed with this, and send no `response.done`
            record = self._records.get(str(raw.get("response_id")))
            if record is None or record.done:
                record = next(reversed(self._open.values()))
            error = wire.ResponseError(type=detail.type or "server_error", code=detail.code, message=detail.message)
            self._end(record, "failed", error, out)
            return
        self._asked = 0  # it may have refused a request
        self._ours.on_refused(event.error.event_id)
        out.append(event)

    def _on_part(self, event: Any, out: list[Any]) -> None:
        """A delta, the end of a stream, or a content part."""
        record = self._record(event.response_id, event, out)
        if self._lone is not None and type(event) in _SPOKEN:
            self._adopt(event.item_id)
        if event.item_id and self._items.inward(event.item_id) is None:
            announced = record.by_index.get(event.output_index)
            if announced in record.messages and announced in record.snapshots and announced is not None:
                self._items.alias(event.item_id, announced)  # a server that announces its items announces all of them
        item_id = self._names.of_item(event.item_id, record, event.output_index)
        if item_id not in record.messages and type(event) in _SPOKEN:
            record.messages[item_id] = None
        if self._current is record and not record.done and event.item_id:
            record.streamed, record.streamed_as = event.item_id, item_id
        if record.name == event.response_id and item_id == event.item_id:
            out.append(event)
        else:
            out.append(with_fields(event, response_id=record.name, item_id=item_id))

    def _on_output_item(self, event: Any, out: list[Any]) -> None:
        record = self._record(event.response_id, event, out)
        record.streamed = None  # another item may have the same id
        done = isinstance(event, wire.ResponseOutputItemDone)
        seen = record.ended if done else record.snapshots
        item = self._named(event.item, record, event.output_index, claimed=seen, seen=seen)
        record.snapshots.add(item.id or "")
        if done:
            record.ended.add(item.id or "")
        if isinstance(item, wire.FunctionCallItem) and item.id:
            record.calls[item.id] = item
            if done and item.status != "in_progress":
                record.calls_done.add(item.id)
        if item is not event.item or record.name != event.response_id:
            event = with_fields(event, response_id=record.name, item=item)
        out.append(event)

    def _on_arguments(self, event: Any, out: list[Any]) -> None:
        record = self._record(event.response_id, event, out)
        done = isinstance(event, wire.ResponseFunctionCallArgumentsDone)
        seen = record.arguments_done if done else record.pieces
        item_id = self._names.of_call(event.item_id, event.call_id, record, event.output_index, done=done, seen=seen)
        known = record.calls.get(item_id)
        call_id = self._names.call_id(event.call_id, known, item_id)
        fields: dict[str, Any] = {"response_id": record.name, "item_id": item_id, "call_id": call_id}
        if not done:
            record.pieces.setdefault(item_id, []).append(event.delta)
        else:
            record.arguments_done.add(item_id)
            fields["name"] = event.name or (known.name if known is not None else "")
            fields["arguments"] = arguments_text(event.arguments)
            record.calls[item_id] = wire.FunctionCallItem(
                id=item_id, name=fields["name"], arguments=fields["arguments"], call_id=call_id, status="completed"
            )
        if any(getattr(event, name) != value for name, value in fields.items()):
            event = with_fields(event, **fields)
        out.append(event)

    # Items

    def _on_item(self, event: Any, out: list[Any]) -> None:
        """An item of the conversation: added, done, created, retrieved."""
        item = event.item
        server_id = item.id or ""
        name = self._items.inward(server_id)
        if name is None and server_id:
            name = self._ours.name_of(item, self._calls) or self._message_of_a_response(item)
            if name is not None:
                self._items.alias(server_id, name)
        if name is not None:
            self._ours.on_confirmed(name)
            name = self._again(name, server_id, event)
        elif server_id:
            name = self._items.new(server_id)
            if isinstance(item, wire.MessageItem) and item.role == "assistant" and self._current is not None:
                self._lone = name
        if name and (record := self._owner_of(name)) is not None:
            record.told.add(name)
        fields: dict[str, Any] = {}
        if name and name != server_id:
            fields["item"] = renamed(item, name)
        if isinstance(item, wire.FunctionCallItem | wire.FunctionCallOutputItem) and item.call_id:
            call_id = self._calls.inward(item.call_id)
            owner = self._owner_of(name or "")
            if owner is not None and (known := owner.calls.get(name or "")) is not None:
                call_id = known.call_id
            if call_id is not None and call_id != item.call_id:
                fields["item"] = with_fields(fields.get("item", item), call_id=call_id)
        self._append(event, fields, out)

    def _append(self, event: Any, fields: dict[str, Any], out: list[Any]) -> None:
        """Append an event with other fields, and with our name of the item before the one that it is about."""
        previous = getattr(event, "previous_item_id", None)
        if previous and (ours := self._items.inward(previous)) not in (None, previous):
            fields["previous_item_id"] = ours
        out.append(with_fields(event, **fields) if fields else event)

    def _owner_of(self, name: str) -> ResponseSoFar | None:
        """The response of an item; None where it has none, or one of long ago."""
        return self._by_name.get(self._names.owner.get(name, ""))

    def _again(self, name: str, server_id: str, event: Any) -> str:
        """The name of an item whose id came before: another one, where a new response begins with a used id."""
        owner = self._owner_of(name)
        is_over = name in self._names.owner and (owner is None or owner.done)
        begins = isinstance(event, wire.ConversationItemAdded | wire.ConversationItemCreated)
        current = self._current
        if not is_over or not begins or current is None or current.items:
            return name
        again = self._items.new(server_id)
        self._names.owner[again] = current.name
        current.items[again] = None
        return again

    def _message_of_a_response(self, item: Any) -> str | None:
        """Our name of a response's message that the conversation has under another id than the response."""
        record = self._latest
        if record is None or not isinstance(item, wire.MessageItem) or item.role != "assistant":
            return None
        return next((name for name in record.messages if name not in record.told), None)

    def _named(self, item: Any, record: ResponseSoFar, index: int, *, claimed: set[str], seen: set[str]) -> Any:
        if self._lone is not None and isinstance(item, wire.MessageItem):
            self._adopt(item.id)
        return self._names.named(item, record, index, claimed=claimed, seen=seen)

    def _adopt(self, item_id: str | None) -> None:
        """A message of a response is the one that the conversation has already, under another id."""
        lone, self._lone = self._lone, None
        if lone is not None and item_id and self._items.inward(item_id) is None:
            self._items.alias(item_id, lone)

    # The user's sound

    def _on_speech_started(self, event: Any, out: list[Any]) -> None:
        self._input.on_speech_started(event)
        self._on_about_item(event, out)

    def _on_committed(self, event: Any, out: list[Any]) -> None:
        self._due = True
        self._on_about_item(self._input.on_committed(event), out)

    def _on_about_item(self, event: Any, out: list[Any]) -> None:
        """An event that names an item, and perhaps the one before it."""
        fields: dict[str, Any] = {}
        if not event.item_id:
            if self._input.latest and not isinstance(
                event, wire.ConversationItemDeleted | wire.ConversationItemTruncated
            ):
                fields["item_id"] = self._input.latest
        elif (name := self._items.inward(event.item_id)) not in (None, event.item_id):
            fields["item_id"] = name
        self._append(event, fields, out)


_SPOKEN: tuple[type, ...] = (
    wire.ResponseOutputAudioDelta,
    wire.ResponseOutputAudioTranscriptDelta,
    wire.ResponseOutputAudioTranscriptDone,
    wire.ResponseOutputTextDelta,
    wire.ResponseOutputTextDone,
)
_BEGINNINGS: tuple[type, ...] = (
    wire.ResponseOutputItemAdded,
    wire.ResponseContentPartAdded,
    wire.ResponseOutputAudioDelta,
    wire.ResponseOutputAudioTranscriptDelta,
    wire.ResponseOutputTextDelta,
    wire.ResponseFunctionCallArgumentsDelta,
)
_STREAMED: frozenset[Any] = frozenset(
    (wire.ResponseOutputAudioDelta, wire.ResponseOutputAudioTranscriptDelta, wire.ResponseOutputTextDelta)
)


def _for(kinds: Iterable[type], complete: Callable[[EventNormalizer, Any, list[Any]], None]) -> dict[type, Any]:
    return dict.fromkeys(kinds, complete)


_COMPLETE: dict[type, Callable[[EventNormalizer, Any, list[Any]], None]] = {
    wire.ResponseCreated: EventNormalizer._on_created,
    wire.ResponseDone: EventNormalizer._on_done,
    wire.ErrorEvent: EventNormalizer._on_error,
    **_for((wire.ResponseOutputItemAdded, wire.ResponseOutputItemDone), EventNormalizer._on_output_item),
    **_for(
        (wire.ResponseFunctionCallArgumentsDelta, wire.ResponseFunctionCallArgumentsDone),
        EventNormalizer._on_arguments,
    ),
    **_for(
        (
            *_STREAMED,
            wire.ResponseOutputTextDone,
            wire.ResponseOutputAudioTranscriptDone,
            wire.ResponseOutputAudioDone,
            wire.ResponseContentPartAdded,
            wire.ResponseContentPartDone,
            wire.ResponseMcpCallArgumentsDelta,
            wire.ResponseMcpCallArgumentsDone,
        ),
        EventNormalizer._on_part,
    ),
    **_for(
        (
            wire.ConversationItemAdded,
            wire.ConversationItemDone,
            wire.ConversationItemCreated,
            wire.ConversationItemRetrieved,
        ),
        EventNormalizer._on_item,
    ),
    wire.InputAudioBufferSpeechStarted: EventNormalizer._on_speech_started,
    wire.InputAudioBufferCommitted: EventNormalizer._on_committed,
    **_for(
        (
            wire.InputAudioBufferSpeechStopped,
            wire.InputAudioBufferTimeoutTriggered,
            wire.ConversationItemInputAudioTranscriptionDelta,
            wire.ConversationItemInputAudioTranscriptionCompleted,
            wire.ConversationItemInputAudioTranscriptionFailed,
            wire.ConversationItemInputAudioTranscriptionSegment,
            wire.ConversationItemTruncated,
            wire.ConversationItemDeleted,
        ),
        EventNormalizer._on_about_item,
    ),
}
