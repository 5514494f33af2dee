"""Sounds without speech, for a recogniser that must not invent words."""

from __future__ import annotations

import numpy as np

from realtime_nb.local.voice.protocols import RATE_HZ, Pcm

_SECONDS = 3


def without_speech() -> dict[str, Pcm]:
    """Return sounds of three seconds by name: silence, noises, a hum, clicks, and music-like chords."""
    rng = np.random.default_rng(7)
    n = _SECONDS * RATE_HZ
    t = np.arange(n) / RATE_HZ
    noise = rng.standard_normal(n)
    brown = np.cumsum(noise - noise.mean())
    chords = np.zeros(n)
    for beat, root in enumerate((262, 220, 294, 196, 262, 330)):
        on = (t >= beat / 2) & (t < beat / 2 + 0.5)
        for ratio in (1.0, 1.25, 1.5, 2.0):
            chords += on * np.sin(2 * np.pi * root * ratio * t) * np.exp(-3 * (t - beat / 2) * on)
    sweep = np.sin(2 * np.pi * (200 + 400 * t) * t)
    return {
        "silence": np.zeros(n, np.int16),
        "a quiet room": _at(noise, 60),
        "white noise": _at(noise, 6_000),
        "brown noise": _at(brown, 9_000),
        "bursts of noise": _at(noise * (np.sin(2 * np.pi * 2 * t) > 0.6), 9_000),
        "mains hum": _at(np.sin(2 * np.pi * 50 * t) + 0.3 * np.sin(2 * np.pi * 150 * t), 6_000),
        "clicks": _at((np.arange(n) % (RATE_HZ // 2) < 40) * noise, 15_000),
        "chords": _at(chords, 9_000),
        "a rising tone": _at(sweep, 9_000),
    }


def _at(sound: np.ndarray, peak: int) -> Pcm:
    return (sound / max(1e-9, float(np.abs(sound).max())) * peak).astype(np.int16)
