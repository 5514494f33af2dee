"""Encodes and decodes G.711, the telephone formats `audio/pcmu` (mu-law) and `audio/pcma` (A-law).

Owns the tables of both laws, from ITU-T G.711. Must not know rates (8 kHz by convention) or events.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from realtime_nb.errors import AudioError

from .pcm import Pcm16, as_pcm16

Law = Literal["pcmu", "pcma"]

_ULAW_BIAS = 33
# One below the standard's 8159: with the bias, 8159 would fall into a ninth segment. Both give the same code.
_ULAW_CLIP = 8158


def encode(samples: bytes | NDArray[np.int16], law: Law) -> bytes:
    """Encodes PCM16 as one byte a sample; `law` is `"pcmu"` (mu-law) or `"pcma"` (A-law)."""
    codes: NDArray[np.uint8] = _tables(law)[0][as_pcm16(samples, allow_empty=True).view(np.uint16)]
    return codes.tobytes()


def decode(data: bytes | bytearray | memoryview, law: Law) -> Pcm16:
    """Decodes one byte a sample to int16 samples of shape `(n,)`."""
    samples: Pcm16 = _tables(law)[1][np.frombuffer(data, np.uint8)]
    return samples


@cache
def _tables(law: Law) -> tuple[NDArray[np.uint8], Pcm16]:
    """Returns the code of every sample, indexed by the sample as uint16, and the sample of every code."""
    every_sample = np.arange(1 << 16, dtype=np.uint16).view(np.int16).astype(np.int32)
    every_code = np.arange(256, dtype=np.int32)
    if law == "pcmu":
        return _ulaw_codes(every_sample), _ulaw_samples(every_code)
    if law == "pcma":
        return _alaw_codes(every_sample), _alaw_samples(every_code)
    raise AudioError(f"the G.711 law is 'pcmu' or 'pcma', not {law!r}")


def _segment(magnitude: NDArray[np.int32], first_bits: int) -> NDArray[np.int32]:
    """Returns the segment of each magnitude: the number of bits that it has above `first_bits`."""
    ends = (1 << (first_bits + np.arange(8))) - 1
    return np.searchsorted(ends, magnitude).astype(np.int32)


def _ulaw_codes(samples: NDArray[np.int32]) -> NDArray[np.uint8]:
    fourteen_bits = samples >> 2
    magnitude = np.minimum(np.abs(fourteen_bits), _ULAW_CLIP) + _ULAW_BIAS
    segment = _segment(magnitude, 6)
    code = (segment << 4) | ((magnitude >> (segment + 1)) & 0xF)
    inverted: NDArray[np.int32] = code ^ np.where(fourteen_bits < 0, 0x7F, 0xFF)
    return inverted.astype(np.uint8)


def _ulaw_samples(codes: NDArray[np.int32]) -> Pcm16:
    inverted = ~codes & 0xFF
    magnitude = ((((inverted & 0xF) << 3) + (_ULAW_BIAS << 2)) << ((inverted & 0x70) >> 4)) - (_ULAW_BIAS << 2)
    return np.where(inverted & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_codes(samples: NDArray[np.int32]) -> NDArray[np.uint8]:
    thirteen_bits = samples >> 3
    magnitude = np.where(thirteen_bits < 0, -thirteen_bits - 1, thirteen_bits).astype(np.int32)
    segment = _segment(magnitude, 5)
    code = (segment << 4) | ((magnitude >> np.maximum(segment, 1)) & 0xF)
    toggled: NDArray[np.int32] = code ^ np.where(thirteen_bits < 0, 0x55, 0xD5)
    return toggled.astype(np.uint8)


def _alaw_samples(codes: NDArray[np.int32]) -> Pcm16:
    toggled = codes ^ 0x55
    segment = (toggled & 0x70) >> 4
    mantissa = (toggled & 0xF) << 4
    magnitude = np.where(segment == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(segment - 1, 0))
    return np.where(toggled & 0x80, magnitude, -magnitude).astype(np.int16)
