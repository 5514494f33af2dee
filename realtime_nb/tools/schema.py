"""The JSON schema of a function's parameters, and the arguments that it is called with.

Owns the way from signature and type hints to a schema (msgspec's, from a struct made of the parameters) and from JSON
text back to checked arguments. Must not know events or threads.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from realtime_nb.errors import ConfigError

__all__ = ["Parameters", "parameters_of"]


@dataclass(frozen=True)
class Parameters:
    """The parameters of one function.

    Attributes:
        schema: JSON schema of the object that a model fills.
    """

    schema: dict[str, Any]
    _struct: type[msgspec.Struct]
    _positional: tuple[str, ...]

    def parse(self, arguments: str) -> tuple[list[Any], dict[str, Any]]:
        """The positional and keyword arguments of JSON text.

        Raises:
            ValueError: not JSON, not an object, or a value of the wrong type; the message is meant for the model.
        """
        try:
            # Not strict: models write "3" for 3 often enough, and mean it.
            given = msgspec.convert(msgspec.json.decode(arguments or "{}"), self._struct, strict=False)
        except msgspec.DecodeError as error:
            raise ValueError(f"the arguments are not valid: {error}") from None
        values = {name: value for name in given.__struct_fields__ if (value := getattr(given, name)) is not UNSET}
        return [values.pop(name) for name in self._positional if name in values], values


def parameters_of(function: Callable[..., Any], descriptions: Mapping[str, str]) -> Parameters:
    """Read a function's signature.

    Raises:
        ConfigError: a parameter that no JSON object can fill, or a type hint without a schema.
    """
    name = getattr(function, "__name__", repr(function))
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise ConfigError(f"the type hints of {name}() cannot be read: {error}") from None
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    defaults: dict[str, Any] = {}
    positional: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ConfigError(
                f"{name}() takes {parameter}: a tool needs named parameters, so that the model knows what to fill"
            )
        hint = hints.get(parameter.name, Any)
        text = descriptions.get(parameter.name)
        if parameter.kind is parameter.POSITIONAL_ONLY:
            positional.append(parameter.name)
        if parameter.default is parameter.empty:
            fields.append((parameter.name, _described(hint, text)))
        else:
            # An argument that the model leaves out is left out of the call: the function's own default applies.
            fields.append((parameter.name, _described(hint | UnsetType if _joins(hint) else hint, text), UNSET))
            defaults[parameter.name] = parameter.default
    try:
        struct = msgspec.defstruct(f"{name}_arguments", fields, kw_only=True)
        (schema,), parts = msgspec.json.schema_components([struct], ref_template="#/$defs/{name}")
    except (TypeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{name}() has a type hint without a JSON schema: {error}") from None
    schema = dict(parts.pop(schema["$ref"].rpartition("/")[2]))
    schema.pop("title", None)
    schema.setdefault("properties", {})
    schema.setdefault("required", [])
    for parameter_name, default in defaults.items():
        if default is None or isinstance(default, str | int | float | bool):
            schema["properties"][parameter_name]["default"] = default
    if parts:
        schema["$defs"] = parts
    return Parameters(schema, struct, tuple(positional))


def _joins(hint: Any) -> bool:
    return hint is not Any


def _described(hint: Any, text: str | None) -> Any:
    return Annotated[hint, msgspec.Meta(description=text)] if text else hint
