"""The 11 events that a client sends.

Owns their types. Must not know sockets, or which event is allowed when. Source: the public Realtime API description.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from realtime_nb.wire.realtime.items import Item
from realtime_nb.wire.realtime.response import ResponseParams
from realtime_nb.wire.realtime.session import AnySessionConfig

__all__ = [
    "ClientEvent",
    "ConversationItemCreate",
    "ConversationItemDelete",
    "ConversationItemRetrieve",
    "ConversationItemTruncate",
    "InputAudioBufferAppend",
    "InputAudioBufferClear",
    "InputAudioBufferCommit",
    "OutputAudioBufferClear",
    "ResponseCancel",
    "ResponseCreate",
    "SessionUpdate",
]


class _ClientEvent(msgspec.Struct, repr_omit_defaults=True, tag_field="type", kw_only=True):
    event_id: str | UnsetType | None = UNSET


class SessionUpdate(_ClientEvent, kw_only=True, tag="session.update"):
    """Change the configuration; fields that are absent stay as they are (docs/protocol.md 3)."""

    type: ClassVar[Literal["session.update"]] = "session.update"
    session: AnySessionConfig


class InputAudioBufferAppend(_ClientEvent, kw_only=True, tag="input_audio_buffer.append"):
    """Append audio (base64) to the input buffer; not acknowledged (docs/protocol.md 13)."""

    type: ClassVar[Literal["input_audio_buffer.append"]] = "input_audio_buffer.append"
    audio: str


class InputAudioBufferCommit(_ClientEvent, kw_only=True, tag="input_audio_buffer.commit"):
    """Make a user item of the input buffer; starts no response (docs/protocol.md 15)."""

    type: ClassVar[Literal["input_audio_buffer.commit"]] = "input_audio_buffer.commit"


class InputAudioBufferClear(_ClientEvent, kw_only=True, tag="input_audio_buffer.clear"):
    """Empty the input buffer."""

    type: ClassVar[Literal["input_audio_buffer.clear"]] = "input_audio_buffer.clear"


class OutputAudioBufferClear(_ClientEvent, kw_only=True, tag="output_audio_buffer.clear"):
    """Stop audio that the *server* plays (WebRTC and SIP only)."""

    type: ClassVar[Literal["output_audio_buffer.clear"]] = "output_audio_buffer.clear"


class ConversationItemCreate(_ClientEvent, kw_only=True, tag="conversation.item.create"):
    """Add an item; `previous_item_id` None appends, `root` puts it first."""

    type: ClassVar[Literal["conversation.item.create"]] = "conversation.item.create"
    item: Item
    previous_item_id: str | UnsetType | None = UNSET


class ConversationItemDelete(_ClientEvent, kw_only=True, tag="conversation.item.delete"):
    """Remove an item."""

    type: ClassVar[Literal["conversation.item.delete"]] = "conversation.item.delete"
    item_id: str


class ConversationItemRetrieve(_ClientEvent, kw_only=True, tag="conversation.item.retrieve"):
    """Ask for an item as the server has it, with its audio."""

    type: ClassVar[Literal["conversation.item.retrieve"]] = "conversation.item.retrieve"
    item_id: str


class ConversationItemTruncate(_ClientEvent, kw_only=True, tag="conversation.item.truncate"):
    """Cut an assistant's audio where playback stopped; deletes the server's transcript of it (docs/protocol.md 34)."""

    type: ClassVar[Literal["conversation.item.truncate"]] = "conversation.item.truncate"
    item_id: str
    content_index: int = 0
    audio_end_ms: int


class ResponseCreate(_ClientEvent, kw_only=True, tag="response.create"):
    """Ask for a response."""

    type: ClassVar[Literal["response.create"]] = "response.create"
    response: ResponseParams | UnsetType | None = UNSET


class ResponseCancel(_ClientEvent, kw_only=True, tag="response.cancel"):
    """Cancel a response; without an id the active one. No effect before `response.created` (docs/protocol.md 22)."""

    type: ClassVar[Literal["response.cancel"]] = "response.cancel"
    response_id: str | UnsetType | None = UNSET


ClientEvent = (
    SessionUpdate
    | InputAudioBufferAppend
    | InputAudioBufferCommit
    | InputAudioBufferClear
    | OutputAudioBufferClear
    | ConversationItemCreate
    | ConversationItemDelete
    | ConversationItemRetrieve
    | ConversationItemTruncate
    | ResponseCreate
    | ResponseCancel
)
