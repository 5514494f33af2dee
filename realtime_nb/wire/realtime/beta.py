"""Translates events of the beta protocol to their GA names.

Owns the table of names (docs/protocol.md, "Beta names"). The hosted service no longer sends the beta; other servers
still do. Must not know sockets. Nothing here runs for a GA frame.
"""

from __future__ import annotations

from typing import Any

_EVENTS = {
    "response.text.delta": "response.output_text.delta",
    "response.text.done": "response.output_text.done",
    "response.audio.delta": "response.output_audio.delta",
    "response.audio.done": "response.output_audio.done",
    "response.audio_transcript.delta": "response.output_audio_transcript.delta",
    "response.audio_transcript.done": "response.output_audio_transcript.done",
    "transcription_session.created": "session.created",
    "transcription_session.updated": "session.updated",
}
_FORMATS = {
    "pcm16": {"type": "audio/pcm", "rate": 24_000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}


def upgrade(raw: dict[str, Any]) -> dict[str, Any] | None:
    """Returns a beta event in its GA form, or None if `raw` contains nothing of the beta."""
    kind = raw.get("type")
    if not isinstance(kind, str):
        return None
    changed = dict(raw)
    if kind in _EVENTS:
        changed["type"] = _EVENTS[kind]
    session = raw.get("session")
    if isinstance(session, dict) and "type" not in session:
        changed["session"] = _session(session, transcription=kind.startswith("transcription_session."))
    return changed if changed != raw else None


def _session(old: dict[str, Any], *, transcription: bool) -> dict[str, Any]:
    audio_input = {
        new: old[name]
        for name, new in (
            ("input_audio_transcription", "transcription"),
            ("turn_detection", "turn_detection"),
            ("input_audio_noise_reduction", "noise_reduction"),
        )
        if name in old
    }
    if old.get("input_audio_format") in _FORMATS:
        audio_input["format"] = _FORMATS[old["input_audio_format"]]
    audio_output: dict[str, Any] = {name: old[name] for name in ("voice", "speed") if name in old}
    if old.get("output_audio_format") in _FORMATS:
        audio_output["format"] = _FORMATS[old["output_audio_format"]]
    kept = ("id", "object", "expires_at", "model", "instructions", "tools", "tool_choice", "include")
    session: dict[str, Any] = {name: old[name] for name in kept if name in old}
    session["type"] = "transcription" if transcription else "realtime"
    session["audio"] = {"input": audio_input} if transcription else {"input": audio_input, "output": audio_output}
    if "modalities" in old and not transcription:
        session["output_modalities"] = ["audio"] if "audio" in old["modalities"] else ["text"]
    if "max_response_output_tokens" in old:
        session["max_output_tokens"] = old["max_response_output_tokens"]
    return session
