"""Loudness as the standard defines it, and gains that make recordings equally loud without clipping."""

from __future__ import annotations

import math

import numpy as np
import pytest

from realtime_nb.audio import AudioClip
from realtime_nb.lab.listening.loudness import TARGET_LUFS, loudness_lufs, matched


def _tone(level: float, seconds: float = 2.0, rate_hz: int = 24_000, hz: float = 997.0) -> AudioClip:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return AudioClip(np.rint(level * 32767 * np.sin(2 * np.pi * hz * t)).astype(np.int16), rate_hz)


def _loudness(clip: AudioClip) -> float:
    return loudness_lufs(clip.samples, clip.rate)


@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 48_000])
def test_full_scale_tone_has_the_loudness_that_the_standard_states(rate_hz: int) -> None:
    # ITU-R BS.1770-4: a 997 Hz sine at full scale in one channel reads -3.01.
    assert _loudness(_tone(1.0, rate_hz=rate_hz)) == pytest.approx(-3.01, abs=0.15)


def test_loudness_follows_the_level_and_pauses_do_not_count() -> None:
    loud, quiet = _tone(0.5), _tone(0.05)
    assert _loudness(loud) - _loudness(quiet) == pytest.approx(20.0, abs=0.05)
    paused = np.concatenate([loud.samples, np.zeros(4 * 24_000, np.int16)])
    assert loudness_lufs(paused, 24_000) == pytest.approx(_loudness(loud), abs=0.5)


def test_silence_and_nothing_have_no_loudness() -> None:
    assert math.isinf(loudness_lufs(np.zeros(24_000, np.int16), 24_000))
    assert math.isinf(loudness_lufs(np.zeros(0, np.int16), 24_000))


def test_sound_shorter_than_a_block_has_a_loudness() -> None:
    assert _loudness(_tone(0.5, seconds=0.2)) == pytest.approx(_loudness(_tone(0.5)), abs=0.5)


@pytest.mark.parametrize("levels", [(0.9, 0.01), (0.02, 0.3), (0.5, 0.5)])
def test_matched_recordings_are_equally_loud(levels: tuple[float, float]) -> None:
    first, second = matched([_tone(levels[0]), _tone(levels[1], seconds=0.7, hz=400)])
    assert _loudness(first) == pytest.approx(_loudness(second), abs=0.1)
    assert _loudness(first) == pytest.approx(TARGET_LUFS, abs=0.1)


def test_a_recording_with_high_peaks_turns_both_down_and_none_clips() -> None:
    clicks = np.zeros(48_000, np.int16)
    clicks[::4_800] = 20_000  # quiet to the ear, with high peaks
    first, second = matched([AudioClip(clicks, 24_000), _tone(0.5)])
    assert max(np.abs(each.samples.astype(int)).max() for each in (first, second)) <= 0.9 * 32768
    assert _loudness(first) == pytest.approx(_loudness(second), abs=0.2)
    assert _loudness(second) < TARGET_LUFS


def test_a_silent_recording_stays_silent_beside_a_loud_one() -> None:
    silent, _ = matched([AudioClip(np.zeros(24_000, np.int16)), _tone(0.5)])
    assert not silent.samples.any()


def test_noise_is_not_blown_up() -> None:
    hiss = AudioClip(np.random.default_rng(1).integers(-12, 13, 48_000).astype(np.int16))
    first, _ = matched([hiss, _tone(0.5)])
    assert np.abs(first.samples.astype(int)).max() <= 12 * 10 ** (30 / 20) + 1
