"""Reads a decoded JSON value as a struct field by field, where strict decoding refused the whole.

Owns what happens to a value of another shape: it is converted where its meaning is certain (`24000.0` for 24000, `7`
for an id), kept as it came where it is of an unknown kind (an item type of tomorrow), and left out otherwise. The rest
of the event is read all the same. Must not know sockets or turns. Runs only for frames that strict decoding refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec.inspect as mi

from realtime_nb.wire.realtime.items import Item, UnknownItem
from realtime_nb.wire.realtime.server_events import TokenUsage
from realtime_nb.wire.realtime.session import RealtimeSessionConfig, ServerVad

_MISSING: Any = object()
_MAX_DEPTH = 32
_EXACT = 1 << 53
"""Up to here every whole number is one as a float too."""


def read_leniently(value: Any, kind: Any) -> tuple[Any, list[str]]:
    """Read `value` as the struct `kind`, whatever its fields hold.

    Args:
        value: builtins, as `json.loads` gives them.
        kind: a struct type; its own tag is taken for granted.

    Returns:
        The struct, and the dotted paths of what could not be read. A field that could not be read has its default;
        one that has none is empty (`""`, `[]`, a struct of defaults).
    """
    lost: list[str] = []
    info: Any = kind
    return _struct(value if isinstance(value, dict) else {}, _info(info), "", lost, 0), lost


@cache
def _info(kind: Any) -> Any:
    return mi.type_info(kind)


_ITEM_TYPES = frozenset(mi_type.cls for mi_type in _info(Item).types)
_KNOWN_BY_FIELDS: frozenset[type] = frozenset({RealtimeSessionConfig, TokenUsage})
_JSON_TEXT = frozenset({"arguments", "output"})
"""Fields that hold JSON as text; some servers send the JSON itself."""


def _struct(value: dict[str, Any], info: mi.StructType, path: str, lost: list[str], depth: int) -> Any:
    given: dict[str, Any] = {}
    for field in info.fields:
        where = f"{path}.{field.encode_name}" if path else field.encode_name
        read = _MISSING
        if field.encode_name in value:
            inner = value[field.encode_name]
            if field.encode_name in _JSON_TEXT and isinstance(inner, dict | list) and _takes_text(field.type):
                inner = _as_json(inner)
            read = _value(inner, field.type, where, lost, depth + 1)
            if read is _MISSING and value[field.encode_name] is not None:
                lost.append(where)
        if read is not _MISSING:
            given[field.name] = read
        elif field.required:
            given[field.name] = _empty(field.type, where, lost, depth + 1)
    return info.cls(**given)


def _takes_text(info: mi.Type) -> bool:
    kinds = {type(option) for option in _options(info)}
    return mi.StrType in kinds and mi.ListType not in kinds


def _as_json(value: Any) -> str:
    # Not msgspec's encoder: it refuses numbers beyond 64 bits and lone surrogates, and this must not raise.
    return json.dumps(value, ensure_ascii=False, default=str)


def _empty(info: mi.Type, path: str, lost: list[str], depth: int) -> Any:
    """A value for a required field that is missing or could not be read."""
    for option in _options(info):
        if isinstance(option, mi.StructType):
            return _struct({}, option, path, [], depth)
        if isinstance(option, mi.ListType):
            return []
        if isinstance(option, mi.DictType):
            return {}
        if isinstance(option, mi.BoolType):
            return False
        if isinstance(option, mi.IntType | mi.FloatType):
            return 0
    return ""


def _options(info: mi.Type) -> tuple[mi.Type, ...]:
    return info.types if isinstance(info, mi.UnionType) else (info,)


def _value(value: Any, info: mi.Type, path: str, lost: list[str], depth: int) -> Any:
    """`value` as one of the types that `info` allows, or `_MISSING`."""
    options = _options(info)
    if depth > _MAX_DEPTH:
        return _MISSING
    if value is None:
        return None if any(isinstance(option, mi.NoneType) for option in options) else _MISSING
    if any(isinstance(option, mi.AnyType) for option in options):
        return value
    if isinstance(value, dict):
        return _mapping(value, options, path, lost, depth)
    if isinstance(value, str) and (about := _said_by(options)) is not None:
        return _struct({"message": value}, about, path, lost, depth)
    if isinstance(value, list):
        lists = (option for option in options if isinstance(option, mi.ListType))
        of_list = next(lists, None)
        return _MISSING if of_list is None else _list(value, of_list, path, lost, depth)
    return _scalar(value, options)


def _said_by(options: tuple[mi.Type, ...]) -> mi.StructType | None:
    """An object that has a `message`, which some servers send instead of the object; None where text is allowed."""
    if any(isinstance(option, mi.StrType) for option in options):
        return None
    structs = (option for option in options if isinstance(option, mi.StructType))
    return next((known for known in structs if any(field.encode_name == "message" for field in known.fields)), None)


def _mapping(value: dict[str, Any], options: tuple[mi.Type, ...], path: str, lost: list[str], depth: int) -> Any:
    structs = [option for option in options if isinstance(option, mi.StructType)]
    if structs:
        tagged = [option for option in structs if option.tag_field is not None]
        if not tagged:
            return _struct(value, structs[0], path, lost, depth)
        tag_field = str(tagged[0].tag_field)
        kind = value.get(tag_field)
        if kind is None and tagged[0].cls in _ITEM_TYPES:
            kind = _item_type(value)
        if kind is None and tag_field in value and ServerVad in {option.cls for option in tagged}:
            return None  # some servers switch turn detection off by its type
        chosen = next((option for option in tagged if option.tag == kind), None)
        if chosen is not None:
            return _struct(value, chosen, path, lost, depth)
        is_item = tagged[0].cls in _ITEM_TYPES
        if not is_item and (kind is None or tagged[0].cls in _KNOWN_BY_FIELDS):
            # Without a type, or of one that only says the same otherwise: what it holds tells what it is.
            likely = max(tagged, key=lambda option: sum(field.encode_name in value for field in option.fields))
            if kind is not None:
                lost.append(f"{path}.{tag_field}")
            return _struct(value, likely, path, lost, depth)
        lost.append(path)
        if is_item:
            return UnknownItem(value)
        return value  # of a kind that this version does not know: kept in the server's own words
    for option in options:
        if isinstance(option, mi.DictType):
            read = {}
            for key, inner in value.items():
                got = _value(inner, option.value_type, f"{path}.{key}", lost, depth + 1)
                if got is _MISSING:
                    lost.append(f"{path}.{key}")
                else:
                    read[key] = got
            return read
    return _MISSING


def _item_type(value: dict[str, Any]) -> str | None:
    """The type of an item that does not say it; None where what it holds does not tell."""
    if "role" in value:
        return "message"
    if "output" in value and "call_id" in value:
        return "function_call_output"
    return "function_call" if "name" in value and "arguments" in value else None


def _list(value: list[Any], info: mi.ListType, path: str, lost: list[str], depth: int) -> list[Any]:
    read = []
    for index, inner in enumerate(value):
        where = f"{path}[{index}]"
        got = _value(inner, info.item_type, where, lost, depth + 1)
        if got is _MISSING:
            lost.append(where)
        else:
            read.append(got)
    return read


def _scalar(value: Any, options: tuple[mi.Type, ...]) -> Any:
    """A number, text or truth value as one of `options`; a number and its text stand for one another."""
    kinds = {type(option) for option in options}
    if isinstance(value, bool):
        return value if mi.BoolType in kinds else _MISSING
    if isinstance(value, str):
        if mi.StrType in kinds:
            return value
        if mi.BoolType in kinds and value.lower() in ("true", "false"):
            return value.lower() == "true"
        try:
            value = float(value) if not value.lstrip("+-").isdigit() else int(value)
        except ValueError:
            return _MISSING
    if isinstance(value, float):
        if not math.isfinite(value):
            return _MISSING
        if value.is_integer() and abs(value) < _EXACT:
            value = int(value)
    elif abs(value) >= 1 << 63:
        return _MISSING  # no count, index or time; other parts of the package could not encode it again
    if isinstance(value, int) and (count := next((o for o in options if isinstance(o, mi.IntType)), None)) is not None:
        within = (count.ge is None or value >= count.ge) and (count.lt is None or value < count.lt)
        return value if within else _MISSING
    if mi.FloatType in kinds:
        return float(value)
    if mi.StrType in kinds:
        return str(value)
    return _MISSING


def is_error_body(raw: Mapping[str, Any]) -> bool:
    """Whether an object without a type is what a server or a proxy says of an error over HTTP."""
    if raw.get("object") == "error" or any(raw.get(name) not in _NOTHING for name in ("error", "errors", "detail")):
        return True
    return isinstance(raw.get("message"), str) and any(raw.get(name) is not None for name in _ERROR_FIELDS["code"])


def error_in_words(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The `error` of an error event, whatever shape a server gave it: the reader sees the server's own words."""
    error = raw.get("error")
    detail: dict[str, Any] = dict(error) if isinstance(error, dict) else {}
    if isinstance(error, str) and error:
        detail["message"] = error
    for name, others in _ERROR_FIELDS.items():
        if detail.get(name) in (None, ""):
            sources = (detail, raw)
            found = (source[other] for source in sources for other in others if source.get(other) not in _NOTHING)
            value = next(found, None)
            if value is not None:
                detail[name] = value
    message = detail.get("message")
    if message is not None and not isinstance(message, str):
        detail["message"] = _as_json(message)
    if not detail.get("message"):
        rest = {name: value for name, value in raw.items() if name not in ("type", "event_id")}
        detail["message"] = _as_json(rest) if rest else ""
    return detail


_NOTHING: tuple[Any, ...] = (None, "", {}, [])
_ERROR_FIELDS = {
    "message": ("message", "detail", "msg", "error_message", "reason", "title", "error", "errors"),
    "code": ("code", "error_code", "status_code", "status"),
    "param": ("param",),
}
