"""`conn.session.update(...)`, `conn.response.create(...)`: the client events as methods.

Owns their signatures, which follow the official SDK. Must not know sockets. Each method sends one event and returns its
id, without waiting for an answer; `conn.request` waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from realtime_nb.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Conversation", "InputAudioBuffer", "OutputAudioBuffer", "Response", "Session"]


class Sender(Protocol):
    """What the methods need of a connection."""

    @property
    def loop(self) -> Any:
        """The event loop that the connection lives on."""

    @property
    def session_type(self) -> str:
        """`realtime` or `transcription`."""

    async def send(self, event: Any, *, extra: Mapping[str, Any] | None = None, strict: bool = True) -> str:
        """Send one event; returns its id."""

    async def append(self, audio: Any) -> bool:
        """Send sound."""


class _Resource:
    def __init__(self, sender: Sender) -> None:
        self._sender = sender


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not msgspec.UNSET}


class Session(_Resource):
    """The session's configuration."""

    async def update(
        self,
        session: Mapping[str, Any] | msgspec.Struct | None = None,
        *,
        extra: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> str:
        """Change configuration; only what is named changes. None switches off, empty clears.

        Args:
            session: the configuration as a dict or struct; or name its fields as keywords.
            extra: fields that this version does not know, passed on unchecked.
            **fields: such as `instructions=`, `output_modalities=["text"]`, `audio={...}`.

        Raises:
            ConfigError: an unknown field, with the nearest known name, or a value out of range.
        """
        given = msgspec.to_builtins(session) if session is not None else {}
        if not isinstance(given, dict):
            raise ConfigError(f"session must be a dict or a session struct, not {type(session).__name__}")
        return await self._sender.send(
            {"type": "session.update", "session": {"type": self._sender.session_type, **given, **fields}}, extra=extra
        )


class ConversationItem(_Resource):
    """The items of the conversation."""

    async def create(self, *, item: Any, previous_item_id: Any = msgspec.UNSET) -> str:
        """Add an item (`rt.user_message("Hello")`, or a dict); `previous_item_id="root"` puts it first."""
        return await self._sender.send(
            {"type": "conversation.item.create", "item": item, **_given(previous_item_id=previous_item_id)}
        )

    async def delete(self, *, item_id: str) -> str:
        """Remove an item."""
        return await self._sender.send({"type": "conversation.item.delete", "item_id": item_id})

    async def retrieve(self, *, item_id: str) -> str:
        """Ask for an item with its sound; comes as `conversation.item.retrieved`."""
        return await self._sender.send({"type": "conversation.item.retrieve", "item_id": item_id})

    async def truncate(self, *, item_id: str, audio_end_ms: int, content_index: int = 0) -> str:
        """Cut an assistant's sound at what was heard."""
        return await self._sender.send(
            {
                "type": "conversation.item.truncate",
                "item_id": item_id,
                "content_index": content_index,
                "audio_end_ms": audio_end_ms,
            }
        )


class Conversation(_Resource):
    """The conversation."""

    def __init__(self, sender: Sender) -> None:
        super().__init__(sender)
        self.item = ConversationItem(sender)


class InputAudioBuffer(_Resource):
    """The user's sound before it is an item."""

    async def append(self, audio: bytes | bytearray | memoryview | npt.NDArray[np.int16]) -> None:
        """Add sound: bytes in the session's input format, or an int16 array at 24 kHz. It is not acknowledged."""
        await self._sender.append(audio)

    async def commit(self) -> str:
        """Make a user item of what was appended; asks for no response."""
        return await self._sender.send({"type": "input_audio_buffer.commit"})

    async def clear(self) -> str:
        """Forget what was appended."""
        return await self._sender.send({"type": "input_audio_buffer.clear"})


class OutputAudioBuffer(_Resource):
    """Sound that the server plays (WebRTC and SIP)."""

    async def clear(self) -> str:
        """Stop it."""
        return await self._sender.send({"type": "output_audio_buffer.clear"})


class Response(_Resource):
    """Responses."""

    async def create(
        self,
        response: Mapping[str, Any] | msgspec.Struct | None = None,
        *,
        extra: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> str:
        """Ask for a response; `conversation="none"` keeps it out of the conversation."""
        given = msgspec.to_builtins(response) if response is not None else {}
        params = {**given, **fields}
        return await self._sender.send(
            {"type": "response.create", **({"response": params} if params else {})}, extra=extra
        )

    async def cancel(self, *, response_id: Any = msgspec.UNSET) -> str:
        """Stop a response; the current one where no id is given."""
        return await self._sender.send({"type": "response.cancel", **_given(response_id=response_id)})
