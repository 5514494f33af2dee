"""Degradations and where the speech is: exact ratios, bands, positions, the same samples for the same seed."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from realtime_nb.audio.speech_span import SpeechSpan, find_speech, sound_hash
from realtime_nb.errors import ConfigError
from realtime_nb.lab.perturb import Gain, Noise, Silence, Speed, Step, Telephone, perturb
from tests.unit.audio import spoken

_RATE = 24_000


@pytest.mark.parametrize("colour", ["pink", "white"])
@pytest.mark.parametrize("snr_db", [-5, 10, 30])
def test_noise_has_the_stated_ratio_beneath_the_speech(colour: str, snr_db: float) -> None:
    clean = spoken.words()
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
    words = spoken.words()
    laws = [perturb(words, Telephone(law)).hash for law in ("pcmu", "pcma", None)]
    assert len(set(laws)) == 3


def test_gain_clips_and_counts() -> None:
    words = spoken.words(peak=20_000)
    louder = perturb(words, Gain(12))
    scaled = np.rint(words * 10 ** (12 / 20))
    assert louder.clipped == int(((scaled < -32_768) | (scaled > 32_767)).sum()) > 0
    assert louder.samples.tolist() == np.clip(scaled, -32_768, 32_767).tolist()
    softer = perturb(words, Gain(-6))
    assert softer.clipped == 0
    assert np.abs(softer.samples.astype(int)).max() == pytest.approx(20_000 * 10 ** (-6 / 20), rel=0.01)


def test_positions_follow_speed_and_silence() -> None:
    words = spoken.words(before_ms=400)
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
    words = spoken.words()
    first = perturb(words, *steps, seed=4)
    assert first.hash == perturb(words.copy(), *steps, seed=4).hash
    assert first.hash != perturb(words, *steps, seed=5).hash
    other = words.copy()
    other[-1] += 1
    assert first.samples[:1_000].tolist() != perturb(other, *steps, seed=4).samples[:1_000].tolist()
    assert first.name == "silence 100+0 ms, pink noise 10 dB, telephone pcmu"


def test_clean_twin_is_the_recording_itself() -> None:
    words = spoken.words()
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
        (lambda: perturb(spoken.words(), cast(Any, "noise")), "'noise' is no step"),
        (lambda: perturb(spoken.words(), speech=SpeechSpan(0, 10**9)), "within the"),
    ],
)
def test_wrong_value_is_refused(make, said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigError, match=said):
        make()
