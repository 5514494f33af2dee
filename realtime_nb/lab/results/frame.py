"""Rows as a pandas data frame.

Owns the dtype of each column. Must not know statistics. Imports pandas when it is called.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from realtime_nb.lab.extra import pandas
from realtime_nb.texts import whole_characters

from .metrics import MEASURED


def to_frame(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return rows as a data frame, one line a row.

    Numbers are `Float64` or `Int64`, truths `boolean`, texts `string`: a missing value stays a missing value of its
    type. `started_at` is a time in UTC. Lists and dicts, such as `tool_calls`, are JSON text: frames that hold objects
    can be neither grouped nor written to Parquet.
    """
    pd = pandas()
    columns = dict.fromkeys(name for row in rows for name in row)
    return pd.DataFrame({name: _column(pd, name, [row.get(name) for row in rows]) for name in columns})


def _column(pd: Any, name: str, values: list[Any]) -> Any:
    if name == "started_at":
        return pd.to_datetime(pd.Series(values, dtype="Float64"), unit="s", utc=True)
    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return pd.Series(values, dtype="Float64" if name in MEASURED else "string")
    if kinds == {bool}:
        return pd.Series(values, dtype="boolean")
    if kinds == {int}:
        return pd.Series(values, dtype="Int64")
    if kinds <= {int, float, bool}:
        return pd.Series([None if value is None else float(value) for value in values], dtype="Float64")
    # Texts, and what has no dtype of its own: lists, dicts, and settings such as 400 beside "inf".
    texts = [value if value is None or isinstance(value, str) else _json(value) for value in values]
    return pd.Series(texts, dtype="string")


def _json(value: Any) -> str:
    return whole_characters(json.dumps(value, ensure_ascii=False))
