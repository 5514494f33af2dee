"""Stopping early: the published boundaries, the error rate by simulation, Holm's steps."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np
import pytest

from realtime_nb.errors import ConfigError
from realtime_nb.lab.statistics import signed_rank
from realtime_nb.lab.statistics.sequential import SequentialPlan, Spending, nominal_levels, spent
from tests.bench.lab_sweeps import Cell

# Five equal looks, two-sided 0.05: Jennison and Turnbull, "Group Sequential Methods", and the R package ldbounds.
_PUBLISHED: dict[Spending, list[float]] = {
    "obrien-fleming": [4.877, 3.357, 2.680, 2.290, 2.031],
    "pocock": [2.438, 2.427, 2.410, 2.397, 2.386],
}


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
def test_boundaries_are_the_published_ones(spending: Spending) -> None:
    # Published for sums of rounds: the statistics of looks i and j correlate by sqrt(i / j).
    spending_so_far = tuple(spent(look / 5, 0.05, spending) for look in range(1, 6))
    levels = nominal_levels(spending_so_far, tuple(sqrt(look / (look + 1)) for look in range(1, 5)))
    found = [NormalDist().inv_cdf(1 - level / 2) for level in levels]
    assert found == pytest.approx(_PUBLISHED[spending], abs=0.002)


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
def test_looks_after_every_round_keep_the_error_rate(spending: Spending) -> None:
    n, rounds = 2_000, 8
    base, other = Cell(15, rounds, "stalls", 0.0).sweeps(np.random.default_rng(4), n, 0.0)
    plan = SequentialPlan(rounds, spending=spending)
    claimed = np.zeros(n, bool)
    naive = np.zeros(n, bool)
    for done in range(1, rounds + 1):
        d = np.median(other[0, ..., :done], axis=-1) - np.median(base[..., :done], axis=-1)
        p = signed_rank.p_value(d)
        claimed |= p <= plan.level_at(done)
        naive |= p <= 0.05
    # 5 standard deviations of the binomial count above 5 %.
    assert claimed.sum() <= n * 0.05 + 5 * np.sqrt(n * 0.05 * 0.95)
    assert naive.mean() > 0.12


def test_a_single_look_is_the_plain_test() -> None:
    assert SequentialPlan(1).level_at(1) == pytest.approx(0.05, abs=1e-6)
    assert SequentialPlan(4, first=4).level_at(4) == pytest.approx(0.05, abs=1e-6)
    assert SequentialPlan(4, first=4).level_at(3) == 0


def test_several_comparisons_are_decided_by_holms_steps() -> None:
    plan = SequentialPlan(3, spending="pocock")
    at_all, at_last = plan.level_at(2, 2), plan.level_at(2, 1)
    assert at_all < at_last
    assert plan.decided([at_last, at_all], 2) == (True, True)
    assert plan.decided([at_last, at_last], 2) == (False, False)
    assert plan.decided([0.9, 0.0], 2) == (False, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"rounds": 0}, "first=1"),
        ({"rounds": 3, "first": 4}, "first=4"),
        ({"rounds": 3, "alpha": 1.5}, "alpha=1.5"),
        ({"rounds": 3, "spending": "all"}, "spending='all'"),
    ],
)
def test_wrong_plan_is_refused_with_the_value(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        SequentialPlan(**arguments)  # type: ignore[arg-type]


def test_a_look_outside_the_plan_is_refused() -> None:
    with pytest.raises(ConfigError, match="done=4"):
        SequentialPlan(3).level_at(4)


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
def test_levels_of_many_rounds_are_numbers_and_spend_no_more_than_alpha(spending: Spending) -> None:
    plan = SequentialPlan(60, spending=spending)
    levels = [plan.level_at(done) for done in range(1, 61)]
    assert all(0 <= level <= 0.05 for level in levels)
    assert levels[-1] > 0.005
