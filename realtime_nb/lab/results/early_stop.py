"""Stopping a sweep early: after a round, from its rows, whether every comparison is decided.

Owns the decision. Must not know how trials are run. A *round* runs every utterance with every variant once. The error
rate is kept: see `lab/statistics/sequential.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from realtime_nb.errors import ConfigError
from realtime_nb.lab.statistics.sequential import SequentialPlan, Spending

from .answers import apart_words, compared
from .metrics import FIRST
from .sweep_rows import SweepRows


@dataclass(frozen=True)
class EarlyStop:
    """Which comparison may end a sweep before its last round, and how its error rate is kept.

    Attributes:
        rounds: the planned number of rounds: the repeats of the sweep.
        metric: the column that is compared.
        setting: the setting whose values are compared.
        baseline: the value that others are compared with, or its short name; None: the first one.
        alpha: the chance, over all looks and comparisons, of claiming a difference where there is none.
        spending: `"obrien-fleming"` or `"pocock"`, see `SequentialPlan`.
        first: the first round with a look.

    Raises:
        ConfigError: a bad value.
    """

    rounds: int
    metric: str = FIRST
    setting: str = "variant"
    baseline: str | None = None
    alpha: float = 0.05
    spending: Spending = "obrien-fleming"
    first: int = 1

    def __post_init__(self) -> None:
        _ = self.plan

    @property
    def plan(self) -> SequentialPlan:
        """The boundaries of the looks."""
        return SequentialPlan(self.rounds, self.alpha, self.spending, self.first)

    def asks(self, setting: str, metric: str) -> bool:
        """Return whether a comparison is the one that may end the sweep; another one was not looked at in between."""
        return (setting, metric) == (self.setting, self.metric)

    def options_after(self, done: int) -> dict[str, Any]:
        """Return how strictly a comparison is judged after `done` rounds, as options of `compared`."""
        plan = self.plan
        return {"level": 1 - plan.level_at(done), "claims": lambda p_values: plan.decided(p_values, done)}

    def note(self, done: int) -> str:
        """Return the note of a comparison after `done` rounds."""
        level = 100 * self.plan.level_at(done)
        return (
            f"Look after {done} of {self.rounds} rounds: intervals and verdicts use a level of {level:.2g} %, so that "
            f"all looks together claim a difference that is not there in at most {100 * self.alpha:.2g} % of sweeps."
        )


@dataclass(frozen=True)
class Decision:
    """What a look after a round says.

    Attributes:
        stop: whether the sweep is decided.
        clear: by the name of each compared value, whether its difference is clear.
        done: after how many rounds.
        rounds: how many were planned.
        level: the level of the intervals at this look; 1 before the first look.
        reason: in words.
    """

    stop: bool
    clear: Mapping[str, bool]
    done: int
    rounds: int
    level: float
    reason: str


def decide(
    rows: Iterable[Mapping[str, Any]], early: EarlyStop, done: int, *, variants: Sequence[str] = ()
) -> Decision:  # fmt: skip
    """Return whether a sweep may stop after `done` rounds.

    Rows of later rounds are not looked at: with several sessions at once some of their trials may have ended. Never
    raises because of the rows: values that are missing decide nothing.

    Args:
        rows: all rows so far.
        early: the plan.
        done: how many rounds are complete, at least 1.
        variants: their names in order, for the first one as the baseline; the order of rows is random.
    """
    level = 1 - early.plan.level_at(done)
    if done < early.first:
        return Decision(False, {}, done, early.rounds, 1.0, f"the first look is after round {early.first}")
    sweep = SweepRows((row for row in rows if (row.get("repeat") or 0) < done), variants)
    try:
        setting, metric = sweep.setting(early.setting), sweep.metric(early.metric)
        names = sweep.names(setting)
        base = next(iter(names)) if early.baseline is None else sweep.find(setting, early.baseline)
        found = compared(
            setting, metric, base, names, sweep.cells(setting, metric.name),
            apart=apart_words(sweep, setting, metric), **early.options_after(done),
        )  # fmt: skip
    except ConfigError as error:
        return Decision(False, {}, done, early.rounds, level, str(error))
    clear = {each.variant: each.clear for each in found}
    stop = all(clear.values()) and len(clear) == len(names) - 1
    decided = ", ".join(name for name, is_clear in clear.items() if is_clear) or "none"
    words = f"clear by {metric.name} after {done} of {early.rounds} rounds: {decided}"
    return Decision(stop, clear, done, early.rounds, level, words)


def complete_rounds(rows: Sequence[Mapping[str, Any]], trials_a_round: int) -> int:
    """Return how many rounds are complete: every utterance with every variant, failed trials included."""
    by_round: dict[int, set[str]] = {}
    for row in rows:
        if not row.get("warmup"):
            by_round.setdefault(row.get("repeat") or 0, set()).add(row["trial_id"])
    done = 0
    while trials_a_round and len(by_round.get(done, ())) >= trials_a_round:
        done += 1
    return done
