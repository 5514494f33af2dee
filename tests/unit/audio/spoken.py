"""Sound like speech with a known beginning and end, for tests."""

from __future__ import annotations

import numpy as np

from realtime_nb.audio.pcm import Pcm16

_RATE = 24_000


def words(before_ms: int = 300, after_ms: int = 500, peak: float = 8_000, pauses_ms: int = 200) -> Pcm16:
    """Three harmonic "words" of 400 ms that swell and fade, with pauses and the noise of a quiet room."""
    t = np.arange(int(0.4 * _RATE)) / _RATE
    word = sum(np.sin(2 * np.pi * f * t) / k for k, f in enumerate((140, 280, 900, 2500, 6000), 1))
    word *= np.minimum(1, np.minimum(t, t[::-1]) / 0.03)
    gap = np.zeros(pauses_ms * _RATE // 1000)
    speech = np.concatenate((word, gap, word, gap, word)) * peak / np.abs(word).max()
    sound = np.concatenate((np.zeros(before_ms * _RATE // 1000), speech, np.zeros(after_ms * _RATE // 1000)))
    return np.asarray(np.rint(sound + np.random.default_rng(0).normal(0, 3, sound.size)), np.int16)
