"""The interval of a share, measured on several utterances that differ.

Owns Wilson's interval with a design effect. Must not know what is counted. Trials of one utterance resemble each
other, so that they say less than as many independent ones: the interval counts fewer of them (Korn and Graubard 1998
use such an effective sample size). Imports scipy when it is called.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from realtime_nb.lab.extra import scipy_stats

from .trials import Floats

METHOD = "Wilson interval with a design effect"


def interval(rates: Floats, n_trials: int, level: float = 0.95) -> tuple[Any, Any, Any]:
    """Return share, low and high along the last axis of the utterances' rates.

    Args:
        rates: a number in [0, 1] for each utterance; their mean is the share.
        n_trials: the number of trials on all utterances, which the effective number never exceeds.
        level: such as 0.95.
    """
    m = rates.shape[-1]
    share = rates.mean(axis=-1)
    if m < 2:
        return share, np.zeros_like(share), np.ones_like(share)
    variance = rates.var(axis=-1, ddof=1) / m
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = share * (1 - share) / variance
    # Where all rates are equal the data do not show how alike trials are: each utterance then counts once, if all
    # trials passed or all failed, because one failing utterance more would be seen as one.
    unknown = (share == 0) | (share == 1)
    effective = np.where(unknown, m, np.clip(effective, None, n_trials))
    z = scipy_stats().t.ppf((1 + level) / 2, m - 1)
    return share, *wilson(share, effective, z)


def wilson(share: Any, n: Any, z: Any) -> tuple[Any, Any]:
    """Return the ends of Wilson's interval for a share of `n` independent trials, at the quantile `z`."""
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.clip(middle - half, 0.0, 1.0), np.clip(middle + half, 0.0, 1.0)


def difference(baseline: tuple[Any, Any, Any], variant: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    """Return the difference of two shares and its interval, from theirs (Newcombe 1998, method 10).

    It ignores that both were measured on the same utterances, which makes it wider than needed where they agree.
    """
    (p, p_low, p_high), (q, q_low, q_high) = baseline, variant
    low = (q - p) - np.sqrt((q - q_low) ** 2 + (p_high - p) ** 2)
    high = (q - p) + np.sqrt((q_high - q) ** 2 + (p - p_low) ** 2)
    return q - p, low, high
