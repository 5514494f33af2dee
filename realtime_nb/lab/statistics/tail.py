"""The tail of a metric: the share of stalls, and high percentiles.

Owns which trial is a stall. Must not know metrics. A typical value says nothing about the one answer in thirty that
takes two seconds; listeners remember that one.
"""

from __future__ import annotations

from math import ceil, inf, nan

import numpy as np

from realtime_nb.errors import ConfigError
from realtime_nb.lab.extra import scipy_stats

from . import proportions
from .estimate import IN_GENERAL, THESE_ONLY, Estimate
from .trials import FEWEST_UTTERANCES, Floats, Trials, Values, as_trials, pair

DEFAULT_EXCESS_SDS = 4.0
"""A stall exceeds its utterance's median by so many robust standard deviations where no limit is given."""


def default_excess(*variants: Trials) -> float | None:
    """Return by how much a stall exceeds the median of its utterance: one limit for all variants compared.

    It is 4 robust standard deviations (from the median distance) of the trials around the median of their utterance.
    None if every utterance has fewer than 3 trials, or the trials do not differ.
    """
    distances = [
        np.abs(around) * np.sqrt(around.size / (around.size - 1))
        for trials in variants
        for around in trials.around_medians()
        if around.size >= 3
    ]
    if not distances:
        return None
    excess = DEFAULT_EXCESS_SDS * 1.4826 * float(np.median(np.concatenate(distances)))
    return excess or None


def stall_shares(trials: Trials, excess: float) -> Floats:
    """Return the share of stalls of each utterance: values above the median of their cell by more than `excess`.

    Two of three trials that stall move the median, and then neither counts; with 5 repeats and more that is rare.
    """
    shares = [np.count_nonzero(around > excess) / around.size for around in trials.around_medians()]
    return trials.by_utterance(np.array(shares))


def stalls(values: Values | Trials, *, excess: float, unit: str = "", level: float = 0.95) -> Estimate:
    """Estimate the share of trials that stall."""
    trials = as_trials(values)
    value, low, high = _share(trials, excess, level)
    return Estimate(
        value, low, high, level, "", trials.n, trials.n_trials, trials.missing,
        f"share of trials over {excess:.3g} {unit}".rstrip() + f" above their utterance's median, {proportions.METHOD}",
        THESE_ONLY if trials.n < FEWEST_UTTERANCES else IN_GENERAL,
    )  # fmt: skip


def stall_shift(
    baseline: Values | Trials, variant: Values | Trials, *, excess: float, unit: str = "", level: float = 0.95
) -> Estimate:
    """Estimate the variant's share of stalls minus the baseline's, on the utterances that both have."""
    pairs = pair(baseline, variant)
    shares = [_share(side, excess, level) for side in (pairs.baseline, pairs.variant)]
    value, low, high = (float(x) for x in proportions.difference(*shares))
    return Estimate(
        value, low, high, level, "", pairs.n, pairs.n_trials, pairs.n_missing,
        f"difference of the shares of trials over {excess:.3g} {unit}".rstrip()
        + " above their utterance's median, Newcombe interval with a design effect",
        THESE_ONLY if pairs.n < FEWEST_UTTERANCES else IN_GENERAL,
    )  # fmt: skip


def _share(trials: Trials, excess: float, level: float) -> tuple[float, float, float]:
    rates = stall_shares(trials, excess)
    if rates.size >= FEWEST_UTTERANCES:
        return proportions.interval(rates, trials.n_trials, level)
    share = float(rates.mean())
    z = scipy_stats().norm.ppf((1 + level) / 2)
    return share, *proportions.wilson(share, trials.n_trials, z)


def percentile(values: Values | Trials, q: float, *, unit: str = "", level: float = 0.95) -> Estimate:
    """Estimate a percentile of all trials; `q` is between 0 and 100.

    Fewer trials than the percentile leaves one beyond it (100 for the 99th, 20 for the 95th) give no value: the
    largest of 11 trials is not their 99th percentile. The interval is Woodruff's: the share of trials below, with a
    design effect for trials of one utterance, and the trials at the ends of that share's interval.

    Raises:
        ConfigError: `q` is not between 0 and 100.
    """
    if not 0 < q < 100:
        raise ConfigError(f"q={q!r} must be between 0 and 100: 99 is the 99th percentile")
    trials = as_trials(values)
    pooled = np.sort(np.concatenate(list(trials.cells.values())))
    n = pooled.size
    scope = THESE_ONLY if trials.n < FEWEST_UTTERANCES else IN_GENERAL
    share = q / 100
    # Rounded first: 1 / (1 - 0.99) is a little over 100.
    needed = ceil(round(1 / min(share, 1 - share), 6))
    method = f"{q:g}th percentile of trials, Woodruff interval"
    if n < needed:
        note = f"the {q:g}th percentile needs {needed} trials, and there are {n}"
        return Estimate(
            nan, -inf, inf, level, unit, trials.n, n, trials.missing, method, scope, note
        )  # fmt: skip
    value = float(np.quantile(pooled, share))
    below = trials.by_utterance(np.array([(cell <= value).mean() for cell in trials.cells.values()]))
    m = below.size
    if scope == IN_GENERAL and (variance := float(below.var(ddof=1)) / m) > 0:
        effective = min(float(n), share * (1 - share) / variance)
        z = float(scipy_stats().t.ppf((1 + level) / 2, m - 1))
    else:
        effective, z = float(n), float(scipy_stats().norm.ppf((1 + level) / 2))
    first, last = (float(x) for x in proportions.wilson(share, effective, z))
    low_rank, high_rank = int(np.floor(first * n)) - 1, int(np.ceil(last * n))
    low = float(pooled[low_rank]) if low_rank >= 0 else -inf
    high = float(pooled[high_rank]) if high_rank < n else inf
    note = f"no trial is far enough out to limit the {q:g}th percentile above" if high == inf else ""
    return Estimate(value, low, high, level, unit, m, n, trials.missing, method, scope, note)
