"""The sign-flip test of a mean, and the interval of all means that it does not reject.

Owns which signs are flipped. Must not know what the differences are. Flipping the signs of a subset F of `d - m` gives
a sum at least as large as the real one exactly where the mean of F is at most `m`, so that the test counts subset
means, and the interval's ends are two of them (Hartigan 1969, "Using subsample values as typical values").
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .order_statistics import ends, rank_of_ends, two_sided_p
from .trials import Floats

METHOD = "mean of utterance means, sign-flip interval"

_LARGEST_EXACT = 13
_FLIPS = 9_999
_SEED = 20_250


@lru_cache(maxsize=8)
def _subsets(n: int, flips: int) -> Floats:
    """Return the subsets whose signs are flipped, as weights that sum to 1; shape `(n, subsets)`, none empty.

    All of them up to 13 differences; beyond, a sample that depends on `n` only, so that a result can be repeated.
    """
    if n <= _LARGEST_EXACT:
        chosen = (np.arange(1, 2**n)[None, :] >> np.arange(n)[:, None]) & 1
    else:
        rng = np.random.default_rng((_SEED, n))
        chosen = rng.integers(0, 2, (n, flips))
        chosen[0, chosen.sum(axis=0) == 0] = 1
    weights: Floats = chosen / chosen.sum(axis=0)
    return weights


def subset_means(d: Floats, flips: int = _FLIPS) -> Floats:
    """Return the means of the subsets along the last axis; shape `(..., subsets)`."""
    means: Floats = d @ _subsets(d.shape[-1], flips)
    # Differences that cancel must give 0, whatever the order in which the product adds them.
    means[np.abs(means) <= 1e-12 * np.abs(d).max(axis=-1, keepdims=True)] = 0.0
    return means


def _null_cdf(n_subsets: int) -> Floats:
    """Return the probability of at most 0, 1, 2... subset means on one side: every flip is as likely as the data."""
    cdf: Floats = np.arange(1, n_subsets + 2) / (n_subsets + 1)
    return np.minimum(cdf, 1.0)


def interval(d: Floats, level: float = 0.95, flips: int = _FLIPS) -> tuple[Floats, Floats, Floats]:
    """Return mean, low and high along the last axis of the differences."""
    means = subset_means(d, flips)
    low, high = ends(means, rank_of_ends(_null_cdf(means.shape[-1]), 1 - level))
    return d.mean(axis=-1), low, high


def p_value(d: Floats, flips: int = _FLIPS) -> Floats:
    """Return the two-sided p value of "the mean is 0" along the last axis; it agrees with `interval`."""
    means = subset_means(d, flips)
    return two_sided_p(means, _null_cdf(means.shape[-1]))
