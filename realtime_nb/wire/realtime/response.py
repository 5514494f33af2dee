"""Responses: the parameters that a client sends, and the report of a server, with usage and errors.

Owns the response structs. Must not know events, sockets or turns.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from realtime_nb.wire.realtime.items import Item
from realtime_nb.wire.realtime.session import AudioConfig, AudioFormat, FunctionTool, McpTool, Prompt, Reasoning

__all__ = [
    "CachedTokens",
    "ErrorDetail",
    "InputTokens",
    "ItemReference",
    "OutputTokens",
    "RateLimit",
    "Response",
    "ResponseAudio",
    "ResponseAudioOutput",
    "ResponseError",
    "ResponseParams",
    "ResponseStatus",
    "ResponseUsage",
]


class ItemReference(msgspec.Struct, tag_field="type", tag="item_reference", kw_only=True):
    """A reference to an item by its id, as context of one response."""

    id: str


class ResponseParams(msgspec.Struct, kw_only=True, repr_omit_defaults=True):
    """The parameters of one response; absent fields are taken from the session.

    Attributes:
        conversation: `"auto"` or `"none"` (out of band: its items do not enter the conversation).
        input: the context of this response only; `[]` is an empty context, absent means the conversation.
        metadata: up to 16 pairs, which the server echoes, so that the response can be recognised.
    """

    conversation: str | UnsetType | None = UNSET
    input: list[Item | ItemReference] | UnsetType | None = UNSET
    instructions: str | UnsetType | None = UNSET
    max_output_tokens: int | str | UnsetType | None = UNSET
    metadata: dict[str, str] | UnsetType | None = UNSET
    output_modalities: list[str] | UnsetType | None = UNSET
    parallel_tool_calls: bool | UnsetType | None = UNSET
    prompt: Prompt | UnsetType | None = UNSET
    reasoning: Reasoning | UnsetType | None = UNSET
    tool_choice: str | dict[str, Any] | UnsetType | None = UNSET
    tools: list[FunctionTool | McpTool] | UnsetType | None = UNSET
    audio: AudioConfig | UnsetType | None = UNSET


class ErrorDetail(msgspec.Struct, kw_only=True, repr_omit_defaults=True):
    """The content of an `error` event; `event_id` is the id of the *client's* event (docs/protocol.md 40)."""

    type: str | None = None
    code: str | None = None
    message: str | None = None
    param: str | None = None
    event_id: str | None = None


class ResponseError(msgspec.Struct, kw_only=True, repr_omit_defaults=True):
    """Why a response failed."""

    type: str | None = None
    code: str | None = None
    message: str | None = None


class ResponseStatus(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Details of a status: `reason` is `turn_detected`, `client_cancelled`, `max_output_tokens` or `content_filter`."""

    type: str | None = None
    reason: str | None = None
    error: ResponseError | None = None


class CachedTokens(msgspec.Struct, kw_only=True, repr_omit_defaults=True):
    """Cached input tokens by kind."""

    text_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


class InputTokens(msgspec.Struct, kw_only=True, repr_omit_defaults=True):
    """Input tokens by kind; `cached_tokens` is a subset of them (docs/protocol.md 23)."""

    text_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None
    cached_tokens: int | None = None
    cached_tokens_details: CachedTokens | None = None


class OutputTokens(msgspec.Struct, kw_only=True, repr_omit_defaults=True):
    """Output tokens by kind."""

    text_tokens: int | None = None
    audio_tokens: int | None = None


class ResponseUsage(msgspec.Struct, kw_only=True, repr_omit_defaults=True):
    """The tokens that a response used."""

    total_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_token_details: InputTokens | None = None
    output_token_details: OutputTokens | None = None


class ResponseAudioOutput(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The audio format and the voice of a response."""

    format: AudioFormat | None = None
    voice: str | dict[str, Any] | None = None


class ResponseAudio(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The audio settings of a response."""

    output: ResponseAudioOutput | None = None


class Response(msgspec.Struct, kw_only=True, repr_omit_defaults=True):
    """A response as the server reports it.

    Attributes:
        conversation_id: null for an out-of-band response; absent where a server does not say.
    """

    id: str | None = None
    object: str | None = "realtime.response"
    status: str | None = None
    status_details: ResponseStatus | None = None
    output: list[Item] | None = None
    conversation_id: str | UnsetType | None = UNSET
    output_modalities: list[str] | None = None
    max_output_tokens: int | str | None = None
    audio: ResponseAudio | None = None
    usage: ResponseUsage | None = None
    metadata: dict[str, str] | None = None


class RateLimit(msgspec.Struct, kw_only=True, repr_omit_defaults=True):
    """One rate limit: `requests` or `tokens`."""

    name: str | None = None
    limit: int | None = None
    remaining: int | None = None
    reset_seconds: float | None = None
