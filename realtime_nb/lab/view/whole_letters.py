"""Text that can leave the kernel: half of a surrogate pair has no UTF-8, and one would lose a whole message.

Owns the check and the replacement. Must not know messages.

A server's JSON, a model's arguments of a function call and a file's name may hold such halves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def sendable(content: dict[str, Any]) -> dict[str, Any]:
    """Return a message's content; where half of a surrogate pair is in it, a copy with `?` in its place."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        found: dict[str, Any] = _whole(content)
        return found
    return content


def whole_letters(text: str) -> str:
    """Return a text with `?` in place of each half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return whole_letters(value)
    if isinstance(value, Mapping):
        return {_whole(key): _whole(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(each) for each in value]
    return value
