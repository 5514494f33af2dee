"""When a listener hears an answer, from the sound that came and when it came.

Owns the simulated player: it plays each piece as soon as it is there and the pieces before it are over. Must not know
events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from realtime_nb.audio.audible import first_audible
from realtime_nb.audio.pcm import Pcm16


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
        if audible is None and (first := first_audible(samples, rate_hz)) is not None:
            audible = begins + first * 1000 / rate_hz
        length = samples.size * 1000 / rate_hz
        total += length
        plays_until = begins + length
    return HeardSound(audible, total, gaps)
