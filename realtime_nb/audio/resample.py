"""A stateful polyphase resampler: any rational ratio, and the same output for any block sizes.

Owns the filter design and the state between blocks. Must not know where the audio comes from.

Output sample `n` is at source time `n * src / dst`, so the output needs no delay compensation. `process` holds back the
last few milliseconds until the samples after them have come; `flush` returns them.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from realtime_nb.errors import AudioError

Sample = TypeVar("Sample", np.int16, np.float32)

# With 32 zero crossings on each side and a Kaiser window of beta 9, aliases are below -85 dB, and the lower 80 % of the
# narrower band is unchanged, which is more than speech codecs keep.
ZERO_CROSSINGS = 32
KAISER_BETA = 9.0
_STOPBAND_DB = 90.0
# Kaiser's estimate of the transition width, as a fraction of the lower sample rate.
TRANSITION = (_STOPBAND_DB - 7.95) / (14.36 * 2 * ZERO_CROSSINGS)
# Outputs computed at once: keeps the gathered windows to a few megabytes for an input of any length.
_CHUNK = 4096
_MAX_PHASES = 48_000


@lru_cache(maxsize=16)
def _filter_bank(up: int, down: int) -> NDArray[np.float64]:
    """Returns the windowed sinc filter, one row for each phase; shape `(up, taps)`."""
    scale = min(1.0, up / down)  # when downsampling, the filter must also remove what would alias
    half = math.ceil(ZERO_CROSSINGS / scale)
    # Half a transition width below the lower Nyquist frequency, so that the stop band begins at that frequency.
    cutoff = scale * (1.0 - TRANSITION)
    offsets = np.arange(-half + 1, half + 1, dtype=np.float64)[None, :]
    t = offsets - (np.arange(up, dtype=np.float64) / up)[:, None]
    window = np.i0(KAISER_BETA * np.sqrt(np.clip(1.0 - (t / half) ** 2, 0.0, None))) / np.i0(KAISER_BETA)
    bank = np.sinc(t * cutoff) * cutoff * window
    # Each phase passes a constant unchanged; otherwise a constant level would vary from phase to phase.
    bank /= bank.sum(axis=1, keepdims=True)
    bank.setflags(write=False)
    return bank


class Resampler:
    """Converts a stream from one sample rate to another.

    The output does not depend on how the input is divided into blocks. int16 input gives int16 output (rounded and
    clipped), float32 gives float32; the blocks of one stream have one dtype.

    Example:
        >>> to_24k = Resampler(48_000, 24_000)
        >>> out = [to_24k.process(np.zeros(480, np.int16)), to_24k.flush()]
        >>> sum(len(block) for block in out)
        240

    Args:
        src_hz: the rate of the input.
        dst_hz: the rate of the output.

    Raises:
        AudioError: a rate that is not a positive whole number, or an unusable ratio.
    """

    def __init__(self, src_hz: int, dst_hz: int) -> None:
        for rate in (src_hz, dst_hz):
            if not isinstance(rate, (int, np.integer)) or rate <= 0:
                raise AudioError(f"a sample rate is a positive whole number of Hz, not {rate!r}")
        common = math.gcd(int(src_hz), int(dst_hz))
        self._up, self._down = int(dst_hz) // common, int(src_hz) // common
        if self._up > _MAX_PHASES or self._down > _MAX_PHASES:
            raise AudioError(f"{src_hz} Hz to {dst_hz} Hz has no usable ratio ({self._up}/{self._down})")
        self._bank = _filter_bank(self._up, self._down)
        self._half = self._bank.shape[1] // 2
        self._dtype: np.dtype[np.int16] | np.dtype[np.float32] | None = None
        self._reset()

    def _reset(self) -> None:
        self._received = 0
        self._emitted = 0
        # The source index of the first sample kept. It starts below 0: silence is assumed before the stream.
        self._kept_from = -(self._half - 1)
        self._kept: NDArray[np.float64] = np.zeros(self._half - 1)

    def process(self, x: NDArray[Sample]) -> NDArray[Sample]:
        """Adds the next block, of any length, and returns the output that is complete.

        Raises:
            AudioError: the block is not one-dimensional, not int16 or float32, or not of the stream's dtype.
        """
        if x.ndim != 1 or x.dtype not in (np.int16, np.float32):
            raise AudioError(f"a block is one-dimensional int16 or float32, not {x.dtype} of shape {x.shape}")
        if self._dtype is None:
            self._dtype = x.dtype
        elif x.dtype != self._dtype:
            raise AudioError(f"this stream is {self._dtype}, but a block of {x.dtype} came: convert it first")
        self._received += x.size
        if self._up == self._down:
            return x.copy()
        self._kept = np.concatenate((self._kept, x.astype(np.float64)))
        # Output n needs the source up to floor(n * down / up) + half.
        ready = -(-max(self._received - self._half, 0) * self._up // self._down)
        out: NDArray[Sample] = self._emit(ready).astype(x.dtype)
        return out

    def flush(self) -> NDArray[np.int16] | NDArray[np.float32]:
        """Returns the rest of the stream's output; the next block begins a new stream.

        A stream of n samples gives `ceil(n * dst / src)` samples in all.
        """
        floating = self._dtype == np.float32
        if self._up == self._down or not self._received:
            out = np.zeros(0)
        else:
            self._kept = np.concatenate((self._kept, np.zeros(self._half)))
            out = self._emit(-(-self._received * self._up // self._down))
        self._reset()
        self._dtype = None
        return out.astype(np.float32) if floating else out.astype(np.int16)

    def _emit(self, until: int) -> NDArray[np.float64]:
        """Computes the outputs after the last one emitted, up to `until`; rounded if the stream is int16."""
        parts = [self._convolve(n, min(n + _CHUNK, until)) for n in range(self._emitted, until, _CHUNK)]
        self._emitted = max(self._emitted, until)
        first_needed = self._emitted * self._down // self._up - (self._half - 1)
        if (used := first_needed - self._kept_from) > 0:
            self._kept = self._kept[used:].copy()
            self._kept_from = first_needed
        out = np.concatenate(parts) if parts else np.zeros(0)
        return np.clip(np.rint(out), -32768, 32767) if self._dtype == np.int16 else out

    def _convolve(self, start: int, stop: int) -> NDArray[np.float64]:
        positions = np.arange(start, stop, dtype=np.int64) * self._down
        first = positions // self._up - (self._half - 1) - self._kept_from
        windows = np.lib.stride_tricks.sliding_window_view(self._kept, self._bank.shape[1])[first]
        # Multiply and sum, not a matrix product: the order in which BLAS sums depends on the block's size.
        out: NDArray[np.float64] = (windows * self._bank[positions % self._up]).sum(axis=1)
        return out


def resample(x: NDArray[Sample], src: int, dst: int) -> NDArray[Sample]:
    """Converts a whole signal of `n` samples from `src` Hz to `dst` Hz; shape `(ceil(n * dst / src),)`."""
    stream = Resampler(src, dst)
    out: NDArray[Sample] = np.concatenate((stream.process(x), stream.flush().astype(x.dtype)))
    return out
