"""Which trials a page without a kernel lets its reader hear, and why each was chosen.

Owns the choice. Must not know sound files or HTML.

A saved notebook holds a few megabytes of sound, and a sweep many: the first choice is one utterance said to every
variant, so that they can be compared, and then of each variant what is typical, what is worst, and what went wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Row: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class ChosenTrial:
    """A trial to hear.

    Attributes:
        row: its columns.
        why: in words, such as `"slowest"`.
    """

    row: Row
    why: str


def chosen_trials(
    rows: Sequence[Row], variants: Sequence[str], metric: str, grades: Sequence[str] = ()
) -> list[ChosenTrial]:
    """Return the trials to hear, the most telling ones first; each once.

    Args:
        rows: all rows; a failed one has `failed`.
        variants: their names, in order.
        metric: a column of waits: the typical and the slowest trial of a variant are judged by it.
        grades: the columns of graders; of passes, one that is False is a reason.
    """
    by_variant = {name: [row for row in rows if row.get("variant") == name] for name in variants}
    found: dict[tuple[Any, Any], ChosenTrial] = {}

    def add(some: Iterable[tuple[Row | None, str]]) -> None:
        for row, why in some:
            if row is not None:
                found.setdefault((row.get("trial_id"), row.get("turn")), ChosenTrial(row, why))

    shared = _shared_utterance(rows, metric)
    add((_first(each, shared), "the same words to every variant") for each in by_variant.values())
    add((_ranked(each, metric, 0.5), "typical") for each in by_variant.values())
    add((_ranked(each, metric, 1.0), "slowest") for each in by_variant.values())
    for why, wrong in _WRONG.items():
        add((next(filter(wrong, each), None), why) for each in by_variant.values())
    for name in grades:
        failing = ([row for row in each if row.get(name) is False] for each in by_variant.values())
        add((next(iter(some), None), f"failed {name}") for some in failing)
    add((_ranked(each, metric, 0.0), "fastest") for each in by_variant.values())
    return list(found.values())


_WRONG: dict[str, Callable[[Row], bool]] = {
    "cut off": lambda row: bool(row.get("cut_offs")),
    "interrupted": lambda row: bool(row.get("interruptions")),
    "a false start": lambda row: bool(row.get("false_starts")),
    "not answered": lambda row: row.get("missed") is True,
    "failed": lambda row: bool(row.get("failed")),
}
"""What can go wrong in a trial, and how a row shows it."""


def _shared_utterance(rows: Sequence[Row], metric: str) -> Any:
    """Return the key of the utterance whose trials are the most typical ones, of those that most variants answered."""
    cells: dict[Any, list[Row]] = {}
    for row in rows:
        if _wait(row, metric) is not None:
            cells.setdefault(_said(row), []).append(row)
    if not cells:
        return None
    most = max(len({row.get("variant") for row in each}) for each in cells.values())
    asked = {key: each for key, each in cells.items() if len({row.get("variant") for row in each}) == most}
    middle = _middle([_wait(row, metric) or 0.0 for each in asked.values() for row in each])
    return min(asked, key=lambda key: abs(_middle([_wait(row, metric) or 0.0 for row in asked[key]]) - middle))


def _first(rows: Sequence[Row], said: Any) -> Row | None:
    these = [row for row in rows if _said(row) == said and not row.get("failed")]
    return min(these, key=lambda row: (row.get("repeat") or 0, row.get("place") or 0), default=None)


def _ranked(rows: Sequence[Row], metric: str, share: float) -> Row | None:
    """Return the trial of this rank: 0 the fastest, 0.5 the one nearest to the median, 1 the slowest."""
    waiting = sorted((row for row in rows if _wait(row, metric) is not None), key=lambda row: _wait(row, metric) or 0.0)
    return waiting[math.floor(share * (len(waiting) - 1))] if waiting else None


def _said(row: Row) -> Any:
    return row.get("twin") or row.get("utterance_hash"), row.get("turn")


def _wait(row: Row, metric: str) -> float | None:
    value = row.get(metric)
    return float(value) if isinstance(value, (int, float)) and not row.get("failed") else None


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
