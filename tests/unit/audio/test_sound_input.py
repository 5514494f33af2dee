from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from realtime_nb.audio import AudioClip, pcm_24k
from realtime_nb.audio.wav import wav_bytes
from realtime_nb.errors import AudioError

TONE = (np.sin(np.arange(4_800) / 10) * 9_000).astype(np.int16)


def test_int16_at_24_khz_is_taken_as_it_is() -> None:
    assert pcm_24k(TONE) is TONE or np.array_equal(pcm_24k(TONE), TONE)
    assert np.array_equal(pcm_24k(TONE.tobytes()), TONE)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000, 48_000.0, np.int64(16_000)])
def test_a_rate_is_converted_to_24_khz(rate: Any) -> None:
    assert pcm_24k(TONE, rate).size == pytest.approx(4_800 * 24_000 / rate, abs=1)
    assert pcm_24k(TONE.tobytes(), rate).size == pcm_24k(TONE, rate).size


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_in_minus_one_to_one_become_int16(dtype: Any) -> None:
    got = pcm_24k((TONE / 32_767).astype(dtype))
    assert np.abs(got.astype(int) - TONE).max() <= (8 if dtype is np.float16 else 1)


def test_floats_a_little_above_full_scale_are_cut() -> None:
    assert pcm_24k(np.array([1.2, -1.2])).tolist() == [32_767, -32_767]


def test_floats_on_another_scale_say_so() -> None:
    with pytest.raises(AudioError, match="reach 9000"):
        pcm_24k(np.array([0.0, 9_000.0]))


@pytest.mark.parametrize("bad", [np.array([0.0, np.nan]), np.array([np.inf, 0.0])])
def test_nan_and_infinity_are_refused(bad: Any) -> None:
    with pytest.raises(AudioError, match="NaN or infinity"):
        pcm_24k(bad)


def test_a_clip_brings_its_own_rate() -> None:
    assert pcm_24k(AudioClip(TONE, 48_000)).size == 2_400
    assert np.array_equal(pcm_24k(AudioClip(TONE)), TONE)
    with pytest.raises(AudioError, match="48000 Hz"):
        pcm_24k(AudioClip(TONE, 48_000), 24_000)


def test_bytes_of_a_wav_are_read_by_their_header() -> None:
    file = wav_bytes(TONE, 8_000)
    assert pcm_24k(file).size == 3 * TONE.size
    assert pcm_24k(memoryview(bytearray(file))).size == 3 * TONE.size
    with pytest.raises(AudioError, match="the header"):
        pcm_24k(file, 8_000)


def test_other_objects_with_an_array_are_arrays() -> None:
    class Tensor:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return TONE

    assert np.array_equal(pcm_24k(Tensor()), TONE)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((10, 2), np.int16), "mono"),
        (np.zeros((10, 2)), "mono"),
        (np.zeros(10, np.int32), "int32"),
        (np.zeros(0, np.int16), "empty"),
        (np.zeros(0), "empty"),
        (b"abc", "half a sample"),
    ],
)
def test_sound_of_another_kind_is_refused_with_the_reason(x: Any, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        pcm_24k(x)


@pytest.mark.parametrize("rate", [0, -1, 44.1, 44_100.5, "48000", True, 1_000_000, float("nan")])
def test_a_rate_that_cannot_be_is_refused(rate: Any) -> None:
    with pytest.raises(AudioError, match="rate="):
        pcm_24k(TONE, rate)
