"""Makes the JSON schema of a function's parameters, and checked arguments from the model's JSON.

Owns both directions: from signature and type hints to a schema (by way of a msgspec struct with one field for each
parameter), and from JSON text back to arguments. Must not know events or threads.
"""

from __future__ import annotations

import functools
import inspect
import math
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from realtime_nb.errors import ConfigError
from realtime_nb.tools.type_hints import from_json, readable, schema_of, to_json

_Field = tuple[str, Any] | tuple[str, Any, Any]


@dataclass(frozen=True)
class Parameters:
    """The parameters of one function.

    Attributes:
        schema: JSON schema of the object that the model sends as arguments.
    """

    schema: dict[str, Any]
    _struct: type[msgspec.Struct]
    _positional: tuple[str, ...]
    _read_from: tuple[Callable[..., Any], str, Mapping[str, str]]

    def __reduce__(self) -> tuple[Any, ...]:
        # The struct was made at run time: no module has it, and msgspec's annotations cannot be pickled.
        return parameters_of, self._read_from

    def parse(self, arguments: str) -> tuple[list[Any], dict[str, Any]]:
        """Returns the positional and keyword arguments in a JSON text.

        Raises:
            ValueError: not JSON, not an object, or a value of the wrong type; the message is meant for the model.
        """
        try:
            given = msgspec.json.decode(arguments.strip() or "{}")
            # Not strict: models often write "3" for 3.
            filled = msgspec.convert(given, self._struct, strict=False, dec_hook=from_json)
        except (ValueError, msgspec.MsgspecError) as error:  # pydantic's error is a ValueError
            raise ValueError(f"the arguments are not valid: {error}") from None
        values = {name: value for name in filled.__struct_fields__ if (value := getattr(filled, name)) is not UNSET}
        return [values.pop(name) for name in self._positional if name in values], values


def parameters_of(function: Callable[..., Any], name: str, descriptions: Mapping[str, str]) -> Parameters:
    """Reads a function's signature and type hints; `name` is the function's name in error messages.

    Raises:
        ConfigError: `*args` or `**kwargs`, or a type hint without a JSON schema.
    """
    signature, hints = _signature(function, name)
    fields: list[_Field] = []
    defaults: dict[str, Any] = {}
    positional: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ConfigError(
                f"{name}() takes {parameter}: a tool needs named parameters, so that the model knows what to fill"
            )
        hint = readable(hints.get(parameter.name, Any), descriptions.get(parameter.name))
        if parameter.kind is parameter.POSITIONAL_ONLY:
            positional.append(parameter.name)
        if parameter.default is parameter.empty:
            fields.append((parameter.name, hint))
        else:
            if parameter.default is None and hint is not Any:
                hint = typing.Optional[hint]  # noqa: UP045 - `|` is not defined for every hint
            # An argument that the model leaves out is left out of the call: the function's own default applies.
            fields.append((parameter.name, typing.Union[hint, UnsetType] if hint is not Any else hint, UNSET))  # noqa: UP007
            defaults[parameter.name] = parameter.default
    struct, schema = _schema(name, fields)
    for parameter_name, default in defaults.items():
        if (shown := _as_json(default)) is not UNSET:
            schema["properties"][parameter_name]["default"] = shown
    return Parameters(schema, struct, tuple(positional), (function, name, dict(descriptions)))


def _signature(function: Callable[..., Any], name: str) -> tuple[inspect.Signature, dict[str, Any]]:
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"the signature of {name}() cannot be read ({error}); wrap it in a function") from None
    hinted: Any = function
    while isinstance(hinted, functools.partial):
        hinted = hinted.func
    if not inspect.isroutine(hinted) and not inspect.isclass(hinted):
        hinted = getattr(hinted, "__wrapped__", None) or hinted.__call__
    try:
        return signature, typing.get_type_hints(hinted, include_extras=True)
    except (NameError, TypeError) as error:
        raise ConfigError(f"the type hints of {name}() cannot be read: {error}") from None


def _schema(name: str, fields: list[_Field]) -> tuple[type[msgspec.Struct], dict[str, Any]]:
    try:
        return _described_by_msgspec(name, fields)
    except (TypeError, NotImplementedError, msgspec.ValidationError) as error:
        for one in fields:
            try:
                _described_by_msgspec(name, [one])
            except (TypeError, NotImplementedError, msgspec.ValidationError) as cause:
                raise ConfigError(
                    f"{name}(): the type hint of {one[0]!r} has no JSON schema ({str(cause).splitlines()[-1]}). A "
                    "model fills parameters with JSON: hint a number, a string, a list, a dict, a Literal, an Enum, a "
                    "dataclass, a TypedDict or a pydantic model."
                ) from None
        raise ConfigError(f"{name}() has type hints without a JSON schema: {error}") from None


def _described_by_msgspec(name: str, fields: list[_Field]) -> tuple[type[msgspec.Struct], dict[str, Any]]:
    # An unknown argument is an error that the model reads; dropping it silently would hide the model's mistake.
    struct = msgspec.defstruct(f"{name}_arguments", fields, kw_only=True, forbid_unknown_fields=True)
    (found,), parts = msgspec.json.schema_components([struct], schema_hook=schema_of, ref_template="#/$defs/{name}")
    schema = dict(parts.pop(found["$ref"].rpartition("/")[2]))
    schema.pop("title", None)
    schema.setdefault("properties", {})
    schema.setdefault("required", [])
    parts = {**parts, **_hoisted(schema), **_hoisted(parts)}
    if parts:
        schema["$defs"] = parts
    return struct, schema


def _hoisted(schema: Any) -> dict[str, Any]:
    """Removes the `$defs` of nested schemas and returns them: references are resolved from the root schema."""
    found: dict[str, Any] = {}
    for value in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        if isinstance(value, dict):
            found |= value.pop("$defs", {})
        if isinstance(value, (dict, list)):
            found |= _hoisted(value)
    return found


def _as_json(default: Any) -> Any:
    """Returns a default as the schema shows it, or `UNSET` if it has no JSON form."""
    try:
        shown = msgspec.to_builtins(default, enc_hook=to_json)
    except (TypeError, ValueError, NotImplementedError):
        return UNSET
    return UNSET if isinstance(shown, float) and not math.isfinite(shown) else shown
