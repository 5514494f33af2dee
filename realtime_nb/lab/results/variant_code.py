"""A variant as Python code and, from what a run kept of it, as a variant again.

Owns the inverse of `client/settings.session_config`. Must not know results.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec

from realtime_nb.client.settings import BACKENDS, DEFAULTS, overlay, session_config
from realtime_nb.client.variant import Variant
from realtime_nb.lab.backend_name import local_models_of
from realtime_nb.tools import Tool
from realtime_nb.wire.realtime import McpTool, NoiseReduction, SemanticVad, ServerVad, Transcription

_STRUCTS = (McpTool, NoiseReduction, SemanticVad, ServerVad, Transcription)


def kept_variant(
    name: str, payload: Mapping[str, Any], *, backend: Any = None, model: str | None = None
) -> tuple[Variant, tuple[str, ...]]:
    """Return a variant made of the session that was sent, and the names of its functions, which no file keeps.

    Sending the variant gives the same session, but for these functions.

    Args:
        name: of the variant.
        payload: its `Variant.payload`.
        backend: of the variant; None: that of the experiment.
        model: of the variant.
    """
    settings = _settings(payload)
    tools = settings.pop("tools", ())
    functions = tuple(str(tool.get("name")) for tool in tools if tool.get("type") != "mcp")
    servers = [tool for tool in tools if tool.get("type") == "mcp"]
    if servers:
        settings["tools"] = servers
    if settings.get("tool_choice") in functions:
        del settings["tool_choice"]
    given = {key: value for key, value in settings.items() if value != DEFAULTS[key]}
    without = {**payload, "tools": servers}
    if "tool_choice" not in given:
        without["tool_choice"] = DEFAULTS["tool_choice"]
    rest = _beyond(without, session_config(Variant(name, given).whole))
    return Variant(name, given, backend=backend, model=model, session=rest or None), functions


def _settings(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a session states."""
    audio = payload.get("audio") or {}
    heard, spoken = audio.get("input") or {}, audio.get("output") or {}
    found: dict[str, Any] = {}
    for key in ("instructions", "tool_choice", "max_output_tokens", "tools"):
        if payload.get(key) is not None:
            found[key] = payload[key]
    if isinstance(chosen := found.get("tool_choice"), Mapping) and set(chosen) == {"type", "name"}:
        found["tool_choice"] = chosen["name"] if chosen["type"] == "function" else chosen
    found |= {key: spoken[key] for key in ("voice", "speed") if spoken.get(key) is not None}
    if (modalities := payload.get("output_modalities")) in (["audio"], ["text"]):
        found["output"] = modalities[0]
    if (payload.get("reasoning") or {}).get("effort") is not None:
        found["reasoning_effort"] = payload["reasoning"]["effort"]
    if "turn_detection" in heard:
        found["turn_detection"] = _short_form(
            heard["turn_detection"], {"server_vad": ServerVad, "semantic_vad": SemanticVad}
        )
    if "noise_reduction" in heard:
        found["noise_reduction"] = _short_form(heard["noise_reduction"], {})
    if "transcription" in heard:
        found["transcription"] = _transcription(heard["transcription"])
    return found


def _short_form(value: Any, types: Mapping[str, Any]) -> Any:
    """Return `{"type": name}` as the name, and what has more fields as a struct where there is one."""
    if not isinstance(value, Mapping):
        return value
    if set(value) == {"type"}:
        return value["type"]
    if (made := types.get(value.get("type", ""))) is not None and set(value) <= {*made.__struct_fields__, "type"}:
        return msgspec.convert(dict(value), made)
    return dict(value)


def _transcription(value: Any) -> Any:
    if value is None:
        return False
    if value == session_config({"transcription": True})["audio"]["input"]["transcription"]:
        return True
    if set(value) == {"model"}:
        return value["model"]
    return (
        msgspec.convert(dict(value), Transcription) if set(value) <= {*Transcription.__struct_fields__} else dict(value)
    )


