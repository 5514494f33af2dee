"""The rows of results as columns for a page: all at once, so that it sorts and filters without asking.

Owns the form: which columns, in which order, and their types. Must not know how they are drawn.

Numbers travel as binary float64 with NaN for a missing one, and texts that repeat as int32 codes with -1 for a missing
one: 5,000 trials are then some hundred kilobytes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from realtime_nb.lab.results.metrics import MEASURED, metric_of

from .source import ResultsSource

_LONGEST_TEXT = 400  # characters: the rest is shown where a row is unfolded
_WORDS = ("text", "heard", "said", "tool_calls", "error", "rating_note")
_PLACES = ("turn", "repeat", "place")


def table_columns(results: ResultsSource) -> tuple[dict[str, Any], list[bytes]]:
    """Return the columns of all rows, and their buffers.

    The content is `{"rows": count, "columns": [...]}`. A column has `name`, `role` (`"name"`, `"setting"`, `"place"`,
    `"metric"`, `"words"` or `"id"`), `shown` (at first), `unit`, `better` (`"lower"`, `"higher"` or empty), and `kind`:

    - `"number"` and `"truth"`: `buffer` is the place of its float64 values; 1 is true.
    - `"category"`: `values` are its texts, and `buffer` is the place of the int32 codes. The texts are in order:
      variants and values of settings as they were given, numbers and all other texts ascending.
    - `"text"`: `values` has a text for each row, cut at 400 characters.
    """
    rows = results.rows
    variants = {name: place for place, name in enumerate(results.variant_names)}
    columns: list[dict[str, Any]] = []
    buffers: list[bytes] = []

    def add(name: str, role: str, *, shown: bool = False) -> None:
        values = [row.get(name) for row in rows]
        if role != "id" and name != "rating" and all(value is None or value == "" or value == [] for value in values):
            return
        column = {"name": name, "role": role, "shown": shown, "unit": "", "better": ""}
        if role in ("metric", "place") and all(
            value is None or isinstance(value, (bool, int, float)) for value in values
        ):
            metric = metric_of(name, is_pass=_is_truth(values))
            column |= {"unit": metric.unit, "better": metric.better or ""}
            column |= {"kind": "truth" if _is_truth(values) else "number", "buffer": len(buffers)}
            buffers.append(_float64(values))
        elif role in ("words", "id"):
            column |= {"kind": "text", "values": [_text(value)[:_LONGEST_TEXT] for value in values]}
        else:
            as_given = name == "variant" or role == "setting"
            places = [variants.get(str(row["variant"]), len(variants)) for row in rows] if as_given else None
            texts, codes = _categories(values, places)
            column |= {"kind": "category", "values": texts, "buffer": len(buffers)}
            buffers.append(codes)
        columns.append(column)

    several_turns = len({row.get("turn") for row in rows}) > 1
    add("variant", "name", shown=True)
    add("utterance", "name", shown=True)
    for name in _PLACES:
        add(name, "place", shown=name == "turn" and several_turns)
    for name in results.settings:
        add(name, "setting")
    main = list(results.metrics)
    for name in main:
        if name != "rating":
            add(name, "metric", shown=True)
    measured = MEASURED | set(results.grades)
    for name in _first_seen(rows):
        if name in measured and name not in (*main, "rating"):
            add(name, "metric")
    add("rating", "metric", shown="rating" in main)
    for name in _WORDS:
        add(name, "words", shown=name == "text")
    add("trial_id", "id")
    return {"rows": len(rows), "columns": columns}, buffers


def _first_seen(rows: Sequence[Mapping[str, Any]]) -> dict[str, None]:
    return dict.fromkeys(name for row in rows for name in row)


def _is_truth(values: Sequence[Any]) -> bool:
    return any(isinstance(value, bool) for value in values) and all(
        value is None or isinstance(value, bool) for value in values
    )


def _float64(values: Sequence[Any]) -> bytes:
    return np.array([np.nan if value is None else float(value) for value in values], "<f8").tobytes()


def _categories(values: Sequence[Any], places: Sequence[int] | None) -> tuple[list[str], bytes]:
    """Return the different texts in order, and their places.

    Args:
        values: by row.
        places: of each row's variant, in whose order the texts stand unless they are numbers; None: they are sorted.
    """
    first: dict[str, Any] = {}
    rows = range(len(values)) if places is None else sorted(range(len(values)), key=places.__getitem__)
    for row in rows:
        if values[row] is not None:
            first.setdefault(_text(values[row]), values[row])
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in first.values()):
        texts = sorted(first, key=first.__getitem__)
    else:
        texts = list(first) if places is not None else sorted(first, key=_natural)
    codes = {text: code for code, text in enumerate(texts)}
    return texts, np.array([-1 if value is None else codes[_text(value)] for value in values], "<i4").tobytes()


def _natural(text: str) -> list[tuple[float, str]]:
    """Return a key by which `question 2` stands before `question 10`."""
    parts = re.split(r"([0-9]{1,15})", text.casefold())
    return [(float(part), "") if place % 2 else (math.inf, part) for place, part in enumerate(parts)]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(each, Mapping) for each in value):  # function calls
        return ", ".join(str(each.get("name")) for each in value)
    return json.dumps(value, ensure_ascii=False, default=str)
