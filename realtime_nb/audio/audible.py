"""Where sound begins to be heard.

Owns the level below which the beginning of an answer is not heard. Must not know where the sound comes from.
"""

from __future__ import annotations

import numpy as np

from .levels import FULL_SCALE
from .pcm import Pcm16

# Quieter than that is not heard as the beginning of an answer: voices begin with a breath or with dithered silence.
_AUDIBLE_DB = -50.0
_FRAME_S = 0.005


def first_audible(samples: Pcm16, rate_hz: int) -> int | None:
    """Return the first sample of the first 5 ms that are audible; None where all of it is too quiet."""
    frame = max(1, round(_FRAME_S * rate_hz))
    if not samples.size:
        return None
    padded = np.zeros(-(-samples.size // frame) * frame)
    padded[: samples.size] = samples / FULL_SCALE
    power = np.mean(padded.reshape(-1, frame) ** 2, axis=1)
    loud = np.flatnonzero(power >= 10 ** (_AUDIBLE_DB / 10))
    return int(loud[0]) * frame if loud.size else None
