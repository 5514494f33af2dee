from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from realtime_nb.audio.resample import Resampler, resample
from realtime_nb.errors import AudioError

RATES = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000]
PAIRS = [(src, dst) for src in RATES for dst in RATES if src != dst and 24_000 in (src, dst)]
rates = st.sampled_from(RATES)


def tone(freq_hz: float, rate_hz: int, seconds: float = 0.5, amplitude: float = 0.5) -> NDArray[np.float32]:
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * freq_hz * t)).astype(np.float32)


def in_blocks(x: NDArray[np.int16], src: int, dst: int, sizes: list[int]) -> NDArray[np.int16]:
    stream, out, at = Resampler(src, dst), [], 0
    for size in sizes:
        out.append(stream.process(x[at : at + size]))
        at += size
    out.append(stream.process(x[at:]))
    return np.concatenate([*out, stream.flush().astype(np.int16)])


def snr_db(got: NDArray[np.float32], wanted: NDArray[np.float32], rate_hz: int) -> float:
    inner = slice(rate_hz // 20, len(wanted) - rate_hz // 20)
    error = got[inner].astype(np.float64) - wanted[inner]
    return 10 * math.log10(float((wanted[inner].astype(np.float64) ** 2).sum()) / max(float((error**2).sum()), 1e-30))


@given(
    rates,
    rates,
    st.integers(0, 2000),
    st.lists(st.integers(0, 300), max_size=12),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_output_does_not_depend_on_block_sizes(src: int, dst: int, n: int, sizes: list[int], seed: int) -> None:
    x = np.random.default_rng(seed).integers(-32768, 32768, n).astype(np.int16)
    assert np.array_equal(in_blocks(x, src, dst, sizes), in_blocks(x, src, dst, []))


@given(rates, rates, st.integers(0, 3000))
@settings(max_examples=60, deadline=None)
def test_the_length_is_the_exact_ratio_rounded_up(src: int, dst: int, n: int) -> None:
    assert len(resample(np.zeros(n, np.int16), src, dst)) == -(-n * dst // src)


@pytest.mark.parametrize(("src", "dst"), PAIRS)
@pytest.mark.parametrize("part_of_band", [0.02, 0.25, 0.8])
def test_a_tone_in_the_common_band_comes_out_85_decibels_clean_and_in_time(
    src: int, dst: int, part_of_band: float
) -> None:
    freq_hz = part_of_band * min(src, dst) / 2
    assert snr_db(resample(tone(freq_hz, src), src, dst), tone(freq_hz, dst), dst) > 85


@pytest.mark.parametrize(("src", "dst"), [(48_000, 24_000), (44_100, 24_000), (24_000, 16_000), (24_000, 8_000)])
def test_frequencies_above_the_target_band_do_not_alias(src: int, dst: int) -> None:
    x = tone(dst / 2 * 1.05, src)
    out = resample(x, src, dst)[dst // 20 : -dst // 20]
    assert 10 * math.log10(float((out**2).mean()) / float((x**2).mean())) < -85


@pytest.mark.parametrize(("src", "dst"), PAIRS)
def test_speech_band_noise_keeps_its_energy(src: int, dst: int) -> None:
    rng = np.random.default_rng(7)
    x = sum((tone(f, src, 1.0, 0.02) for f in rng.uniform(80, 3200, 40)), np.zeros(src, np.float32))
    out = resample(x.astype(np.float32), src, dst)
    assert float((out**2).mean()) == pytest.approx(float((x**2).mean()), rel=0.005)


@given(st.integers(-32768, 32767), rates, rates)
@settings(max_examples=30, deadline=None)
def test_constant_level_is_unchanged(level: int, src: int, dst: int) -> None:
    out = resample(np.full(2000, level, np.int16), src, dst)
    inner = out[len(out) // 3 : -len(out) // 3]
    assert inner.size
    assert (inner == level).all()


def test_full_scale_clips_and_never_wraps() -> None:
    square = np.repeat(np.array([32767, -32768] * 40, np.int16), 50)
    out = resample(square, 16_000, 24_000)
    expected_sign = np.repeat(np.array([1, -1] * 40), 75)
    middles = np.arange(37, len(out), 75)
    assert (np.sign(out[middles]) == expected_sign[middles]).all()


def test_after_a_flush_a_new_stream_begins() -> None:
    x = (tone(440, 48_000, 0.05) * 32767).astype(np.int16)
    stream = Resampler(48_000, 24_000)
    first = np.concatenate((stream.process(x), stream.flush().astype(np.int16)))
    second = np.concatenate((stream.process(x), stream.flush().astype(np.int16)))
    assert np.array_equal(first, second)


def test_float_input_gives_float_output() -> None:
    assert resample(tone(440, 48_000), 48_000, 24_000).dtype == np.float32


def test_a_long_stream_keeps_a_bounded_history() -> None:
    stream = Resampler(44_100, 24_000)
    sizes = set()
    for _ in range(300):
        stream.process(np.zeros(441, np.int16))
        sizes.add(stream._kept.size)
    assert max(sizes) < 1000


@pytest.mark.parametrize("rate", [0, -1, 24_000.5, "24000", None])
def test_invalid_sample_rate_raises_audio_error(rate: object) -> None:
    with pytest.raises(AudioError, match="sample rate"):
        Resampler(rate, 24_000)  # type: ignore[arg-type]


def test_unusable_ratio_raises_audio_error() -> None:
    with pytest.raises(AudioError, match="ratio"):
        Resampler(1_000_003, 24_000)


def test_a_stream_does_not_change_its_dtype() -> None:
    stream = Resampler(48_000, 24_000)
    stream.process(np.zeros(4, np.int16))
    with pytest.raises(AudioError, match="int16"):
        stream.process(np.zeros(4, np.float32))


def test_two_channels_raise_audio_error() -> None:
    with pytest.raises(AudioError, match=r"\(4, 2\)"):
        Resampler(48_000, 24_000).process(np.zeros((4, 2), np.int16))
