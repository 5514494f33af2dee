"""The 46 events that a server sends, and the one that stands for all that we do not know.

Owns their shape. Must not know sockets or turns. Source: the public Realtime API description.

Only what no reader can do without is required, and strings are not narrowed to today's values: a server that is newer
or older than we are must not cost a conversation.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec
import pybase64

from realtime_nb.wire.realtime.items import Item
from realtime_nb.wire.realtime.response import ErrorDetail, RateLimit, Response
from realtime_nb.wire.realtime.session import AnySessionConfig

__all__ = [
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


class _ServerEvent(msgspec.Struct, repr_omit_defaults=True, tag_field="type", kw_only=True):
    event_id: str = ""


class ConversationInfo(msgspec.Struct, kw_only=True):
    """A conversation's name."""

    id: str | None = None
    object: str | None = "realtime.conversation"


class LogProb(msgspec.Struct, kw_only=True):
    """How sure the transcription is of a token."""

    token: str = ""
    bytes: list[int] | None = None
    logprob: float = 0.0


class Language(msgspec.Struct, kw_only=True):
    """A language that was heard."""

    code: str = ""


class _AudioTextTokens(msgspec.Struct, kw_only=True):
    audio_tokens: int | None = None
    text_tokens: int | None = None


class TokenUsage(msgspec.Struct, tag_field="type", tag="tokens", kw_only=True):
    """Transcription billed by tokens."""

    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    input_token_details: _AudioTextTokens | None = None


class DurationUsage(msgspec.Struct, tag_field="type", tag="duration", kw_only=True):
    """Transcription billed by time."""

    seconds: float = 0.0


TranscriptionUsage = TokenUsage | DurationUsage


class TranscriptionError(msgspec.Struct, kw_only=True):
    """Why words could not be transcribed."""

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
    """The first event: the session and its defaults."""

    type: ClassVar[Literal["session.created"]] = "session.created"
    session: AnySessionConfig


class SessionUpdated(_ServerEvent, kw_only=True, tag="session.updated"):
    """The whole configuration, as it is now."""

    type: ClassVar[Literal["session.updated"]] = "session.updated"
    session: AnySessionConfig


class ConversationCreated(_ServerEvent, kw_only=True, tag="conversation.created"):
    """A conversation began."""

    type: ClassVar[Literal["conversation.created"]] = "conversation.created"
    conversation: ConversationInfo


class ConversationItemAdded(_ServerEvent, kw_only=True, tag="conversation.item.added"):
    """An item stands in the conversation; its content may still grow."""

    type: ClassVar[Literal["conversation.item.added"]] = "conversation.item.added"
    item: Item
    previous_item_id: str | None = None


class ConversationItemDone(_ServerEvent, kw_only=True, tag="conversation.item.done"):
    """An item is complete. It carries no sound."""

    type: ClassVar[Literal["conversation.item.done"]] = "conversation.item.done"
    item: Item
    previous_item_id: str | None = None


class ConversationItemCreated(_ServerEvent, kw_only=True, tag="conversation.item.created"):
    """The older twin of `added`."""

    type: ClassVar[Literal["conversation.item.created"]] = "conversation.item.created"
    item: Item
    previous_item_id: str | None = None


class ConversationItemRetrieved(_ServerEvent, kw_only=True, tag="conversation.item.retrieved"):
    """An item that was asked for."""

    type: ClassVar[Literal["conversation.item.retrieved"]] = "conversation.item.retrieved"
    item: Item


class ConversationItemTruncated(_ServerEvent, kw_only=True, tag="conversation.item.truncated"):
    """An assistant's sound was cut; the server forgot its transcript."""

    type: ClassVar[Literal["conversation.item.truncated"]] = "conversation.item.truncated"
    item_id: str
    content_index: int = 0
    audio_end_ms: int = 0


class ConversationItemDeleted(_ServerEvent, kw_only=True, tag="conversation.item.deleted"):
    """An item is gone."""

    type: ClassVar[Literal["conversation.item.deleted"]] = "conversation.item.deleted"
    item_id: str


