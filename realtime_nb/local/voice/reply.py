"""The values that a responder receives and streams back: one request, and pieces of text, calls and usage.

Owns the types and the `StreamingResponder` Protocol. Must not know events, sockets, or how an answer is made.

A stream holds any number of text pieces, then any number of calls, each `CallBegun`, `CallArguments`..., `CallEnded`.
`ReplyUsage` may come anywhere. The end of the stream is the end of the reply; a `ReplyError` that is raised ends it as
failed. Closing the stream (`aclose`) stops the work behind it at once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from realtime_nb.local.voice.protocols import ToolChoice, ToolSpecs


@dataclass(frozen=True, slots=True)
class ReplyRequest:
    """The inputs of one reply.

    Attributes:
        history: the items of the conversation, oldest first, as wire objects; a message that was interrupted holds the
            words that were heard. Images keep their `image_url`; sound is left out, its words stand as `transcript`.
        instructions: those of the session, or of this response.
        tools: the function tools in force.
        tool_choice: `"none"`, `"auto"`, `"required"` or `{"type": "function", "name": ...}`.
        parallel_tool_calls: whether one reply may hold several calls.
        user_text: the user's last words where they were spoken; None: read them from the history.
        understood: False when the recogniser's `user_text` is not reliable.
        spoken: whether the answer will be spoken (`output_modalities: ["audio"]`).
        max_output_tokens: an upper bound for the answer, or None.
        reasoning_effort: `"minimal"`, `"low"`, ..., or None where the session sets none.
        now: the local time.
        label: the name of the backend.
        misheard: ids of items that a model should not see: turns of the user that the recogniser did not understand,
            and the answers that said so.
        cut_off: ids of items whose answer was interrupted, or failed, before a word of it was heard; and of such
            answers.
    """

    history: Sequence[Mapping[str, Any]]
    instructions: str = ""
    tools: ToolSpecs = ()
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool = True
    user_text: str | None = None
    understood: bool = True
    spoken: bool = True
    max_output_tokens: int | None = None
    reasoning_effort: str | None = None
    now: datetime = field(default_factory=lambda: datetime.now().astimezone())
    label: str = "local practice backend"
    misheard: frozenset[str] = frozenset()
    cut_off: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TextPiece:
    """The next piece of the answer's text, of any length; cut anywhere."""

    text: str


@dataclass(frozen=True, slots=True)
class CallBegun:
    """A function call begins.

    Attributes:
        name: the function.
        call_id: the model's own id of the call, or None where it gives none.
    """

    name: str
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class CallArguments:
    """The next piece of the open call's arguments, which joined are JSON text."""

    delta: str


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The open call is complete."""


@dataclass(frozen=True, slots=True)
class ReplyUsage:
    """The tokens that the model itself counted; a later one replaces an earlier one."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ReplyCut:
    """The reply ended before its end.

    Attributes:
        reason: `"max_output_tokens"` or `"content_filter"`, as in `response.done`.
    """

    reason: str


ReplyPiece = TextPiece | CallBegun | CallArguments | CallEnded | ReplyUsage | ReplyCut


class ReplyError(Exception):
    """The model gave no answer, or broke off; the response fails, and the session goes on.

    Attributes:
        message: the cause and the next step, with the URL and without a key.
        code: of the error in `response.done`, such as `"model_not_found"`.
        kind: the error's type, such as `"server_error"` or `"invalid_request_error"`.
    """

    def __init__(self, message: str, *, code: str = "server_error", kind: str = "server_error") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.kind = kind


class StreamingResponder(Protocol):
    """Decides the answer, piece by piece, on the server's event loop. One object serves all sessions.

    Attributes:
        limits_tokens: whether it keeps `max_output_tokens` itself. Otherwise the server ends an answer at that many
            tokens of its own estimate.
    """

    @property
    def limits_tokens(self) -> bool:
        """See above."""
        ...

    def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyPiece, None]:
        """Stream the reply to a conversation.

        Raises:
            ReplyError: there is no answer, or it broke off.
        """
        ...

    async def prepare(self, instructions: str, tools: ToolSpecs) -> None:
        """Do ahead of time what the first answer under these settings would wait for; may do nothing."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
