"""How loud a recording sounds, and gains that make two recordings equally loud.

Owns loudness as ITU-R BS.1770-4 defines it for one channel, and the gains. Must not know trials.

A louder answer is preferred for being louder: pairs are compared at equal loudness. No gain clips: where one recording
has no room, both are turned down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from realtime_nb.audio import AudioClip
from realtime_nb.audio.levels import FULL_SCALE
from realtime_nb.audio.pcm import Pcm16
from realtime_nb.lab.extra import needed

Floats = NDArray[np.float64]

TARGET_LUFS = -20.0
"""The loudness of what listeners hear, where no peak forbids it. Speech of hosted voices is about so loud."""

_HIGHEST_PEAK = 0.89  # of full scale: -1 dB
_MOST_GAIN = 10 ** (30 / 20)  # of a recording that is nearly silent, so that noise stays noise
_BLOCK_S, _STEP_S = 0.4, 0.1
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0
_OFFSET = -0.691


def loudness_lufs(samples: Pcm16, rate_hz: int) -> float:
    """Return the gated loudness of a recording in LUFS; `-inf` for silence.

    Pauses do not count: blocks of 400 ms that are 10 LU below the others are left out. A recording shorter than a block
    is one block.

    Raises:
        ConfigError: scipy is not installed.
    """
    if not samples.size:
        return -math.inf
    power = _weighted(samples / FULL_SCALE, rate_hz) ** 2
    block, step = min(power.size, round(_BLOCK_S * rate_hz)), round(_STEP_S * rate_hz)
    sums = np.concatenate(([0.0], np.cumsum(power)))
    starts = np.arange(0, power.size - block + 1, step)
    means = np.maximum(sums[starts + block] - sums[starts], 0.0) / block
    kept = means[means > _power(_ABSOLUTE_GATE)]
    if not kept.size:
        return -math.inf
    kept = kept[kept > kept.mean() * 10 ** (_RELATIVE_GATE / 10)]
    return _OFFSET + 10 * math.log10(float(kept.mean()))


def matching_gains(clips: Sequence[AudioClip], target_lufs: float = TARGET_LUFS) -> tuple[float, ...]:
    """Return a factor for each recording with which all are equally loud and none clips.

    They reach the target where their peaks allow it, and are all quieter otherwise. A silent recording keeps its level.
    """
    gains = []
    for clip in clips:
        loudness = loudness_lufs(clip.samples, clip.rate)
        gains.append(1.0 if math.isinf(loudness) else 10 ** ((target_lufs - loudness) / 20))
    peaks = [
        float(np.abs(clip.samples.astype(np.int32)).max()) / FULL_SCALE * gain
        for clip, gain in zip(clips, gains, strict=True)
    ]
    common = min([1.0, *(_HIGHEST_PEAK / peak for peak in peaks if peak > 0), *(_MOST_GAIN / gain for gain in gains)])
    return tuple(gain * common for gain in gains)


def matched(clips: Sequence[AudioClip], target_lufs: float = TARGET_LUFS) -> tuple[AudioClip, ...]:
    """Return the recordings, equally loud."""
    return tuple(
        AudioClip(np.rint(clip.samples * gain).astype(np.int16), clip.rate)
        for clip, gain in zip(clips, matching_gains(clips, target_lufs), strict=True)
    )


def _power(lufs: float) -> float:
    return 10 ** ((lufs - _OFFSET) / 10)


def _weighted(x: Floats, rate_hz: int) -> Floats:
    """Return the signal after the two filters of BS.1770: a shelf for the head, and a high-pass."""
    lfilter = needed("scipy.signal", "matching the loudness needs").lfilter
    for b, a in (_shelf(rate_hz), _high_pass(rate_hz)):
        x = lfilter(b, a, x)
    return x


def _shelf(rate_hz: int) -> tuple[Floats, Floats]:
    # The standard gives coefficients for 48 kHz. These frequencies, gains and qualities give the same ones there, and
    # the same curve at other rates (bilinear transform).
    k = math.tan(math.pi * 1681.974450955533 / rate_hz)
    high = 10 ** (3.999843853973347 / 20)
    middle, q = high**0.4996667741545416, 0.7071752369554196
    b = np.array([high + middle * k / q + k * k, 2 * (k * k - high), high - middle * k / q + k * k])
    return _normalised(b, k, q)


def _high_pass(rate_hz: int) -> tuple[Floats, Floats]:
    k, q = math.tan(math.pi * 38.13547087602444 / rate_hz), 0.5003270373238773
    _, a = _normalised(np.ones(3), k, q)
    return np.array([1.0, -2.0, 1.0]), a


def _normalised(b: Floats, k: float, q: float) -> tuple[Floats, Floats]:
    a0 = 1 + k / q + k * k
    return b / a0, np.array([1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0])
