"""Each method against scipy, against its own interval, and against its exact error rate by simulation.

The simulations have a fixed seed. Their tolerance is 5 standard deviations of the binomial count around the exact
coverage, where that is known, so that a right method fails with no seed in a million.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from realtime_nb.errors import ConfigError
from realtime_nb.lab.statistics import holm, proportions, rank_sum, sign_flip, signed_rank, student
from realtime_nb.lab.statistics.trials import Floats, as_trials, pair
from tests.bench.lab_sweeps import Cell, Noise

_RNG = np.random.default_rng(3)
_differences = st.integers(1, 14).flatmap(lambda n: arrays(np.float64, n, elements=st.integers(-6, 6).map(float)))


def test_signed_rank_p_is_scipys_without_ties() -> None:
    for n in (1, 5, 12, 20):
        d = _RNG.normal(0.3, 1.0, n)
        assert signed_rank.p_value(d) == pytest.approx(stats.wilcoxon(d, method="exact").pvalue)


def test_signed_rank_approximation_continues_the_exact_distribution() -> None:
    exact, approximate = signed_rank.null_cdf(150), signed_rank.null_cdf(151)
    for quantile in (0.001, 0.025, 0.5):
        places = [np.searchsorted(cdf, quantile) / cdf.size for cdf in (exact, approximate)]
        assert places[0] == pytest.approx(places[1], abs=1e-3)


def test_sign_flip_p_is_scipys_permutation_test() -> None:
    d = _RNG.normal(0.3, 1.0, 9)
    expected = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert sign_flip.p_value(d) == pytest.approx(expected)


def test_t_interval_is_scipys() -> None:
    x = _RNG.normal(1.0, 2.0, 11)
    expected = stats.ttest_1samp(x, 0).confidence_interval(0.9)
    assert student.interval(x, 0.9)[1:] == pytest.approx((expected.low, expected.high))


def test_rank_sum_of_one_utterance_is_scipys_mann_whitney() -> None:
    a, b = _RNG.normal(0, 1, 6), _RNG.normal(1, 1, 4)
    expected = stats.mannwhitneyu(a, b, method="exact").pvalue
    assert rank_sum.p_value(pair({"u": list(a)}, {"u": list(b)})) == pytest.approx(expected)


def test_welch_within_one_utterance_is_scipys() -> None:
    a, b = _RNG.normal(0, 1, 6), _RNG.normal(1, 3, 4)
    expected = stats.ttest_ind(b, a, equal_var=False)
    found = student.interval_within(pair({"u": list(a)}, {"u": list(b)}))
    assert found[3] == pytest.approx(expected.pvalue)
    assert found[1:3] == pytest.approx(tuple(expected.confidence_interval(0.95)))


@given(_differences, st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99]))
def test_signed_rank_test_rejects_exactly_outside_its_interval(d: Floats, level: float) -> None:
    _, low, high = signed_rank.interval(d, level)
    assert (signed_rank.p_value(d) <= 1 - level + 1e-12) == (not low <= 0 <= high)


@given(_differences, st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99]))
def test_sign_flip_test_rejects_exactly_outside_its_interval(d: Floats, level: float) -> None:
    _, low, high = sign_flip.interval(d, level)
    assert (sign_flip.p_value(d) <= 1 - level + 1e-12) == (not low <= 0 <= high)


@given(
    st.lists(st.tuples(st.lists(st.integers(-5, 5), min_size=1, max_size=5), st.lists(st.integers(-5, 5), min_size=1,
    max_size=5)), min_size=1, max_size=5),
    st.sampled_from([0.5, 0.8, 0.95]),
)  # fmt: skip
def test_rank_sum_test_rejects_exactly_outside_its_interval(
    cells: list[tuple[list[int], list[int]]], level: float
) -> None:
    pairs = pair({str(i): a for i, (a, _) in enumerate(cells)}, {str(i): b for i, (_, b) in enumerate(cells)})
    _, low, high = rank_sum.interval(pairs, level)
    assert (rank_sum.p_value(pairs) <= 1 - level + 1e-12) == (not low <= 0 <= high)


@given(_differences)
def test_more_than_two_directions_of_error_never_make_p_exceed_one(d: Floats) -> None:
    assert 0 < signed_rank.p_value(d) <= 1
    assert 0 < sign_flip.p_value(d) <= 1


def test_five_utterances_reach_no_95_percent_and_six_do() -> None:
    assert signed_rank.interval(np.arange(1.0, 6.0))[1] == -np.inf
    assert signed_rank.interval(np.arange(1.0, 7.0))[1] == 1.0


def _close_to(count: int, n: int, probability: float) -> bool:
    """Whether a binomial count is within 5 standard deviations of its mean."""
    return bool(abs(count - n * probability) <= 5 * np.sqrt(n * probability * (1 - probability)))


@pytest.mark.parametrize("noise", ["gaussian", "lognormal", "stalls"])
@pytest.mark.parametrize("utterances", [10, 20])
def test_intervals_cover_the_truth_as_often_as_they_say(noise: Noise, utterances: int) -> None:
    n = 2_000
    base, other = Cell(utterances, 5, noise, 40.0).sweeps(np.random.default_rng(5), n, 50.0)
    medians = np.median(other[0], axis=-1) - np.median(base, axis=-1)
    means = other[0].mean(axis=-1) - base.mean(axis=-1)
    _, low, high = signed_rank.interval(medians)
    cdf = signed_rank.null_cdf(utterances)
    exact = 1 - 2 * cdf[np.flatnonzero(2 * cdf <= 0.05)[-1]]
    assert _close_to(int(((low <= 50) & (high >= 50)).sum()), n, exact)
    _, low, high = sign_flip.interval(means, flips=999)
    assert _close_to(int(((low <= 50) & (high >= 50)).sum()), n, 0.95)


def test_trials_counted_as_independent_cover_too_rarely() -> None:
    # The mistake that the unit guards against must show in the same simulation, or the test above could not fail.
    n = 2_000
    base, other = Cell(10, 10, "gaussian", 80.0).sweeps(np.random.default_rng(6), n, 50.0)
    d = (other[0] - base).reshape(n, -1)
    _, low, high = student.interval(d)
    assert ((low <= 50) & (high >= 50)).mean() < 0.9


def test_holm_keeps_the_error_of_seven_comparisons() -> None:
    n = 2_000
    base, others = Cell(20, 3, "gaussian", 0.0).sweeps(np.random.default_rng(7), n, 0.0, variants=7)
    p = signed_rank.p_value(np.median(others, axis=-1) - np.median(base, axis=-1)).T
    false = sum(min(holm.adjusted(each)) <= 0.05 for each in p)
    assert false <= n * 0.05 + 5 * np.sqrt(n * 0.05 * 0.95)
    assert (p.min(axis=1) <= 0.05).mean() > 0.15


def test_holm_steps_down() -> None:
    assert holm.adjusted([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm.adjusted([0.5]) == (0.5,)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_holm_lies_between_plain_and_bonferroni_and_keeps_the_order(p: list[float]) -> None:
    found = holm.adjusted(p)
    assert all(x <= y <= min(1, len(p) * x) + 1e-12 for x, y in zip(p, found, strict=True))
    assert all(a <= b for a, b in pairwise(y for _, y in sorted(zip(p, found, strict=True))))


def test_wilson_is_scipys() -> None:
    expected = stats.binomtest(7, 20).proportion_ci(method="wilson")
    z = stats.norm.ppf(0.975)
    assert proportions.wilson(0.35, 20, z) == pytest.approx((expected.low, expected.high))


def test_share_of_utterances_that_differ_is_covered() -> None:
    n = 2_000
    rng = np.random.default_rng(8)
    rates = (rng.random((n, 20, 5)) < rng.beta(2, 2, (n, 20, 1))).mean(axis=-1)
    _, low, high = proportions.interval(rates, 100)
    covered = int(((low <= 0.5) & (high >= 0.5)).sum())
    assert covered >= n * 0.93 - 5 * np.sqrt(n * 0.93 * 0.07)
    pooled = proportions.wilson(rates.mean(axis=-1), 100, 1.96)
    assert ((pooled[0] <= 0.5) & (pooled[1] >= 0.5)).mean() < 0.9


def test_share_without_a_failure_is_not_certain() -> None:
    share, low, high = proportions.interval(np.ones(20), 100)
    assert share == high == 1
    assert 0.7 < low < 0.9


def test_missing_values_are_counted_and_nothing_else_is_accepted() -> None:
    trials = as_trials({"a": [1.0, None, float("nan")], "b": [None], "c": [True]})
    assert (trials.n_trials, trials.missing, trials.silent) == (2, 3, ("b",))
    for wrong in ("3", float("inf"), object()):
        with pytest.raises(ConfigError, match="'a'"):
            as_trials({"a": [wrong]})  # type: ignore[list-item]
    with pytest.raises(ConfigError, match="2 trials, all missing"):
        as_trials({"a": [None, None]})


def test_pairs_keep_shared_utterances_only_and_name_the_others() -> None:
    pairs = pair({"a": [1], "b": [2], "c": [None]}, {"c": [1], "b": [5], "d": [1]})
    assert pairs.dropped == ("a", "c", "d")
    assert pairs.median_shifts().tolist() == [3.0]
    assert pairs.n_missing == 1
    with pytest.raises(ConfigError, match="share no utterance"):
        pair({"a": [1]}, {"b": [1]})
