"""The effective session configuration: its defaults, and the merge of an update into it.

Owns the defaults, the merge, and the refusals that need to know the session's state. Must not know sockets or events.
Shapes, unknown fields and value ranges were checked by `wire.realtime` before. A configuration is plain data (`dict`),
because "absent", "null" and "empty" mean three things and dicts keep them apart (docs/protocol.md 3).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from realtime_nb.local.session.refusal import refusal
from realtime_nb.wire.realtime import AnySessionConfig, to_dict, unknown_model, unknown_voice

DEFAULT_MODEL = "local-practice"  # a model of the service that was asked for by name is echoed: clients check it
DEFAULT_TRANSCRIPTION_MODEL = "gpt-4o-transcribe"
DEFAULT_INSTRUCTIONS = (
    "You are the local practice backend: rules, not a model. Be brief, and say plainly what you cannot do."
)


@dataclass(frozen=True, slots=True)
class SessionDefaults:
    """The model and the instructions of a session whose client names none.

    Attributes:
        model: its name; a client may also ask for it by this name.
        instructions: `""` for a language model: it gets the client's words only.
    """

    model: str
    instructions: str = ""


PRACTICE = SessionDefaults(DEFAULT_MODEL, DEFAULT_INSTRUCTIONS)

# Null switches these off. Everywhere else a null says nothing: real clients send them for "not set".
_NULLABLE = {
    "session.include",
    "session.parallel_tool_calls",
    "session.prompt",
    "session.reasoning",
    "session.tracing",
    "session.audio.input.noise_reduction",
    "session.audio.input.transcription",
    "session.audio.input.turn_detection",
    "session.audio.input.turn_detection.idle_timeout_ms",
}
# These are changed field by field; every other object, and every list, is replaced as a whole.
_MERGED = {
    "session.audio",
    "session.audio.input",
    "session.audio.output",
    "session.audio.input.noise_reduction",
    "session.audio.input.transcription",
    "session.audio.input.turn_detection",
}
# Owned by the server: in `session.created`, and refused in an update.
_SERVER_FIELDS = ("id", "object", "expires_at")

_PCM = {"type": "audio/pcm", "rate": 24_000}
_TURN_DETECTION: dict[str, dict[str, Any]] = {
    "server_vad": {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    },
    "semantic_vad": {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    },
}
_WHISPER = "gpt-realtime-whisper"


def default_config(kind: str, model: str | None = None, defaults: SessionDefaults = PRACTICE) -> dict[str, Any]:
    """Return the configuration of a new session; `kind` is `realtime` or `transcription`."""
    audio_input: dict[str, Any] = {
        "format": dict(_PCM),
        "transcription": None,
        "noise_reduction": None,
        "turn_detection": dict(_TURN_DETECTION["server_vad"]),
    }
    if kind == "transcription":
        audio_input["transcription"] = {"model": DEFAULT_TRANSCRIPTION_MODEL}
        _drop_responses(audio_input["turn_detection"])
        return {"type": "transcription", "include": None, "audio": {"input": audio_input}}
    return {
        "type": "realtime",
        "model": model or defaults.model,
        "output_modalities": ["audio"],
        "instructions": defaults.instructions,
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "truncation": "auto",
        "tracing": None,
        "prompt": None,
        "include": None,
        "audio": {
            "input": audio_input,
            "output": {"format": dict(_PCM), "voice": "marin", "speed": 1.0},
        },
    }


def merge(
    current: dict[str, Any],
    session: AnySessionConfig,
    *,
    defaults: SessionDefaults = PRACTICE,
    has_items: bool = False,
    has_spoken: bool = False,
    is_responding: bool = False,
) -> dict[str, Any]:
    """Return the configuration after an update; `current` stays as it is.

    Args:
        current: the effective configuration.
        session: the update: absent fields stay, nulls switch off, empty values clear.
        defaults: those of the server.
        has_items: whether the conversation has begun (its kind is then fixed).
        has_spoken: whether assistant sound was sent (its voice is then fixed; docs/protocol.md 9).
        is_responding: whether a response is under way (its speed is then fixed; docs/protocol.md 10).

    Raises:
        WireError: the update as a whole is refused.
    """
    update = to_dict(session)
    _refuse_server_fields(update)
    _refuse_unknown_names(update, defaults.model)
    if update["type"] != current["type"]:
        if has_items:
            raise refusal(f"This is a {current['type']!r} session; its type cannot change now.", "session.type")
        current = default_config(update["type"], defaults=defaults)
    merged = _merged(copy.deepcopy(current), update, "session")
    _refuse_fixed_fields(current, merged, has_spoken=has_spoken, is_responding=is_responding)
    _settle_whisper(merged, update)
    if merged["type"] == "transcription":
        _drop_responses(merged["audio"]["input"]["turn_detection"])
    if (transcription := merged["audio"]["input"]["transcription"]) is not None:
        transcription.setdefault("model", DEFAULT_TRANSCRIPTION_MODEL)
    return merged


def _merged(current: dict[str, Any], update: dict[str, Any], path: str) -> dict[str, Any]:
    for key, value in update.items():
        where = f"{path}.{key}"
        if value is None:
            if where in _NULLABLE:
                current[key] = None
        elif where == "session.audio.input.turn_detection":
            current[key] = _turn_detection(current.get(key), value)
        elif where in _MERGED:
            current[key] = _merged(dict(current.get(key) or {}), value, where)
        else:
            current[key] = _effective(key, value)
    return current


def _turn_detection(current: dict[str, Any] | None, update: dict[str, Any]) -> dict[str, Any]:
    kind = update["type"]
    base = current if current is not None and current["type"] == kind else _TURN_DETECTION[kind]
    return _merged(dict(base), update, "session.audio.input.turn_detection")


def _drop_responses(turn_detection: dict[str, Any] | None) -> None:
    """Remove the settings about responses: a transcription session has none, and the service does not show them."""
    for name in ("create_response", "interrupt_response", "idle_timeout_ms"):
        (turn_detection or {}).pop(name, None)


def _effective(key: str, value: Any) -> Any:
    if key == "format":
        return dict(_PCM) if value.get("type", "audio/pcm") == "audio/pcm" else {"type": value["type"]}
    if key == "tools":
        # Credentials of MCP servers come in and never go out again.
        return [{k: v for k, v in tool.items() if k not in ("authorization", "headers")} for tool in value]
    return value


def _refuse_server_fields(update: dict[str, Any]) -> None:
    for name in _SERVER_FIELDS:
        if name in update:
            raise refusal(f"Unknown parameter: 'session.{name}'.", f"session.{name}", code="unknown_parameter")


def refuse_unknown_voice(voice: Any, param: str) -> None:
    """Refuse a voice that the service does not have: a name of its own, or the id of a user's voice."""
    if voice is not None and (why := unknown_voice(voice)) is not None:
        raise refusal(why, param)