def _beyond(payload: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `payload` that `made` lacks or holds with another value, at every depth."""
    found: dict[str, Any] = {}
    for key, value in payload.items():
        if isinstance(value, Mapping) and isinstance(made.get(key), Mapping):
            if inner := _beyond(value, made[key]):
                found[key] = inner
        elif key not in made or made[key] != value:
            found[key] = value
    return found if overlay(made, found) != dict(made) else {}


def variant_code(
    variant: Variant, functions: tuple[str, ...] = (), ran: Mapping[str, Any] | None = None
) -> str:  # fmt: skip
    """Return Python code that makes a widget with the settings of a variant.

    Args:
        variant: whose settings.
        functions: the names of functions that a file kept and the variant lacks.
        ran: the `backend` and `model` of its trials, where the variant does not give them.
    """
    settings = dict(variant.settings)
    named = [tool.name for tool in settings.get("tools", ()) if isinstance(tool, Tool)] + list(functions)
    lines = ["import realtime_nb as rt", ""]
    if named:
        lines += [f"# {', '.join(named)}: the functions that the lab ran as tools, stubs perhaps.", ""]
    lines.append("w = rt.RealtimeWidget(")
    options = {key: getattr(variant, key) for key in ("backend", "model")}
    if options["backend"] is None and _is_address((ran or {}).get("backend")):
        options["backend"] = (ran or {})["backend"]
    if options["model"] is None:
        options["model"] = (ran or {}).get("model")
    options = {key: value for key, value in options.items() if value is not None}
    if "backend" not in options and (models := _local_models((ran or {}).get("backend"))) is not None:
        lines.append(f"    backend={models},")
    for key, value in {**options, **settings, **({"session": variant.session} if variant.session else {})}.items():
        if key != "tools":
            lines.append(f"    {key}={source(value)},")
    servers = [source(tool) for tool in settings.get("tools", ()) if not isinstance(tool, Tool)]
    if named or servers:
        lines.append(f"    tools=[{', '.join([*named, *servers])}],")
    return "\n".join([*lines, ")", "w", ""])


def _is_address(backend: Any) -> bool:
    """Return whether the name of a backend in a row is an option as well; local models have other names there."""
    known = backend in BACKENDS and backend != "auto"
    return known or (isinstance(backend, str) and backend.startswith(("ws://", "wss://")))


def _local_models(backend: Any) -> str | None:
    """Return the name of local models in a row as an expression without keys; None for any other name."""
    options = local_models_of(backend)
    if options is None:
        return None
    return f"rt.LocalModels({', '.join(f'{name}={source(value)}' for name, value in options.items())})"


def source(value: Any) -> str:
    """Return a setting's value as an expression, with `rt` as the package; a credential is never part of it."""
    if isinstance(value, _STRUCTS):
        left_out = {"authorization", "headers"} | (set() if isinstance(value, NoiseReduction) else {"type"})
        given = {key: each for key, each in msgspec.to_builtins(value).items() if key not in left_out}
        return f"rt.{type(value).__name__}({', '.join(f'{key}={source(each)}' for key, each in given.items())})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {source(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(source, value))}]"
    if isinstance(value, str) and "\n" in value and '"""' not in value and "\\" not in value and value[-1] != '"':
        return f'"""{value}"""' if value.isprintable() or value.replace("\n", "").isprintable() else repr(value)
    if is_dataclass(value) and not isinstance(value, type):
        return f"rt.{type(value).__name__}({', '.join(_public_fields(value))})"
    return repr(value)


def _public_fields(value: Any) -> list[str]:
    """Return the fields of a backend that differ from their defaults, without those that hold credentials."""
    given = {
        each.name: getattr(value, each.name)
        for each in fields(value)
        if each.init and each.default != getattr(value, each.name)
    }
    public = {key: each for key, each in given.items() if "key" not in key and key not in ("headers", "subprotocols")}
    return [f"{key}={source(each)}" for key, each in public.items() if each not in (None, {}, ())]
