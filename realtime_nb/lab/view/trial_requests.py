"""Requests of the pane Trials: the table, one trial, its sound, and a rating by hand.

Owns their checks. Must not know widgets or files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from realtime_nb.errors import ConfigError
from realtime_nb.lab.grading.trial_view import TrialView

from .columns import table_columns
from .source import ResultsSource

_LONGEST_NOTE = 2000
_Reply = tuple[dict[str, Any], Sequence[bytes]]


def table(results: ResultsSource, content: Mapping[str, Any]) -> _Reply:
    """Return all rows as columns; see `columns.py`."""
    return table_columns(results)


def trial(results: ResultsSource, content: Mapping[str, Any]) -> _Reply:
    """Return both transcripts, the tool calls and the notes of a trial."""
    found = trial_of(results, content)
    return {
        "said": found.said or "",
        "heard": found.heard,
        "text": found.text,
        "tool_calls": [{"name": call.name, "arguments": _words(call.arguments)} for call in found.tool_calls],
        "error": found.row.get("error") or "",
        "recognition": found.row.get("recognition") or "",
        "rating": found.row.get("rating"),
        "rating_note": found.row.get("rating_note") or "",
    }, ()


def sound(results: ResultsSource, content: Mapping[str, Any]) -> _Reply:
    """Return one side's sound as PCM16; no buffer where it was not kept."""
    found = trial_of(results, content)
    side = content.get("side")
    if side not in ("user", "answer"):
        raise ConfigError(f"side={side!r} must be 'user' or 'answer'")
    clip = found.audio if side == "answer" else found.user_audio
    if clip is None:
        return {"rate": 0}, ()
    return {"rate": clip.rate}, (clip.samples.astype("<i2").tobytes(),)


def rate(results: ResultsSource, content: Mapping[str, Any]) -> _Reply:
    """Keep a rating given by hand; returns it as it is kept."""
    found = trial_of(results, content)
    value, note = content.get("value"), content.get("note", "")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ConfigError(f"value={value!r} must be a number")
    if not isinstance(note, str) or len(note) > _LONGEST_NOTE:
        raise ConfigError(f"a note is a text of at most {_LONGEST_NOTE} characters")
    results.rate(found.row["trial_id"], value, note, turn=found.row.get("turn"))
    return {"rating": value, "rating_note": note}, ()


def trial_of(results: ResultsSource, content: Mapping[str, Any]) -> TrialView:
    """Return the trial that a request names with `trial` and `turn`.

    Raises:
        ConfigError: it names none.
    """
    trial_id, turn = content.get("trial"), content.get("turn")
    if not isinstance(trial_id, str) or not trial_id:
        raise ConfigError(f"trial={trial_id!r} must be the id of a trial")
    if turn is not None and (isinstance(turn, bool) or not isinstance(turn, int)):
        raise ConfigError(f"turn={turn!r} must be a whole number")
    return results.trial(trial_id, turn)


def _words(arguments: Any) -> str:
    import json

    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False, default=str)
