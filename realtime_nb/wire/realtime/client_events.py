"""The 11 events that a client sends.

Owns their shape. Must not know sockets, or which of them is allowed when. Source: the public Realtime API description.
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
    """Change the configuration; only the fields present change."""

    type: ClassVar[Literal["session.update"]] = "session.update"
    session: AnySessionConfig


class InputAudioBufferAppend(_ClientEvent, kw_only=True, tag="input_audio_buffer.append"):
    """Add sound (base64) to the input buffer; not acknowledged."""

    type: ClassVar[Literal["input_audio_buffer.append"]] = "input_audio_buffer.append"
    audio: str


class InputAudioBufferCommit(_ClientEvent, kw_only=True, tag="input_audio_buffer.commit"):
    """Make a user item of the input buffer; asks for no response."""

    type: ClassVar[Literal["input_audio_buffer.commit"]] = "input_audio_buffer.commit"


class InputAudioBufferClear(_ClientEvent, kw_only=True, tag="input_audio_buffer.clear"):
    """Drop what is in the input buffer."""

    type: ClassVar[Literal["input_audio_buffer.clear"]] = "input_audio_buffer.clear"


class OutputAudioBufferClear(_ClientEvent, kw_only=True, tag="output_audio_buffer.clear"):
    """Stop sound that the *server* plays (WebRTC and SIP only)."""

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
    """Ask for an item as the server has it, with its sound."""

    type: ClassVar[Literal["conversation.item.retrieve"]] = "conversation.item.retrieve"
    item_id: str


class ConversationItemTruncate(_ClientEvent, kw_only=True, tag="conversation.item.truncate"):
    """Cut an assistant's sound at what was heard; deletes the server's transcript of it."""

    type: ClassVar[Literal["conversation.item.truncate"]] = "conversation.item.truncate"
    item_id: str
    content_index: int = 0
    audio_end_ms: int


class ResponseCreate(_ClientEvent, kw_only=True, tag="response.create"):
    """Ask for a response."""

    type: ClassVar[Literal["response.create"]] = "response.create"
    response: ResponseParams | UnsetType | None = UNSET


class ResponseCancel(_ClientEvent, kw_only=True, tag="response.cancel"):
    """Stop a response; the current one where no id is given."""

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
