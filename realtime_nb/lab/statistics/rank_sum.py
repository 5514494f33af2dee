"""The typical shift on these utterances only: Mann-Whitney's statistic within each utterance, added up.

Owns the null distribution of the sum. Must not know what the values are. The estimate is the median of all differences
(variant minus baseline) within utterances; the interval's ends are two of these differences. It holds where a variant
shifts all trials alike, and says nothing about other utterances (van Elteren 1960 describes such sums).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from .order_statistics import ends, rank_of_ends, two_sided_p
from .trials import Floats, Pairs

METHOD = "Hodges-Lehmann of trials within utterances, Mann-Whitney interval"


# Beyond so many differences the normal approximation is within 1e-3 of the exact distribution, which takes long.
_LARGEST_EXACT = 4_000


@lru_cache(maxsize=64)
def _null_pmf(m: int, n: int) -> Floats:
    """Return P(U = u) for samples of `m` and `n`, u = 0...mn."""
    row = [np.ones(1)] * (n + 1)
    for first in range(1, m + 1):
        above, row = row, [np.ones(1)]
        for second in range(1, n + 1):
            # The largest value is in the first sample, and above all of the second, or it is in the second.
            pmf = np.zeros(first * second + 1)
            pmf[second:] += first / (first + second) * above[second]
            pmf[: first * (second - 1) + 1] += second / (first + second) * row[second - 1]
            row.append(pmf)
    return row[n]


@lru_cache(maxsize=64)
def _null_cdf(sizes: tuple[tuple[int, int], ...]) -> Floats:
    most = sum(m * n for m, n in sizes)
    if most > _LARGEST_EXACT:
        sd = math.sqrt(sum(m * n * (m + n + 1) for m, n in sizes) / 12)
        z = (np.arange(most + 1) + 0.5 - most / 2) / (sd * math.sqrt(2))
        return np.array([0.5 * math.erfc(-x) for x in z])
    pmf = np.ones(1)
    for m, n in sizes:
        pmf = np.convolve(pmf, _null_pmf(m, n))
    return np.minimum(np.cumsum(pmf), 1.0)


def _differences(pairs: Pairs) -> tuple[Floats, Floats]:
    """Return all differences within utterances, and the null distribution of how many lie on one side of the shift."""
    cells = list(zip(pairs.baseline.cells.values(), pairs.variant.cells.values(), strict=True))
    differences = np.concatenate([(second[:, None] - first[None, :]).ravel() for first, second in cells])
    return differences, _null_cdf(tuple(sorted((first.size, second.size) for first, second in cells)))


def interval(pairs: Pairs, level: float = 0.95) -> tuple[float, float, float]:
    """Return estimate, low and high; the ends are infinite where so few trials cannot reach the level."""
    differences, cdf = _differences(pairs)
    low, high = ends(differences, rank_of_ends(cdf, 1 - level))
    return float(np.median(differences)), float(low), float(high)


def p_value(pairs: Pairs) -> float:
    """Return the two-sided p value of "no shift"; it agrees with `interval`."""
    return float(two_sided_p(*_differences(pairs)))