class ConversationItemInputAudioTranscriptionDelta(
    _ServerEvent, kw_only=True, tag="conversation.item.input_audio_transcription.delta"
):
    """More of what the user was heard to say."""

    type: ClassVar[Literal["conversation.item.input_audio_transcription.delta"]] = (
        "conversation.item.input_audio_transcription.delta"
    )
    item_id: str
    content_index: int | None = 0
    delta: str | None = None
    logprobs: list[LogProb] | None = None


class ConversationItemInputAudioTranscriptionCompleted(
    _ServerEvent, kw_only=True, tag="conversation.item.input_audio_transcription.completed"
):
    """What the user was heard to say."""

    type: ClassVar[Literal["conversation.item.input_audio_transcription.completed"]] = (
        "conversation.item.input_audio_transcription.completed"
    )
    item_id: str
    content_index: int = 0
    transcript: str = ""
    usage: TranscriptionUsage | None = None
    languages: list[Language] | None = None
    logprobs: list[LogProb] | None = None


class ConversationItemInputAudioTranscriptionSegment(
    _ServerEvent, kw_only=True, tag="conversation.item.input_audio_transcription.segment"
):
    """A piece of a diarised transcript; `start` and `end` in seconds."""

    type: ClassVar[Literal["conversation.item.input_audio_transcription.segment"]] = (
        "conversation.item.input_audio_transcription.segment"
    )
    id: str = ""
    item_id: str
    content_index: int = 0
    text: str = ""
    speaker: str = ""
    start: float = 0.0
    end: float = 0.0


class ConversationItemInputAudioTranscriptionFailed(
    _ServerEvent, kw_only=True, tag="conversation.item.input_audio_transcription.failed"
):
    """The user's words could not be transcribed; the conversation goes on."""

    type: ClassVar[Literal["conversation.item.input_audio_transcription.failed"]] = (
        "conversation.item.input_audio_transcription.failed"
    )
    item_id: str
    content_index: int = 0
    error: TranscriptionError


class InputAudioBufferSpeechStarted(_ServerEvent, kw_only=True, tag="input_audio_buffer.speech_started"):
    """Speech began; `item_id` is the user item to come, `audio_start_ms` counts from the session's first sample."""

    type: ClassVar[Literal["input_audio_buffer.speech_started"]] = "input_audio_buffer.speech_started"
    audio_start_ms: int = 0
    item_id: str


class InputAudioBufferSpeechStopped(_ServerEvent, kw_only=True, tag="input_audio_buffer.speech_stopped"):
    """Speech ended."""

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
    """Nobody spoke for `idle_timeout_ms`."""

    type: ClassVar[Literal["input_audio_buffer.timeout_triggered"]] = "input_audio_buffer.timeout_triggered"
    item_id: str
    audio_start_ms: int = 0
    audio_end_ms: int = 0


class InputAudioBufferDtmfEventReceived(_ServerEvent, kw_only=True, tag="input_audio_buffer.dtmf_event_received"):
    """A telephone key (SIP)."""

    type: ClassVar[Literal["input_audio_buffer.dtmf_event_received"]] = "input_audio_buffer.dtmf_event_received"
    event: str = ""
    received_at: int = 0


class OutputAudioBufferStarted(_ServerEvent, kw_only=True, tag="output_audio_buffer.started"):
    """The server began to play (WebRTC and SIP)."""

    type: ClassVar[Literal["output_audio_buffer.started"]] = "output_audio_buffer.started"
    response_id: str = ""


class OutputAudioBufferStopped(_ServerEvent, kw_only=True, tag="output_audio_buffer.stopped"):
    """The server played all (WebRTC and SIP)."""

    type: ClassVar[Literal["output_audio_buffer.stopped"]] = "output_audio_buffer.stopped"
    response_id: str = ""


class OutputAudioBufferCleared(_ServerEvent, kw_only=True, tag="output_audio_buffer.cleared"):
    """The server's output was cut (WebRTC and SIP)."""

    type: ClassVar[Literal["output_audio_buffer.cleared"]] = "output_audio_buffer.cleared"
    response_id: str = ""


