"""Converts the return value of a tool's function to the text that the model receives.

Owns the conversion of any Python value to a string, and how long that may be. Must not know functions or events.
pandas and polars are recognised by their methods and never imported.
"""

from __future__ import annotations

from typing import Any

import msgspec

from realtime_nb.texts import whole_characters

MOST_CHARS = 32_000
"""The longest result, about 8,000 tokens: a model pays for each of them in every later response."""

MOST_ERROR_CHARS = 4_000
"""The longest text of an exception."""

# A cut is moved back to the end of a word, so that it splits no word and no key that must be hidden.
_ENDS = " \n\t,;\"'"
_BACK = 400


def error_output(message: str) -> str:
    """Returns the output that tells the model of an error: JSON with an `error` field."""
    return msgspec.json.encode({"error": _shortened(whole_characters(message), MOST_ERROR_CHARS)}).decode()


def as_output(result: Any) -> str:
    """Converts a result to text: a string stays as it is, other values become JSON, or `str()` where JSON fails.

    A frame becomes a list of rows; with an index of its own, or with column names that repeat, it becomes an object
    with `index`, `columns` and `data`. A text that is longer than `MOST_CHARS` is cut, and ends with a note that says
    so to the model.

    Raises:
        ValueError: bytes that are not UTF-8 text.
    """
    if isinstance(result, str):
        return _shortened(whole_characters(result), MOST_CHARS)
    if isinstance(result, bytes | bytearray | memoryview):
        try:
            return _shortened(bytes(result).decode(), MOST_CHARS)
        except UnicodeDecodeError:
            raise ValueError(f"it returned {len(bytes(result))} bytes that are not UTF-8 text") from None
    rows = len(result) if _is_table(result) else 0
    if rows > MOST_CHARS:  # a row has a character at least: these would all be cut, and converting them takes long
        result = result.head(MOST_CHARS)
    return _shortened(_as_text(result), MOST_CHARS, f"a table of {rows} rows" if rows else "")


def _as_text(result: Any) -> str:
    try:
        encoded = msgspec.json.encode(result, enc_hook=_builtin)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return whole_characters(str(result))
    # A date or an enum becomes a JSON string: return its text without the quotes.
    return msgspec.json.decode(encoded, type=str) if encoded.startswith(b'"') else encoded.decode()


def _builtin(value: Any) -> Any:
    if _is_table(value):
        return _table(value)
    # pydantic models; other libraries' tables; NumPy scalars and arrays; times.
    for method in ("model_dump", "to_dicts", "to_list", "to_dict", "tolist", "isoformat"):
        if not isinstance(value, type) and callable(getattr(value, method, None)):
            return getattr(value, method)()
    return str(value)


def _is_table(value: Any) -> bool:
    """Whether a value is a frame or a series of pandas, or of a library with the same methods."""
    needed = ("to_dict", "to_numpy", "index", "head")
    return not isinstance(value, type) and all(hasattr(value, name) for name in needed)


def _table(value: Any) -> Any:
    """Returns a frame or series as builtins that hold every row: `to_dict` alone merges rows of the same index."""
    index = value.index
    if not hasattr(value, "columns"):
        plain = index.is_unique and getattr(index, "nlevels", 1) == 1 and all(isinstance(key, str) for key in index)
        return value.to_dict() if plain else {"index": _labels(index), "name": value.name, "data": value.tolist()}
    columns = value.columns
    numbered = type(index).__name__ == "RangeIndex" and index.name is None
    if numbered and columns.is_unique and all(isinstance(name, str) for name in columns):
        return value.to_dict(orient="records")
    rows = list(value.itertuples(index=False, name=None))  # `to_dict` warns of column names that repeat
    return {"index": _labels(index), "columns": _labels(columns), "data": rows}


def _labels(index: Any) -> list[Any]:
    return [list(label) if isinstance(label, tuple) else label for label in index.tolist()]


def _shortened(text: str, most: int, whole: str = "") -> str:
    """Returns a text with a note to the model where it was longer than `most` characters."""
    if len(text) <= most:
        return text
    end = most
    for at in range(most, most - _BACK, -1):
        if text[at] in _ENDS:
            end = at
            break
    return f"{text[:end]} [cut here: the first {end} characters of {whole or len(text)}; ask for less at a time]"
