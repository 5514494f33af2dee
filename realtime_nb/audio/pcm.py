"""PCM16, the one sample format of the package: 16-bit little-endian mono.

Owns the check that audio is PCM16, and its error texts. Must not know rates, files or events.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_nb.errors import AudioError

Pcm16: TypeAlias = NDArray[np.int16]


def as_pcm16(x: bytes | bytearray | memoryview | NDArray[np.generic], *, allow_empty: bool = False) -> Pcm16:
    """Returns audio as int16 samples of shape `(n,)`, without a copy where the memory layout allows it.

    Args:
        x: PCM16LE bytes, or a one-dimensional int16 array.
        allow_empty: accept audio without samples.

    Raises:
        AudioError: an odd number of bytes, another dtype or shape, or no samples.
    """
    if isinstance(x, np.ndarray):
        samples = _checked(x)
    elif isinstance(x, (bytes, bytearray, memoryview)):
        n_bytes = x.nbytes if isinstance(x, memoryview) else len(x)
        if n_bytes % 2:
            raise AudioError(f"PCM16 has 2 bytes a sample, but there are {n_bytes} bytes: half a sample is missing")
        samples = np.frombuffer(x, dtype="<i2")
    else:
        raise AudioError(f"sound must be PCM16 bytes or an int16 array, not {type(x).__name__}")
    if not samples.size and not allow_empty:
        raise AudioError("the sound is empty: 0 samples")
    return samples


def _checked(x: NDArray[np.generic]) -> Pcm16:
    if x.ndim != 1:
        raise AudioError(f"sound must be mono with shape (n,), not {x.shape}: pick or average the channels")
    if x.dtype.kind == "f":
        raise AudioError(
            f"samples must be int16, not {x.dtype}: floats in -1..1 become PCM16 with "
            "`(x.clip(-1, 1) * 32767).round().astype('int16')`"
        )
    if x.dtype.kind != "i" or x.dtype.itemsize != 2:
        raise AudioError(f"samples must be int16, not {x.dtype}")
    return np.ascontiguousarray(x, dtype="<i2")
