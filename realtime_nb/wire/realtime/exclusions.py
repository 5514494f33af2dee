"""Finds session fields that must not be combined, before they are sent.

Owns the rules of the published types about combinations of fields; `validate` checks single fields. Must not know
sockets. A model without a rule here may have any option, so that models newer than this list work.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_STREAMING = "gpt-realtime-whisper"
_TRANSCRIBERS = frozenset(
    {
        "whisper-1",
        "gpt-transcribe",
        "gpt-live-transcribe",
        "gpt-4o-transcribe",
        "gpt-4o-mini-transcribe",
        "gpt-4o-transcribe-diarize",
        _STREAMING,
    }
)
# The models that support each option, from the descriptions of `AudioTranscription` in the official SDK.
_TAKEN_BY = {
    "prompt": _TRANSCRIBERS - {"gpt-4o-transcribe-diarize", _STREAMING},
    "delay": frozenset({_STREAMING}),
    "keywords": frozenset({"gpt-transcribe", "gpt-live-transcribe"}),
    "languages": frozenset({"gpt-transcribe", "gpt-live-transcribe"}),
}


def exclusions(name: str, value: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yields the forbidden combinations in one object of a session.

    Args:
        name: the object's name, such as `"session"` or `"transcription"`.
        value: its fields.

    Yields:
        the error code, a sentence, and the path of the offending field inside `value`.
    """
    if name == "transcription":
        yield from _options(value)
    elif name == "session" and value.get("type") == "transcription":
        yield from _transcription_session(value.get("audio") or {})


def _options(value: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    model = value.get("model")
    for field, models in _TAKEN_BY.items():
        if value.get(field) is not None and model in _TRANSCRIBERS and model not in models:
            yield (
                "invalid_value",
                f"The transcription model '{model}' has no option '{field}'. These have: {', '.join(sorted(models))}.",
                field,
            )


def _transcription_session(audio: Any) -> Iterator[tuple[str, str, str]]:
    if not isinstance(audio, dict):
        return
    if "output" in audio:
        yield (
            "unknown_parameter",
            "Unknown parameter: 'session.audio.output'. A transcription session has no audio output.",
            "audio.output",
        )
    heard = audio.get("input")
    if not isinstance(heard, dict) or not isinstance(transcription := heard.get("transcription"), dict):
        return
    if transcription.get("model") == _STREAMING and heard.get("turn_detection") is not None:
        yield (
            "invalid_value",
            f"'{_STREAMING}' has no turn detection: in a transcription session, turn_detection must be null (None).",
            "audio.input.turn_detection",
        )
