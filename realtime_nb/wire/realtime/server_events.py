"""The 46 events that a server sends, and `UnknownEvent` for every other type.

Owns their types. Must not know sockets or turns. Source: the public Realtime API description.

To add an event: write its class here, and add the class to `__all__` and to the union `ServerEvent` at the end. The
codec reads it from then on. If it changes the conversation, add a handler in `conversation/reducer.py`.

Few fields are required, and strings are not limited to today's values: events of a newer or older server must be
readable.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec
import pybase64
from msgspec import UNSET, UnsetType

from realtime_nb.wire.realtime.items import Item
from realtime_nb.wire.realtime.response import ErrorDetail, RateLimit, Response
from realtime_nb.wire.realtime.session import AnySessionConfig

__all__ = [
    "AnyServerEvent",
    "ConversationCreated",
    "ConversationInfo",
    "ConversationItemAdded",
    "ConversationItemCreated",
    "ConversationItemDeleted",
    "ConversationItemDone",
    "ConversationItemInputAudioTranscriptionCompleted",
    "ConversationItemInputAudioTranscriptionDelta",
    "ConversationItemInputAudioTranscriptionFailed",
    "ConversationItemInputAudioTranscriptionSegment",
    "ConversationItemRetrieved",
    "ConversationItemTruncated",
    "DurationUsage",
    "ErrorEvent",
    "InputAudioBufferCleared",
    "InputAudioBufferCommitted",
    "InputAudioBufferDtmfEventReceived",
    "InputAudioBufferSpeechStarted",
    "InputAudioBufferSpeechStopped",
    "InputAudioBufferTimeoutTriggered",
    "Language",
    "LogProb",
    "McpListToolsCompleted",
    "McpListToolsFailed",
    "McpListToolsInProgress",
    "OutputAudioBufferCleared",
    "OutputAudioBufferStarted",
    "OutputAudioBufferStopped",
    "Part",
    "RateLimitsUpdated",
    "ResponseContentPartAdded",
    "ResponseContentPartDone",
    "ResponseCreated",
    "ResponseDone",
    "ResponseFunctionCallArgumentsDelta",
    "ResponseFunctionCallArgumentsDone",
    "ResponseMcpCallArgumentsDelta",
    "ResponseMcpCallArgumentsDone",
    "ResponseMcpCallCompleted",
    "ResponseMcpCallFailed",
    "ResponseMcpCallInProgress",
    "ResponseOutputAudioDelta",
    "ResponseOutputAudioDone",
    "ResponseOutputAudioTranscriptDelta",
    "ResponseOutputAudioTranscriptDone",
    "ResponseOutputItemAdded",
    "ResponseOutputItemDone",
    "ResponseOutputTextDelta",
    "ResponseOutputTextDone",
    "ServerEvent",
    "SessionCreated",
    "SessionUpdated",
    "TokenUsage",
    "TranscriptionError",
    "TranscriptionUsage",
    "UnknownEvent",
]


_Index: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=4096)]
"""The place of an item in a response, or of a part in an item. Another number is no place: the field is not read."""


class _ServerEvent(msgspec.Struct, repr_omit_defaults=True, tag_field="type", kw_only=True, dict=True):
    event_id: str = ""

    @property
    def raw(self) -> dict[str, Any] | None:
        """The whole frame as the server sent it, where something in it could not be read; else None."""
        return self.__dict__.get("_raw")

    @property
    def lost(self) -> tuple[str, ...]:
        """The dotted paths of the fields that could not be read."""
        lost: tuple[str, ...] = self.__dict__.get("_lost", ())
        return lost

    def note_lost(self, raw: dict[str, Any], lost: Iterable[str]) -> None:
        """Keep the frame beside an event that could not be read whole. Neither is part of the encoded event."""
        self.__dict__.update(_raw=raw, _lost=tuple(lost))

    def __reduce__(self) -> tuple[Any, ...]:
        # A pickle of msgspec's own would leave out what stands beside the fields: `raw` and `lost`.
        make: Any = msgspec.Struct.__reduce__(self)
        return make[0], make[1], dict(self.__dict__) or None

    def __setstate__(self, beside: dict[str, Any]) -> None:
        self.__dict__.update(beside)


class ConversationInfo(msgspec.Struct, kw_only=True):
    """The id of a conversation."""

    id: str | None = None
    object: str | None = "realtime.conversation"


class LogProb(msgspec.Struct, kw_only=True):
    """The log probability of a transcribed token."""

    token: str = ""
    bytes: list[int] | None = None
    logprob: float = 0.0


class Language(msgspec.Struct, kw_only=True):
    """A language that was detected in the user's speech."""

    code: str = ""