def _refuse_unknown_names(update: dict[str, Any], own_model: str) -> None:
    model = update.get("model")
    if model is not None and (why := unknown_model(model, own_model)) is not None:
        raise refusal(why, "session.model", code="model_not_found")
    output = (update.get("audio") or {}).get("output") or {}
    refuse_unknown_voice(output.get("voice"), "session.audio.output.voice")


def _refuse_fixed_fields(
    before: dict[str, Any], after: dict[str, Any], *, has_spoken: bool, is_responding: bool
) -> None:
    if before["type"] != "realtime" or after["type"] != "realtime":
        return
    old, new = before["audio"]["output"], after["audio"]["output"]
    if is_responding and old["speed"] != new["speed"]:
        raise refusal("The speed can only be changed between turns.", "session.audio.output.speed")
    if has_spoken and old["voice"] != new["voice"]:
        raise refusal(
            "Cannot update a conversation's voice if assistant audio is present.",
            "session.audio.output.voice",
            code="cannot_update_voice",
        )
    if before["tracing"] is not None and before["tracing"] != after["tracing"]:
        raise refusal("Tracing cannot be changed once it is on.", "session.tracing")


def _settle_whisper(merged: dict[str, Any], update: dict[str, Any]) -> None:
    """`gpt-realtime-whisper` streams without turns: asked for together with turn detection it is a contradiction."""
    audio_input = merged["audio"]["input"]
    if merged["type"] != "transcription" or (audio_input["transcription"] or {}).get("model") != _WHISPER:
        return
    asked = ((update.get("audio") or {}).get("input") or {}).get("turn_detection")
    if asked is not None:
        raise refusal(f"{_WHISPER} requires turn_detection to be null.", "session.audio.input.turn_detection")
    audio_input["turn_detection"] = None
