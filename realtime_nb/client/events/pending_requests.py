"""Match server events, acknowledgements and errors, to the client events that they answer.

Owns the table of acknowledgements and the bounded map of client events that may still be answered. Must not know
sockets.

The service names a client event only in errors, and not in all of them (docs/protocol.md 19, 40). An acknowledgement is
recognised by the item's id, by the response's metadata, or, where there is neither (`session.updated`), by the order in
which requests were sent.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass
from typing import Any

from realtime_nb import errors
from realtime_nb.errors import ServerError
from realtime_nb.wire.realtime import MALFORMED, SERVER_TYPES, ErrorDetail, ErrorEvent

UPDATE_ANSWER_S = 30.0
"""How long the server may take to answer a `session.update`, or the items of a restored conversation."""

METADATA_KEY = "realtime_nb"
"""The metadata key that marks a response as the answer to a `response.create` of ours."""

ACKNOWLEDGED_BY: dict[str, tuple[str, ...]] = {
    "session.update": ("session.updated",),
    "conversation.item.create": ("conversation.item.added", "conversation.item.created"),
    "conversation.item.delete": ("conversation.item.deleted",),
    "conversation.item.retrieve": ("conversation.item.retrieved",),
    "conversation.item.truncate": ("conversation.item.truncated",),
    "input_audio_buffer.commit": ("input_audio_buffer.committed",),
    "input_audio_buffer.clear": ("input_audio_buffer.cleared",),
    "output_audio_buffer.clear": ("output_audio_buffer.cleared",),
    "response.create": ("response.created",),
    "response.cancel": ("response.done",),  # the cancel itself is not acknowledged (docs/protocol.md 22)
}
_FOLLOWS = {
    "response.create": tuple(name for name in SERVER_TYPES if name.startswith("response.")),
    "conversation.item.create": ("conversation.item.done",),
    "input_audio_buffer.commit": ("conversation.item.input_audio_transcription.completed",),
}
_ANSWERS = {name: kind for kind, names in ACKNOWLEDGED_BY.items() for name in names}
_LIMIT = 1024
_ID_CODES = frozenset({"invalid_item_id", "item_id_not_allowed", "item_create_invalid_item_id"})

# Which client events an error without an `event_id` may answer (docs/protocol.md 19): by the start of its code, else
# by its param.
_BY_CODE = {
    "conversation_already_has_active_response": "response.create",
    "response_cancel_not_active": "response.cancel",
    "input_audio_buffer_commit_": "input_audio_buffer.commit",
    "item_create_": "conversation.item.create",
    "item_delete_": "conversation.item.delete",
    "item_retrieve_": "conversation.item.retrieve",
    "item_truncate_": "conversation.item.truncate",
}
_BY_PARAM = {
    "session": ("session.update",),
    "response": ("response.create",),
    "response_id": ("response.cancel",),
    "item": ("conversation.item.create",),
    "previous_item_id": ("conversation.item.create",),
    "audio_end_ms": ("conversation.item.truncate",),
    "content_index": ("conversation.item.truncate",),
    "item_id": ("conversation.item.delete", "conversation.item.retrieve", "conversation.item.truncate"),
}


def update_unanswered() -> errors.TimeoutError:
    """The error of a `session.update` that was not answered within `UPDATE_ANSWER_S`."""
    return errors.TimeoutError(f"the server did not answer a session.update within {UPDATE_ANSWER_S:g} s")


def refuses_id(error: ServerError) -> bool:
    """Whether a server refuses an item for its id, and not because it has an item of that id already."""
    code = error.code or ""
    if "exist" in code or "duplicate" in code:
        return False
    return (error.param or "").endswith("item.id") or code in _ID_CODES


@dataclass
class PendingRequest:
    """A client event that was sent, and may still be answered.

    Attributes:
        event: as it was sent.
        future: gets the answer; None where no caller waits for it.
    """

    event: dict[str, Any]
    key: str | None
    future: asyncio.Future[Any] | None

    @property
    def kind(self) -> str:
        """The event's type."""
        kind: str = self.event["type"]
        return kind

    def answer(self, event: Any) -> None:
        """Resolve the future with the acknowledging event."""
        if self.future is not None and not self.future.done():
            self.future.set_result(event)

    def fail(self, error: Exception) -> None:
        """Fail the future with `error`."""
        if self.future is not None and not self.future.done():
            self.future.set_exception(error)


def server_error(detail: ErrorDetail) -> ServerError:
    """The exception for an error that the server reported."""
    return ServerError(
        detail.message or detail.code or "the server reported an error without a message",
        code=detail.code,
        param=detail.param,
        event_id=detail.event_id,
    )


