"""Student's t interval of a mean of utterances.

Owns the t interval, and Welch's for trials within fixed utterances. Must not know what the numbers are. Imports scipy
when it is called.
"""

from __future__ import annotations

import numpy as np

from realtime_nb.lab.extra import scipy_stats

from . import rank_sum
from .trials import Floats, Pairs

METHOD = "mean of utterance means, t interval"


def interval(x: Floats, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Return mean, low and high along the last axis; infinite ends for one number."""
    n = x.shape[-1]
    mean = x.mean(axis=-1)
    if n < 2:
        return mean, np.full_like(mean, -np.inf), np.full_like(mean, np.inf)
    half = scipy_stats().t.ppf((1 + level) / 2, n - 1) * x.std(axis=-1, ddof=1) / np.sqrt(n)
    return mean, mean - half, mean + half


def interval_within(pairs: Pairs, level: float = 0.95) -> tuple[float, float, float, float]:
    """Return mean shift, low, high and the p value of 0, for these utterances only.

    Each utterance has the same weight; the error is that of repeating the trials (Welch and Satterthwaite's degrees
    of freedom). Utterances with one trial on a side have no error of their own: the ends are then infinite. Counts may
    not differ within any utterance; no error can be seen then, and the rank test within utterances answers instead.
    """
    cells = [*pairs.baseline.cells.values(), *pairs.variant.cells.values()]
    value = float(pairs.mean_shifts().mean())
    if any(cell.size < 2 for cell in cells):
        return value, -np.inf, np.inf, 1.0
    weights = np.tile(pairs.baseline.weights(), 2)  # both sides hold the same cells
    variances = np.array([cell.var(ddof=1) / cell.size for cell in cells]) * weights**2
    variance = variances.sum()
    if variance == 0:
        return value, *rank_sum.interval(pairs, level)[1:], rank_sum.p_value(pairs)
    degrees = variance**2 / (variances**2 / (np.array([cell.size for cell in cells]) - 1)).sum()
    t = scipy_stats().t
    half = float(t.ppf((1 + level) / 2, degrees) * np.sqrt(variance))
    return value, value - half, value + half, float(2 * t.sf(abs(value) / np.sqrt(variance), degrees))
