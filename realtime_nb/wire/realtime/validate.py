"""Checks client events and session configuration for unknown fields and bad values.

Owns the allowed fields and values. Must not know sockets. The service refuses a whole `session.update` because of one
unknown field (docs/protocol.md 2), so the client checks before it sends, and the local backend when it receives.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
import msgspec.inspect as mi

from realtime_nb.errors import ConfigError
from realtime_nb.texts import shortened
from realtime_nb.wire.realtime.exclusions import exclusions


class Problem(msgspec.Struct, frozen=True):
    """One error in an event, in the form of the service's `error` event.

    Attributes:
        code: `unknown_parameter`, `missing_required_parameter`, `invalid_type` or `invalid_value`.
        message: a sentence that names the value and what is allowed.
        param: the dotted path of the field.
    """

    code: str
    message: str
    param: str


_ONE_OF: dict[str, tuple[str | None, ...]] = {
    "turn_detection.type": ("server_vad", "semantic_vad"),
    "turn_detection.eagerness": ("low", "medium", "high", "auto", None),
    "noise_reduction.type": ("near_field", "far_field", None),
    "reasoning.effort": ("minimal", "low", "medium", "high", "xhigh", None),
    "format.type": ("audio/pcm", "audio/pcmu", "audio/pcma", None),
    "transcription.delay": ("minimal", "low", "medium", "high", "xhigh", None),
    "item.role": ("system", "user", "assistant"),
    "response.conversation": ("auto", "none", None),
}
_BETWEEN: dict[str, tuple[float, float]] = {
    "output.speed": (0.25, 1.5),
    "turn_detection.threshold": (0.0, 1.0),
    "turn_detection.prefix_padding_ms": (0, 60_000),
    "turn_detection.silence_duration_ms": (0, 60_000),
    "turn_detection.idle_timeout_ms": (1, 600_000),
}
_FREE = ("parameters", "metadata", "variables", "input_schema")
_TOOL_CHOICES = ("none", "auto", "required")
_MSGSPEC_PATH = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)


def nearest(name: str, allowed: list[str]) -> str:
    """Returns a phrase that suggests the allowed name closest to `name`, or an empty string."""
    close = difflib.get_close_matches(name, allowed, n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""


@cache
def _info(kind: Any) -> mi.Type:
    return mi.type_info(kind)


@cache
def _fields(struct: type) -> dict[str, mi.Type]:
    """The types of a struct's fields by their wire names, the tag among them."""
    info = mi.type_info(struct)
    assert isinstance(info, mi.StructType)
    fields = {field.encode_name: field.type for field in info.fields}
    return {**fields, info.tag_field: mi.AnyType()} if info.tag_field else fields


def half_character(text: str) -> int | None:
    """The position of the first half of a surrogate pair in `text`, such as half an emoji; None where there is none.

    It has no UTF-8, so no frame can hold it: a text with one is refused where it enters.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None


def refuse_half_character(name: str, text: str) -> None:
    """Raise `ConfigError` for a text that holds half of a surrogate pair; `name` is what the message calls it."""
    half = half_character(text)
    if half is not None:
        raise ConfigError(
            f"{name} has half of a surrogate pair (half an emoji, most often) at position {half}: remove it."
        )


LONGEST_NAME = 1_000
"""Characters of a name that people give; those that are made of settings or files are shorter."""


def refuse_long_name(name: str, text: Any) -> None:
    """Raise `ConfigError` for a text that is too long to name something; `name` is what the message calls it."""
    if isinstance(text, str) and len(text) > LONGEST_NAME:
        raise ConfigError(
            f"{name}={shortened(text, 60)!r} has {len(text):,} characters, and a name has at most {LONGEST_NAME:,}: "
            "give a shorter one. Tables and figures show it; what it stands for may be as long as it is."
        )


def refuse_half_characters(name: str, value: Any) -> None:
    """Raise `ConfigError` for half of a surrogate pair anywhere in builtins; the message says where."""
    unchecked = [(name, value)]
    while unchecked:
        name, value = unchecked.pop()
        if isinstance(value, str):
            if not value.isascii():
                refuse_half_character(name, value)
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                unchecked += (f"{name}.{key}", inner), (f"a name in {name}", key)
        elif isinstance(value, (list, tuple)):
            unchecked += [(f"{name}[{index}]", inner) for index, inner in enumerate(value)]


def field_names(kind: Any) -> list[str]:
    """Returns the wire names of a struct type's fields."""
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def check(value: Any, kind: Any, *, path: str = "") -> Problem | None:
    """Returns the first problem that a decoded JSON `value` has as a `kind`, or None.

    Args:
        value: builtins, as `json.loads` returns them.
        kind: a struct type or a union of struct types.
        path: the path of `value` in its event, such as `"session"`; it begins `Problem.param`.
    """
    problem = _unknown(value, _info(kind), path) or _bad_value(value, path)
    if problem is not None:
        return problem
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        return _translate(error, path)
    return None


