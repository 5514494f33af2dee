"""Simulated sweeps with a known truth, as arrays: what the lab's statistics are calibrated on.

The utterances differ with a standard deviation of 150 ms, and the trials of one utterance with one of 120 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Noise = Literal["gaussian", "lognormal", "stalls"]

SD_UTTERANCE_MS = 150.0
SD_TRIAL_MS = 120.0
STALL_SHARE = 0.03


@dataclass(frozen=True)
class Cell:
    """One cell of the grid."""

    utterances: int
    repeats: int
    noise: Noise
    sd_effect_ms: float

    def sweeps(self, rng: np.random.Generator, n: int, shift_ms: float, variants: int = 1) -> tuple[Floats, Floats]:
        """Return trials of the baseline, shape `(n, utterances, repeats)`, and of variants, `(variants, n, ...)`."""
        level = rng.normal(800.0, SD_UTTERANCE_MS, (n, self.utterances, 1))
        effect = rng.normal(shift_ms, self.sd_effect_ms, (variants, n, self.utterances, 1))
        shape = (n, self.utterances, self.repeats)
        return level + self.noise_of(rng, shape), level + effect + self.noise_of(rng, (variants, *shape))

    def noise_of(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """Return what a trial adds to its utterance, in ms."""
        if self.noise == "gaussian":
            return rng.normal(0.0, SD_TRIAL_MS, shape)
        sigma = 0.6
        noise: Floats = rng.lognormal(0.0, sigma, shape)
        noise *= SD_TRIAL_MS / np.sqrt((np.exp(sigma**2) - 1) * np.exp(sigma**2))
        if self.noise == "stalls":
            noise += (rng.random(shape) < STALL_SHARE) * rng.uniform(500.0, 2000.0, shape)
        return noise

    def __str__(self) -> str:
        return f"{self.utterances:2} x {self.repeats:2} {self.noise:9} effect sd {self.sd_effect_ms:2.0f}"


NOISES: tuple[Noise, ...] = ("gaussian", "lognormal", "stalls")
GRID = tuple(Cell(*cell) for cell in product((10, 20, 30), (3, 5, 10), NOISES, (0.0, 40.0)))
