"""What a function returned, as the text that a model is given.

Owns the way from any Python value to a string. Must not know functions or events.
"""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["as_output", "error_output"]


def error_output(message: str) -> str:
    """What a model is given in place of a result."""
    return msgspec.json.encode({"error": _encodable(message)}).decode()


def as_output(result: Any) -> str:
    """A string as it is, anything else as JSON, and what is not JSON as `str()` shows it.

    Raises:
        ValueError: bytes that are no text: a model cannot read them.
    """
    if isinstance(result, str):
        return _encodable(result)
    if isinstance(result, bytes | bytearray | memoryview):
        try:
            return bytes(result).decode()
        except UnicodeDecodeError:
            raise ValueError(f"it returned {len(bytes(result))} bytes, which are no text") from None
    try:
        encoded = msgspec.json.encode(result, enc_hook=_builtin)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return _encodable(str(result))
    # A date, an enum: its text, without the quotes of JSON.
    return msgspec.json.decode(encoded, type=str) if encoded.startswith(b'"') else encoded.decode()


def _builtin(value: Any) -> Any:
    # pydantic models; pandas frames and series (with their index); NumPy scalars and arrays; times.
    for method in ("model_dump", "to_dict", "tolist", "isoformat"):
        if not isinstance(value, type) and callable(getattr(value, method, None)):
            return getattr(value, method)()
    return str(value)


def _encodable(text: str) -> str:
    """`text` without half surrogates, which a file name may hold: they have no UTF-8, and would stop the frame."""
    return text.encode("utf-8", "replace").decode()
