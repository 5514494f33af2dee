"""Find the values of a tool's properties in a sentence.

Owns how a value of each kind is found in words. Must not know which tool is meant, nor what happens with the values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from realtime_nb.local.voice.responder.free_text import find_strings
from realtime_nb.local.voice.responder.words import position, spoken, stem
from realtime_nb.local.voice.schema import kind_of, properties_of
from realtime_nb.local.voice.vocabulary import spoken_words

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])")
_YES = re.compile(r"\b(?:on|yes|true|enable[ds]?|activate|open|start|lock|show|with)\b")
_NO = re.compile(r"\b(?:off|no|false|disable[ds]?|deactivate|close|stop|unlock|hide|without|not|don't)\b")
_NUMERIC = ("integer", "number")


class Filled:
    """Values that were found, and the names of required ones that were not."""

    def __init__(self) -> None:
        self.arguments: dict[str, Any] = {}
        self.missing: list[str] = []


def fill(schema: Mapping[str, Any], text: str, original: str, used_words: frozenset[str] = frozenset()) -> Filled:
    """Return the values of the schema's properties in a sentence.

    Args:
        schema: an object schema.
        text: normalised words with numbers as digits.
        original: the text as it came, from which free text is cut with its capitals.
        used_words: words that only say which tool is meant, no part of a free text.
    """
    properties = properties_of(schema)
    required = set(schema.get("required") or ())
    filled = Filled()
    numbers = _assign_numbers(properties, text)
    strings: list[str] = []
    found_values: list[str] = []
    for name, spec in properties.items():
        kind = kind_of(spec)
        value: Any = None
        if "const" in spec:
            value = spec["const"]
        elif spec.get("enum"):
            value = _enum(spec["enum"], text)
            if value is not None:
                found_values.append(spoken(value))
        elif kind in _NUMERIC:
            value = numbers.get(name)
        elif kind == "boolean":
            value = _boolean(name, text, required=name in required)
        elif kind == "array":
            value = _array(spec, text)
            found_values += [spoken(entry) for entry in value or ()]
        elif kind == "object":
            inner = fill(spec, text, original, used_words)
            value = inner.arguments if inner.arguments and not inner.missing else None
        else:
            strings.append(name)
            continue
        if value is not None:
            filled.arguments[name] = value
    free = find_strings(strings, properties, required, text, original, used_words | _words_of(found_values))
    filled.arguments.update(free)
    filled.arguments = {name: filled.arguments[name] for name in properties if name in filled.arguments}
    filled.missing = [name for name in properties if name in required and name not in filled.arguments]
    filled.missing += [name for name in required if name not in properties]
    return filled


def fill_with_defaults(schema: Mapping[str, Any], filled: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Return arguments that satisfy the schema, with defaults for missing values, for a call that is required."""
    arguments = dict(filled)
    for name in schema.get("required") or ():
        if name not in arguments:
            arguments[name] = _default(properties_of(schema).get(name, {}), text)
    return arguments


def _default(spec: Mapping[str, Any], text: str) -> Any:
    if "default" in spec:
        return spec["default"]
    if spec.get("enum"):
        return next(iter(spec["enum"]))
    kind = kind_of(spec)
    if kind in _NUMERIC:
        low = spec.get("minimum", 0)
        return low if low > 0 or spec.get("maximum", 0) < 0 else 0
    if kind == "boolean":
        return False
    if kind == "array":
        return [_default(spec.get("items") or {}, text)] * int(spec.get("minItems", 0))
    if kind == "object":
        return fill_with_defaults(spec, {}, text)
    return text


def _words_of(texts: Sequence[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.split())


def _enum(values: Sequence[Any], text: str) -> Any:
    found = [(len(spoken(value)), -position(value, text), value) for value in values if position(value, text) >= 0]
    # "light blue" over "blue", and the first said over later ones.
    return max(found, key=lambda entry: entry[:2])[2] if found else None


def _array(spec: Mapping[str, Any], text: str) -> list[Any] | None:
    items = spec.get("items")
    items = items if isinstance(items, Mapping) else {}
    if items.get("enum"):
        found = sorted(
            (position(value, text), index) for index, value in enumerate(items["enum"]) if position(value, text) >= 0
        )
        return [items["enum"][index] for _, index in found] or None
    if kind_of(items) in _NUMERIC:
        return [_as_number(found, items) for found in _NUMBER.findall(text)] or None
    return None


def _as_number(digits: str, spec: Mapping[str, Any]) -> int | float | None:
    value = float(digits)
    if kind_of(spec) == "integer":
        if value != int(value):
            return None
        value = int(value)
    elif value == int(value):
        value = int(value)
    low, high = spec.get("minimum"), spec.get("maximum")
    if (low is not None and value < low) or (high is not None and value > high):
        return None
    return value


def _assign_numbers(properties: Mapping[str, Mapping[str, Any]], text: str) -> dict[str, int | float]:
    """Assign each number to the property that is named beside it, and the rest in order."""
    numbers = [(found.start(), found.end(), found.group()) for found in _NUMBER.finditer(text)]
    slots = [name for name, spec in properties.items() if kind_of(spec) in _NUMERIC and not spec.get("enum")]
    assigned: dict[str, int | float] = {}
    if len(slots) > 1:
        for name in list(slots):
            words = "|".join(re.escape(stem(word)) + r"\w*" for word in spoken_words(name) if len(word) > 1)
            for entry in numbers if words else ():
                start, end, digits = entry
                before = re.search(rf"\b(?:{words})(?: (?:to|of|at|is|as|equals))?\s*$", text[:start])
                after = re.match(rf"\s*(?:{words})\b", text[end:])
                value = _as_number(digits, properties[name])
                if (before or after) and value is not None:
                    assigned[name] = value
                    numbers.remove(entry)
                    slots.remove(name)
                    break
    for name in slots:
        for entry in numbers:
            value = _as_number(entry[2], properties[name])
            if value is not None:
                assigned[name] = value
                numbers.remove(entry)
                break
    return assigned


def _boolean(name: str, text: str, *, required: bool) -> bool | None:
    named = r"\s+".join(re.escape(word) for word in spoken_words(name))
    said = re.search(rf"(\b(?:no|not|without|don't|disable)\s+(?:\w+\s+)?)?\b{named}\b\s*(off|false|no)?", text)
    # "on" as a property is also a preposition: then the words for yes and no decide below.
    if named and said and named not in ("on", "off"):
        return not (said.group(1) or said.group(2))
    if not required and named not in ("on", "off", "enabled", "active"):
        return None  # "with olives" says nothing about delivery
    if _NO.search(text):
        return False
    return True if _YES.search(text) else None
