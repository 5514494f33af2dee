"""Data frames as rows of plain values, whichever package made them.

Owns how a frame is recognised and read. Imports no frame's package: pandas and polars frames say what they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_frame(x: Any) -> bool:
    """Return whether a value is a data frame."""
    return hasattr(x, "columns") and (hasattr(x, "to_dicts") or hasattr(x, "to_dict"))


def rows_of(frame: Any) -> list[Mapping[str, Any]]:
    """Return the rows of a frame, by column."""
    rows = frame.to_dicts() if hasattr(frame, "to_dicts") else frame.to_dict("records")
    return [{str(column): value for column, value in row.items()} for row in rows]
