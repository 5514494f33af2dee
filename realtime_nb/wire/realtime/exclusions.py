"""Fields of a session that exclude each other, found before they travel.

Owns the rules of the published types about fields that may not stand together; one alone is judged in `validate`. Must
not know sockets. A model that is not named here may take anything: this list is older than the next model.
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
# Which of them take an option; from the descriptions of `AudioTranscription` in the official SDK.
_TAKEN_BY = {
    "prompt": _TRANSCRIBERS - {"gpt-4o-transcribe-diarize", _STREAMING},
    "delay": frozenset({_STREAMING}),
    "keywords": frozenset({"gpt-transcribe", "gpt-live-transcribe"}),
    "languages": frozenset({"gpt-transcribe", "gpt-live-transcribe"}),
}


def exclusions(name: str, value: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What may not stand together in one object of a session.

    Args:
        name: of the object, such as `"session"` or `"transcription"`.
        value: its fields.

    Yields:
        the code, a sentence, and the field that is in the way, from `value` on.
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
                f"The transcription model '{model}' takes no '{field}'. Those that do: {', '.join(sorted(models))}.",
                field,
            )


def _transcription_session(audio: Any) -> Iterator[tuple[str, str, str]]:
    if not isinstance(audio, dict):
        return
    if "output" in audio:
        yield (
            "unknown_parameter",
            "Unknown parameter: 'session.audio.output'. A transcription session does not speak.",
            "audio.output",
        )
    heard = audio.get("input")
    if not isinstance(heard, dict) or not isinstance(transcription := heard.get("transcription"), dict):
        return
    if transcription.get("model") == _STREAMING and heard.get("turn_detection") is not None:
        yield (
            "invalid_value",
            f"'{_STREAMING}' knows no turns: in a transcription session, turn_detection must be null (None).",
            "audio.input.turn_detection",
        )
