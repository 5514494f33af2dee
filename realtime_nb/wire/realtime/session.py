"""The configuration of `realtime` and `transcription` sessions, as a client sends it and a server echoes it.

Owns the configuration structs. Must not know events, or the defaults of any server.

The service distinguishes three cases (docs/protocol.md 3), so the structs do: an absent field (`UNSET`) is left as it
is, `None` (null) switches a feature off, and an empty value clears. The structs are frozen values.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

__all__ = [
    "AnySessionConfig",
    "AudioConfig",
    "AudioFormat",
    "AudioInput",
    "AudioOutput",
    "FunctionTool",
    "McpTool",
    "NoiseReduction",
    "Prompt",
    "RealtimeSessionConfig",
    "Reasoning",
    "SemanticVad",
    "ServerVad",
    "ToolSpec",
    "Transcription",
    "TranscriptionSessionConfig",
    "TurnDetection",
]


class _Config(msgspec.Struct, frozen=True, kw_only=True, repr_omit_defaults=True):
    """Absent fields are `UNSET` and are never encoded."""


class AudioFormat(_Config, frozen=True, kw_only=True):
    """`audio/pcm` (16-bit little-endian mono, 24000 Hz only), `audio/pcmu` or `audio/pcma` (G.711, 8000 Hz)."""

    type: str | UnsetType | None = UNSET
    rate: int | UnsetType | None = UNSET


class NoiseReduction(_Config, frozen=True, kw_only=True):
    """Noise reduction before turn detection: `near_field` (headset) or `far_field` (laptop, room)."""

    type: str | UnsetType | None = UNSET
    strength: float | UnsetType | None = UNSET


class Transcription(_Config, frozen=True, kw_only=True):
    """Transcription of the user's speech, by a separate model."""

    model: str | UnsetType | None = UNSET
    language: str | UnsetType | None = UNSET
    prompt: str | UnsetType | None = UNSET
    languages: list[str] | UnsetType | None = UNSET
    keywords: list[str] | UnsetType | None = UNSET
    delay: str | UnsetType | None = UNSET


class ServerVad(_Config, frozen=True, kw_only=True, tag_field="type", tag="server_vad"):
    """Turn detection by loudness: a turn ends after `silence_duration_ms` of silence.

    Attributes:
        threshold: 0 to 1, how certain the detector must be of speech (service default 0.5).
        prefix_padding_ms: audio kept from before the detected start (default 300).
        silence_duration_ms: the silence that ends a turn (default 500).
        idle_timeout_ms: after this time without speech the model speaks by itself; None: never.
        create_response: whether the end of a turn starts a response (default True).
        interrupt_response: whether speech cancels the active response (default True).
    """

    type: ClassVar[Literal["server_vad"]] = "server_vad"
    threshold: float | UnsetType | None = UNSET
    prefix_padding_ms: int | UnsetType | None = UNSET
    silence_duration_ms: int | UnsetType | None = UNSET
    idle_timeout_ms: int | UnsetType | None = UNSET
    create_response: bool | UnsetType | None = UNSET
    interrupt_response: bool | UnsetType | None = UNSET


class SemanticVad(_Config, frozen=True, kw_only=True, tag_field="type", tag="semantic_vad"):
    """Turn detection by meaning: waits longer while the sentence seems unfinished.

    Attributes:
        eagerness: `low`, `medium`, `high` or `auto`: waits at most 8, 4, 2 or 4 seconds.
        create_response: whether the end of a turn starts a response (default True).
        interrupt_response: whether speech cancels the active response (default True).
    """

    type: ClassVar[Literal["semantic_vad"]] = "semantic_vad"
    eagerness: str | UnsetType | None = UNSET
    create_response: bool | UnsetType | None = UNSET
    interrupt_response: bool | UnsetType | None = UNSET


TurnDetection = ServerVad | SemanticVad


class AudioInput(_Config, frozen=True, kw_only=True):
    """The user's audio: its format, noise reduction, transcription and turn detection."""

    format: AudioFormat | UnsetType | None = UNSET
    noise_reduction: NoiseReduction | UnsetType | None = UNSET
    transcription: Transcription | UnsetType | None = UNSET
    turn_detection: ServerVad | SemanticVad | UnsetType | None = UNSET


