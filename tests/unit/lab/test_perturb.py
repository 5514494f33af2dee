"""Degradations and where the speech is: exact ratios, bands, positions, the same samples for the same seed."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from realtime_nb.audio.pcm import Pcm16
from realtime_nb.errors import AudioError, ConfigError
from realtime_nb.lab.perturb import Gain, Noise, Silence, Speed, Step, Telephone, perturb
from realtime_nb.lab.speech_span import SpeechSpan, find_speech, sound_hash

_RATE = 24_000


def _words(before_ms: int = 300, after_ms: int = 500, peak: float = 8_000, pauses_ms: int = 200) -> Pcm16:
    """Three harmonic "words" of 400 ms that swell and fade, with pauses and the noise of a quiet room."""
    t = np.arange(int(0.4 * _RATE)) / _RATE
    word = sum(np.sin(2 * np.pi * f * t) / k for k, f in enumerate((140, 280, 900, 2500, 6000), 1))
    word *= np.minimum(1, np.minimum(t, t[::-1]) / 0.03)
    gap = np.zeros(pauses_ms * _RATE // 1000)
    speech = np.concatenate((word, gap, word, gap, word)) * peak / np.abs(word).max()
    sound = np.concatenate((np.zeros(before_ms * _RATE // 1000), speech, np.zeros(after_ms * _RATE // 1000)))
    return np.asarray(np.rint(sound + np.random.default_rng(0).normal(0, 3, sound.size)), np.int16)


@pytest.mark.parametrize("before_ms", [0, 300, 2_000])
@pytest.mark.parametrize("peak", [400, 8_000, 30_000])
def test_speech_is_found_to_a_few_milliseconds(before_ms: int, peak: float) -> None:
    span = find_speech(_words(before_ms, 700, peak))
    # The words swell over 30 ms; their first and last few milliseconds are as quiet as the room.
    assert before_ms - 6 <= span.start_ms <= before_ms + 15
    assert before_ms + 1_600 - 15 <= span.end_ms <= before_ms + 1_606


def test_a_click_and_a_short_word_in_a_long_silence() -> None:
    sound = np.zeros(10 * _RATE, np.int16)
    sound[_RATE : _RATE + 20] = 20_000
    sound[5 * _RATE : 5 * _RATE + 4_800] = _words(0, 0, 8_000)[2_400:7_200]
    span = find_speech(sound)
    assert span.start_ms == pytest.approx(5_000, abs=10)
    assert span.end_ms == pytest.approx(5_200, abs=10)


def test_sound_without_silence_is_speech_from_end_to_end() -> None:
    tone = (8_000 * np.sin(np.arange(_RATE))).astype(np.int16)
    assert find_speech(tone) == SpeechSpan(0, _RATE)


def test_silence_holds_no_speech() -> None:
    with pytest.raises(AudioError, match=r"no speech was found in 1\.00 s"):
        find_speech(np.zeros(_RATE, np.int16))


@pytest.mark.parametrize("colour", ["pink", "white"])
@pytest.mark.parametrize("snr_db", [-5, 10, 30])
def test_noise_has_the_stated_ratio_beneath_the_speech(colour: str, snr_db: float) -> None:
    clean = _words()
    noisy = perturb(clean, Noise(snr_db, colour))  # type: ignore[arg-type]
    span = slice(noisy.speech.start, noisy.speech.end)
    factor = 10 ** (-noisy.attenuated_db / 20)
    noise = noisy.samples.astype(float) - clean * factor
    ratio_db = 10 * np.log10(np.mean((clean[span] * factor) ** 2) / np.mean(noise[span] ** 2))
    assert ratio_db == pytest.approx(snr_db, abs=0.1)
    assert np.abs(noisy.samples.astype(int)).max() <= 32_767


def test_pink_noise_has_equal_power_in_octaves_and_white_has_not() -> None:
    sound = (np.sin(np.arange(4 * _RATE)) * 100).astype(np.int16)
    span = SpeechSpan(0, sound.size)
    gains = {}
    for colour in ("pink", "white"):
        noise = perturb(sound, Noise(-20, colour), speech=span).samples - sound.astype(float)
        power = np.abs(np.fft.rfft(noise)) ** 2
        hz = np.fft.rfftfreq(noise.size, 1 / _RATE)
        gains[colour] = power[(hz > 400) & (hz < 800)].sum() / power[(hz > 6_400) & (hz < 12_000)].sum()
    assert gains["pink"] == pytest.approx(1.1, rel=0.2)
    assert gains["white"] == pytest.approx(400 / 5_600, rel=0.2)


def test_telephone_keeps_its_band_only_and_the_time() -> None:
    t = np.arange(2 * _RATE) / _RATE
    for hz, kept in ((100, False), (1_000, True), (3_000, True), (5_000, False)):
        tone = (8_000 * np.sin(2 * np.pi * hz * t)).astype(np.int16)
        phone = perturb(tone, Telephone(), speech=SpeechSpan(0, tone.size)).samples
        assert phone.size == tone.size
        middle = slice(_RATE // 2, _RATE)
        level = np.sqrt(np.mean(phone[middle].astype(float) ** 2) / np.mean(tone[middle].astype(float) ** 2))
        assert level == pytest.approx(1, abs=0.06) if kept else level < 0.03
        if kept:
            assert np.corrcoef(phone[middle], tone[middle])[0, 1] > 0.99  # no delay
    words = _words()
    laws = [perturb(words, Telephone(law)).hash for law in ("pcmu", "pcma", None)]
    assert len(set(laws)) == 3


def test_gain_clips_and_counts() -> None:
    words = _words(peak=20_000)
    louder = perturb(words, Gain(12))
    scaled = np.rint(words * 10 ** (12 / 20))
    assert louder.clipped == int(((scaled < -32_768) | (scaled > 32_767)).sum()) > 0
    assert louder.samples.tolist() == np.clip(scaled, -32_768, 32_767).tolist()
    softer = perturb(words, Gain(-6))
    assert softer.clipped == 0
    assert np.abs(softer.samples.astype(int)).max() == pytest.approx(20_000 * 10 ** (-6 / 20), rel=0.01)


def test_positions_follow_speed_and_silence() -> None:
    words = _words(before_ms=400)
    clean = find_speech(words)
    twice = perturb(words, Speed(2))
    assert twice.samples.size == -(-words.size // 2)
    found = find_speech(twice.samples)
    assert twice.speech.start == pytest.approx(found.start, abs=300)
    assert twice.speech.end == pytest.approx(found.end, abs=300)
    padded = perturb(words, Silence(250, 100))
    assert padded.samples.size == words.size + 350 * _RATE // 1000
    assert padded.speech == SpeechSpan(clean.start + 6_000, clean.end + 6_000)
    assert perturb(words, Speed(1)).hash == sound_hash(words)


def test_same_seed_gives_the_same_samples_and_other_seeds_and_recordings_do_not() -> None:
    steps: list[Step] = [Silence(100), Noise(10), Telephone()]
    words = _words()
    first = perturb(words, *steps, seed=4)
    assert first.hash == perturb(words.copy(), *steps, seed=4).hash
    assert first.hash != perturb(words, *steps, seed=5).hash
    other = words.copy()
    other[-1] += 1
    assert first.samples[:1_000].tolist() != perturb(other, *steps, seed=4).samples[:1_000].tolist()
    assert first.name == "silence 100+0 ms, pink noise 10 dB, telephone pcmu"


def test_clean_twin_is_the_recording_itself() -> None:
    words = _words()
    twin = perturb(words)
    assert twin.name == "clean"
    assert twin.hash == twin.clean_hash == perturb(words, Gain(3)).clean_hash == sound_hash(words)
    assert not twin.samples.flags.writeable
    assert words.flags.writeable


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Noise(99), "snr_db=99"),
        (lambda: Noise(10, cast(Any, "brown")), "colour='brown'"),
        (lambda: Telephone(cast(Any, "gsm")), "law='gsm'"),
        (lambda: Gain(float("nan")), "db=nan"),
        (lambda: Speed(0), "factor=0"),
        (lambda: Silence(-1), "leading_ms=-1"),
        (lambda: perturb(_words(), cast(Any, "noise")), "'noise' is no step"),
        (lambda: perturb(_words(), speech=SpeechSpan(0, 10**9)), "within the"),
    ],
)
def test_wrong_value_is_refused(make, said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigError, match=said):
        make()