def _unknown(value: Any, info: mi.Type, path: str) -> Problem | None:
    if isinstance(info, mi.UnionType):
        # It has one struct, or structs with tags only: msgspec allows no other.
        for one in info.types:
            if isinstance(one, mi.StructType) and isinstance(value, dict):
                if not one.tag_field or one.tag == value.get(one.tag_field):
                    info = one
                    break
            elif isinstance(one, mi.ListType) and isinstance(value, list):
                info = one
                break
    if isinstance(info, mi.StructType) and isinstance(value, dict):
        fields = _fields(info.cls)
        for key, inner in value.items():
            where = f"{path}.{key}" if path else key
            if key not in fields:
                return Problem("unknown_parameter", f"Unknown parameter: '{where}'.{nearest(key, list(fields))}", where)
            if isinstance(inner, (dict, list)):
                problem = _unknown(inner, fields[key], where)
                if problem is not None:
                    return problem
    elif isinstance(info, mi.ListType) and isinstance(value, list):
        for index, inner in enumerate(value):
            problem = _unknown(inner, info.item_type, f"{path}[{index}]")
            if problem is not None:
                return problem
    return None


def _bad_value(value: Any, path: str) -> Problem | None:
    if isinstance(value, str):
        half = half_character(value)
        if half is not None:
            return Problem(
                "invalid_value",
                f"Invalid value for '{path}': the character at position {half} is half of a surrogate pair (half an "
                "emoji, most often). Remove it, or read the text again as UTF-8.",
                path,
            )
        return None
    if isinstance(value, list):
        for index, inner in enumerate(value):
            problem = _bad_value(inner, f"{path}[{index}]")
            if problem is not None:
                return problem
        return None
    if not isinstance(value, dict):
        return None
    parent = path.rsplit(".", 1)[-1].split("[")[0]
    for code, message, field in exclusions(parent, value):
        return Problem(code, message, f"{path}.{field}")
    for key, inner in value.items():
        where = f"{path}.{key}" if path else key
        short = f"{parent}.{key}"
        if short in _ONE_OF and inner not in _ONE_OF[short]:
            allowed = ", ".join(f"'{choice}'" for choice in _ONE_OF[short] if choice is not None)
            return Problem(
                "invalid_value", f"Invalid value: {_show(inner)} for '{where}'. Supported values are: {allowed}.", where
            )
        elif short in _BETWEEN and inner is not None:
            low, high = _BETWEEN[short]
            if isinstance(inner, (int, float)) and not isinstance(inner, bool) and not low <= inner <= high:
                return Problem(
                    "invalid_value", f"Invalid value: {inner} for '{where}'. Expected {low} to {high}.", where
                )
        elif key == "max_output_tokens" and inner is not None:
            whole = isinstance(inner, int) and not isinstance(inner, bool) and 1 <= inner <= 4096
            if inner != "inf" and not whole:
                return Problem(
                    "invalid_value",
                    f"Invalid value: {_show(inner)} for '{where}'. Expected a whole number from 1 to 4096, or 'inf'.",
                    where,
                )
        elif key == "output_modalities" and isinstance(inner, list):
            if inner not in (["audio"], ["text"]):
                return Problem(
                    "invalid_value",
                    f"Invalid modalities: {_show(inner)} for '{where}'. Supported combinations are: "
                    "['text'] and ['audio'] (audio comes with its transcript).",
                    where,
                )
        elif key == "tool_choice" and isinstance(inner, str):
            if inner not in _TOOL_CHOICES:
                return Problem(
                    "invalid_value",
                    f"Invalid value: {_show(inner)} for '{where}'. Expected 'none', 'auto', 'required' or a tool.",
                    where,
                )
        elif key == "metadata" and parent == "response" and isinstance(inner, dict) and len(inner) > 16:
            return Problem("invalid_value", f"'{where}' has {len(inner)} pairs; at most 16 are allowed.", where)
        elif key == "rate" and parent == "format" and value.get("type") == "audio/pcm" and inner not in (24_000, None):
            return Problem(
                "invalid_value", f"Invalid value: {_show(inner)} for '{where}'. PCM is 24000 Hz only.", where
            )
        if isinstance(inner, str) and inner.isascii():
            continue
        if isinstance(inner, (str, dict, list)) and key not in _FREE:
            problem = _bad_value(inner, where)
            if problem is not None:
                return problem
    return None


def _show(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."


def _translate(error: msgspec.ValidationError, path: str) -> Problem:
    match = _MSGSPEC_PATH.match(str(error))
    what = match["what"] if match else str(error)
    inner = (match["path"] if match else "") or ""
    where = ".".join(piece for piece in (path, inner) if piece)
    missing = re.search(r"missing required field `([^`]+)`", what)
    if missing:
        where = f"{where}.{missing[1]}" if where else missing[1]
        return Problem("missing_required_parameter", f"Missing required parameter: '{where}'.", where)
    if what.startswith("Expected"):
        return Problem("invalid_type", f"Invalid type for '{where}': {what[0].lower()}{what[1:]}.", where)
    return Problem("invalid_value", f"{what} for '{where}'.", where)