class ResponseCreated(_ServerEvent, kw_only=True, tag="response.created"):
    """A response began."""

    type: ClassVar[Literal["response.created"]] = "response.created"
    response: Response


class ResponseDone(_ServerEvent, kw_only=True, tag="response.done"):
    """A response ended, however it ended."""

    type: ClassVar[Literal["response.done"]] = "response.done"
    response: Response


class ResponseOutputItemAdded(_ServerEvent, kw_only=True, tag="response.output_item.added"):
    """A response has a new item."""

    type: ClassVar[Literal["response.output_item.added"]] = "response.output_item.added"
    response_id: str = ""
    output_index: int = 0
    item: Item


class ResponseOutputItemDone(_ServerEvent, kw_only=True, tag="response.output_item.done"):
    """An item of a response is complete."""

    type: ClassVar[Literal["response.output_item.done"]] = "response.output_item.done"
    response_id: str = ""
    output_index: int = 0
    item: Item


class ResponseContentPartAdded(_ServerEvent, kw_only=True, tag="response.content_part.added"):
    """An item has a new part."""

    type: ClassVar[Literal["response.content_part.added"]] = "response.content_part.added"
    response_id: str = ""
    item_id: str
    output_index: int = 0
    content_index: int = 0
    part: Part


class ResponseContentPartDone(_ServerEvent, kw_only=True, tag="response.content_part.done"):
    """A part is complete."""

    type: ClassVar[Literal["response.content_part.done"]] = "response.content_part.done"
    response_id: str = ""
    item_id: str
    output_index: int = 0
    content_index: int = 0
    part: Part


class ResponseOutputTextDelta(_ServerEvent, kw_only=True, tag="response.output_text.delta", gc=False):
    """More text."""

    type: ClassVar[Literal["response.output_text.delta"]] = "response.output_text.delta"
    response_id: str = ""
    item_id: str
    output_index: int = 0
    content_index: int = 0
    delta: str = ""


class ResponseOutputTextDone(_ServerEvent, kw_only=True, tag="response.output_text.done"):
    """The whole text; replaces the deltas."""

    type: ClassVar[Literal["response.output_text.done"]] = "response.output_text.done"
    response_id: str = ""
    item_id: str
    output_index: int = 0
    content_index: int = 0
    text: str = ""


class ResponseOutputAudioTranscriptDelta(
    _ServerEvent, kw_only=True, tag="response.output_audio_transcript.delta", gc=False
):
    """More of what the assistant says."""

    type: ClassVar[Literal["response.output_audio_transcript.delta"]] = "response.output_audio_transcript.delta"
    response_id: str = ""
    item_id: str
    output_index: int = 0
    content_index: int = 0
    delta: str = ""


class ResponseOutputAudioTranscriptDone(_ServerEvent, kw_only=True, tag="response.output_audio_transcript.done"):
    """All that the assistant says; replaces the deltas."""

    type: ClassVar[Literal["response.output_audio_transcript.done"]] = "response.output_audio_transcript.done"
    response_id: str = ""
    item_id: str
    output_index: int = 0
    content_index: int = 0
    transcript: str = ""


class ResponseOutputAudioDelta(_ServerEvent, kw_only=True, tag="response.output_audio.delta", gc=False):
    """More sound, base64."""

    type: ClassVar[Literal["response.output_audio.delta"]] = "response.output_audio.delta"
    response_id: str = ""
    item_id: str
    output_index: int = 0
    content_index: int = 0
    delta: str = ""

    @property
    def audio(self) -> bytes:
        """The sound: PCM16 little-endian mono at the session's output rate.

        Raises:
            ValueError: `delta` is not base64.
        """
        return pybase64.b64decode(self.delta, validate=True)


class ResponseOutputAudioDone(_ServerEvent, kw_only=True, tag="response.output_audio.done"):
    """All sound was sent, which is not yet all played."""

    type: ClassVar[Literal["response.output_audio.done"]] = "response.output_audio.done"
    response_id: str = ""
    item_id: str
    output_index: int = 0
    content_index: int = 0


