"""The Hodges-Lehmann estimate of a shift, with Wilcoxon's signed-rank interval and test.

Owns the null distribution of the signed-rank statistic. Must not know what the differences are. The estimate is the
median of the averages of all pairs of differences (each with itself, too); the interval's ends are two of these
averages. A few extreme differences hardly move it (Hodges and Lehmann 1963, "Estimates of location based on rank
tests"; Hollander, Wolfe and Chicken, "Nonparametric Statistical Methods", chapter 3).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from .order_statistics import ends, rank_of_ends, two_sided_p
from .trials import Floats

METHOD = "Hodges-Lehmann of utterance medians, Wilcoxon signed-rank interval"

# Beyond it, the normal approximation is within 1e-4 of the exact distribution, which takes seconds to compute.
_LARGEST_EXACT = 150


def pair_averages(d: Floats) -> Floats:
    """Return the averages of all pairs along the last axis, each with itself too; shape `(..., n * (n + 1) / 2)`."""
    first, second = np.triu_indices(d.shape[-1])
    averages: Floats = (d[..., first] + d[..., second]) / 2
    return averages


@lru_cache(maxsize=64)
def null_cdf(n: int) -> Floats:
    """Return P(T <= t) of the signed-rank statistic of `n` differences, for t = 0, 1, ... n(n + 1)/2."""
    most = n * (n + 1) // 2
    if n <= _LARGEST_EXACT:
        pmf = np.zeros(most + 1)
        pmf[0] = 1.0
        for rank in range(1, n + 1):
            pmf[rank:] = 0.5 * (pmf[rank:] + pmf[:-rank])
            pmf[:rank] *= 0.5
        cdf = np.cumsum(pmf)
    else:
        sd = math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        z = (np.arange(most + 1) + 0.5 - most / 2) / (sd * math.sqrt(2))
        cdf = np.array([0.5 * math.erfc(-x) for x in z])
    cdf = np.minimum(cdf, 1.0)
    cdf.setflags(write=False)
    return cdf


def interval(d: Floats, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Return estimate, low and high along the last axis of the differences.

    The ends are infinite where `n` differences cannot reach the level: below 6 for 0.95.
    """
    averages = pair_averages(d)
    low, high = ends(averages, rank_of_ends(null_cdf(d.shape[-1]), 1 - level))
    return np.median(averages, axis=-1), low, high


def p_value(d: Floats) -> Floats:
    """Return the two-sided p value of "no shift" along the last axis; it is at most alpha where `interval` excludes 0.

    Without ties and zeros it is the p value of `scipy.stats.wilcoxon(method="exact")`.
    """
    return two_sided_p(pair_averages(d), null_cdf(d.shape[-1]))
