"""Converts the sound that people have (arrays, clips, bytes, files) to PCM16 at 24 kHz, the form of the wire.

Owns the check of such sound where it enters, and its error texts. Must not know questions, events or the wire.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from realtime_nb.audio import RATE_HZ
from realtime_nb.errors import AudioError

from .clip import AudioClip
from .pcm import Pcm16, as_pcm16
from .resample import resample
from .sound_file import load_24k
from .sound_formats import LONGEST_HEAD, is_sound

_LOUDEST_FLOAT = 2.0
"""Floats a little above full scale come from filters and are cut; beyond this they are on another scale."""
_LOWEST_HZ, _HIGHEST_HZ = 4_000, 192_000


def pcm_24k(x: Any, rate: int | None = None) -> Pcm16:
    """Returns sound as int16 samples of shape `(n,)` at 24 kHz.

    Args:
        x: an `AudioClip`; an int16 array, or a float array in -1..1, of shape `(n,)`; the bytes of a sound file, which
            are recognised by their header; or PCM16LE bytes. Other objects with `__array__` count as arrays.
        rate: the rate of an array or of PCM bytes in Hz; None: 24,000.

    Raises:
        AudioError: no sound, sound of another kind, or a rate for sound that has one of its own; says which.
    """
    if isinstance(x, AudioClip):
        _no_rate(rate, f"the clip has its own ({x.rate} Hz)")
        return x.samples if x.rate == RATE_HZ else resample(x.samples, x.rate, RATE_HZ)
    if isinstance(x, (bytes, bytearray, memoryview)):
        data = bytes(x)
        if is_sound(data[:LONGEST_HEAD]):
            _no_rate(rate, "the header of the file says it")
            return load_24k(data)
    elif hasattr(x, "__array__"):
        array = np.asarray(x)
        x = _from_floats(array) if array.dtype.kind == "f" and array.ndim == 1 else array
    samples = as_pcm16(x)
    source_hz = RATE_HZ if rate is None else _checked_rate(rate)
    return samples if source_hz == RATE_HZ else resample(samples, source_hz, RATE_HZ)


def _checked_rate(rate: Any) -> int:
    number = isinstance(rate, (int, float, np.integer)) and not isinstance(rate, bool)
    if not number or not _LOWEST_HZ <= rate <= _HIGHEST_HZ or rate != int(rate):
        raise AudioError(f"rate={rate!r} must be a whole number of Hz between {_LOWEST_HZ} and {_HIGHEST_HZ}")
    return int(rate)


def _no_rate(rate: int | None, why: str) -> None:
    if rate is not None:
        raise AudioError(f"rate={rate!r} is not needed: {why}; leave it out")


def _from_floats(array: np.ndarray[Any, Any]) -> Pcm16:
    if array.size and not np.isfinite(array).all():
        raise AudioError("the samples hold NaN or infinity: remove them, for example with `np.nan_to_num`")
    peak = float(np.abs(array).max()) if array.size else 0.0
    if peak > _LOUDEST_FLOAT:
        raise AudioError(
            f"samples of {array.dtype} must be in -1..1, and these reach {peak:g}: divide them by their full scale, "
            "or pass them as int16 with `x.astype('int16')` if that is 32768"
        )
    samples: Pcm16 = np.rint(np.clip(array, -1.0, 1.0) * 32767.0).astype(np.int16)
    return samples
