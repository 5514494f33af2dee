"""The settings of a conversation that may be set: names, defaults, checks, and their form on the wire.

`session_config` holds what was set and what the server echoed. Owns the names and checks for every way in: the widget,
`rt.RealtimeSession` and the command line. Must not know connections or widgets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

import msgspec

from realtime_nb.errors import ConfigError
from realtime_nb.keys.address import refuse_key_in_url, refuse_wrong_address
from realtime_nb.keys.secret import Secret
from realtime_nb.redact import hold, safe_url
from realtime_nb.tools import Tool, as_tool
from realtime_nb.wire.realtime import (
    McpTool,
    NoiseReduction,
    RealtimeSessionConfig,
    SemanticVad,
    ServerVad,
    Transcription,
    check,
    nearest,
    to_dict,
)
from realtime_nb.wire.realtime.validate import refuse_half_character, refuse_half_characters

DEFAULT_MODEL = "gpt-realtime-2.1"
"""The hosted model when none is named."""

TRANSCRIPTION_MODEL = "gpt-4o-mini-transcribe"
"""The model of `transcription=True`: every kind of turn detection accepts it."""

BACKENDS = ("auto", "openai", "azure", "local")
"""The names of backends; an address or an `rt.Backend` is the other way to choose one."""

DEFAULTS: dict[str, Any] = {
    "instructions": None,
    "voice": None,
    "speed": None,
    "turn_detection": "semantic_vad",
    "transcription": True,
    "noise_reduction": None,
    "tools": (),
    "tool_choice": "auto",
    "reasoning_effort": None,
    "output": "audio",
    "max_output_tokens": "inf",
}
"""Every setting that may change while connected, with its first value."""

_LIKE_A_KEY = 20  # characters
_builtins = msgspec.to_builtins
_MCP_ADDRESSES = ("server_url", "connector_id", "tunnel_id")
_CHOICES = ("auto", "none", "required")
_EFFORTS = (None, "minimal", "low", "medium", "high", "xhigh")

# The settings whose text, truth values and None `check_setting` checks by itself; a new setting is not among them.
_CHECKED_HERE = frozenset(
    {"instructions", "voice", "output", "reasoning_effort", "transcription", "noise_reduction", "turn_detection"}
)


def check_backend(backend: Any) -> None:
    """Raise `ConfigError` where `backend` is neither a known name nor an address.

    A long name with digits is not repeated in the message: it is a key of a kind that no pattern finds.
    """
    refuse_wrong_address(backend)
    if isinstance(backend, str) and "://" in backend:
        check_address(backend)
        return
    if isinstance(backend, str) and backend in BACKENDS:
        return
    allowed = (
        f"Use {', '.join(map(repr, BACKENDS))}, a ws:// or wss:// URL, rt.Backend(url=...) or "
        "rt.LocalModels(chat_url=..., chat_model=...)."
    )
    if not isinstance(backend, (str, Secret)):
        raise ConfigError(
            f"backend={backend!r} must be a name, a ws:// or wss:// URL, an rt.Backend or an rt.LocalModels"
        )
    if isinstance(backend, Secret) or (len(backend) >= _LIKE_A_KEY and any(letter.isdigit() for letter in backend)):
        raise ConfigError(
            f"backend= was given what looks like a key. Pass it as api_key=, or set OPENAI_API_KEY. {allowed}"
        )
    raise ConfigError(f"backend={backend!r} is unknown.{nearest(backend, list(BACKENDS))} {allowed}")


def check_backend_option(backend: Any) -> None:
    """Raise `ConfigError` as `check_backend`; an `rt.Backend` and an `rt.LocalModels` have checked themselves."""
    if not is_local_models(backend) and not hasattr(backend, "url"):
        check_backend(backend)


def check_address(url: str) -> None:
    """Raise `ConfigError` for an address that no websocket has, or that holds a key."""
    parts = urlsplit(url)
    if parts.scheme not in {"ws", "wss"} or not parts.hostname:
        hint = ""
        if parts.scheme in {"http", "https"}:
            hint = (
                f" Did you mean {safe_url(url).replace('http', 'ws', 1)!r}? A chat server is "
                f"rt.LocalModels(chat_url={safe_url(url)!r}, chat_model=...)."
            )
        raise ConfigError(
            f"backend={safe_url(url)!r} is not a websocket address: it must begin with ws:// or wss://.{hint}"
        )
    refuse_key_in_url(url)


def has_own_fields(backend: Any) -> bool:
    """Whether a backend is another server than the service and the practice backend: it may have its own fields."""
    return "://" in backend if isinstance(backend, str) else not is_local_models(backend)


def is_local_models(backend: Any) -> bool:
    """Whether a backend is an `rt.LocalModels`, whose module is loaded only where it is used."""
    return hasattr(backend, "chat_url")


def check_model(model: Any) -> str | None:
    """Return a model's name or None; raise `ConfigError` for any other value."""
    if model is not None and (not isinstance(model, str) or not model.strip()):
        raise ConfigError(f"model={model!r} must be a model's name, or None for the backend's current one.")
    if model is not None:
        refuse_half_character("model", model)
    return model


