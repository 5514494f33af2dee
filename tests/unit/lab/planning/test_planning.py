"""The order of a sweep, and its budget: balanced, seeded, robust to drift; never exceeded in any interleaving."""

from __future__ import annotations

import random
import threading
from collections import Counter
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.errors import BudgetError, ConfigError
from realtime_nb.lab.planning.budget import Budget, Reservation
from realtime_nb.lab.planning.order import Order, TrialSlot, drift_ms, schedule

_sizes = st.integers(1, 6)


@given(_sizes, _sizes, _sizes, st.integers(0, 99), st.sampled_from(["blocks", "shuffled", "sequential"]))
def test_every_trial_stands_once_in_any_order(u: int, v: int, r: int, seed: int, order: Order) -> None:
    slots = schedule(u, v, r, seed=seed, order=order)
    assert sorted((s.utterance, s.variant, s.repeat) for s in slots) == sorted(product(range(u), range(v), range(r)))
    assert slots == schedule(u, v, r, seed=seed, order=order)


@given(_sizes, _sizes, _sizes, st.integers(0, 99))
def test_rounds_and_blocks_are_whole(u: int, v: int, r: int, seed: int) -> None:
    slots = schedule(u, v, r, seed=seed)
    for start in range(0, len(slots), v):
        block = slots[start : start + v]
        assert len({(slot.utterance, slot.repeat) for slot in block}) == 1
        assert block[0].repeat == start // (u * v)


def test_more_repeats_begin_as_fewer_and_seeds_differ() -> None:
    assert schedule(5, 3, 4, seed=1)[:30] == schedule(5, 3, 2, seed=1)
    assert schedule(5, 3, 2, seed=1) != schedule(5, 3, 2, seed=2)
    assert [slot.variant for slot in schedule(5, 3, 2, seed=1)[:15]] != [0, 1, 2] * 5


def test_each_variant_is_first_in_its_block_about_as_often() -> None:
    first = Counter(slot.variant for slot in schedule(50, 4, 20, seed=3)[::4])
    # 1,000 blocks, 250 expected: 5 standard deviations of the binomial count.
    assert all(abs(count - 250) < 5 * (1000 * 0.25 * 0.75) ** 0.5 for count in first.values())


def test_drift_harms_variants_alike_unless_they_run_one_after_the_other() -> None:
    # 20 utterances x 5 repeats x 2 variants, 10 s each, 10 ms slower a minute.
    a_trial = 10 / 6
    for order, most in (("blocks", 2.5), ("shuffled", 25.0)):
        for seed in range(20):
            first, second = drift_ms(schedule(20, 2, 5, seed=seed, order=order), 2, a_trial)  # type: ignore[arg-type]
            assert abs(second - first) < most
    first, second = drift_ms(schedule(20, 2, 5, seed=0, order="sequential"), 2, a_trial)
    assert second - first == pytest.approx(100 * a_trial)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"utterances": 0}, "utterances=0"), ({"repeats": 1.5}, "repeats=1.5"), ({"order": "random"}, "order='random'")],
)
def test_wrong_plan_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        schedule(**{"utterances": 2, "variants": 2, "repeats": 2, "seed": 0, **wrong})
    assert schedule(1, 1, 1, seed=0) == (TrialSlot(0, 0, 0),)


@pytest.mark.parametrize("seed", range(100))
def test_budget_is_never_exceeded_and_nearly_used(seed: int) -> None:
    # Random plans at a concurrency of 8: trials cost a tenth to all of their bound, and end in any order.
    rng = random.Random(seed)
    bound = rng.uniform(0.001, 0.01)
    limit = bound * rng.uniform(15, 200)
    budget = Budget(limit)
    under_way: list[Reservation] = []
    while True:
        while len(under_way) < 8 and (reserved := budget.reserve(bound)) is not None:
            under_way.append(reserved)
        assert budget.spent_usd + budget.reserved_usd <= limit
        if not under_way:
            break
        budget.settle(under_way.pop(rng.randrange(len(under_way))), bound * rng.uniform(0.1, 1))
    assert budget.fit(bound) == "never"
    assert 0.9 * limit <= budget.spent_usd <= limit


def test_budget_holds_from_many_threads() -> None:
    budget = Budget(1.0)
    granted: list[Reservation] = []

    def take() -> None:
        while (reserved := budget.reserve(0.003)) is not None:
            granted.append(reserved)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == 333
    assert len({each.number for each in granted}) == 333


def test_unknown_cost_counts_as_the_bound_and_a_resumed_run_counts_what_was_spent() -> None:
    budget = Budget(0.10, spent_usd=0.05)
    first = budget.reserve(0.04)
    assert first is not None
    assert budget.reserve(0.04) is None
    assert budget.fit(0.04) == "later"
    budget.settle(first, None)
    assert budget.spent_usd == pytest.approx(0.09)
    assert budget.fit(0.04) == "never"
    with pytest.raises(ConfigError, match="settled before"):
        budget.settle(first, 0.0)


def test_cost_above_its_bound_is_counted_and_stops_the_sweep() -> None:
    budget = Budget(1.0)
    reserved = budget.reserve(0.1)
    assert reserved is not None
    with pytest.raises(BudgetError, match=r"cost \$0\.200000"):
        budget.settle(reserved, 0.2)
    assert budget.spent_usd == pytest.approx(0.2)


@given(st.floats(0, 10, allow_subnormal=False), st.integers(1, 30))
def test_trials_that_cost_exactly_their_bound_fill_the_budget(bound: float, trials: int) -> None:
    budget = Budget(bound * trials * (1 + 1e-6) + 1e-6)
    for _ in range(trials):
        reserved = budget.reserve(bound)
        assert reserved is not None
        budget.settle(reserved, bound)


def test_no_limit_is_no_limit_and_nonsense_is_refused() -> None:
    assert Budget(None).reserve(1e6) is not None
    assert Budget(0).reserve(0) is not None
    assert Budget(0).reserve(1e-6) is None
    for wrong in (-1, float("nan"), float("inf"), True, "1"):
        with pytest.raises(ConfigError, match="budget_usd"):
            Budget(wrong)  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="bound_usd"):
            Budget(None).reserve(wrong)  # type: ignore[arg-type]
