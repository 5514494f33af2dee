"""Stopping early: after which rounds a comparison may be decided, and how strictly, with the error rate kept.

Owns the boundaries of a group-sequential plan. Must not know trials. A *round* runs every utterance with every variant
once; a *look* after a round tests all rounds so far. Testing at the plain 5 % after each of ten rounds would claim a
difference between equal variants in about 20 % of sweeps.

Each look spends a part of alpha (Lan and DeMets 1983, "Discrete sequential boundaries for clinical trials"). How strict
it must be for that depends on how closely its statistic follows that of the look before. Medians of r and of r + 1
trials follow each other less closely than sums do, so that the usual boundaries, which are made for sums, would claim
too much: 6 % instead of 5 %, simulated. The correlations here are those of medians. Where the effect differs between
utterances, looks at the same utterances correlate more, and errors are rarer.

An always-valid test (a confidence sequence) was not chosen: it allows any number of looks, for wider intervals, and the
number of rounds is known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import exp, log1p, pi, sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np

from realtime_nb.errors import ConfigError

from .trials import Floats

Spending = Literal["pocock", "obrien-fleming"]

_NORMAL = NormalDist()
# The grid of the numerical integration, in standard deviations.
_STEP = 0.005
_REACH = 8.0

# The squared correlation between the medians of r and r + 1 trials, r = 1, 2, 3..., of lognormal latencies with 3 %
# stalls, by ranks. Normal trials correlate more at every r, so that these are the cautious ones. From
# `tests.bench.lab_calibration.median_correlations`.
_MEDIANS_FOLLOW = (0.452, 0.393, 0.647, 0.637, 0.740, 0.740, 0.796, 0.797, 0.831, 0.832, 0.854, 0.856, 0.874)
# Beyond: 1 - x / r, with x below 1.75 for every r above, and slowly growing.
_BEYOND = 2.0


@dataclass(frozen=True)
class SequentialPlan:
    """When a comparison may be decided early.

    Attributes:
        rounds: the planned number of rounds; a look follows each.
        alpha: the chance, over all looks and comparisons, of claiming a difference where there is none.
        spending: `"obrien-fleming"` keeps nearly all of alpha for the end, so that a sweep that runs to its end loses
            little power; `"pocock"` spends it evenly and stops sooner. Simulated with ten rounds and a power of 0.90
            without early stops: 7.2 rounds and 0.89 against 5.8 rounds and 0.81, and the shift at the stop is
            exaggerated by 9 % against 23 % (`python -m tests.bench.lab_calibration sequential`).
        first: the first round with a look.
    """

    rounds: int
    alpha: float = 0.05
    spending: Spending = "obrien-fleming"
    first: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ConfigError(f"alpha={self.alpha!r} must be between 0 and 1, such as 0.05")
        if self.spending not in ("pocock", "obrien-fleming"):
            raise ConfigError(f"spending={self.spending!r} must be 'pocock' or 'obrien-fleming'")
        if not 1 <= self.first <= self.rounds:
            raise ConfigError(f"first={self.first!r} must be between 1 and rounds={self.rounds!r}")

    def level_at(self, done: int, comparisons: int = 1) -> float:
        """Return the nominal alpha of the look after `done` rounds, for one of so many comparisons.

        A p value of at most this decides; the interval at 1 minus this excludes 0 at the same time. 0 before the
        first look.
        """
        if not 1 <= done <= self.rounds:
            raise ConfigError(f"done={done!r} must be between 1 and rounds={self.rounds!r}")
        if done < self.first:
            return 0.0
        looks = range(self.first, self.rounds + 1)
        spending = tuple(spent(look / self.rounds, self.alpha / comparisons, self.spending) for look in looks)
        return nominal_levels(spending, tuple(map(_median_correlation, looks[:-1])))[done - self.first]

    def decided(self, p_values: Sequence[float], done: int) -> tuple[bool, ...]:
        """Return which comparisons are decided at the look after `done` rounds, by Holm's steps.

        The smallest p value is held against the level for all comparisons, the next against that for one fewer, until
        one is too large.
        """
        out = [False] * len(p_values)
        for step, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
            if p_values[index] > self.level_at(done, len(p_values) - step):
                break
            out[index] = True
        return tuple(out)


def spent(fraction: float, alpha: float, spending: Spending) -> float:
    """Return how much of alpha may be spent when `fraction` of the rounds is done."""
    if spending == "pocock":
        return alpha * log1p((exp(1) - 1) * fraction)
    # Half of alpha on each side, each spent by the one-sided function of Lan and DeMets.
    return 4 * (1 - _NORMAL.cdf(_NORMAL.inv_cdf(1 - alpha / 4) / sqrt(fraction)))


def _median_correlation(r: int) -> float:
    """Return the correlation between the medians of `r` and of `r + 1` trials."""
    return sqrt(_MEDIANS_FOLLOW[r - 1] if r <= len(_MEDIANS_FOLLOW) else 1 - _BEYOND / r)


@lru_cache(maxsize=256)
def nominal_levels(spending: tuple[float, ...], correlations: tuple[float, ...]) -> tuple[float, ...]:
    """Return the nominal two-sided alpha of each look; shape `(looks,)`.

    Integrates over the statistics that have crossed no boundary yet (Armitage, McPherson and Rowe 1969).

    Args:
        spending: how much of alpha is spent after each look in all.
        correlations: between the statistics of each look and the next; shape `(looks - 1,)`. A look is taken to depend
            on the one before only; more dependence makes errors rarer.
    """
    grid = np.arange(-_REACH, _REACH + _STEP / 2, _STEP)
    density = np.exp(-(grid**2) / 2) / sqrt(2 * pi)
    # The first of many looks may spend less than a float can hold beside 1: no data then decide.
    z = _NORMAL.inv_cdf(1 - spending[0] / 2) if spending[0] > 1e-14 else _REACH
    levels = [spending[0]]
    for (before, now), correlation in zip(pairwise(spending), correlations, strict=True):
        going_on = np.where(np.abs(grid) < z, density, 0.0)
        density = _next_look(grid, going_on, correlation)
        z = _boundary(grid, density, now - before)
        levels.append(2 * _NORMAL.cdf(-z))
    return tuple(levels)


def _next_look(grid: Floats, density: Floats, correlation: float) -> Floats:
    """Return the density of `correlation * z` plus an independent normal part that makes the variance 1."""
    shrunk = np.interp(grid / correlation, grid, density, left=0.0, right=0.0) / correlation
    variance = 1 - correlation**2
    reach = int(8 * sqrt(variance) / _STEP)
    x = np.arange(-reach, reach + 1) * _STEP
    kernel = np.exp(-(x**2) / (2 * variance))
    size = density.size + x.size - 1
    full = np.fft.irfft(np.fft.rfft(shrunk, size) * np.fft.rfft(kernel / kernel.sum(), size), size)
    return np.maximum(full[reach : reach + density.size], 0.0)


def _boundary(grid: Floats, density: Floats, spend: float) -> float:
    """Return the value beyond which, on both sides, the probability is `spend`."""
    middle = grid.size // 2
    upper = density[middle:]
    # Probability beyond each point: trapezoids from the far end.
    beyond = np.concatenate((np.cumsum(((upper[1:] + upper[:-1]) / 2 * _STEP)[::-1])[::-1], [0.0])) * 2
    return float(np.interp(-spend, -beyond, grid[middle:]))