def check_setting(name: str, value: Any) -> Any:
    """Check the value of a setting, and return it as it is kept: `tools` as a tuple of `Tool` and `McpTool`.

    Raises:
        ConfigError: an unknown setting, or a bad value.
    """
    if name not in DEFAULTS:
        near = get_close_matches(name, DEFAULTS, n=1)
        raise ConfigError(f"there is no setting {name!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
    if isinstance(value, Secret):
        raise _bad(name, value, "no key: pass a key as api_key=")
    if name == "tools":
        if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
            raise ConfigError(f"tools must be a list of functions, not {value!r}")
        tools = _distinct([_mcp(tool) if _is_mcp(tool) else as_tool(tool) for tool in value])
        for tool in tools:
            if isinstance(tool, Tool):
                described = {"description": tool.description, "parameters": tool.parameters}
                refuse_half_characters(f"the tool {tool.name!r}", described)
        return tools
    if isinstance(value, str) and not value.isascii():
        refuse_half_character(name, value)
    if name == "instructions" and not isinstance(value, (str, type(None))):
        raise _bad(name, value, "a string or None")
    if name == "voice" and not _is_voice(value):
        raise _bad(name, value, "a voice's name (such as 'marin'), {'id': 'voice_...'} or None")
    if name == "output" and value not in ("audio", "text"):
        raise _bad(name, value, "'audio' (sound and its transcript) or 'text'")
    if name == "reasoning_effort" and value not in _EFFORTS:
        raise _bad(name, value, "None or one of " + ", ".join(repr(effort) for effort in _EFFORTS[1:]))
    if name == "transcription" and not isinstance(value, (bool, str, Transcription)):
        raise _bad(name, value, "True, False, a model's name or rt.Transcription(...)")
    if (
        name == "noise_reduction"
        and not isinstance(value, NoiseReduction)
        and value not in (None, "near_field", "far_field")
    ):
        raise _bad(name, value, "None, 'near_field', 'far_field' or rt.NoiseReduction(...)")
    if name == "turn_detection" and not (
        value in (None, "server_vad", "semantic_vad") or isinstance(value, (dict, ServerVad, SemanticVad))
    ):
        allowed = "None (push to talk), 'server_vad', 'semantic_vad', rt.ServerVad(...) or rt.SemanticVad(...)"
        raise _bad(name, value, allowed)
    if (value is None or isinstance(value, (bool, str))) and name in _CHECKED_HERE:
        return value  # only structs and numbers need the wire's schema, too
    problem = check(session_config({name: value}), RealtimeSessionConfig, path="session")
    if problem is not None:
        raise ConfigError(f"{name}={_short(value)}: {problem.message}")
    return value


def check_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Check all of `settings`, also against each other, and return them over the defaults."""
    checked = {**DEFAULTS, **{name: check_setting(name, value) for name, value in settings.items()}}
    check_tool_choice(checked["tool_choice"], checked["tools"])
    return checked


def check_tool_choice(choice: Any, tools: Any) -> None:
    """Raise `ConfigError` where `tool_choice` names a function that is not among the checked tools."""
    named = choice if isinstance(choice, str) else to_dict(choice) if choice is not None else None
    if isinstance(named, Mapping):
        named = named.get("name") if named.get("type") == "function" else None
    if named is None or named in _CHOICES:
        return
    names = [tool.name for tool in tools if isinstance(tool, Tool)]
    if named not in names:
        known = f" The tools are: {', '.join(names)}." if names else " There are no tools: give them with tools=[...]."
        raise ConfigError(f"tool_choice={named!r} is no tool.{nearest(named, [*names, *_CHOICES])}{known}")


def session_config(settings: Mapping[str, Any], extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Translate settings to the `session` of a `session.update`.

    None leaves a setting out, so that the service's default holds, except where null switches a feature off: turn
    detection, transcription and noise reduction (docs/protocol.md 3).

    Args:
        settings: checked settings; only these appear.
        extra: further session fields, which lie over the rest unchecked.
    """
    config: dict[str, Any] = {"type": "realtime"}
    audio_in: dict[str, Any] = {}
    audio_out: dict[str, Any] = {}
    for name, value in settings.items():
        if name in ("turn_detection", "noise_reduction"):
            audio_in[name] = {"type": value} if isinstance(value, str) else _builtins(value)
        elif name == "transcription":
            audio_in[name] = _transcription(value)
        elif name in ("voice", "speed", "instructions", "reasoning_effort") and value is None:
            pass
        elif name in ("voice", "speed"):
            audio_out[name] = value
        elif name == "tools":
            config["tools"] = [_tool_spec(tool) if isinstance(tool, Tool) else _builtins(tool) for tool in value]
        elif name == "tool_choice":
            config[name] = _tool_choice(value)
        elif name == "output":
            config["output_modalities"] = [value]
        elif name == "reasoning_effort":
            config["reasoning"] = {"effort": value}
        else:
            config[name] = value
    if audio_in or audio_out:
        config["audio"] = {**({"input": audio_in} if audio_in else {}), **({"output": audio_out} if audio_out else {})}
    return overlay(config, extra) if extra else config


def _is_voice(value: Any) -> bool:
    """Whether a value can be a voice: a name, the user's own voice by its id, or None for the service's default."""
    if isinstance(value, dict):
        return set(value) == {"id"} and isinstance(value["id"], str) and bool(value["id"])
    return value is None or (isinstance(value, str) and bool(value))


def _tool_spec(tool: Any) -> dict[str, Any]:
    described = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", **described}


def _distinct(tools: list[Any]) -> tuple[Any, ...]:
    names: set[str] = set()
    for tool in tools:
        if isinstance(tool, Tool):
            if tool.name in names:
                raise ConfigError(
                    f"tools has two functions named {tool.name!r}: rename one, or pass {{'name': ..., 'function': ...}}"
                )
            names.add(tool.name)
    return tuple(tools)


def _is_mcp(tool: Any) -> bool:
    return isinstance(tool, McpTool) or (isinstance(tool, Mapping) and tool.get("type") == "mcp")


def _mcp(tool: Any) -> McpTool:
    """Return an MCP server as a struct, whose repr hides `authorization` and `headers`."""
    given = _builtins(tool)
    problem = check({"type": "realtime", "tools": [given]}, RealtimeSessionConfig, path="session")
    if problem is not None:
        raise ConfigError(problem.message)
    if not any(given.get(name) for name in _MCP_ADDRESSES):
        raise ConfigError(f"the MCP server {given['server_label']!r} needs one of {', '.join(_MCP_ADDRESSES)}")
    made = msgspec.convert(given, McpTool)
    for credential in (made.authorization, *(made.headers.values() if isinstance(made.headers, dict) else ())):
        if isinstance(credential, str):
            hold(credential.rpartition(" ")[2])  # without its scheme, such as Bearer
    return made


def _tool_choice(value: Any) -> Any:
    if isinstance(value, str) and value not in _CHOICES:
        return {"type": "function", "name": value}
    return _builtins(value)


def _transcription(value: Any) -> Any:
    if value is False:
        return None
    if value is True:
        return {"model": TRANSCRIPTION_MODEL}
    if isinstance(value, str):
        return {"model": value}
    return {"model": TRANSCRIPTION_MODEL, **_builtins(value)}


def overlay(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the fields of `over` laid over it, at every depth."""
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), dict):
            merged[key] = overlay(merged[key], value)
        else:
            merged[key] = value
    return merged


def _bad(name: str, value: Any, allowed: str) -> ConfigError:
    return ConfigError(f"{name}={_short(value)} is not possible; it takes {allowed}.")


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."


def check_limit(name: str, value: float | None) -> float | None:
    """Return a number above 0 or None; any other value raises `ConfigError`."""
    if value is None:
        return None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value <= 0:
        raise ConfigError(f"{name}={value!r} must be a number above 0, or None for no limit.")
    return value


def check_timeout(timeout: float | None) -> float | None:
    """Return a number of seconds above 0, or None for no limit; any other value raises `ConfigError`."""
    if timeout is not None:
        check_seconds("timeout", timeout)
    return timeout


def check_seconds(name: str, value: float) -> float:
    """Return a number above 0; any other value raises `ConfigError`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ConfigError(f"{name}={value!r} must be a number of seconds above 0.")
    return value
