"""The class of each event by its name, for type checkers: `conn.on("response.done", ...)`, `conn.wait_for(...)`.

Owns an overload for each event of the wire and of a connection. Must not be imported at run time. An event of any other
name arrives as `UnknownEvent`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol, TypeVar, overload

from realtime_nb.client.reconnect.policy import Reconnected, Reconnecting
from realtime_nb.client.transport.close import CloseEvent
from realtime_nb.client.turns.mcp_approvals import McpApprovalRequest
from realtime_nb.wire.realtime import (
    AnyServerEvent,
    ConversationCreated,
    ConversationItemAdded,
    ConversationItemCreated,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    ConversationItemInputAudioTranscriptionSegment,
    ConversationItemRetrieved,
    ConversationItemTruncated,
    ErrorEvent,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    InputAudioBufferDtmfEventReceived,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputAudioBufferTimeoutTriggered,
    McpListToolsCompleted,
    McpListToolsFailed,
    McpListToolsInProgress,
    OutputAudioBufferCleared,
    OutputAudioBufferStarted,
    OutputAudioBufferStopped,
    RateLimitsUpdated,
    ResponseContentPartAdded,
    ResponseContentPartDone,
    ResponseCreated,
    ResponseDone,
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseMcpCallArgumentsDelta,
    ResponseMcpCallArgumentsDone,
    ResponseMcpCallCompleted,
    ResponseMcpCallFailed,
    ResponseMcpCallInProgress,
    ResponseOutputAudioDelta,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputAudioTranscriptDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ResponseOutputTextDelta,
    ResponseOutputTextDone,
    SessionCreated,
    SessionUpdated,
    UnknownEvent,
)

_Event = TypeVar("_Event")
_R = TypeVar("_R")


class Decorator(Protocol[_Event]):
    """Registers the function that it decorates, and returns it."""

    def __call__(self, handler: Callable[[_Event], _R], /) -> Callable[[_Event], _R]:
        """Register `handler`."""


class On(Protocol):
    """The types of `on` and `once`."""

    @overload
    def __call__(self, kind: Literal["session.created"]) -> Decorator[SessionCreated]: ...
    @overload
    def __call__(
        self, kind: Literal["session.created"], handler: Callable[[SessionCreated], _R]
    ) -> Callable[[SessionCreated], _R]: ...
    @overload
    def __call__(self, kind: Literal["session.updated"]) -> Decorator[SessionUpdated]: ...
    @overload
    def __call__(
        self, kind: Literal["session.updated"], handler: Callable[[SessionUpdated], _R]
    ) -> Callable[[SessionUpdated], _R]: ...
    @overload
    def __call__(self, kind: Literal["conversation.created"]) -> Decorator[ConversationCreated]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.created"], handler: Callable[[ConversationCreated], _R]
    ) -> Callable[[ConversationCreated], _R]: ...
    @overload
    def __call__(self, kind: Literal["conversation.item.added"]) -> Decorator[ConversationItemAdded]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.added"], handler: Callable[[ConversationItemAdded], _R]
    ) -> Callable[[ConversationItemAdded], _R]: ...
    @overload
    def __call__(self, kind: Literal["conversation.item.done"]) -> Decorator[ConversationItemDone]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.done"], handler: Callable[[ConversationItemDone], _R]
    ) -> Callable[[ConversationItemDone], _R]: ...
    @overload
    def __call__(self, kind: Literal["conversation.item.created"]) -> Decorator[ConversationItemCreated]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.created"], handler: Callable[[ConversationItemCreated], _R]
    ) -> Callable[[ConversationItemCreated], _R]: ...
    @overload
    def __call__(self, kind: Literal["conversation.item.retrieved"]) -> Decorator[ConversationItemRetrieved]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.retrieved"], handler: Callable[[ConversationItemRetrieved], _R]
    ) -> Callable[[ConversationItemRetrieved], _R]: ...
    @overload
    def __call__(self, kind: Literal["conversation.item.truncated"]) -> Decorator[ConversationItemTruncated]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.truncated"], handler: Callable[[ConversationItemTruncated], _R]
    ) -> Callable[[ConversationItemTruncated], _R]: ...
    @overload
    def __call__(self, kind: Literal["conversation.item.deleted"]) -> Decorator[ConversationItemDeleted]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.deleted"], handler: Callable[[ConversationItemDeleted], _R]
    ) -> Callable[[ConversationItemDeleted], _R]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.input_audio_transcription.delta"]
    ) -> Decorator[ConversationItemInputAudioTranscriptionDelta]: ...
    @overload
    def __call__(
        self,
        kind: Literal["conversation.item.input_audio_transcription.delta"],
        handler: Callable[[ConversationItemInputAudioTranscriptionDelta], _R],
    ) -> Callable[[ConversationItemInputAudioTranscriptionDelta], _R]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.input_audio_transcription.completed"]
    ) -> Decorator[ConversationItemInputAudioTranscriptionCompleted]: ...
    @overload
    def __call__(
        self,
        kind: Literal["conversation.item.input_audio_transcription.completed"],
        handler: Callable[[ConversationItemInputAudioTranscriptionCompleted], _R],
    ) -> Callable[[ConversationItemInputAudioTranscriptionCompleted], _R]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.input_audio_transcription.segment"]
    ) -> Decorator[ConversationItemInputAudioTranscriptionSegment]: ...
    @overload
    def __call__(
        self,
        kind: Literal["conversation.item.input_audio_transcription.segment"],
        handler: Callable[[ConversationItemInputAudioTranscriptionSegment], _R],
    ) -> Callable[[ConversationItemInputAudioTranscriptionSegment], _R]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.input_audio_transcription.failed"]
    ) -> Decorator[ConversationItemInputAudioTranscriptionFailed]: ...
    @overload
    def __call__(
        self,
        kind: Literal["conversation.item.input_audio_transcription.failed"],
        handler: Callable[[ConversationItemInputAudioTranscriptionFailed], _R],
    ) -> Callable[[ConversationItemInputAudioTranscriptionFailed], _R]: ...
    @overload
    def __call__(
        self, kind: Literal["input_audio_buffer.speech_started"]
    ) -> Decorator[InputAudioBufferSpeechStarted]: ...
    @overload
    def __call__(
        self, kind: Literal["input_audio_buffer.speech_started"], handler: Callable[[InputAudioBufferSpeechStarted], _R]
    ) -> Callable[[InputAudioBufferSpeechStarted], _R]: ...
    @overload
    def __call__(
        self, kind: Literal["input_audio_buffer.speech_stopped"]
    ) -> Decorator[InputAudioBufferSpeechStopped]: ...
    @overload
    def __call__(
        self, kind: Literal["input_audio_buffer.speech_stopped"], handler: Callable[[InputAudioBufferSpeechStopped], _R]
    ) -> Callable[[InputAudioBufferSpeechStopped], _R]: ...
    @overload
    def __call__(self, kind: Literal["input_audio_buffer.committed"]) -> Decorator[InputAudioBufferCommitted]: ...
    @overload
    def __call__(
        self, kind: Literal["input_audio_buffer.committed"], handler: Callable[[InputAudioBufferCommitted], _R]
    ) -> Callable[[InputAudioBufferCommitted], _R]: ...
    @overload
    def __call__(self, kind: Literal["input_audio_buffer.cleared"]) -> Decorator[InputAudioBufferCleared]: ...
    @overload
    def __call__(
        self, kind: Literal["input_audio_buffer.cleared"], handler: Callable[[InputAudioBufferCleared], _R]
    ) -> Callable[[InputAudioBufferCleared], _R]: ...
    @overload
    def __call__(
        self, kind: Literal["input_audio_buffer.timeout_triggered"]
    ) -> Decorator[InputAudioBufferTimeoutTriggered]: ...
    @overload
    def __call__(
        self,
        kind: Literal["input_audio_buffer.timeout_triggered"],
        handler: Callable[[InputAudioBufferTimeoutTriggered], _R],
    ) -> Callable[[InputAudioBufferTimeoutTriggered], _R]: ...
    @overload
    def __call__(
        self, kind: Literal["input_audio_buffer.dtmf_event_received"]
    ) -> Decorator[InputAudioBufferDtmfEventReceived]: ...
    @overload
    def __call__(
        self,
        kind: Literal["input_audio_buffer.dtmf_event_received"],
        handler: Callable[[InputAudioBufferDtmfEventReceived], _R],
    ) -> Callable[[InputAudioBufferDtmfEventReceived], _R]: ...
    @overload
    def __call__(self, kind: Literal["output_audio_buffer.started"]) -> Decorator[OutputAudioBufferStarted]: ...
    @overload
    def __call__(
        self, kind: Literal["output_audio_buffer.started"], handler: Callable[[OutputAudioBufferStarted], _R]
    ) -> Callable[[OutputAudioBufferStarted], _R]: ...
    @overload
    def __call__(self, kind: Literal["output_audio_buffer.stopped"]) -> Decorator[OutputAudioBufferStopped]: ...
    @overload
    def __call__(
        self, kind: Literal["output_audio_buffer.stopped"], handler: Callable[[OutputAudioBufferStopped], _R]
    ) -> Callable[[OutputAudioBufferStopped], _R]: ...
    @overload
    def __call__(self, kind: Literal["output_audio_buffer.cleared"]) -> Decorator[OutputAudioBufferCleared]: ...
    @overload
    def __call__(
        self, kind: Literal["output_audio_buffer.cleared"], handler: Callable[[OutputAudioBufferCleared], _R]
    ) -> Callable[[OutputAudioBufferCleared], _R]: ...
    @overload
    def __call__(self, kind: Literal["response.created"]) -> Decorator[ResponseCreated]: ...
    @overload
    def __call__(
        self, kind: Literal["response.created"], handler: Callable[[ResponseCreated], _R]
    ) -> Callable[[ResponseCreated], _R]: ...
    @overload
    def __call__(self, kind: Literal["response.done"]) -> Decorator[ResponseDone]: ...
    @overload
    def __call__(
        self, kind: Literal["response.done"], handler: Callable[[ResponseDone], _R]
    ) -> Callable[[ResponseDone], _R]: ...
    @overload
    def __call__(self, kind: Literal["response.output_item.added"]) -> Decorator[ResponseOutputItemAdded]: ...
    @overload
    def __call__(
        self, kind: Literal["response.output_item.added"], handler: Callable[[ResponseOutputItemAdded], _R]
    ) -> Callable[[ResponseOutputItemAdded], _R]: ...
    @overload
    def __call__(self, kind: Literal["response.output_item.done"]) -> Decorator[ResponseOutputItemDone]: ...
    @overload
    def __call__(
        self, kind: Literal["response.output_item.done"], handler: Callable[[ResponseOutputItemDone], _R]
    ) -> Callable[[ResponseOutputItemDone], _R]: ...
    @overload
    def __call__(self, kind: Literal["response.content_part.added"]) -> Decorator[ResponseContentPartAdded]: ...
    @overload
    def __call__(
        self, kind: Literal["response.content_part.added"], handler: Callable[[ResponseContentPartAdded], _R]
    ) -> Callable[[ResponseContentPartAdded], _R]: ...
    @overload
    def __call__(self, kind: Literal["response.content_part.done"]) -> Decorator[ResponseContentPartDone]: ...
    @overload
    def __call__(
        self, kind: Literal["response.content_part.done"], handler: Callable[[ResponseContentPartDone], _R]
    ) -> Callable[[ResponseContentPartDone], _R]: ...
    @overload
    def __call__(self, kind: Literal["response.output_text.delta"]) -> Decorator[ResponseOutputTextDelta]: ...
    @overload
    def __call__(
        self, kind: Literal["response.output_text.delta"], handler: Callable[[ResponseOutputTextDelta], _R]
    ) -> Callable[[ResponseOutputTextDelta], _R]: ...
    @overload
    def __call__(self, kind: Literal["response.output_text.done"]) -> Decorator[ResponseOutputTextDone]: ...
    @overload
    def __call__(
        self, kind: Literal["response.output_text.done"], handler: Callable[[ResponseOutputTextDone], _R]
    ) -> Callable[[ResponseOutputTextDone], _R]: ...
    @overload
    def __call__(
        self, kind: Literal["response.output_audio_transcript.delta"]
    ) -> Decorator[ResponseOutputAudioTranscriptDelta]: ...
    @overload
    def __call__(
        self,
        kind: Literal["response.output_audio_transcript.delta"],
        handler: Callable[[ResponseOutputAudioTranscriptDelta], _R],
    ) -> Callable[[ResponseOutputAudioTranscriptDelta], _R]: ...
    @overload
    def __call__(
        self, kind: Literal["response.output_audio_transcript.done"]
    ) -> Decorator[ResponseOutputAudioTranscriptDone]: ...
    @overload
    def __call__(
        self,
        kind: Literal["response.output_audio_transcript.done"],
        handler: Callable[[ResponseOutputAudioTranscriptDone], _R],
    ) -> Callable[[ResponseOutputAudioTranscriptDone], _R]: ...
    @overload
    def __call__(self, kind: Literal["response.output_audio.delta"]) -> Decorator[ResponseOutputAudioDelta]: ...
    @overload
    def __call__(
        self, kind: Literal["response.output_audio.delta"], handler: Callable[[ResponseOutputAudioDelta], _R]
    ) -> Callable[[ResponseOutputAudioDelta], _R]: ...
    @overload
    def __call__(self, kind: Literal["response.output_audio.done"]) -> Decorator[ResponseOutputAudioDone]: ...
    @overload
    def __call__(
        self, kind: Literal["response.output_audio.done"], handler: Callable[[ResponseOutputAudioDone], _R]
    ) -> Callable[[ResponseOutputAudioDone], _R]: ...
    @overload
    def __call__(
        self, kind: Literal["response.function_call_arguments.delta"]
    ) -> Decorator[ResponseFunctionCallArgumentsDelta]: ...
    @overload
    def __call__(
        self,
        kind: Literal["response.function_call_arguments.delta"],
        handler: Callable[[ResponseFunctionCallArgumentsDelta], _R],
    ) -> Callable[[ResponseFunctionCallArgumentsDelta], _R]: ...
    @overload
    def __call__(
        self, kind: Literal["response.function_call_arguments.done"]
    ) -> Decorator[ResponseFunctionCallArgumentsDone]: ...
    @overload
    def __call__(
        self,
        kind: Literal["response.function_call_arguments.done"],
        handler: Callable[[ResponseFunctionCallArgumentsDone], _R],
    ) -> Callable[[ResponseFunctionCallArgumentsDone], _R]: ...
    @overload
    def __call__(
        self, kind: Literal["response.mcp_call_arguments.delta"]
    ) -> Decorator[ResponseMcpCallArgumentsDelta]: ...
    @overload
    def __call__(
        self, kind: Literal["response.mcp_call_arguments.delta"], handler: Callable[[ResponseMcpCallArgumentsDelta], _R]
    ) -> Callable[[ResponseMcpCallArgumentsDelta], _R]: ...
    @overload
    def __call__(
        self, kind: Literal["response.mcp_call_arguments.done"]
    ) -> Decorator[ResponseMcpCallArgumentsDone]: ...
    @overload
    def __call__(
        self, kind: Literal["response.mcp_call_arguments.done"], handler: Callable[[ResponseMcpCallArgumentsDone], _R]
    ) -> Callable[[ResponseMcpCallArgumentsDone], _R]: ...
    @overload
    def __call__(self, kind: Literal["response.mcp_call.in_progress"]) -> Decorator[ResponseMcpCallInProgress]: ...
    @overload
    def __call__(
        self, kind: Literal["response.mcp_call.in_progress"], handler: Callable[[ResponseMcpCallInProgress], _R]
    ) -> Callable[[ResponseMcpCallInProgress], _R]: ...
    @overload
    def __call__(self, kind: Literal["response.mcp_call.completed"]) -> Decorator[ResponseMcpCallCompleted]: ...
    @overload
    def __call__(
        self, kind: Literal["response.mcp_call.completed"], handler: Callable[[ResponseMcpCallCompleted], _R]
    ) -> Callable[[ResponseMcpCallCompleted], _R]: ...
    @overload
    def __call__(self, kind: Literal["response.mcp_call.failed"]) -> Decorator[ResponseMcpCallFailed]: ...
    @overload
    def __call__(
        self, kind: Literal["response.mcp_call.failed"], handler: Callable[[ResponseMcpCallFailed], _R]
    ) -> Callable[[ResponseMcpCallFailed], _R]: ...
    @overload
    def __call__(self, kind: Literal["mcp_list_tools.in_progress"]) -> Decorator[McpListToolsInProgress]: ...
    @overload
    def __call__(
        self, kind: Literal["mcp_list_tools.in_progress"], handler: Callable[[McpListToolsInProgress], _R]
    ) -> Callable[[McpListToolsInProgress], _R]: ...
    @overload
    def __call__(self, kind: Literal["mcp_list_tools.completed"]) -> Decorator[McpListToolsCompleted]: ...
    @overload
    def __call__(
        self, kind: Literal["mcp_list_tools.completed"], handler: Callable[[McpListToolsCompleted], _R]
    ) -> Callable[[McpListToolsCompleted], _R]: ...
    @overload
    def __call__(self, kind: Literal["mcp_list_tools.failed"]) -> Decorator[McpListToolsFailed]: ...
    @overload
    def __call__(
        self, kind: Literal["mcp_list_tools.failed"], handler: Callable[[McpListToolsFailed], _R]
    ) -> Callable[[McpListToolsFailed], _R]: ...
    @overload
    def __call__(self, kind: Literal["rate_limits.updated"]) -> Decorator[RateLimitsUpdated]: ...
    @overload
    def __call__(
        self, kind: Literal["rate_limits.updated"], handler: Callable[[RateLimitsUpdated], _R]
    ) -> Callable[[RateLimitsUpdated], _R]: ...
    @overload
    def __call__(self, kind: Literal["error"]) -> Decorator[ErrorEvent]: ...
    @overload
    def __call__(self, kind: Literal["error"], handler: Callable[[ErrorEvent], _R]) -> Callable[[ErrorEvent], _R]: ...
    @overload
    def __call__(self, kind: Literal["event"]) -> Decorator[AnyServerEvent]: ...
    @overload
    def __call__(  # type: ignore[overload-overlap] # as of every name below `str`
        self, kind: Literal["event"], handler: Callable[[AnyServerEvent], _R]
    ) -> Callable[[AnyServerEvent], _R]: ...
    @overload
    def __call__(self, kind: Literal["close"]) -> Decorator[CloseEvent]: ...
    @overload
    def __call__(self, kind: Literal["close"], handler: Callable[[CloseEvent], _R]) -> Callable[[CloseEvent], _R]: ...
    @overload
    def __call__(self, kind: Literal["reconnecting"]) -> Decorator[Reconnecting]: ...
    @overload
    def __call__(
        self, kind: Literal["reconnecting"], handler: Callable[[Reconnecting], _R]
    ) -> Callable[[Reconnecting], _R]: ...
    @overload
    def __call__(self, kind: Literal["reconnected"]) -> Decorator[Reconnected]: ...
    @overload
    def __call__(
        self, kind: Literal["reconnected"], handler: Callable[[Reconnected], _R]
    ) -> Callable[[Reconnected], _R]: ...
    @overload
    def __call__(self, kind: Literal["mcp_approval_request"]) -> Decorator[McpApprovalRequest]: ...
    @overload
    def __call__(
        self, kind: Literal["mcp_approval_request"], handler: Callable[[McpApprovalRequest], _R]
    ) -> Callable[[McpApprovalRequest], _R]: ...
    @overload
    def __call__(self, kind: str) -> Decorator[Any]: ...
    @overload
    def __call__(self, kind: str, handler: Callable[[UnknownEvent], _R]) -> Callable[[UnknownEvent], _R]: ...


class WaitFor(Protocol):
    """The types of `wait_for`."""

    @overload
    def __call__(self, kind: Literal["session.created"], timeout: float | None = None) -> Awaitable[SessionCreated]: ...
    @overload
    def __call__(self, kind: Literal["session.updated"], timeout: float | None = None) -> Awaitable[SessionUpdated]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.created"], timeout: float | None = None
    ) -> Awaitable[ConversationCreated]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.added"], timeout: float | None = None
    ) -> Awaitable[ConversationItemAdded]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.done"], timeout: float | None = None
    ) -> Awaitable[ConversationItemDone]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.created"], timeout: float | None = None
    ) -> Awaitable[ConversationItemCreated]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.retrieved"], timeout: float | None = None
    ) -> Awaitable[ConversationItemRetrieved]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.truncated"], timeout: float | None = None
    ) -> Awaitable[ConversationItemTruncated]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.deleted"], timeout: float | None = None
    ) -> Awaitable[ConversationItemDeleted]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.input_audio_transcription.delta"], timeout: float | None = None
    ) -> Awaitable[ConversationItemInputAudioTranscriptionDelta]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.input_audio_transcription.completed"], timeout: float | None = None
    ) -> Awaitable[ConversationItemInputAudioTranscriptionCompleted]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.input_audio_transcription.segment"], timeout: float | None = None
    ) -> Awaitable[ConversationItemInputAudioTranscriptionSegment]: ...
    @overload
    def __call__(
        self, kind: Literal["conversation.item.input_audio_transcription.failed"], timeout: float | None = None
    ) -> Awaitable[ConversationItemInputAudioTranscriptionFailed]: ...
    @overload
    def __call__(
        self, kind: Literal["input_audio_buffer.speech_started"], timeout: float | None = None
    ) -> Awaitable[InputAudioBufferSpeechStarted]: ...
    @overload
    def __call__(
        self, kind: Literal["input_audio_buffer.speech_stopped"], timeout: float | None = None
    ) -> Awaitable[InputAudioBufferSpeechStopped]: ...
    @overload
    def __call__(
        self, kind: Literal["input_audio_buffer.committed"], timeout: float | None = None
    ) -> Awaitable[InputAudioBufferCommitted]: ...
    @overload
    def __call__(
        self, kind: Literal["input_audio_buffer.cleared"], timeout: float | None = None
    ) -> Awaitable[InputAudioBufferCleared]: ...
    @overload
    def __call__(
        self, kind: Literal["input_audio_buffer.timeout_triggered"], timeout: float | None = None
    ) -> Awaitable[InputAudioBufferTimeoutTriggered]: ...
    @overload
    def __call__(
        self, kind: Literal["input_audio_buffer.dtmf_event_received"], timeout: float | None = None
    ) -> Awaitable[InputAudioBufferDtmfEventReceived]: ...
    @overload
    def __call__(
        self, kind: Literal["output_audio_buffer.started"], timeout: float | None = None
    ) -> Awaitable[OutputAudioBufferStarted]: ...
    @overload
    def __call__(
        self, kind: Literal["output_audio_buffer.stopped"], timeout: float | None = None
    ) -> Awaitable[OutputAudioBufferStopped]: ...
    @overload
    def __call__(
        self, kind: Literal["output_audio_buffer.cleared"], timeout: float | None = None
    ) -> Awaitable[OutputAudioBufferCleared]: ...
    @overload
    def __call__(
        self, kind: Literal["response.created"], timeout: float | None = None
    ) -> Awaitable[ResponseCreated]: ...
    @overload
    def __call__(self, kind: Literal["response.done"], timeout: float | None = None) -> Awaitable[ResponseDone]: ...
    @overload
    def __call__(
        self, kind: Literal["response.output_item.added"], timeout: float | None = None
    ) -> Awaitable[ResponseOutputItemAdded]: ...
    @overload
    def __call__(
        self, kind: Literal["response.output_item.done"], timeout: float | None = None
    ) -> Awaitable[ResponseOutputItemDone]: ...
    @overload
    def __call__(
        self, kind: Literal["response.content_part.added"], timeout: float | None = None
    ) -> Awaitable[ResponseContentPartAdded]: ...
    @overload
    def __call__(
        self, kind: Literal["response.content_part.done"], timeout: float | None = None
    ) -> Awaitable[ResponseContentPartDone]: ...
    @overload
    def __call__(
        self, kind: Literal["response.output_text.delta"], timeout: float | None = None
    ) -> Awaitable[ResponseOutputTextDelta]: ...
    @overload
    def __call__(
        self, kind: Literal["response.output_text.done"], timeout: float | None = None
    ) -> Awaitable[ResponseOutputTextDone]: ...
    @overload
    def __call__(
        self, kind: Literal["response.output_audio_transcript.delta"], timeout: float | None = None
    ) -> Awaitable[ResponseOutputAudioTranscriptDelta]: ...
    @overload
    def __call__(
        self, kind: Literal["response.output_audio_transcript.done"], timeout: float | None = None
    ) -> Awaitable[ResponseOutputAudioTranscriptDone]: ...
    @overload
    def __call__(
        self, kind: Literal["response.output_audio.delta"], timeout: float | None = None
    ) -> Awaitable[ResponseOutputAudioDelta]: ...
    @overload
    def __call__(
        self, kind: Literal["response.output_audio.done"], timeout: float | None = None
    ) -> Awaitable[ResponseOutputAudioDone]: ...
    @overload
    def __call__(
        self, kind: Literal["response.function_call_arguments.delta"], timeout: float | None = None
    ) -> Awaitable[ResponseFunctionCallArgumentsDelta]: ...
    @overload
    def __call__(
        self, kind: Literal["response.function_call_arguments.done"], timeout: float | None = None
    ) -> Awaitable[ResponseFunctionCallArgumentsDone]: ...
    @overload
    def __call__(
        self, kind: Literal["response.mcp_call_arguments.delta"], timeout: float | None = None
    ) -> Awaitable[ResponseMcpCallArgumentsDelta]: ...
    @overload
    def __call__(
        self, kind: Literal["response.mcp_call_arguments.done"], timeout: float | None = None
    ) -> Awaitable[ResponseMcpCallArgumentsDone]: ...
    @overload
    def __call__(
        self, kind: Literal["response.mcp_call.in_progress"], timeout: float | None = None
    ) -> Awaitable[ResponseMcpCallInProgress]: ...
    @overload
    def __call__(
        self, kind: Literal["response.mcp_call.completed"], timeout: float | None = None
    ) -> Awaitable[ResponseMcpCallCompleted]: ...
    @overload
    def __call__(
        self, kind: Literal["response.mcp_call.failed"], timeout: float | None = None
    ) -> Awaitable[ResponseMcpCallFailed]: ...
    @overload
    def __call__(
        self, kind: Literal["mcp_list_tools.in_progress"], timeout: float | None = None
    ) -> Awaitable[McpListToolsInProgress]: ...
    @overload
    def __call__(
        self, kind: Literal["mcp_list_tools.completed"], timeout: float | None = None
    ) -> Awaitable[McpListToolsCompleted]: ...
    @overload
    def __call__(
        self, kind: Literal["mcp_list_tools.failed"], timeout: float | None = None
    ) -> Awaitable[McpListToolsFailed]: ...
    @overload
    def __call__(
        self, kind: Literal["rate_limits.updated"], timeout: float | None = None
    ) -> Awaitable[RateLimitsUpdated]: ...
    @overload
    def __call__(self, kind: Literal["error"], timeout: float | None = None) -> Awaitable[ErrorEvent]: ...
    @overload
    def __call__(self, kind: Literal["event"], timeout: float | None = None) -> Awaitable[AnyServerEvent]: ...
    @overload
    def __call__(self, kind: Literal["close"], timeout: float | None = None) -> Awaitable[CloseEvent]: ...
    @overload
    def __call__(self, kind: Literal["reconnecting"], timeout: float | None = None) -> Awaitable[Reconnecting]: ...
    @overload
    def __call__(self, kind: Literal["reconnected"], timeout: float | None = None) -> Awaitable[Reconnected]: ...
    @overload
    def __call__(
        self, kind: Literal["mcp_approval_request"], timeout: float | None = None
    ) -> Awaitable[McpApprovalRequest]: ...
    @overload
    def __call__(self, kind: str, timeout: float | None = None) -> Awaitable[Any]: ...
