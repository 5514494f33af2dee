"""Cut-offs against delay: what a sweep of turn detection trades for what.

Owns the points and which of them no other one beats. Must not know figures.

A server that waits longer before it ends a turn cuts off fewer speakers, and lets all of them wait. No single number
says which is better: the frontier holds the values of a setting for which no other value has both fewer cut-offs and a
shorter delay.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from realtime_nb.errors import ConfigError
from realtime_nb.lab.statistics.estimate import Estimate

from .answers import some_trials, summary_lines
from .metrics import FIRST, FIRST_TYPED
from .sweep_rows import SweepRows

CUT_OFFS = "cut_offs"
_DELAYS = ("speech_end_to_committed_ms", "speech_end_to_stopped_ms", "speech_end_to_response_ms", FIRST, FIRST_TYPED)


@dataclass(frozen=True)
class FrontierPoint:
    """One value of a setting.

    Attributes:
        name: of the value.
        delay: the typical delay, in milliseconds.
        cut_offs: the mean number of cut-offs a turn.
        turns: how many were measured.
        missed: how many of them were never answered, and have no delay.
        best: whether no other value has fewer cut-offs and no longer delay, or a shorter delay and no more cut-offs.
    """

    name: str
    delay: Estimate
    cut_offs: Estimate
    turns: int
    missed: int
    best: bool = False

    def line(self) -> dict[str, Any]:
        """Return the point as columns."""
        return {
            "value": self.name, "delay_ms": self.delay.value,
            "delay_low": _finite(self.delay.low), "delay_high": _finite(self.delay.high),
            "cut_offs": self.cut_offs.value,
            "cut_offs_low": _finite(self.cut_offs.low), "cut_offs_high": _finite(self.cut_offs.high),
            "turns": self.turns, "missed": self.missed, "on_frontier": self.best,
        }  # fmt: skip


def delay_metric(sweep: SweepRows) -> str:
    """Return the delay that turn detection causes: to the commit of the turn, or the next later one that was measured.

    Raises:
        ConfigError: there is none, or no server ended a turn, because every utterance was typed.
    """
    # Typed utterances have a wait for the answer, too. It says nothing about turn detection.
    ended = any(row.get(name) is not None for row in sweep.rows for name in _DELAYS[:2])
    if not ended and not any(row.get(CUT_OFFS) for row in sweep.rows):
        raise ConfigError(
            "no server ended a turn in these trials: typed utterances show nothing of turn detection. Say them with "
            "rt.spoken(...), a sound file or rt.Recorder(), or see waterfall() for the wait"
        )
    found = next((name for name in _DELAYS if any(row.get(name) is not None for row in sweep.rows)), None)
    if found is None:
        raise ConfigError("no trial has a delay after the end of speech; the column 'error' says why")
    return found


def frontier_points(sweep: SweepRows, setting: str, delay: str) -> tuple[list[FrontierPoint], list[str]]:
    """Return a point for each value of a setting, and the names of values that have no delay.

    Args:
        sweep: the rows.
        setting: a name that `SweepRows.setting` accepts.
        delay: a column of milliseconds.

    Raises:
        ConfigError: no value has both a delay and a number of cut-offs.
    """
    metrics = [sweep.metric(delay), sweep.metric(CUT_OFFS)]
    delays, cuts = (sweep.cells(setting, each.name) for each in metrics)
    found, without = [], []
    for key, name in sweep.names(setting).items():
        waits, counts = some_trials(delays[key]), some_trials(cuts[key])
        if waits is None or counts is None:
            without.append(name)
            continue
        typical = summary_lines(waits, metrics[0], 0.95)["typical"]
        mean = summary_lines(counts, metrics[1], 0.95)["mean"]
        found.append(FrontierPoint(name, typical, mean, counts.n_trials, waits.missing - counts.missing))
    if not found:
        raise ConfigError(f"no value of {setting!r} has both {delay} and cut_offs: were the utterances typed?")
    return _marked(found), without


def _marked(points: Sequence[FrontierPoint]) -> list[FrontierPoint]:
    """Return the points, shortest delay first, with those marked that no other one beats."""
    ordered = sorted(points, key=lambda each: (each.delay.value, each.cut_offs.value))
    marked: list[FrontierPoint] = []
    fewest = math.inf
    for each in ordered:
        same = bool(marked) and marked[-1].best and _place(marked[-1]) == _place(each)
        best = each.cut_offs.value < fewest or same
        fewest = min(fewest, each.cut_offs.value)
        marked.append(
            FrontierPoint(each.name, each.delay, each.cut_offs, each.turns, each.missed, best)
        )  # fmt: skip
    return marked


def _place(point: FrontierPoint) -> tuple[float, float]:
    return point.delay.value, point.cut_offs.value


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