class AudioOutput(_Config, frozen=True, kw_only=True):
    """The model's audio. `voice` is a name, or `{"id": "voice_..."}` for a custom voice."""

    format: AudioFormat | UnsetType | None = UNSET
    voice: str | dict[str, Any] | UnsetType | None = UNSET
    speed: float | UnsetType | None = UNSET


class AudioConfig(_Config, frozen=True, kw_only=True):
    """Audio in both directions."""

    input: AudioInput | UnsetType | None = UNSET
    output: AudioOutput | UnsetType | None = UNSET


class FunctionTool(_Config, frozen=True, kw_only=True, tag_field="type", tag="function"):
    """A function that the model may call; `parameters` is a JSON schema."""

    type: ClassVar[Literal["function"]] = "function"
    name: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    parameters: Any | UnsetType = UNSET


class McpTool(_Config, frozen=True, kw_only=True, tag_field="type", tag="mcp"):
    """An MCP server whose tools the service calls."""

    type: ClassVar[Literal["mcp"]] = "mcp"
    server_label: str
    allowed_callers: list[str] | UnsetType | None = UNSET
    allowed_tools: list[str] | dict[str, Any] | UnsetType | None = UNSET
    authorization: str | UnsetType | None = UNSET
    connector_id: str | UnsetType | None = UNSET
    defer_loading: bool | UnsetType | None = UNSET
    headers: dict[str, str] | UnsetType | None = UNSET
    require_approval: str | dict[str, Any] | UnsetType | None = UNSET
    server_description: str | UnsetType | None = UNSET
    server_url: str | UnsetType | None = UNSET
    tunnel_id: str | UnsetType | None = UNSET

    def __repr__(self) -> str:
        # `authorization` and `headers` hold credentials, which must not reach a log or a saved notebook.
        return f"McpTool(server_label={self.server_label!r}, server_url={self.server_url!r})"


ToolSpec = FunctionTool | McpTool


class Prompt(_Config, frozen=True, kw_only=True):
    """A reference to a prompt that is stored at the service."""

    id: str
    variables: dict[str, Any] | UnsetType | None = UNSET
    version: str | UnsetType | None = UNSET


class Reasoning(_Config, frozen=True, kw_only=True):
    """The effort of a reasoning model: `minimal`, `low`, `medium`, `high` or `xhigh`."""

    effort: str | UnsetType | None = UNSET


class RealtimeSessionConfig(_Config, frozen=True, kw_only=True, tag_field="type", tag="realtime"):
    """The configuration of a speech-to-speech session. `id`, `object` and `expires_at` come from servers only."""

    type: ClassVar[Literal["realtime"]] = "realtime"
    model: str | UnsetType | None = UNSET
    instructions: str | UnsetType | None = UNSET
    output_modalities: list[str] | UnsetType | None = UNSET
    max_output_tokens: int | str | UnsetType | None = UNSET
    tools: list[FunctionTool | McpTool] | UnsetType | None = UNSET
    tool_choice: str | dict[str, Any] | UnsetType | None = UNSET
    parallel_tool_calls: bool | UnsetType | None = UNSET
    reasoning: Reasoning | UnsetType | None = UNSET
    truncation: str | dict[str, Any] | UnsetType | None = UNSET
    tracing: str | dict[str, Any] | UnsetType | None = UNSET
    prompt: Prompt | UnsetType | None = UNSET
    include: list[str] | UnsetType | None = UNSET
    audio: AudioConfig | UnsetType | None = UNSET
    id: str | UnsetType | None = UNSET
    object: str | UnsetType | None = UNSET
    expires_at: int | UnsetType | None = UNSET


class TranscriptionSessionConfig(_Config, frozen=True, kw_only=True, tag_field="type", tag="transcription"):
    """The configuration of a session that only transcribes: audio in, text out, no responses."""

    type: ClassVar[Literal["transcription"]] = "transcription"
    include: list[str] | UnsetType | None = UNSET
    audio: AudioConfig | UnsetType | None = UNSET
    id: str | UnsetType | None = UNSET
    object: str | UnsetType | None = UNSET
    expires_at: int | UnsetType | None = UNSET


AnySessionConfig = RealtimeSessionConfig | TranscriptionSessionConfig
