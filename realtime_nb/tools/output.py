"""Converts the return value of a tool's function to the text that the model receives.

Owns the conversion of any Python value to a string. Must not know functions or events.
"""

from __future__ import annotations

from typing import Any

import msgspec


def error_output(message: str) -> str:
    """Returns the output that tells the model of an error: JSON with an `error` field."""
    return msgspec.json.encode({"error": _encodable(message)}).decode()


def as_output(result: Any) -> str:
    """Converts a result to text: a string stays as it is, other values become JSON, or `str()` where JSON fails.

    Raises:
        ValueError: bytes that are not UTF-8 text.
    """
    if isinstance(result, str):
        return _encodable(result)
    if isinstance(result, bytes | bytearray | memoryview):
        try:
            return bytes(result).decode()
        except UnicodeDecodeError:
            raise ValueError(f"it returned {len(bytes(result))} bytes that are not UTF-8 text") from None
    try:
        encoded = msgspec.json.encode(result, enc_hook=_builtin)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return _encodable(str(result))
    # A date or an enum becomes a JSON string: return its text without the quotes.
    return msgspec.json.decode(encoded, type=str) if encoded.startswith(b'"') else encoded.decode()


def _builtin(value: Any) -> Any:
    # pydantic models; pandas frames and series (with their index); NumPy scalars and arrays; times.
    for method in ("model_dump", "to_dict", "tolist", "isoformat"):
        if not isinstance(value, type) and callable(getattr(value, method, None)):
            return getattr(value, method)()
    return str(value)


def _encodable(text: str) -> str:
    """Replaces lone surrogates, which a file name may hold: they have no UTF-8, so the frame could not be encoded."""
    return text.encode("utf-8", "replace").decode()
