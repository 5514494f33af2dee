"""Client events as methods: `conn.session.update(...)`, `conn.response.create(...)`.

Owns their signatures, which follow the official SDK. Must not know sockets. Each method sends one event and returns its
id without waiting for the answer; `conn.request` waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from realtime_nb.client.events.sender import Sender
from realtime_nb.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class _Resource:
    def __init__(self, sender: Sender) -> None:
        self._sender = sender


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not msgspec.UNSET}


class SessionResource(_Resource):
    """`conn.session`: the session's configuration."""

    async def update(
        self,
        session: Mapping[str, Any] | msgspec.Struct | None = None,
        *,
        extra: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> str:
        """Change the named fields of the configuration; None switches a field off, an empty value clears it.

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


class ConversationItemResource(_Resource):
    """`conn.conversation.item`: the items of the conversation."""

    async def create(self, *, item: Any, previous_item_id: Any = msgspec.UNSET) -> str:
        """Add an item (`rt.user_message("Hello")`, or a dict); `previous_item_id="root"` puts it first."""
        return await self._sender.send(
            {"type": "conversation.item.create", "item": item, **_given(previous_item_id=previous_item_id)}
        )

    async def delete(self, *, item_id: str) -> str:
        """Remove an item."""
        return await self._sender.send({"type": "conversation.item.delete", "item_id": item_id})

    async def retrieve(self, *, item_id: str) -> str:
        """Ask for an item with its sound; the server answers with `conversation.item.retrieved`."""
        return await self._sender.send({"type": "conversation.item.retrieve", "item_id": item_id})

    async def truncate(self, *, item_id: str, audio_end_ms: int, content_index: int = 0) -> str:
        """Cut the sound of an assistant's item at `audio_end_ms`, the part that was heard."""
        return await self._sender.send(
            {
                "type": "conversation.item.truncate",
                "item_id": item_id,
                "content_index": content_index,
                "audio_end_ms": audio_end_ms,
            }
        )


class ConversationResource(_Resource):
    """`conn.conversation`: holds `item`."""

    def __init__(self, sender: Sender) -> None:
        super().__init__(sender)
        self.item = ConversationItemResource(sender)


class InputAudioBufferResource(_Resource):
    """`conn.input_audio_buffer`: the user's sound before it becomes an item."""

    async def append(self, audio: bytes | bytearray | memoryview | npt.NDArray[np.int16]) -> None:
        """Add sound; very long sound is split into several events. The server acknowledges none of them.

        Args:
            audio: bytes in the session's input format, or an int16 array at 24 kHz.

        Raises:
            AudioError: empty, half a sample, or not int16.
        """
        await self._sender.append(audio)

    async def commit(self) -> str:
        """Make a user item of the appended sound; this asks for no response."""
        return await self._sender.send({"type": "input_audio_buffer.commit"})

    async def clear(self) -> str:
        """Discard the appended sound."""
        return await self._sender.send({"type": "input_audio_buffer.clear"})


class OutputAudioBufferResource(_Resource):
    """`conn.output_audio_buffer`: the sound that the server plays (WebRTC and SIP only)."""

    async def clear(self) -> str:
        """Stop playback; send it after `response.cancel`."""
        return await self._sender.send({"type": "output_audio_buffer.clear"})


class ResponseResource(_Resource):
    """`conn.response`: begin and cancel responses."""

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
        """Cancel a response; without an id, the one under way."""
        return await self._sender.send({"type": "response.cancel", **_given(response_id=response_id)})
