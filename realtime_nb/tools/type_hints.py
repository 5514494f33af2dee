"""Translates the type hints of a tool's parameters into hints that msgspec makes a JSON schema of.

Owns what other libraries put into a hint: descriptions and limits in `Annotated`, pydantic models, paths. They are
recognised by their attributes, so none of those libraries is imported. Must not know signatures, docstrings or JSON
text.
"""

from __future__ import annotations

import os
import pathlib
from typing import Annotated, Any, get_args, get_origin

import msgspec

# The attribute names that pydantic's `Field`, annotated-types (`Ge(1)`, `MaxLen(3)`) and `msgspec.Meta` share.
_LIMITS = ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "pattern")


def readable(hint: Any, text: str | None) -> Any:
    """Returns a hint with its description and limits in msgspec's form.

    `Annotated[int, "how many"]`, `Doc("how many")` and `Field(description="how many")` describe a parameter; `text`,
    its description in the docstring, is used if the hint has none.
    """
    if hint is object:
        hint = Any
    extras = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    if not extras and not text:
        return hint
    kept = [extra for extra in extras if isinstance(extra, msgspec.Meta)]
    if any(meta.description for meta in kept):
        text = None
    limits: dict[str, Any] = {}
    for extra in extras:
        if isinstance(extra, msgspec.Meta):
            continue
        said = extra if isinstance(extra, str) else _words_of(extra)
        text = said or text
        for source in (extra, *(getattr(extra, "metadata", None) or ())):
            limits |= {name: value for name in _LIMITS if (value := getattr(source, name, None)) is not None}
    if text or limits:
        kept.append(msgspec.Meta(description=text or None, **limits))
    plain = get_args(hint)[0] if extras else hint
    for meta in kept:
        plain = Annotated[plain, meta]
    return plain


def _words_of(extra: Any) -> str | None:
    for name in ("description", "documentation"):  # pydantic's FieldInfo, typing_extensions' Doc
        if isinstance(said := getattr(extra, name, None), str):
            return said
    return None


def schema_of(hint: type) -> dict[str, Any]:
    """Returns the schema of a type that msgspec does not support; raises `NotImplementedError` if there is none."""
    if hasattr(hint, "model_json_schema"):
        schema: dict[str, Any] = hint.model_json_schema()
        return schema
    if issubclass(hint, os.PathLike):
        return {"type": "string"}
    raise NotImplementedError(f"{hint.__module__}.{hint.__qualname__}")


def from_json(hint: type, value: Any) -> Any:
    """Converts a decoded JSON value to the type `hint`, which msgspec does not support; raises `ValueError`."""
    if hasattr(hint, "model_validate"):
        return hint.model_validate(value)
    if issubclass(hint, os.PathLike) and isinstance(value, str):
        made: Any = pathlib.Path if hint is os.PathLike else hint
        return made(value)
    raise ValueError(f"Expected `{hint.__name__}`")


def to_json(value: Any) -> Any:
    """Converts a parameter's default to a JSON value; raises `NotImplementedError` if it has none."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise NotImplementedError
