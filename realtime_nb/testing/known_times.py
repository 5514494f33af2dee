"""The latencies of a simulated backend: what is typical of settings and an utterance, and what a trial adds.

Owns the draws, all of them from a seed. Must not know clocks, sockets or events.

A draw depends on what is asked and how often that was asked before, never on the order of other requests: any number
of sessions at once gives the same numbers.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from realtime_nb.errors import ConfigError

TrialNoise = Literal["gaussian", "lognormal"]
_SIGMA = 0.6
_LOGNORMAL_SD = math.sqrt((math.exp(_SIGMA**2) - 1) * math.exp(_SIGMA**2))


@dataclass(frozen=True)
class Settings:
    """What a latency may depend on."""

    instructions: str
    voice: str
    model: str


@dataclass(frozen=True, kw_only=True)
class KnownTimes:
    """How long answers take; see `SimulatedBackend` for the meaning of each number."""

    base_ms: float = 300.0
    shifts_ms: Mapping[str, float] = field(default_factory=dict)
    utterance_sd_ms: float = 0.0
    effect_sd_ms: float = 0.0
    trial_sd_ms: float = 0.0
    noise: TrialNoise = "gaussian"
    stalls: float = 0.0
    stall_ms: tuple[float, float] = (500.0, 2000.0)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("base_ms", "utterance_sd_ms", "effect_sd_ms", "trial_sd_ms"):
            check_number(name, getattr(self, name))
        if not isinstance(self.shifts_ms, Mapping):
            raise ConfigError(f"shifts_ms={self.shifts_ms!r} must be a dict: of instructions, voices or models to ms")
        for name, shift in self.shifts_ms.items():
            if not isinstance(name, str):
                raise ConfigError(f"shifts_ms has the key {name!r}: it must be instructions, a voice or a model")
            check_number(f"shifts_ms[{name[:40]!r}]", shift, least=None)
        if self.noise not in get_args(TrialNoise):
            raise ConfigError(f"noise={self.noise!r} must be one of {', '.join(map(repr, get_args(TrialNoise)))}")
        check_number("stalls", self.stalls, most=1.0)
        try:
            shortest, longest = self.stall_ms
        except (TypeError, ValueError):
            raise ConfigError(f"stall_ms={self.stall_ms!r} must be two numbers: the shortest and the longest") from None
        check_number("stall_ms[0]", shortest)
        check_number("stall_ms[1]", longest, least=shortest)
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise ConfigError(f"seed={self.seed!r} must be a whole number")

    def typical_ms(self, settings: Settings, utterance: str) -> float:
        """Return the latency without the noise of a trial, and without drift."""
        total = self.base_ms + self._draw("utterance", utterance).gauss(0.0, 1.0) * self.utterance_sd_ms
        # One text may be instructions in one backend's shifts and a voice in another's: each counts once.
        for key in {settings.instructions, settings.voice, settings.model} & set(self.shifts_ms):
            total += self.shifts_ms[key]
            total += self._draw("effect", key, utterance).gauss(0.0, 1.0) * self.effect_sd_ms
        return max(total, 0.0)

    def trial_ms(self, settings: Settings, utterance: str, repeat: str) -> tuple[float, bool]:
        """Return the latency of one trial without drift, and whether it stalled.

        Args:
            settings: of the session.
            utterance: what identifies the user's turn.
            repeat: what tells this trial from the others of the same settings and utterance.
        """
        draw = self.draw("trial", settings, utterance, repeat)
        typical = self.typical_ms(settings, utterance)
        if self.noise == "gaussian":
            typical += draw.gauss(0.0, self.trial_sd_ms)
        else:  # with the median 0, so that the typical latency stays the median
            typical += (draw.lognormvariate(0.0, _SIGMA) - 1.0) / _LOGNORMAL_SD * self.trial_sd_ms
        stalled = draw.random() < self.stalls
        return max(typical, 0.0) + (draw.uniform(*self.stall_ms) if stalled else 0.0), stalled

    def draw(self, kind: str, settings: Settings, utterance: str, repeat: str) -> random.Random:
        """Return the source of random numbers of one trial, for one purpose."""
        return self._draw(kind, settings.instructions, settings.voice, settings.model, utterance, repeat)

    def _draw(self, *what: str) -> random.Random:
        return random.Random("\x00".join((str(self.seed), *what)))


def check_number(name: str, value: float, *, least: float | None = 0.0, most: float | None = None) -> float:
    """Return a finite number in a range; any other value raises `ConfigError`."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not number or (least is not None and value < least) or (most is not None and value > most):
        limits = [
            f"of at least {least:g}" if least is not None else "",
            f"at most {most:g}" if most is not None else "",
        ]
        raise ConfigError(f"{name}={value!r} must be a number {' and '.join(filter(None, limits))}".rstrip())
    return value
