"""How loud a block of sound is.

Owns the level that meters show. Must not know where the sound comes from.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .pcm import as_pcm16

__all__ = ["dbfs", "rms_level"]

FULL_SCALE = 32768.0


def rms_level(x: bytes | bytearray | memoryview | NDArray[np.int16]) -> float:
    """Returns the root mean square of PCM16 sound, 0 (silence, or nothing) to 1 (full scale)."""
    samples = as_pcm16(x, allow_empty=True)
    if not samples.size:
        return 0.0
    wide = samples.astype(np.float64)
    return math.sqrt(float(wide @ wide) / samples.size) / FULL_SCALE


def dbfs(level: float) -> float:
    """Returns a level 0..1 in decibels below full scale; silence is `-inf`."""
    return 20.0 * math.log10(level) if level > 0 else -math.inf
