"""Writes results to files: CSV, Parquet, and JSON Lines for evaluation tools.

Owns the form of each file. Must not know statistics.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from realtime_nb.lab.extra import needed
from realtime_nb.texts import whole_characters

from .frame import to_frame

_ITEM = ("trial_id", "turn", "utterance", "utterance_hash", "twin", "said", "heard", "variant", "repeat")
_SAMPLE = ("text", "tool_calls", "error")


def to_csv(rows: Sequence[Mapping[str, Any]], path: str | Path) -> Path:
    """Write all columns as CSV; a missing value is an empty field."""
    to_frame(rows).to_csv(found := Path(path).expanduser(), index=False)
    return found


def to_parquet(rows: Sequence[Mapping[str, Any]], path: str | Path) -> Path:
    """Write all columns with their types as Parquet.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    needed("pyarrow", "Parquet needs")  # pandas' own message names two packages
    to_frame(rows).to_parquet(found := Path(path).expanduser(), index=False)
    return found


def to_jsonl(rows: Sequence[Mapping[str, Any]], path: str | Path, *, settings: Sequence[str] = ()) -> Path:
    """Write one JSON object a user turn, as evaluation tools read them: `item` and `sample`.

    `item` is what was said, heard and set; `sample` the answer (`output_text`, `output_tools` in the form of chat
    completions); `measures` all other columns, grades included.
    """
    found = Path(path).expanduser()
    lines = [whole_characters(json.dumps(_line(row, settings), ensure_ascii=False)) for row in rows]
    found.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return found


def _line(row: Mapping[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    item = {name: row[name] for name in _ITEM if name in row}
    item["settings"] = {name: row[name] for name in settings if name in row}
    calls = [
        {"type": "function", "function": {"name": call.get("name"), "arguments": json.dumps(call.get("arguments"))}}
        for call in row.get("tool_calls") or ()
    ]
    sample = {"output_text": row.get("text") or "", "output_tools": calls, "error": row.get("error")}
    rest = {name: value for name, value in row.items() if name not in {*_ITEM, *_SAMPLE, *settings}}
    return {"item": item, "sample": sample, "measures": rest}
