"""The state that the parts of one session share: configuration, conversation, and the events and jobs to hand out.

Owns emission (every event gets its id here) and errors. Must not know sockets, threads or what any part does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from realtime_nb.local.session.items import ItemList, StoredItem
from realtime_nb.local.session.jobs import Job, Recognize
from realtime_nb.wire import realtime as wire

_CALL_ID = re.compile(r"[\x21-\x7e]{1,64}")


class Environment(Protocol):
    """The source of identifiers and of the time."""

    def new_id(self, prefix: str) -> str:
        """Return an identifier with this prefix (`"event"`, `"item"`, `"resp"`) that was never returned before."""
        ...

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        ...


def functions_of(tools: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the function tools that have a name, without their null fields: a null means "not sent"."""
    named = [tool for tool in tools if tool["type"] == "function" and tool.get("name")]
    return [{key: value for key, value in tool.items() if value is not None} for tool in named]


class SharedState:
    """What the parts of a practice session share: configuration, items, and the events and jobs that wait.

    Attributes:
        config: the effective configuration.
        environment: where ids and the time come from.
        events, jobs: the next ones to hand out, in order.
        has_spoken: whether assistant sound has been sent in this session.
    """

    def __init__(self, config: dict[str, Any], environment: Environment) -> None:
        self.config = config
        self.environment = environment
        self.items = ItemList()
        self.events: list[wire.ServerEvent] = []
        self.jobs: list[Job] = []
        self.has_spoken = False
        self.conversation_id = self.new_id("conv")
        self._call_ids: set[str] = set()

    def new_id(self, prefix: str) -> str:
        """Return a new identifier."""
        return self.environment.new_id(prefix)

    def new_call_id(self, wanted: str | None) -> str:
        """Return the id of a new function call: the model's own if it is new in this session, or else a fresh one.

        Some models give each answer's first call the same id. Clients run a call once for each id (docs/protocol.md
        26), so the second one would never run.
        """
        taken = self._call_ids.union(
            stored.item.call_id for stored in self.items if isinstance(stored.item, wire.FunctionCallItem)
        )
        fits = wanted is not None and _CALL_ID.fullmatch(wanted) and wanted not in taken
        call_id = wanted if wanted is not None and fits else self.new_id("call")
        self._call_ids.add(call_id)
        return call_id

    @property
    def audio_input(self) -> dict[str, Any]:
        """The configuration of the user's sound."""
        audio_input: dict[str, Any] = self.config["audio"]["input"]
        return audio_input

    @property
    def has_responses(self) -> bool:
        """Whether this kind of session has responses; a transcription session has none."""
        return bool(self.config["type"] == "realtime")

    @property
    def functions(self) -> list[dict[str, Any]]:
        """The session's function tools."""
        return functions_of(self.config.get("tools", ()))

    def emit(self, event: wire.ServerEvent) -> None:
        """Queue an event under a new id. The objects in it must not change any more: it is encoded later."""
        event.event_id = self.new_id("event")
        self.events.append(event)

    def refuse(
        self, error: wire.WireError, event_id: str | None = None, *, kind: str = "invalid_request_error"
    ) -> None:
        """Answer a client's event with an error; the session stays open."""
        event_id = error.event_id or event_id
        detail = wire.ErrorDetail(
            type=kind, code=error.code, message=error.message, param=error.param, event_id=event_id
        )
        self.emit(wire.ErrorEvent(error=detail))

    def add_item(self, stored: StoredItem, after: str | None = None) -> None:
        """Put a finished item into the conversation and announce it.

        Raises:
            KeyError: there is no item `after`.
        """
        previous = self.items.append(stored) if after is None else self.items.insert(stored, after)
        # Copies: the announced item must not change under a frame that waits to be sent.
        self.emit(wire.ConversationItemAdded(item=msgspec.structs.replace(stored.item), previous_item_id=previous))
        self.emit(wire.ConversationItemDone(item=msgspec.structs.replace(stored.item), previous_item_id=previous))

    def request_recognition(self, stored: StoredItem, *, transcription: dict[str, Any] | None = None) -> None:
        """Have a user's sound recognised; `transcription` holds the client's settings, None where it wants no text."""
        hints = transcription or {}
        phrases = [*(hints.get("keywords") or ()), *([hints["prompt"]] if hints.get("prompt") else ())]
        self.jobs.append(Recognize(stored, self.functions, phrases, transcription))
