"""The loudness of a block of audio, as a number from 0 to 1 and in decibels.

Owns the level that meters show. Must not know where the audio comes from.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .pcm import as_pcm16

FULL_SCALE = 32768.0


def rms_level(x: bytes | bytearray | memoryview | NDArray[np.int16]) -> float:
    """Returns the root mean square of PCM16 audio, from 0 (silence, or no samples) to 1 (full scale)."""
    samples = as_pcm16(x, allow_empty=True)
    if not samples.size:
        return 0.0
    wide = samples.astype(np.float64)
    return math.sqrt(float(wide @ wide) / samples.size) / FULL_SCALE


def dbfs(level: float) -> float:
    """Converts a level from 0 to 1 to decibels relative to full scale; silence is `-inf`."""
    return 20.0 * math.log10(level) if level > 0 else -math.inf
