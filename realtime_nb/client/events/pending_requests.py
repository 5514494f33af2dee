"""Which server event answers which client event.

Owns the table of acknowledgements and the bounded map of events that wait for one. Must not know sockets.

The service names a client event only in errors. An acknowledgement is recognised by what it is about: the item's id,
the response's metadata, or, where there is neither (`session.updated`), by the order in which requests were sent.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from realtime_nb.client.events.blame import kinds_blamed
from realtime_nb.errors import ServerError
from realtime_nb.wire.realtime import ErrorDetail, ErrorEvent

__all__ = ["ACKNOWLEDGED_BY", "METADATA_KEY", "Acknowledgements", "Unanswered", "server_error"]

METADATA_KEY = "realtime_nb"
"""The pair of a response's metadata by which we know our own `response.create` again."""

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
    "response.cancel": ("response.done",),
}
_ANSWERS = {name: kind for kind, names in ACKNOWLEDGED_BY.items() for name in names}
_LIMIT = 1024


@dataclass
class Unanswered:
    """A client event that was sent, and may still be answered.

    Attributes:
        event: as it travelled.
        future: gets the answer; None where nobody waits.
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
        """Whoever waits gets the acknowledgement."""
        if self.future is not None and not self.future.done():
            self.future.set_result(event)

    def fail(self, error: Exception) -> None:
        """Whoever waits is told why there is none."""
        if self.future is not None and not self.future.done():
            self.future.set_exception(error)


def server_error(detail: ErrorDetail) -> ServerError:
    """The exception for an error of the server."""
    return ServerError(
        detail.message or detail.code or "the server reported an error without a message",
        code=detail.code,
        param=detail.param,
        event_id=detail.event_id,
    )


class Acknowledgements:
    """The client events that may still be answered, in the order in which they were sent.

    Args:
        keep_all: note also those for whose answer nobody waits; what a lost connection left unanswered can then be said
            again.

    Attributes:
        all_asked_for: whether the server begins no response by itself: then one is an answer to the oldest request for
            one, also where the server does not echo its metadata.
    """

    def __init__(self, *, keep_all: bool = False) -> None:
        self.keep_all = keep_all
        self.all_asked_for = False
        self._pending: dict[str, Unanswered] = {}

    def sent(self, event: dict[str, Any], future: asyncio.Future[Any] | None) -> None:
        """Note an event that is about to go out; `future` gets its acknowledgement or its error."""
        kind = event["type"]
        if kind not in ACKNOWLEDGED_BY:
            return
        if future is None and not self.keep_all and kind != "session.update":
            return  # only `session.updated` is matched by order, so only it must be counted when nobody waits
        if len(self._pending) >= _LIMIT:
            self._forget_one()
        self._pending[event["event_id"]] = Unanswered(event, _key_of_request(event), future)

    def awaited(self, event_id: str | None) -> bool:
        """Whether somebody waits for the answer to this event."""
        pending = self._pending.get(event_id or "")
        return pending is not None and pending.future is not None

    def seen(self, event: Any) -> None:
        """Look at a server event; resolves or fails what it answers."""
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
                    # One id is one item: what was sent, and what told a new session of it again, is the same.
        elif isinstance(event, ErrorEvent):
            self._failed(event.error)

    def _failed(self, detail: ErrorDetail) -> None:
        event_id = detail.event_id
        if event_id is None:
            kinds = kinds_blamed(detail)
            awaited = (p for p in self._pending.values() if p.future is not None or p.kind == "session.update")
            if not kinds and all(pending.kind == "session.update" for pending in awaited):
                kinds = ("session.update",)  # nothing else can be meant, and updates are told apart by their order
            event_id = next((known for known, pending in self._pending.items() if pending.kind in kinds), None)
        pending = self._pending.pop(event_id, None) if event_id is not None else None
        if pending is not None:
            pending.fail(server_error(detail))

    def take(self) -> list[Unanswered]:
        """The connection is gone, and another will follow: all that is unanswered, in order, for it to decide about."""
        pending, self._pending = self._pending, {}
        return list(pending.values())

    def forget(self, event_id: str) -> None:
        """An event was answered, as somebody who knows better has found."""
        unanswered = self._pending.get(event_id)
        if unanswered is not None and unanswered.future is None:
            del self._pending[event_id]

    def put_back(self, unanswered: Unanswered) -> None:
        """An event of `take` will be said again by other means; its answer is still awaited."""
        self._pending[unanswered.event["event_id"]] = unanswered

    def fail_all(self, error: Exception) -> None:
        """The connection is gone: nothing will be answered."""
        for unanswered in self.take():
            unanswered.fail(error)

    def _forget_one(self) -> None:
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
