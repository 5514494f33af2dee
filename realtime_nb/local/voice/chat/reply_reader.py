"""Read a chat completion, chunk by chunk, into the pieces of a reply.

Owns the meaning of a chunk's fields, and the order of the pieces: text, then calls, then usage. Pure. Must not know
sockets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from realtime_nb.local.voice.chat.errors import ChatErrors
from realtime_nb.local.voice.chat.native_calls import BadCallError, NativeCalls
from realtime_nb.local.voice.chat.thinking import ThinkingFilter
from realtime_nb.local.voice.chat.tool_text import TextCalls
from realtime_nb.local.voice.protocols import ToolSpecs
from realtime_nb.local.voice.reply import (
    CallArguments,
    CallBegun,
    CallEnded,
    ReplyCut,
    ReplyPiece,
    ReplyUsage,
    TextPiece,
)

_CUTS = {
    "length": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "model_length": "max_output_tokens",
    "content_filter": "content_filter",
}


_MOST_TOKENS = 2**31
_SLICE_CHARS = 2_000
"""A delta may hold megabytes. The filters work on a slice without a pause, on the event loop of all sessions."""


class ReplyReader:
    """Reads one completion, streamed or whole.

    White space at the beginning and the end of the text is dropped. Text after a call is dropped: the model wrote it
    without the call's result.

    Args:
        tools: the tools that were given: calls are searched in the text only then.
        errors: makes the errors for what the stream says.
        parallel: whether the reply may hold several calls; otherwise the first one counts.
        begins_inside_thought: see `ThinkingFilter`.

    Attributes:
        finished: whether the completion said that it is complete. A connection may end before.
        active: whether the model has begun: it sent text, a thought or a call.
        usage: the model's own count of tokens, as far as it has sent one.
    """

    def __init__(
        self, tools: ToolSpecs, errors: ChatErrors, *, parallel: bool = True, begins_inside_thought: bool = False
    ) -> None:
        self.finished = False
        self.active = False
        self.usage: ReplyUsage | None = None
        self._errors = errors
        self._most_calls = None if parallel else 1
        self._thinking = ThinkingFilter(begins_inside=begins_inside_thought)
        self._written = TextCalls(tools)
        self._calls = NativeCalls(self._most_calls)
        self._cut: str | None = None
        self._spaces = ""  # white space that belongs to the text only if more text follows
        self._spoke = False
        self._reasoned = False

    @property
    def has_stray_thought(self) -> bool:
        """Whether the answer began inside a thought that only its end has shown."""
        return self._thinking.stray_end

    @property
    def has_ended(self) -> bool:
        """Whether the model's turn has ended, and the server did not notice: the rest need not be read."""
        return self._thinking.ended

    @property
    def has_thought(self) -> bool:
        """Whether a thought was removed from the text."""
        return self._thinking.thought

    @property
    def has_reasoned(self) -> bool:
        """Whether the model has thought, in its text or in a field of its own."""
        return self._reasoned or self._thinking.thought

    def feed(self, chunk: Mapping[str, Any]) -> Iterator[ReplyPiece]:
        """Yield the pieces of one chunk, or of a whole completion.

        Raises:
            ReplyError: the chunk reports an error, or has a call that no function can have.
        """
        if chunk.get("error"):
            raise self._errors.sent(chunk["error"])
        if isinstance(usage := chunk.get("usage"), Mapping):
            self.usage = _usage(usage) or self.usage
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, Mapping) or choice.get("index") not in (None, 0):
            return
        for key in ("delta", "message"):
            if isinstance(delta := choice.get(key), Mapping):
                yield from self._delta(delta)
        if (reason := choice.get("finish_reason")) is not None:
            if reason == "error":
                raise self._errors.sent(choice.get("error") or chunk.get("error") or "finish_reason: error")
            self.finished = True
            self._cut = _CUTS.get(str(reason))

    def end(self) -> Iterator[ReplyPiece]:
        """Yield what was held until the end."""
        yield from self._text(self._written.feed(self._thinking.end()))
        yield from self._text(self._written.end())
        yield from self._calls.end(cut=self._cut is not None)
        if not self._calls:
            for call in self._written.calls[: self._most_calls]:
                yield from (CallBegun(call.name), CallArguments(call.arguments), CallEnded())
        if self.usage is not None:
            yield self.usage
        if self._cut is not None:
            yield ReplyCut(self._cut)

    def _delta(self, delta: Mapping[str, Any]) -> Iterator[ReplyPiece]:
        thought = delta.get("reasoning_content") or delta.get("reasoning") or delta.get("reasoning_details")
        text = _text_of(delta.get("content")) or _text_of(delta.get("refusal"))
        calls = delta.get("tool_calls")
        calls = [call for call in calls if isinstance(call, Mapping)] if isinstance(calls, list) else []
        if isinstance(older := delta.get("function_call"), Mapping):
            calls = [*calls, {"index": -1, **older}]
        self._reasoned = self._reasoned or bool(thought)
        self.active = self.active or bool(thought or text or calls)
        for start in range(0, len(text), _SLICE_CHARS):
            yield from self._text(self._written.feed(self._thinking.feed(text[start : start + _SLICE_CHARS])))
        if calls and not self._calls:
            # The text before a call is complete: what was held of it is text.
            yield from self._text(self._written.feed(self._thinking.end()))
            yield from self._text(self._written.end())
        try:
            for call in calls:
                yield from self._calls.feed(call)
        except BadCallError as error:
            raise self._errors.bad_call(str(error)) from None

    def _text(self, text: str) -> Iterator[ReplyPiece]:
        if not text or self._calls:
            return
        text = self._spaces + text if self._spoke else text.lstrip()
        said = text.rstrip()
        self._spaces = text[len(said) :]
        if said:
            self._spoke = True
            yield TextPiece(said)


def _text_of(content: Any) -> str:
    """Return a text that is a string, or a list of parts of which the text counts (Mistral)."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = (part for part in content if isinstance(part, Mapping) and part.get("type") == "text")
        return "".join(str(part.get("text") or "") for part in parts)
    return ""


def _usage(usage: Mapping[str, Any]) -> ReplyUsage | None:
    given, made = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not _is_count(given) or not _is_count(made):
        return None
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else None
    return ReplyUsage(given, made, min(cached, given) if _is_count(cached) else 0)


def _is_count(value: Any) -> TypeGuard[int]:
    """Whether a value can be a number of tokens; clients refuse `true`, and a price cannot be negative."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS
