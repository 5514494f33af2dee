"""Items of ours that the server has not confirmed, and the questions among them.

Owns which item of the server can be one that we sent. Must not know responses.
"""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

from realtime_nb.client.events.recent import Recent
from realtime_nb.client.events.response_so_far import can_be_ours
from realtime_nb.client.events.server_names import ServerNames
from realtime_nb.wire import realtime as wire


class OurItems:
    """The items that one session was sent."""

    def __init__(self) -> None:
        self._unanswered: Recent[dict[str, Any]] = Recent()
        self._sent_as: Recent[str] = Recent()  # the ids of the events that sent them, by item
        self._questions: tuple[str, ...] = ()

    def clear(self) -> None:
        """Drop all items: they belong to a session that is gone."""
        self._unanswered.clear()
        self._sent_as.clear()
        self._questions = ()

    def on_sent(self, item: dict[str, Any], event_id: str) -> None:
        """Note an item that leaves, which the server may call by an id of its own."""
        self._unanswered[item["id"]] = item
        self._sent_as[item["id"]] = event_id

    def on_response_asked(self) -> None:
        """Note that the next response answers the items that were sent so far."""
        self._questions = tuple(self._unanswered)

    def pop_questions(self) -> tuple[str, ...]:
        """Return the items that the response which begins now answers."""
        questions, self._questions = self._questions, ()
        return questions

    def on_confirmed(self, name: str) -> None:
        """Note that the server has an item."""
        self._unanswered.pop(name, None)

    def on_refused(self, event_id: str | None) -> None:
        """Note that an error refused the items that an event sent; without an id, it may be any."""
        for name in list(self._unanswered):
            if not event_id or self._sent_as.get(name) == event_id:
                del self._unanswered[name]
                # The request for an answer left right behind it: that response answers without it.
                self._questions = tuple(known for known in self._questions if known != name)

    def name_of(self, item: Any, calls: ServerNames) -> str | None:
        """Our name of an item that the server calls by an id of its own: the oldest one like it without an answer."""
        for name, ours in self._unanswered.items():
            if can_be_ours(item, ours, calls):
                return name
        return None

    def confirmed_by_answer(self, questions: tuple[str, ...]) -> list[Any]:
        """Return the events that say of answered items that they are there, where the server says nothing of them."""
        out: list[Any] = []
        for name in questions:
            item = self._unanswered.pop(name, None)
            if item is None:
                continue
            with contextlib.suppress(msgspec.ValidationError):
                whole = msgspec.convert({"status": "completed", **item}, wire.Item)
                out.append(wire.ConversationItemAdded(item=whole))
                out.append(wire.ConversationItemDone(item=whole))
        return out
