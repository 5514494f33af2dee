"""Short names for the values of settings, so that a table of variants can be read.

Owns how a value is named beside the others that are tried. Must not know variants or trials.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from realtime_nb.client.settings import is_local_models
from realtime_nb.redact import safe_url
from realtime_nb.tools import Tool

_LONGEST = 32
_LONGEST_SETTING = 40  # "server_vad interrupt response False" ends with what sets it apart
_NONE = {
    "instructions": "no instructions",
    "turn_detection": "push to talk",
    "voice": "default voice",
    "speed": "default speed",
    "noise_reduction": "no noise reduction",
    "reasoning_effort": "default effort",
    "model": "default model",
    "backend": "default backend",
    "session": "no further fields",
}
# Values that say by themselves which setting they are of.
_SPEAK_FOR_THEMSELVES = frozenset({"instructions", "voice", "model", "turn_detection", "tools", "backend"})


def names_of(setting: str, values: Sequence[Any]) -> list[str]:
    """Return a short name for each value of a setting; no two are the same."""
    named = (
        _texts
        if setting == "instructions"
        else lambda given: [_cut(_named(setting, each, given), _LONGEST_SETTING) for each in given]
    )
    numbered: list[str] = []
    for name in named(values):
        number = 2
        free = name
        while free in numbered:
            free = f"{name} #{number}"
            number += 1
        numbered.append(free)
    return numbered


def _named(setting: str, value: Any, values: Sequence[Any]) -> str:
    if value is None:
        return _NONE.get(setting, f"{setting} none")
    if setting == "tools":
        return _tools(value)
    if setting == "backend":
        return _backend(value)
    if setting == "transcription" and isinstance(value, bool):
        return "transcription" if value else "no transcription"
    plain = msgspec.to_builtins(value) if isinstance(value, (Mapping, msgspec.Struct)) else value
    if isinstance(plain, Mapping):
        others = [msgspec.to_builtins(v) if isinstance(v, (Mapping, msgspec.Struct)) else v for v in values]
        plain = _apart(plain, [other for other in others if isinstance(other, Mapping) and other != plain] or [{}])
    if setting in _SPEAK_FOR_THEMSELVES or isinstance(value, (Mapping, msgspec.Struct)):
        return str(plain)
    return f"{setting.replace('_', ' ')} {plain}"


def _apart(value: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> str:
    """Return the type of a struct and those of its fields that set it apart from the others."""
    kind = [str(value["type"])] if isinstance(value.get("type"), str) else []
    fields = [
        _field(name, field)
        for name, field in value.items()
        if name != "type" and any(other.get(name) != field for other in others)
    ]
    if not kind and not fields:
        fields = [_field(name, field) for name, field in value.items()]
    return " ".join([*kind, *fields])


def _field(name: str, value: Any) -> str:
    """Return a field in words: `silence_duration_ms=200` is "silence 200 ms"."""
    shown = _apart(value, []) if isinstance(value, Mapping) else str(value)
    words = name.removesuffix("_ms").removesuffix("_duration").replace("_", " ")
    return f"{words} {shown}{' ms' * name.endswith('_ms')}"


def _tools(tools: Any) -> str:
    names = [tool.name if isinstance(tool, Tool) else str(getattr(tool, "server_label", tool)) for tool in tools]
    return "+".join(names) or "no tools"


def _backend(backend: Any) -> str:
    if is_local_models(backend):
        return str(backend.chat_model)
    url = backend if isinstance(backend, str) else getattr(backend, "url", "")
    return urlsplit(safe_url(url)).netloc if isinstance(url, str) and "://" in url else str(url)


def _texts(texts: Sequence[str | None]) -> list[str]:
    """Return short texts as they are, and long ones from where they begin to differ."""
    given = [" ".join(text.split()) for text in texts if text is not None]
    shared = common_beginning(given)
    names = []
    for text in texts:
        if text is None:
            names.append(_NONE["instructions"])
            continue
        whole = " ".join(text.split())
        cut = _cut(whole)
        # A long common beginning would make all names alike.
        names.append(cut if shared < _LONGEST // 2 else "…" + _cut(whole[shared:] or whole[-_LONGEST:]))
    return names


def common_beginning(texts: Sequence[str]) -> int:
    """Return the length of the beginning that all texts share, cut at a word."""
    if len(texts) < 2:
        return 0
    first, last = min(texts), max(texts)
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    return first.rfind(" ", 0, same) + 1


def _cut(text: str, longest: int = _LONGEST) -> str:
    text = text.rstrip(" .")
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
