"""Intervals whose ends are order statistics, and the tests that agree with them.

Owns the duality: a statistic counts the candidates (averages of pairs, means of subsets, differences) on each side of a
hypothetical value; the test rejects that value exactly where it lies outside the interval. Must not know which
candidates these are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .trials import Floats


def rank_of_ends(cdf: Floats, alpha: float) -> int:
    """Return how many candidates may lie beyond each end: the largest `k` with `2 * cdf[k - 1] <= alpha`; 0 for none.

    Args:
        cdf: under the hypothesis, the probability of at most 0, 1, 2... candidates on one side.
        alpha: 1 minus the level.
    """
    # A rounding error of the sum must not move a probability that equals alpha / 2 to the other side.
    return int(np.searchsorted(cdf, alpha / 2 * (1 + 1e-12), side="right"))


def ends(candidates: Floats, k: int) -> tuple[Floats, Floats]:
    """Return the k-th smallest and the k-th largest candidate along the last axis; infinite ends for `k` = 0."""
    if k == 0:
        return np.full(candidates.shape[:-1], -np.inf), np.full(candidates.shape[:-1], np.inf)
    parted = np.partition(candidates, (k - 1, candidates.shape[-1] - k), axis=-1)
    return parted[..., k - 1], parted[..., candidates.shape[-1] - k]


def two_sided_p(candidates: Floats, cdf: Floats, value: float = 0.0) -> Floats:
    """Return the p value of `value` along the last axis, two-sided, at most 1.

    A candidate equal to `value` counts on both sides. Breaking such ties at random would give a valid test with fewer
    candidates on either side, so that this p value is valid, too, and larger with many ties.
    """
    below: NDArray[np.int64] = (candidates <= value).sum(axis=-1)
    above: NDArray[np.int64] = (candidates >= value).sum(axis=-1)
    p: Floats = np.minimum(1.0, 2 * cdf[np.minimum(below, above)])
    return p