class _AudioTextTokens(msgspec.Struct, kw_only=True):
    audio_tokens: int | None = None
    text_tokens: int | None = None


class TokenUsage(msgspec.Struct, tag_field="type", tag="tokens", kw_only=True):
    """Usage of a transcription that is billed by tokens."""

    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    input_token_details: _AudioTextTokens | None = None


class DurationUsage(msgspec.Struct, tag_field="type", tag="duration", kw_only=True):
    """Usage of a transcription that is billed by time."""

    seconds: float = 0.0


TranscriptionUsage = TokenUsage | DurationUsage


class TranscriptionError(msgspec.Struct, kw_only=True):
    """Why a transcription failed."""

    type: str | None = None
    code: str | None = None
    message: str | None = None
    param: str | None = None


class Part(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A content part of a response; `type` is `text` or `audio` (or the items' `output_text`, `output_audio`)."""

    type: str | None = None
    text: str | None = None
    transcript: str | None = None
    audio: str | None = None


class SessionCreated(_ServerEvent, kw_only=True, tag="session.created"):
    """The first event: the session with its defaults. Send nothing before it (docs/protocol.md 1)."""

    type: ClassVar[Literal["session.created"]] = "session.created"
    session: AnySessionConfig


class SessionUpdated(_ServerEvent, kw_only=True, tag="session.updated"):
    """The whole configuration that is in effect now."""

    type: ClassVar[Literal["session.updated"]] = "session.updated"
    session: AnySessionConfig


class ConversationCreated(_ServerEvent, kw_only=True, tag="conversation.created"):
    """A conversation began."""

    type: ClassVar[Literal["conversation.created"]] = "conversation.created"
    conversation: ConversationInfo


class ConversationItemAdded(_ServerEvent, kw_only=True, tag="conversation.item.added"):
    """An item was added to the conversation; its content may still grow."""

    type: ClassVar[Literal["conversation.item.added"]] = "conversation.item.added"
    item: Item
    previous_item_id: str | None = None


class ConversationItemDone(_ServerEvent, kw_only=True, tag="conversation.item.done"):
    """An item is complete. It carries no audio (docs/protocol.md 38)."""

    type: ClassVar[Literal["conversation.item.done"]] = "conversation.item.done"
    item: Item
    previous_item_id: str | None = None


class ConversationItemCreated(_ServerEvent, kw_only=True, tag="conversation.item.created"):
    """The older name of `added`."""

    type: ClassVar[Literal["conversation.item.created"]] = "conversation.item.created"
    item: Item
    previous_item_id: str | None = None


class ConversationItemRetrieved(_ServerEvent, kw_only=True, tag="conversation.item.retrieved"):
    """The answer to `conversation.item.retrieve`."""

    type: ClassVar[Literal["conversation.item.retrieved"]] = "conversation.item.retrieved"
    item: Item


class ConversationItemTruncated(_ServerEvent, kw_only=True, tag="conversation.item.truncated"):
    """An assistant's audio was truncated; the server deleted its transcript (docs/protocol.md 34)."""

    type: ClassVar[Literal["conversation.item.truncated"]] = "conversation.item.truncated"
    item_id: str
    content_index: _Index = 0
    audio_end_ms: int = 0


class ConversationItemDeleted(_ServerEvent, kw_only=True, tag="conversation.item.deleted"):
    """An item was deleted."""

    type: ClassVar[Literal["conversation.item.deleted"]] = "conversation.item.deleted"
    item_id: str


class ConversationItemInputAudioTranscriptionDelta(
    _ServerEvent, kw_only=True, tag="conversation.item.input_audio_transcription.delta"
):
    """A piece of the user's transcript; may precede the item or follow the answer (docs/protocol.md 37)."""

    type: ClassVar[Literal["conversation.item.input_audio_transcription.delta"]] = (
        "conversation.item.input_audio_transcription.delta"
    )
    item_id: str
    content_index: _Index | None = 0
    delta: str | None = None
    logprobs: list[LogProb] | None = None


class ConversationItemInputAudioTranscriptionCompleted(
    _ServerEvent, kw_only=True, tag="conversation.item.input_audio_transcription.completed"
):
    """The user's whole transcript; replaces the deltas."""

    type: ClassVar[Literal["conversation.item.input_audio_transcription.completed"]] = (
        "conversation.item.input_audio_transcription.completed"
    )
    item_id: str
    content_index: _Index = 0
    transcript: str = ""
    usage: TranscriptionUsage | None = None
    languages: list[Language] | None = None
    logprobs: list[LogProb] | None = None


class ConversationItemInputAudioTranscriptionSegment(
    _ServerEvent, kw_only=True, tag="conversation.item.input_audio_transcription.segment"
):
    """A segment of a transcript with speaker labels; `start` and `end` in seconds."""

    type: ClassVar[Literal["conversation.item.input_audio_transcription.segment"]] = (
        "conversation.item.input_audio_transcription.segment"
    )
    id: str = ""
    item_id: str
    content_index: _Index = 0
    text: str = ""
    speaker: str = ""
    start: float = 0.0
    end: float = 0.0


class ConversationItemInputAudioTranscriptionFailed(
    _ServerEvent, kw_only=True, tag="conversation.item.input_audio_transcription.failed"
):
    """The transcription of one user item failed; the conversation goes on."""

    type: ClassVar[Literal["conversation.item.input_audio_transcription.failed"]] = (
        "conversation.item.input_audio_transcription.failed"
    )
    item_id: str
    content_index: _Index = 0
    error: TranscriptionError


class InputAudioBufferSpeechStarted(_ServerEvent, kw_only=True, tag="input_audio_buffer.speech_started"):
    """Speech began. `item_id` announces the user item; the time counts from the session's first sample.

    See docs/protocol.md 16.
    """

    type: ClassVar[Literal["input_audio_buffer.speech_started"]] = "input_audio_buffer.speech_started"
    audio_start_ms: int = 0
    item_id: str


class InputAudioBufferSpeechStopped(_ServerEvent, kw_only=True, tag="input_audio_buffer.speech_stopped"):
    """Speech ended. Not sent if the client commits during speech (docs/protocol.md 17)."""

    type: ClassVar[Literal["input_audio_buffer.speech_stopped"]] = "input_audio_buffer.speech_stopped"
    audio_end_ms: int = 0
    item_id: str


class InputAudioBufferCommitted(_ServerEvent, kw_only=True, tag="input_audio_buffer.committed"):
    """The input buffer became the user item `item_id`."""

    type: ClassVar[Literal["input_audio_buffer.committed"]] = "input_audio_buffer.committed"
    item_id: str
    previous_item_id: str | None = None


class InputAudioBufferCleared(_ServerEvent, kw_only=True, tag="input_audio_buffer.cleared"):
    """The input buffer is empty."""

    type: ClassVar[Literal["input_audio_buffer.cleared"]] = "input_audio_buffer.cleared"


class InputAudioBufferTimeoutTriggered(_ServerEvent, kw_only=True, tag="input_audio_buffer.timeout_triggered"):
    """The user was silent for `idle_timeout_ms`: the server commits empty audio and responds (docs/protocol.md 18)."""

    type: ClassVar[Literal["input_audio_buffer.timeout_triggered"]] = "input_audio_buffer.timeout_triggered"
    item_id: str
    audio_start_ms: int = 0
    audio_end_ms: int = 0


class InputAudioBufferDtmfEventReceived(_ServerEvent, kw_only=True, tag="input_audio_buffer.dtmf_event_received"):
    """A telephone key was pressed (SIP). The only event without `event_id`."""

    type: ClassVar[Literal["input_audio_buffer.dtmf_event_received"]] = "input_audio_buffer.dtmf_event_received"
    event: str = ""
    received_at: int = 0


class OutputAudioBufferStarted(_ServerEvent, kw_only=True, tag="output_audio_buffer.started"):
    """The server began to play a response (WebRTC and SIP)."""

    type: ClassVar[Literal["output_audio_buffer.started"]] = "output_audio_buffer.started"
    response_id: str = ""


class OutputAudioBufferStopped(_ServerEvent, kw_only=True, tag="output_audio_buffer.stopped"):
    """The server played a response to its end (WebRTC and SIP)."""

    type: ClassVar[Literal["output_audio_buffer.stopped"]] = "output_audio_buffer.stopped"
    response_id: str = ""


class OutputAudioBufferCleared(_ServerEvent, kw_only=True, tag="output_audio_buffer.cleared"):
    """The server stopped playing a response (WebRTC and SIP)."""

    type: ClassVar[Literal["output_audio_buffer.cleared"]] = "output_audio_buffer.cleared"
    response_id: str = ""


class ResponseCreated(_ServerEvent, kw_only=True, tag="response.created"):
    """A response began."""

    type: ClassVar[Literal["response.created"]] = "response.created"
    response: Response


class ResponseDone(_ServerEvent, kw_only=True, tag="response.done"):
    """A response ended: completed, cancelled, failed or incomplete. Always sent (docs/protocol.md 23)."""

    type: ClassVar[Literal["response.done"]] = "response.done"
    response: Response


class ResponseOutputItemAdded(_ServerEvent, kw_only=True, tag="response.output_item.added"):
    """A response has a new item."""

    type: ClassVar[Literal["response.output_item.added"]] = "response.output_item.added"
    response_id: str = ""
    output_index: _Index = 0
    item: Item


class ResponseOutputItemDone(_ServerEvent, kw_only=True, tag="response.output_item.done"):
    """An item of a response is complete."""

    type: ClassVar[Literal["response.output_item.done"]] = "response.output_item.done"
    response_id: str = ""
    output_index: _Index = 0
    item: Item


class ResponseContentPartAdded(_ServerEvent, kw_only=True, tag="response.content_part.added"):
    """An item has a new content part."""

    type: ClassVar[Literal["response.content_part.added"]] = "response.content_part.added"
    response_id: str = ""
    item_id: str
    output_index: _Index = 0
    content_index: _Index = 0
    part: Part


class ResponseContentPartDone(_ServerEvent, kw_only=True, tag="response.content_part.done"):
    """A content part is complete."""

    type: ClassVar[Literal["response.content_part.done"]] = "response.content_part.done"
    response_id: str = ""
    item_id: str
    output_index: _Index = 0
    content_index: _Index = 0
    part: Part


class ResponseOutputTextDelta(_ServerEvent, kw_only=True, tag="response.output_text.delta"):
    """A piece of text."""

    type: ClassVar[Literal["response.output_text.delta"]] = "response.output_text.delta"
    response_id: str = ""
    item_id: str
    output_index: _Index = 0
    content_index: _Index = 0
    delta: str = ""


class ResponseOutputTextDone(_ServerEvent, kw_only=True, tag="response.output_text.done"):
    """The whole text; replaces the deltas (docs/protocol.md 24)."""

    type: ClassVar[Literal["response.output_text.done"]] = "response.output_text.done"
    response_id: str = ""
    item_id: str
    output_index: _Index = 0
    content_index: _Index = 0
    text: str = ""


class ResponseOutputAudioTranscriptDelta(_ServerEvent, kw_only=True, tag="response.output_audio_transcript.delta"):
    """A piece of the transcript of the assistant's audio."""

    type: ClassVar[Literal["response.output_audio_transcript.delta"]] = "response.output_audio_transcript.delta"
    response_id: str = ""
    item_id: str
    output_index: _Index = 0
    content_index: _Index = 0
    delta: str = ""


class ResponseOutputAudioTranscriptDone(_ServerEvent, kw_only=True, tag="response.output_audio_transcript.done"):
    """The whole transcript of the assistant's audio; replaces the deltas."""

    type: ClassVar[Literal["response.output_audio_transcript.done"]] = "response.output_audio_transcript.done"
    response_id: str = ""
    item_id: str
    output_index: _Index = 0
    content_index: _Index = 0
    transcript: str = ""


_URL_SAFE = str.maketrans("-_", "+/", "=\n\r\t ")


def _other_base64(text: str) -> bytes:
    """Base64 that is url-safe, wrapped or without padding. Raises `ValueError` for what is none of these."""
    bare = text.rpartition(",")[2].translate(_URL_SAFE)  # some servers send a data URI
    return pybase64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)


class ResponseOutputAudioDelta(_ServerEvent, kw_only=True, tag="response.output_audio.delta"):
    """A piece of audio, as base64."""

    type: ClassVar[Literal["response.output_audio.delta"]] = "response.output_audio.delta"
    response_id: str = ""
    item_id: str
    output_index: _Index = 0
    content_index: _Index = 0
    delta: str  # without a default: what has none may have its sound under another name (`beta`)
    sample_rate_hz: int | UnsetType | None = (
        UNSET  # of some servers, and of the translation API; the session's format else
    )

    @property
    def audio(self) -> bytes:
        """The audio: PCM16 little-endian mono at the session's output rate.

        Raises:
            ValueError: `delta` is not base64.
        """
        try:
            return pybase64.b64decode(self.delta, validate=True)
        except ValueError:
            return _other_base64(self.delta)


class ResponseOutputAudioDone(_ServerEvent, kw_only=True, tag="response.output_audio.done"):
    """All audio of a part was sent; playback may end much later (docs/protocol.md 24)."""

    type: ClassVar[Literal["response.output_audio.done"]] = "response.output_audio.done"
    response_id: str = ""
    item_id: str
    output_index: _Index = 0
    content_index: _Index = 0


class ResponseFunctionCallArgumentsDelta(_ServerEvent, kw_only=True, tag="response.function_call_arguments.delta"):
    """A piece of the JSON of a call's arguments."""

    type: ClassVar[Literal["response.function_call_arguments.delta"]] = "response.function_call_arguments.delta"
    response_id: str = ""
    item_id: str
    output_index: _Index = 0
    call_id: str = ""
    delta: str = ""


class ResponseFunctionCallArgumentsDone(_ServerEvent, kw_only=True, tag="response.function_call_arguments.done"):
    """The whole arguments of a call; run it only if its item is `completed` (docs/protocol.md 26)."""

    type: ClassVar[Literal["response.function_call_arguments.done"]] = "response.function_call_arguments.done"
    response_id: str = ""
    item_id: str
    output_index: _Index = 0
    call_id: str = ""
    name: str = ""
    arguments: str = ""


class ResponseMcpCallArgumentsDelta(_ServerEvent, kw_only=True, tag="response.mcp_call_arguments.delta"):
    """A piece of the JSON of an MCP call's arguments."""

    type: ClassVar[Literal["response.mcp_call_arguments.delta"]] = "response.mcp_call_arguments.delta"
    response_id: str = ""
    item_id: str
    output_index: _Index = 0
    delta: str = ""
    obfuscation: str | None = None


class ResponseMcpCallArgumentsDone(_ServerEvent, kw_only=True, tag="response.mcp_call_arguments.done"):
    """The whole arguments of an MCP call."""

    type: ClassVar[Literal["response.mcp_call_arguments.done"]] = "response.mcp_call_arguments.done"
    response_id: str = ""
    item_id: str
    output_index: _Index = 0
    arguments: str = ""


class ResponseMcpCallInProgress(_ServerEvent, kw_only=True, tag="response.mcp_call.in_progress"):
    """An MCP call runs."""

    type: ClassVar[Literal["response.mcp_call.in_progress"]] = "response.mcp_call.in_progress"
    item_id: str
    output_index: _Index = 0


class ResponseMcpCallCompleted(_ServerEvent, kw_only=True, tag="response.mcp_call.completed"):
    """An MCP call succeeded."""

    type: ClassVar[Literal["response.mcp_call.completed"]] = "response.mcp_call.completed"
    item_id: str
    output_index: _Index = 0


class ResponseMcpCallFailed(_ServerEvent, kw_only=True, tag="response.mcp_call.failed"):
    """An MCP call failed."""

    type: ClassVar[Literal["response.mcp_call.failed"]] = "response.mcp_call.failed"
    item_id: str
    output_index: _Index = 0


class McpListToolsInProgress(_ServerEvent, kw_only=True, tag="mcp_list_tools.in_progress"):
    """The service is listing the tools of an MCP server."""

    type: ClassVar[Literal["mcp_list_tools.in_progress"]] = "mcp_list_tools.in_progress"
    item_id: str


class McpListToolsCompleted(_ServerEvent, kw_only=True, tag="mcp_list_tools.completed"):
    """The service has the list of an MCP server's tools."""

    type: ClassVar[Literal["mcp_list_tools.completed"]] = "mcp_list_tools.completed"
    item_id: str


class McpListToolsFailed(_ServerEvent, kw_only=True, tag="mcp_list_tools.failed"):
    """The service could not list the tools of an MCP server; the others still work (docs/protocol.md 29)."""

    type: ClassVar[Literal["mcp_list_tools.failed"]] = "mcp_list_tools.failed"
    item_id: str


class RateLimitsUpdated(_ServerEvent, kw_only=True, tag="rate_limits.updated"):
    """The remaining rate limits, at the start of a response with its output tokens reserved."""

    type: ClassVar[Literal["rate_limits.updated"]] = "rate_limits.updated"
    rate_limits: list[RateLimit]


class ErrorEvent(_ServerEvent, kw_only=True, tag="error"):
    """The server refused an event or failed; the session usually stays open (docs/protocol.md 40)."""

    type: ClassVar[Literal["error"]] = "error"
    error: ErrorDetail


ServerEvent = (
    SessionCreated
    | SessionUpdated
    | ConversationCreated
    | ConversationItemAdded
    | ConversationItemDone
    | ConversationItemCreated
    | ConversationItemRetrieved
    | ConversationItemTruncated
    | ConversationItemDeleted
    | ConversationItemInputAudioTranscriptionDelta
    | ConversationItemInputAudioTranscriptionCompleted
    | ConversationItemInputAudioTranscriptionSegment
    | ConversationItemInputAudioTranscriptionFailed
    | InputAudioBufferSpeechStarted
    | InputAudioBufferSpeechStopped
    | InputAudioBufferCommitted
    | InputAudioBufferCleared
    | InputAudioBufferTimeoutTriggered
    | InputAudioBufferDtmfEventReceived
    | OutputAudioBufferStarted
    | OutputAudioBufferStopped
    | OutputAudioBufferCleared
    | ResponseCreated
    | ResponseDone
    | ResponseOutputItemAdded
    | ResponseOutputItemDone
    | ResponseContentPartAdded
    | ResponseContentPartDone
    | ResponseOutputTextDelta
    | ResponseOutputTextDone
    | ResponseOutputAudioTranscriptDelta
    | ResponseOutputAudioTranscriptDone
    | ResponseOutputAudioDelta
    | ResponseOutputAudioDone
    | ResponseFunctionCallArgumentsDelta
    | ResponseFunctionCallArgumentsDone
    | ResponseMcpCallArgumentsDelta
    | ResponseMcpCallArgumentsDone
    | ResponseMcpCallInProgress
    | ResponseMcpCallCompleted
    | ResponseMcpCallFailed
    | McpListToolsInProgress
    | McpListToolsCompleted
    | McpListToolsFailed
    | RateLimitsUpdated
    | ErrorEvent
)


class UnknownEvent(msgspec.Struct, kw_only=True):
    """An event of a type that this version does not support, delivered as it came (docs/protocol.md 4).

    Attributes:
        type: the event's type.
        raw: the whole event.
        event_id: the event's id, or an empty string.
    """

    type: str
    raw: dict[str, Any]
    event_id: str = ""


if TYPE_CHECKING:

    class EventOfUnknownType(UnknownEvent):
        """An `UnknownEvent` for type checkers: its `type` equals no other's, so that comparing `type` excludes it."""

        type: Literal["a type that this version does not know"]

    AnyServerEvent: TypeAlias = ServerEvent | EventOfUnknownType
else:
    AnyServerEvent = ServerEvent | UnknownEvent
"""An event that a connection delivers. Type checkers narrow it by `event.type == "..."`."""
