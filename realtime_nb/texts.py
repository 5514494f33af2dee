"""Texts that fit: shortened ones, and ones that have a UTF-8.

Owns how a text is cut, and what stands in place of half of a surrogate pair. Must not know what a text is for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def shortened(text: str, longest: int) -> str:
    """Return a text of at most `longest` characters; one that was cut ends with an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def whole_characters(text: str) -> str:
    """Return a text with `?` in place of each half of a surrogate pair, such as half of an emoji.

    A server's JSON or a file's name may hold such halves. They have no UTF-8, so that one would lose a whole message.
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def with_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Return plain values with each text changed, the keys of dicts too; tuples become lists."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {with_texts(key, change): with_texts(each, change) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_texts(each, change) for each in value]
    return value
