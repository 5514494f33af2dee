"""The answers: which method, which scope, what is refused, what the reprs show."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from realtime_nb.errors import ConfigError
from realtime_nb.lab.statistics import compare, pass_rates, tail
from realtime_nb.lab.statistics.estimate import THESE_ONLY
from realtime_nb.lab.statistics.spread import spread
from realtime_nb.lab.statistics.trials import as_trials
from tests.bench.lab_sweeps import Cell, Floats


def _values(trials: Floats) -> dict[str, list[float | None]]:
    return {f"u{i}": list(row) for i, row in enumerate(trials)}


def _sweep(cell: Cell, shift_ms: float, variants: int = 1, seed: int = 1) -> tuple[Floats, Floats]:
    base, others = cell.sweeps(np.random.default_rng(seed), 1, shift_ms, variants)
    return base[0], others[:, 0]


def test_clear_shift_is_seen_and_named() -> None:
    base, others = _sweep(Cell(20, 5, "stalls", 0.0), 120.0)
    (row,) = compare.compare(_values(base), {"slow": _values(others[0])}, metric="total_ms", unit="ms")
    assert row.clear
    assert row.typical.low <= 120 <= row.typical.high
    assert not row.typical.covers(0)
    assert (row.typical.n, row.typical.n_trials, row.typical.n_missing) == (20, 200, 0)
    assert "total_ms: slow against baseline: clear" in repr(row)
    assert "20 utterances, 200 trials" in repr(row)


def test_equal_variants_are_not_clear_and_two_rows_of_stalls_stay_apart() -> None:
    base, others = _sweep(Cell(20, 5, "gaussian", 0.0), 0.0, variants=3)
    others[2, :, 0] += 1_500
    rows = compare.compare(_values(base), {name: _values(v) for name, v in zip("abc", others, strict=True)})
    assert not any(row.clear for row in rows)
    assert {row.comparisons for row in rows} == {3}
    assert all(row.together.high > row.typical.high and row.together.low < row.typical.low for row in rows)
    stalls = [row.stalls for row in rows]
    assert all(each is not None for each in stalls)
    assert [each.covers(0) for each in stalls if each] == [True, True, False]
    assert rows[2].mean.low > 0


def test_fewer_than_ten_utterances_speak_of_these_only() -> None:
    base, others = _sweep(Cell(9, 8, "gaussian", 0.0), 150.0)
    (row,) = compare.compare(_values(base), {"slow": _values(others[0])})
    assert row.clear
    assert row.spread is None
    estimates = [row.typical, row.mean, row.stalls, compare.summarise(_values(base)).typical]
    assert all(each and each.scope == THESE_ONLY and THESE_ONLY in repr(each) for each in estimates)


def test_stall_among_two_trials_widens_the_interval_of_the_typical_value() -> None:
    quiet = {f"u{i}": [340.0 + 10 * i, 350.0 + 10 * i] for i in range(5)}
    few = compare.summarise({**quiet, "u0": [340.0, 1_923.0]})
    assert few.typical.covers(365), "the other nine trials lie around it"
    assert (few.typical.low, few.typical.high) == pytest.approx((few.mean.low, few.mean.high))
    # The median of three leaves the stall out, and so may its interval.
    three = {name: [*values, sum(values) / 2] for name, values in quiet.items()}
    more = compare.summarise({**three, "u0": [340.0, 345.0, 1_923.0]}).typical
    assert more.covers(365)
    assert more.high - more.low < 50


def test_spread_of_two_repeats_says_that_stalls_are_in_it() -> None:
    base = {f"u{i}": [300.0 + i, 320.0 + i] for i in range(12)}
    slow = {f"u{i}": [310.0 + i, 330.0 + 37 * (i % 5) + (1_500 if i % 3 == 0 else 0)] for i in range(12)}
    assert "fewer than three repeats, stalls count" in repr(spread(base, slow))
    three = [{name: [*values, values[0] + 5] for name, values in each.items()} for each in (base, slow)]
    assert "stalls count" not in repr(spread(*three))


def test_one_trial_a_side_gives_no_interval_and_says_so() -> None:
    (row,) = compare.compare({"a": [1.0], "b": [2.0]}, {"v": {"a": [3.0], "b": [5.0]}})
    assert not row.clear
    assert (row.typical.low, row.typical.high) == (-math.inf, math.inf)
    assert "too few trials" in repr(row.typical)
    assert row.stalls is None


def test_missing_values_and_dropped_utterances_are_shown() -> None:
    base, others = _sweep(Cell(12, 5, "gaussian", 0.0), 0.0)
    variant = _values(others[0])
    variant["u3"] = [None] * 5
    variant["u4"][0] = math.nan
    (row,) = compare.compare(_values(base), {"v": variant})
    assert row.dropped == ("u3",)
    assert row.typical.n == 11
    assert row.typical.n_missing == 6
    assert "6 missing" in repr(row)
    assert "left out, without values on both sides: u3" in repr(row)


def test_level_changes_interval_and_verdict_together() -> None:
    base, others = _sweep(Cell(20, 5, "gaussian", 0.0), 60.0)
    for level in (0.5, 0.9, 0.95, 0.99, 0.9999):
        (row,) = compare.compare(_values(base), {"v": _values(others[0])}, level=level)
        assert row.clear == (not row.typical.covers(0))
        assert f"{100 * level:.4g} %" in repr(row)


def test_unequal_numbers_of_trials_are_one_by_one_what_they_are_together() -> None:
    values: dict[str, list[float | None]] = {"a": [3.0, 1.0, 2.0], "b": [5.0], "c": [1.0, 4.0], "d": [9.0, 7.0, 8.0]}
    trials = as_trials(values)
    assert trials.medians().tolist() == [2.0, 5.0, 2.5, 8.0]
    assert trials.means().tolist() == [2.0, 5.0, 2.5, 8.0]
    assert sorted(trials.distances().tolist()) == [1, 1, 1, 1, 2, 2, 3]


def test_comparing_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="no variant"):
        compare.compare({"a": [1]}, {})


def test_percentile_needs_a_trial_beyond_it() -> None:
    values = {f"u{i}": list(range(10 * i, 10 * i + 9)) for i in range(11)}
    refused = tail.percentile(values, 99)
    assert math.isnan(refused.value)
    assert "needs 100 trials, and there are 99" in repr(refused)
    values["u0"].append(5)
    assert not math.isnan(tail.percentile(values, 99).value)
    assert not math.isnan(tail.percentile({"a": list(range(20))}, 95).value)
    with pytest.raises(ConfigError, match="between 0 and 100"):
        tail.percentile(values, 100)


def test_pass_rates_by_hand() -> None:
    values: dict[str, list[float | None]] = {
        "a": [True, True, False],
        "b": [1, 0, 0],
        **{f"u{i}": [True] * 3 for i in range(8)},
    }
    assert pass_rates.pass_at(values).value == pytest.approx((2 / 3 + 1 / 3 + 8) / 10)
    assert pass_rates.pass_at(values, 2).value == pytest.approx((1 + 2 / 3 + 8) / 10)
    assert pass_rates.pass_all(values, 2).value == pytest.approx((1 / 3 + 0 + 8) / 10)
    found = pass_rates.pass_all(values, 3)
    assert 0 <= found.low < found.value == 0.8 < found.high <= 1


def test_pass_rates_refuse_what_is_no_pass_and_too_few_trials() -> None:
    with pytest.raises(ConfigError, match=r"0\.5"):
        pass_rates.pass_at({"a": [0.5]})
    with pytest.raises(ConfigError, match="at most 2: use more repeats"):
        pass_rates.pass_at({"a": [1, 0]}, 3)
    with pytest.raises(ConfigError, match="at least 1"):
        pass_rates.pass_all({"a": [1, 0]}, 0)
    few = pass_rates.pass_at({"a": [1, 0, 1], "b": [1, 0, 1]}, 2)
    assert math.isnan(few.low)
    assert "no interval below 10 utterances" in repr(few)


def test_difference_of_pass_rates_agrees_with_its_test() -> None:
    rng = np.random.default_rng(2)
    base = {f"u{i}": list(rng.random(5) < 0.4) for i in range(20)}
    for share in (0.4, 0.5, 0.6, 0.9):
        other = {f"u{i}": list(rng.random(5) < share) for i in range(20)}
        found, p = pass_rates.rate_shift(base, other)
        assert (p <= 0.05) == (not found.covers(0))
        assert -1 <= found.low <= found.value <= found.high <= 1


def test_spread_finds_both_sources_and_says_what_more_would_buy() -> None:
    base, others = _sweep(Cell(400, 5, "stalls", 80.0), 50.0)
    found = spread(_values(base), _values(others[0]), unit="ms")
    assert found.sd_utterance == pytest.approx(80, rel=0.2)
    assert found.sd_trial == pytest.approx(120 * math.sqrt(2), rel=0.35)  # robust: the lognormal's core is narrower
    assert found.half_width(40, 5) < found.half_width(20, 5)
    assert found.half_width(20, 1000) > 0.9 * 2.09 * found.sd_utterance / math.sqrt(20)
    needed = found.needed(20.0)
    assert needed.trials == 2 * needed.utterances * 5
    assert found.power(20.0, needed.utterances, 5) >= 0.8 > found.power(20.0, needed.utterances - 1, 5)
    assert "show a difference of 20 ms 80 % of the time" in repr(needed)
    assert "difference of 1500 ms more than 99 % of the time" in repr(found.needed(1500.0))
    by_repeats = found.needed(90.0, utterances=20)
    assert by_repeats.utterances == 20
    with pytest.raises(ConfigError, match="more utterances"):
        found.needed(5.0, utterances=20)
    with pytest.raises(ConfigError, match="smallest that matters"):
        found.needed(0.0)
    with pytest.raises(ConfigError, match="not both"):
        found.needed(5.0, utterances=20, repeats=3)


def test_spread_writes_long_times_without_powers_of_ten() -> None:
    base = {f"u{i}": [1000.0 * i, 1000.0 * i + 1] for i in range(12)}
    other = {name: [2 * value for value in values] for name, values in base.items()}
    words = repr(spread(base, other, unit="ms"))
    assert re.search(r"utterance sd \d{4} ms", words)
    assert "e+" not in words


def test_spread_refuses_what_cannot_show_it() -> None:
    few = {f"u{i}": [1.0, 2.0] for i in range(9)}
    with pytest.raises(ConfigError, match="at least 10"):
        spread(few, few)
    single = {f"u{i}": [float(i)] for i in range(12)}
    with pytest.raises(ConfigError, match="repeats=1"):
        spread(single, single)


def test_constant_values_break_nothing() -> None:
    same = {f"u{i}": [5.0, 5.0, 5.0] for i in range(12)}
    (row,) = compare.compare(same, {"v": same})
    assert not row.clear
    assert (row.typical.value, row.typical.low, row.typical.high) == (0, 0, 0)
    assert repr(compare.summarise(same))
    few = dict(list(same.items())[:4])
    assert repr(compare.compare(few, {"v": few}))