class PendingRequests:
    """The client events that may still be answered, in the order in which they were sent.

    Args:
        keep_all: note also events whose answer no caller awaits, so that they can be sent again after a loss.

    Attributes:
        all_asked_for: whether the server begins no response by itself: a response then answers the oldest request for
            one, also where the server does not echo its metadata.
        ids_refused: whether the server has refused an item for the id that we gave it.
    """

    def __init__(self, *, keep_all: bool = False) -> None:
        self.keep_all = keep_all
        self.all_asked_for = False
        self.ids_refused = False
        self._pending: dict[str, PendingRequest] = {}
        self._sent_kinds: deque[tuple[str, str]] = deque(maxlen=_LIMIT)  # also of events whose answer nothing waits for

    def add(self, event: dict[str, Any], future: asyncio.Future[Any] | None) -> None:
        """Note an event right before it is sent; `future` gets its acknowledgement or its error."""
        kind = event["type"]
        if kind not in ACKNOWLEDGED_BY:
            return
        self._sent_kinds.append((event["event_id"], kind))
        if future is None and not self.keep_all and kind != "session.update":
            return  # only `session.updated` is matched by order, so only it must be counted when no caller waits
        if len(self._pending) >= _LIMIT:
            self._drop_one()
        key = None if kind == "session.update" else _key_of_request(event)  # it has no key: only its order counts
        self._pending[event["event_id"]] = PendingRequest(event, key, future)

    def awaited(self, event_id: str | None) -> bool:
        """Whether a caller waits for the answer to this event."""
        pending = self._pending.get(event_id or "")
        return pending is not None and pending.future is not None

    def on_event(self, event: Any) -> None:
        """Resolve or fail the requests that a server event answers."""
        if not self._pending:
            return
        kind = _ANSWERS.get(event.type)
        if kind is not None:
            key = _key_of_answer(event)
            for event_id, pending in list(self._pending.items()):
                certain = key is None and kind == "response.create" and self.all_asked_for
                if pending.kind == kind and (certain or pending.key is None or pending.key == key):
                    del self._pending[event_id]
                    pending.answer(event)
                    if kind != "conversation.item.create" or pending.key is None:
                        return
                    # After a loss the same item may be pending twice, as sent and as restored: answer both.
        elif isinstance(event, ErrorEvent):
            self._on_error(event.error)

    def _on_error(self, detail: ErrorDetail) -> None:
        if detail.code == MALFORMED:
            return  # our own, about a frame that could not be read: it answers nothing
        event_id = detail.event_id
        if event_id is None:
            kinds = _kinds_blamed(detail)
            awaited = (p for p in self._pending.values() if p.future is not None or p.kind == "session.update")
            if not kinds and all(pending.kind == "session.update" for pending in awaited):
                kinds = ("session.update",)  # nothing else can be meant, and updates are told apart by their order
            event_id = next((known for known, pending in self._pending.items() if pending.kind in kinds), None)
        pending = self._pending.pop(event_id, None) if event_id is not None else None
        if pending is not None:
            error = server_error(detail)
            self.ids_refused = self.ids_refused or (pending.kind == "conversation.item.create" and refuses_id(error))
            pending.fail(error)

    def may_be_about(self, detail: ErrorDetail, kind: str) -> bool:
        """Whether an error without an `event_id` is about a client event of this type, as far as can be told.

        Its code or param says so, or they say nothing and no other event waits for an answer.
        """
        if detail.code == MALFORMED:
            return False
        kinds = _kinds_blamed(detail)
        return kind in kinds or (not kinds and all(pending.kind == kind for pending in self._pending.values()))

    def events_refused(self, detail: ErrorDetail) -> tuple[str, ...]:
        """The types of server events that will not come, since an error answers the client event that asks for them."""
        kind = next((kind for event_id, kind in reversed(self._sent_kinds) if event_id == detail.event_id), None)
        kinds = (kind,) if kind is not None else _kinds_blamed(detail) if detail.event_id is None else ()
        return tuple(event for kind in kinds for event in (*ACKNOWLEDGED_BY.get(kind, ()), *_FOLLOWS.get(kind, ())))

    def take_with_refused_id(self, detail: ErrorDetail) -> PendingRequest | None:
        """Remove and return the new item that the server refuses for the id that we gave it, if it is one."""
        pending = self._pending.get(detail.event_id or "")
        if pending is None or pending.kind != "conversation.item.create" or not refuses_id(server_error(detail)):
            return None
        if not pending.event["item"].get("id"):
            return None
        self.ids_refused = True
        return self._pending.pop(detail.event_id or "")

    def take_all(self) -> list[PendingRequest]:
        """Remove and return all unanswered requests in order: the transport that would have answered them is gone."""
        pending, self._pending = self._pending, {}
        return list(pending.values())

    def drop_unawaited(self, event_id: str) -> None:
        """Drop a request that was answered without a match here, unless a caller awaits it."""
        pending = self._pending.get(event_id)
        if pending is not None and pending.future is None:
            del self._pending[event_id]

    def put_back(self, pending: PendingRequest) -> None:
        """Note a request of `take_all` again: its item is restored under the same id, and its answer still awaited."""
        self._pending[pending.event["event_id"]] = pending

    def fail_all(self, error: Exception) -> None:
        """Fail every request with `error`: no connection will follow."""
        for pending in self.take_all():
            pending.fail(error)

    def _drop_one(self) -> None:
        unawaited = (event_id for event_id, p in self._pending.items() if p.future is None or p.future.done())
        oldest = next(unawaited, None) or next(iter(self._pending))
        self._pending.pop(oldest).fail(
            ServerError(f"more than {_LIMIT} requests wait for an answer; this one was given up", event_id=oldest)
        )


def _key_of_request(event: dict[str, Any]) -> str | None:
    kind = event["type"]
    key: str | None = event.get("item_id") or event.get("response_id")
    if kind == "conversation.item.create":
        key = event["item"].get("id")
    elif kind == "response.create":
        key = ((event.get("response") or {}).get("metadata") or {}).get(METADATA_KEY)
    return key


def _key_of_answer(event: Any) -> str | None:
    item, response = getattr(event, "item", None), getattr(event, "response", None)
    key: str | None = getattr(event, "item_id", None)
    if item is not None:
        key = item.id
    elif response is not None:
        created = event.type == "response.created"
        key = (response.metadata or {}).get(METADATA_KEY) if created else response.id
    return key


def _kinds_blamed(detail: ErrorDetail) -> tuple[str, ...]:
    """The types of client events that an error without an `event_id` may answer; empty where it cannot be told."""
    for beginning, kind in _BY_CODE.items():
        if (detail.code or "").startswith(beginning):
            return (kind,)
    return _BY_PARAM.get(re.split(r"[.\[]", detail.param or "", maxsplit=1)[0], ())