class ResponseFunctionCallArgumentsDelta(
    _ServerEvent, kw_only=True, tag="response.function_call_arguments.delta", gc=False
):
    """More JSON of a call's arguments."""

    type: ClassVar[Literal["response.function_call_arguments.delta"]] = "response.function_call_arguments.delta"
    response_id: str = ""
    item_id: str
    output_index: int = 0
    call_id: str = ""
    delta: str = ""


class ResponseFunctionCallArgumentsDone(_ServerEvent, kw_only=True, tag="response.function_call_arguments.done"):
    """A call's arguments are complete."""

    type: ClassVar[Literal["response.function_call_arguments.done"]] = "response.function_call_arguments.done"
    response_id: str = ""
    item_id: str
    output_index: int = 0
    call_id: str = ""
    name: str = ""
    arguments: str = ""


class ResponseMcpCallArgumentsDelta(_ServerEvent, kw_only=True, tag="response.mcp_call_arguments.delta"):
    """More JSON of an MCP call's arguments."""

    type: ClassVar[Literal["response.mcp_call_arguments.delta"]] = "response.mcp_call_arguments.delta"
    response_id: str = ""
    item_id: str
    output_index: int = 0
    delta: str = ""
    obfuscation: str | None = None


class ResponseMcpCallArgumentsDone(_ServerEvent, kw_only=True, tag="response.mcp_call_arguments.done"):
    """An MCP call's arguments are complete."""

    type: ClassVar[Literal["response.mcp_call_arguments.done"]] = "response.mcp_call_arguments.done"
    response_id: str = ""
    item_id: str
    output_index: int = 0
    arguments: str = ""


class ResponseMcpCallInProgress(_ServerEvent, kw_only=True, tag="response.mcp_call.in_progress"):
    """An MCP call runs."""

    type: ClassVar[Literal["response.mcp_call.in_progress"]] = "response.mcp_call.in_progress"
    item_id: str
    output_index: int = 0


class ResponseMcpCallCompleted(_ServerEvent, kw_only=True, tag="response.mcp_call.completed"):
    """An MCP call succeeded."""

    type: ClassVar[Literal["response.mcp_call.completed"]] = "response.mcp_call.completed"
    item_id: str
    output_index: int = 0


class ResponseMcpCallFailed(_ServerEvent, kw_only=True, tag="response.mcp_call.failed"):
    """An MCP call failed."""

    type: ClassVar[Literal["response.mcp_call.failed"]] = "response.mcp_call.failed"
    item_id: str
    output_index: int = 0


class McpListToolsInProgress(_ServerEvent, kw_only=True, tag="mcp_list_tools.in_progress"):
    """An MCP server is asked for its tools."""

    type: ClassVar[Literal["mcp_list_tools.in_progress"]] = "mcp_list_tools.in_progress"
    item_id: str


class McpListToolsCompleted(_ServerEvent, kw_only=True, tag="mcp_list_tools.completed"):
    """An MCP server's tools are known."""

    type: ClassVar[Literal["mcp_list_tools.completed"]] = "mcp_list_tools.completed"
    item_id: str


class McpListToolsFailed(_ServerEvent, kw_only=True, tag="mcp_list_tools.failed"):
    """An MCP server did not tell its tools."""

    type: ClassVar[Literal["mcp_list_tools.failed"]] = "mcp_list_tools.failed"
    item_id: str


class RateLimitsUpdated(_ServerEvent, kw_only=True, tag="rate_limits.updated"):
    """What is left of the rate limits."""

    type: ClassVar[Literal["rate_limits.updated"]] = "rate_limits.updated"
    rate_limits: list[RateLimit]


class ErrorEvent(_ServerEvent, kw_only=True, tag="error"):
    """Something was refused or went wrong; most sessions stay open."""

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
    """An event that this version does not know, delivered as it came.

    Attributes:
        type: its type.
        raw: the whole event.
        event_id: its id, or empty.
    """

    type: str
    raw: dict[str, Any]
    event_id: str = ""
