"""What the parts of a session share: its configuration, its items, and its two outboxes.

Owns emission (every event gets its id here), errors, and the jobs for which a session needs the outside world. Must
not know sockets, threads or what any part does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from realtime_nb.local.session.ids import IdMaker
from realtime_nb.local.session.items import ItemList, StoredItem
from realtime_nb.wire.realtime import (
    ConversationItemAdded,
    ConversationItemDone,
    ErrorDetail,
    ErrorEvent,
    ServerEvent,
    WireError,
)

if TYPE_CHECKING:
    from realtime_nb.local.session.response_writer import ResponseWriter

__all__ = ["Core", "Job", "Perform", "Prepare", "Recognize", "Stop", "functions_of"]


@dataclass(frozen=True, slots=True)
class Recognize:
    """Listen to a user's item; answer with `SessionMachine.heard`."""

    stored: StoredItem
    tools: list[dict[str, Any]]
    phrases: list[str]
    transcription: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Perform:
    """Make a response happen: think, then write, speak or call."""

    writer: ResponseWriter


@dataclass(frozen=True, slots=True)
class Stop:
    """A response has ended before its performance: whoever makes it must stop."""

    response_id: str


@dataclass(frozen=True, slots=True)
class Prepare:
    """New tools: what may be said to them can be made ready before somebody says it."""

    tools: list[dict[str, Any]]


Job = Recognize | Perform | Stop | Prepare


def functions_of(tools: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The function tools that could be called: they have a name. Nulls are left out, as if they had never been sent."""
    named = [tool for tool in tools if tool["type"] == "function" and tool.get("name")]
    return [{key: value for key, value in tool.items() if value is not None} for tool in named]


class Core:
    """The shared state of one session.

    Attributes:
        config: the effective configuration.
        events, jobs: what the shell takes and carries out, in order.
        has_spoken: whether the assistant has been heard in this session.
    """

    def __init__(self, config: dict[str, Any], *, new_id: IdMaker, now: Callable[[], float]) -> None:
        self.config = config
        self.new_id = new_id
        self.now = now
        self.items = ItemList()
        self.events: list[ServerEvent] = []
        self.jobs: list[Job] = []
        self.has_spoken = False
        self.conversation_id = new_id("conv")

    @property
    def audio_input(self) -> dict[str, Any]:
        """The configuration of the user's sound."""
        audio_input: dict[str, Any] = self.config["audio"]["input"]
        return audio_input

    @property
    def speaks(self) -> bool:
        """Whether this session has responses at all."""
        return bool(self.config["type"] == "realtime")

    @property
    def functions(self) -> list[dict[str, Any]]:
        """The session's function tools."""
        return functions_of(self.config.get("tools", ()))

    def emit(self, event: ServerEvent) -> None:
        """Send an event; it gets its id here, and from here on nobody changes what it holds."""
        event.event_id = self.new_id("event")
        self.events.append(event)

    def refuse(self, error: WireError, event_id: str | None = None, *, kind: str = "invalid_request_error") -> None:
        """Answer a client's event with an error; the session stays open."""
        self.emit(
            ErrorEvent(
                error=ErrorDetail(
                    type=kind,
                    code=error.code,
                    message=error.message,
                    param=error.param,
                    event_id=error.event_id or event_id,
                )
            )
        )

    def add_item(self, stored: StoredItem, after: str | None = None) -> None:
        """Put a finished item into the conversation and announce it.

        Raises:
            KeyError: there is no item `after`.
        """
        previous = self.items.append(stored) if after is None else self.items.insert(stored, after)
        # Copies: what was announced must not change under a frame that waits to be sent.
        self.emit(ConversationItemAdded(item=msgspec.structs.replace(stored.item), previous_item_id=previous))
        self.emit(ConversationItemDone(item=msgspec.structs.replace(stored.item), previous_item_id=previous))

    def listen(self, stored: StoredItem, *, transcription: dict[str, Any] | None = None) -> None:
        """Have a user's sound recognised; `transcription` is what the client is to be told of it, if anything."""
        hints = transcription or {}
        phrases = [*(hints.get("keywords") or ()), *([hints["prompt"]] if hints.get("prompt") else ())]
        self.jobs.append(Recognize(stored, self.functions, phrases, transcription))
