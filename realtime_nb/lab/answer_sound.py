"""When a listener hears an answer, from the sound that came and when it came.

Owns the simulated player: it plays each piece as soon as it is there and the pieces before it are over. Must not know
events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from realtime_nb.audio.levels import FULL_SCALE
from realtime_nb.audio.pcm import Pcm16

# Quieter than that is not heard as the beginning of an answer: voices begin with a breath or with dithered silence.
_AUDIBLE_DB = -50.0
_FRAME_S = 0.005


@dataclass(frozen=True)
class HeardSound:
    """The sound of an answer as a listener gets it.

    Attributes:
        audible_at_ms: when the first audible sound is played; None if all of it is silent.
        duration_ms: the length of the sound.
        gaps_ms: for how long the player had nothing to play between the first piece and the last.
    """

    audible_at_ms: float | None
    duration_ms: float
    gaps_ms: float


def heard_sound(pieces: Sequence[tuple[float, Pcm16]], rate_hz: int) -> HeardSound:
    """Return what a listener hears of pieces of sound with their times of arrival, in milliseconds."""
    audible: float | None = None
    plays_until: float | None = None
    gaps = total = 0.0
    for at_ms, samples in pieces:
        begins = at_ms if plays_until is None else max(at_ms, plays_until)
        gaps += begins - (begins if plays_until is None else plays_until)
        if audible is None and (first := _first_audible(samples, rate_hz)) is not None:
            audible = begins + first * 1000 / rate_hz
        length = samples.size * 1000 / rate_hz
        total += length
        plays_until = begins + length
    return HeardSound(audible, total, gaps)


def _first_audible(samples: Pcm16, rate_hz: int) -> int | None:
    """Return the first sample of the first 5 ms that are audible."""
    frame = max(1, round(_FRAME_S * rate_hz))
    if not samples.size:
        return None
    padded = np.zeros(-(-samples.size // frame) * frame)
    padded[: samples.size] = samples / FULL_SCALE
    power = np.mean(padded.reshape(-1, frame) ** 2, axis=1)
    loud = np.flatnonzero(power >= 10 ** (_AUDIBLE_DB / 10))
    return int(loud[0]) * frame if loud.size else None
