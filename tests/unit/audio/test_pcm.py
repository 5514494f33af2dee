from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from realtime_nb.audio.levels import dbfs, rms_level
from realtime_nb.audio.pcm import as_pcm16
from realtime_nb.errors import AudioError


def test_bytes_are_viewed_and_not_copied() -> None:
    data = np.arange(-3, 4, dtype="<i2").tobytes()
    samples = as_pcm16(data)
    assert samples.tolist() == [-3, -2, -1, 0, 1, 2, 3]
    assert samples.base is not None


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_every_kind_of_bytes_gives_the_same_samples(wrap: type) -> None:
    assert as_pcm16(wrap(b"\x01\x00\xff\xff")).tolist() == [1, -1]


def test_big_endian_arrays_keep_their_values() -> None:
    assert as_pcm16(np.array([1, -2], dtype=">i2")).tolist() == [1, -2]


def test_strided_arrays_become_contiguous() -> None:
    assert as_pcm16(np.arange(6, dtype=np.int16)[::2]).flags.c_contiguous


@pytest.mark.parametrize(
    ("sound", "words"),
    [
        (b"\x00", "1 bytes"),
        (b"", "empty"),
        (np.zeros(0, np.int16), "empty"),
        (np.zeros(3, np.float32), "float32"),
        (np.zeros(3, np.uint16), "uint16"),
        (np.zeros(3, np.int32), "int32"),
        (np.zeros((3, 2), np.int16), r"\(3, 2\)"),
    ],
)
def test_audio_that_is_not_pcm16_raises_audio_error(sound: bytes | NDArray[np.generic], words: str) -> None:
    with pytest.raises(AudioError, match=words):
        as_pcm16(sound)


def test_text_raises_audio_error() -> None:
    with pytest.raises(AudioError, match="str"):
        as_pcm16("hello")  # type: ignore[arg-type]


def test_empty_audio_is_allowed_on_request() -> None:
    assert as_pcm16(b"", allow_empty=True).size == 0


def test_the_level_of_a_full_square_wave_is_one_and_of_silence_zero() -> None:
    assert rms_level(np.full(10, -32768, np.int16)) == 1.0
    assert rms_level(np.zeros(10, np.int16)) == 0.0
    assert rms_level(b"") == 0.0


def test_half_of_full_scale_is_six_decibels_down() -> None:
    assert dbfs(rms_level(np.full(10, 16384, np.int16))) == pytest.approx(-6.02, abs=0.01)
    assert dbfs(0.0) == -np.inf
