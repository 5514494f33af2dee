"""The types of a widget's traits, for type checkers: traitlets has none that differ between reading and writing.

Owns what reading a trait gives and what may be written to it. Must not be imported at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Literal, Never, TypeAlias, TypeVar

from realtime_nb.notebook.audio.microphone_options import Microphone
from realtime_nb.tools import Tool
from realtime_nb.wire.realtime import McpTool, NoiseReduction, SemanticVad, ServerVad
from realtime_nb.wire.realtime import Transcription as TranscriptionConfig

_Read = TypeVar("_Read", covariant=True)
_Written = TypeVar("_Written", contravariant=True)


class ReadOnly(Generic[_Read]):
    """A trait that only the kernel writes."""

    def __get__(self, widget: object, kind: Any = None) -> _Read:
        raise NotImplementedError

    def __set__(self, widget: object, value: Never) -> None:
        raise NotImplementedError


class Trait(Generic[_Read, _Written]):
    """A trait that the user may set; reading gives the value as it is kept."""

    def __get__(self, widget: object, kind: Any = None) -> _Read:
        raise NotImplementedError

    def __set__(self, widget: object, value: _Written) -> None:
        raise NotImplementedError


Text: TypeAlias = Trait[str | None, str | None]
Voice: TypeAlias = Trait[str | None, str | Mapping[str, Any] | None]
"""A voice's name. `{"id": ...}` is a voice of the user's own, and is read back as that dict."""
Number: TypeAlias = Trait[float | None, float | None]
_TurnDetection: TypeAlias = Literal["server_vad", "semantic_vad"] | ServerVad | SemanticVad | Mapping[str, Any] | None
TurnDetection: TypeAlias = Trait[_TurnDetection, _TurnDetection]
_Transcription: TypeAlias = bool | str | TranscriptionConfig
Transcription: TypeAlias = Trait[_Transcription, _Transcription]
_Noise: TypeAlias = Literal["near_field", "far_field"] | NoiseReduction | None
Noise: TypeAlias = Trait[_Noise, _Noise]
Tools: TypeAlias = Trait[tuple[Tool | McpTool, ...], Iterable[Tool | McpTool | Mapping[str, Any] | Callable[..., Any]]]
_ToolChoice: TypeAlias = str | Mapping[str, Any]
ToolChoice: TypeAlias = Trait[_ToolChoice, _ToolChoice]
_Effort: TypeAlias = Literal["minimal", "low", "medium", "high", "xhigh"] | None
Effort: TypeAlias = Trait[_Effort, _Effort]
_Output: TypeAlias = Literal["audio", "text"]
Output: TypeAlias = Trait[_Output, _Output]
_MaxTokens: TypeAlias = int | Literal["inf"]
MaxTokens: TypeAlias = Trait[_MaxTokens, _MaxTokens]
Flag: TypeAlias = Trait[bool, bool]
Device: TypeAlias = Trait[Microphone, Microphone | None]
