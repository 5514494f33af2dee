"""Stopping early: after which rounds a comparison may be decided, and how strictly, with the error rate kept.

Owns the boundaries of a group-sequential plan. Must not know trials. A *round* runs every utterance with every variant
once; a *look* after a round tests all rounds so far. Testing at the plain 5 % after each of ten rounds would claim a
difference between equal variants in about 20 % of sweeps.

Each look spends a part of alpha (Lan and DeMets 1983, "Discrete sequential boundaries for clinical trials"). The
levels are computed for looks that correlate as sums of independent rounds do. Looks at the same utterances correlate
at least as much, where the effect differs between utterances, which makes errors rarer, not more frequent. An
always-valid test (a confidence sequence) was not chosen: it allows any number of looks, for intervals about half as
wide again, and the number of rounds is known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, log1p, pi, sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np

from realtime_nb.errors import ConfigError

from .trials import Floats

Spending = Literal["pocock", "obrien-fleming"]

_NORMAL = NormalDist()
# The grid of the numerical integration, in standard deviations of the last look; levels are exact to about 1e-6.
_STEP = 0.005
_REACH = 8.0


@dataclass(frozen=True)
class SequentialPlan:
    """When a comparison may be decided early.

    Attributes:
        rounds: the planned number of rounds; a look follows each.
        alpha: the chance, over all looks and comparisons, of claiming a difference where there is none.
        spending: `"obrien-fleming"` keeps nearly all of alpha for the end, so that a sweep that runs to its end loses
            no power; `"pocock"` spends it evenly and stops sooner. Simulated with ten rounds and a power of 0.89
            without early stops: 7.2 rounds and 0.89 against 5.8 rounds and 0.83, and the shift at the stop is
            exaggerated by 8 % against 20 % (`python -m tests.bench.lab_calibration sequential`).
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
        fractions = tuple(look / self.rounds for look in range(self.first, self.rounds + 1))
        return nominal_levels(fractions, self.alpha / comparisons, self.spending)[done - self.first]

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


@lru_cache(maxsize=256)
def nominal_levels(fractions: tuple[float, ...], alpha: float, spending: Spending) -> tuple[float, ...]:
    """Return the nominal two-sided alpha of each look; shape `(looks,)`.

    Integrates over the sums that have crossed no boundary yet (Armitage, McPherson and Rowe 1969).
    """
    grid = np.arange(-_REACH, _REACH + _STEP / 2, _STEP)
    density = np.zeros_like(grid)
    levels: list[float] = []
    before_t = before_spent = 0.0
    for t in fractions:
        now = spent(t, alpha, spending)
        if not levels:
            z = _NORMAL.inv_cdf(1 - now / 2)
            density = np.exp(-(grid**2) / (2 * t)) / sqrt(2 * pi * t)
        else:
            density = _after_steps(density, t - before_t)
            z = _boundary(grid, density, now - before_spent) / sqrt(t)
        levels.append(2 * _NORMAL.cdf(-z))
        density = np.where(np.abs(grid) < z * sqrt(t), density, 0.0)
        before_t, before_spent = t, now
    return tuple(levels)


def _after_steps(density: Floats, variance: float) -> Floats:
    """Return the density after adding a normal increment."""
    reach = int(8 * sqrt(variance) / _STEP)
    x = np.arange(-reach, reach + 1) * _STEP
    kernel = np.exp(-(x**2) / (2 * variance))
    full = np.fft.irfft(
        np.fft.rfft(density, density.size + x.size - 1) * np.fft.rfft(kernel / kernel.sum(), density.size + x.size - 1),
        density.size + x.size - 1,
    )
    return np.maximum(full[reach : reach + density.size], 0.0)


def _boundary(grid: Floats, density: Floats, spend: float) -> float:
    """Return the sum beyond which, on both sides, the probability is `spend`."""
    middle = grid.size // 2
    upper = density[middle:]
    # Probability beyond each point: trapezoids from the far end.
    beyond = np.concatenate((np.cumsum(((upper[1:] + upper[:-1]) / 2 * _STEP)[::-1])[::-1], [0.0])) * 2
    return float(np.interp(-spend, -beyond, grid[middle:]))
