"""Translates events of the beta protocol to their GA names.

Owns the table of names (docs/protocol.md, "Beta names"). The hosted service no longer sends the beta; other servers
still do. Must not know sockets. Nothing here runs for a GA frame.
"""

from __future__ import annotations

import re
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
_SOUND = frozenset({"response.audio.delta", "response.output_audio.delta"})
_PCM = re.compile(r"pcm(?:16)?(?:[-_](\d{4,6})(?:hz)?)?", re.IGNORECASE)
_PLACES = {
    "input_audio_transcription": ("input", "transcription"),
    "turn_detection": ("input", "turn_detection"),
    "input_audio_noise_reduction": ("input", "noise_reduction"),
    "input_audio_format": ("input", "format"),
    "output_audio_format": ("output", "format"),
    "voice": ("output", "voice"),
    "speed": ("output", "speed"),
}
_FLAT = frozenset({*_PLACES, "audio", "modalities", "max_response_output_tokens", "temperature"})
_FORMATS = {
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
_GA_ONLY = frozenset({"audio", "output_modalities", "max_output_tokens"})
_BETA_ONLY = frozenset(
    {
        "modalities",
        "voice",
        "input_audio_format",
        "output_audio_format",
        "input_audio_transcription",
        "max_response_output_tokens",
    }
)


def upgrade(raw: dict[str, Any]) -> dict[str, Any] | None:
    """Returns a beta event in its GA form, or None if `raw` contains nothing of the beta."""
    kind = raw.get("type")
    if not isinstance(kind, str):
        return None
    changed = dict(raw)
    if kind in _EVENTS:
        changed["type"] = _EVENTS[kind]
    if kind in _SOUND and "delta" not in raw and isinstance(raw.get("audio"), str):
        changed["delta"] = changed.pop("audio")  # some servers name the sound for what it is
    session = raw.get("session")
    if isinstance(session, dict) and "type" not in session:
        transcription = kind.startswith("transcription_session.")
        if _GA_ONLY.isdisjoint(session) or _BETA_ONLY & set(session):
            changed["session"] = {**_session(session, transcription=transcription)}
        else:  # GA but for the type, which some servers leave out
            changed["session"] = {"type": "transcription" if transcription else "realtime", **session}
    if isinstance(session, dict):
        _name_formats(changed)
    return changed if changed != raw else None


def _name_formats(changed: dict[str, Any]) -> None:
    """Put a format into the form that GA has: one that is a mere name (`g711_ulaw`), or has a `sample_rate`."""
    session = changed["session"]
    audio = session.get("audio")
    for side in ("input", "output"):
        part = audio.get(side) if isinstance(audio, dict) else None
        told = part.get("format") if isinstance(part, dict) else None
        form = _format(told, is_output=side == "output") if isinstance(told, str) else _with_rate(told)
        if isinstance(audio, dict) and isinstance(part, dict) and form != told:
            audio = {**audio, side: {**part, "format": form}}
            changed["session"] = {**session, "audio": audio}


def _with_rate(form: Any) -> Any:
    """A format with its rate under GA's name; some servers call it `sample_rate`."""
    if not isinstance(form, dict) or form.get("rate") is not None:
        return form
    rate = next((form[name] for name in ("sample_rate", "sample_rate_hz") if form.get(name) is not None), None)
    return form if rate is None else {**form, "rate": rate}


def _session(old: dict[str, Any], *, transcription: bool) -> dict[str, Any]:
    """The GA form of a flat session; fields that are in their GA place already stay, and count before flat ones."""
    session: dict[str, Any] = {name: value for name, value in old.items() if name not in _FLAT}
    given = old.get("audio") if isinstance(old.get("audio"), dict) else {}
    audio: dict[str, dict[str, Any]] = {}
    for name, (side, new) in _PLACES.items():
        value = _format(old.get(name), is_output=side == "output") if new == "format" else old.get(name)
        if name in old and not (new == "format" and value is None):
            audio.setdefault(side, {})[new] = value
    for side in ("input", "output"):
        nested = given.get(side) if isinstance(given, dict) else None
        audio[side] = {**audio.get(side, {}), **(nested if isinstance(nested, dict) else {})}
    session["type"] = "transcription" if transcription else "realtime"
    session["audio"] = {"input": audio["input"]} if transcription else audio
    modalities = old.get("modalities")
    if isinstance(modalities, list) and not transcription:
        session["output_modalities"] = ["audio"] if "audio" in modalities else ["text"]
    if "max_response_output_tokens" in old:
        session["max_output_tokens"] = old["max_response_output_tokens"]
    return session


def _format(name: Any, *, is_output: bool) -> dict[str, Any] | None:
    """The GA form of a beta format's name, such as `pcm16`, or `pcm16-16000hz` of some servers; else None.

    An unknown name of the output's format stays: its sound must be refused, and not played as PCM.
    """
    if isinstance(name, dict):
        return name
    if not isinstance(name, str) or not name:
        return None
    pcm = _PCM.fullmatch(name)
    if pcm is not None:
        return {"type": "audio/pcm", "rate": int(pcm[1] or 24_000)}
    known = _FORMATS.get(name)
    return {"type": name} if known is None and (is_output or name.startswith("audio/")) else known
