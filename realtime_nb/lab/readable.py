"""Short names for the values of settings: in the name of a variant, and in a table whose head names the setting.

Owns how a value is named beside the others that are tried. Must not know variants or trials.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from realtime_nb.client.settings import is_local_models
from realtime_nb.redact import safe_url
from realtime_nb.texts import shortened
from realtime_nb.tools import Tool

_LONGEST = 32
_LONGEST_IN_TABLE = 40
_WORTH_CUTTING = 16  # characters of a common beginning
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
    """Return a short name for each value of a setting that says which setting it is of; no two are the same."""
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


def names_in_table(values: Sequence[Any]) -> list[str]:
    """Return a short name for each kept value of a setting that the table's head names; no two are the same.

    A short text is its own name, by which a user finds the value again.
    """
    texts = _from_difference([_kept_text(value) for value in values], if_longer=_LONGEST_IN_TABLE)
    short = [shortened(text, _LONGEST_IN_TABLE) for text in texts]
    return [name if short.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(short, 1)]


def _kept_text(value: Any) -> str:
    if value is None:
        return "default"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_kept_text, value)) or "none"
    whole = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return " ".join(whole.split()) or "empty"


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
    given = iter(_from_difference([" ".join(text.split()) for text in texts if text is not None]))
    return [_NONE["instructions"] if text is None else _cut(next(given)) for text in texts]


def _from_difference(texts: Sequence[str], *, if_longer: int = 0) -> list[str]:
    """Return each text from where they begin to differ: a long common beginning would make all names alike.

    Args:
        texts: without white space around them.
        if_longer: only where one of them has more characters.
    """
    shared = _common_beginning(texts) if max(map(len, texts), default=0) > if_longer else 0
    return [f"…{text[shared:]}" if shared >= _WORTH_CUTTING else text for text in texts]


def _common_beginning(texts: Sequence[str]) -> int:
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
