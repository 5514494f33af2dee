"""Scenario 2: the audio that reaches the kernel equals the audio that was spoken into the microphone."""

from __future__ import annotations

import math
import wave
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.card import Card
from tests.e2e.harness.kernel import KernelProbe, Samples
from tests.e2e.harness.speech import Speech
from tests.e2e.scenes import IMPORT

pytestmark = pytest.mark.alone

_RATE = 24_000
# Above it the source has no speech and a resampler to 24 kHz has its transition band.
_BAND_HZ = 10_000

_WIDGET = """
    w = rt.RealtimeWidget(
        turn_detection=None,
        microphone=rt.Microphone(echo_cancellation=False, noise_suppression=False, auto_gain_control=False),
    )
    w
"""

Sound = np.ndarray[tuple[int], np.dtype[np.float64]]


async def test_captured_sound_equals_what_was_said(notebook: OpenNotebook, speech: Speech) -> None:
    words = "The quick brown fox jumps over the lazy dog, and then it does so again, slowly."
    mic = speech.say(words)
    book = await notebook(IMPORT, _WIDGET, mic=mic)
    await book.lab.run(0)
    await book.lab.run(1)
    card = await Card(book.lab).drawn()
    said = _file_at_24k(mic)
    captured = await _capture(book.kernel, card, 40 + int(_voiced(said)[-1]) // 960)
    assert await book.kernel.get("w._controller.sound.microphone.missing") == 0
    [track] = await book.lab.tracks()
    assert not track["settings"]["echoCancellation"]
    assert not track["settings"]["noiseSuppression"]
    assert not track["settings"]["autoGainControl"]
    # On a busy machine Chromium's fake device puts silence into the sound, or in its place. So what the
    # page was given is compared sample by sample, and of the file only some parts are looked for.
    [given] = await book.lab.recorded()
    assert signal_to_noise_db(_at_24k(given.whole(), given.rate), captured.astype(np.float64)) > 40
    assert _share_heard(said, captured) > 0.05
    await expect(card.root).to_be_visible()


async def _capture(kernel: KernelProbe, card: Card, frames: int) -> Samples:
    """Open the microphone, which plays the file from its beginning, and return the audio of the user's turn."""
    await card.talk.click()
    await kernel.until(f"w._controller.sound.microphone.frames > {frames}")
    await card.talk.click()
    turns = "[turn for turn in w.turns if turn.role == 'user' and turn.audio]"
    await kernel.until(f"len({turns}) == 1")
    return await kernel.samples(f"{turns}[0].audio.samples")


def _file_at_24k(path: Path) -> Sound:
    """Return what the file holds before it repeats itself."""
    with wave.open(str(path)) as file:
        return _at_24k(np.frombuffer(file.readframes(20 * file.getframerate()), dtype="<i2"), file.getframerate())


def _at_24k(samples: Samples, rate: int) -> Sound:
    """Return samples of another rate, made by removing the upper part of their spectrum."""
    step = rate // math.gcd(rate, _RATE)
    padded = np.pad(samples.astype(np.float64), (0, -len(samples) % step))  # else the rate is off by part of a sample
    size = len(padded) * _RATE // rate
    spectrum = np.fft.rfft(padded)
    return np.fft.irfft(spectrum[: size // 2 + 1], size) * _RATE / rate


def _voiced(source: Sound) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the positions that are louder than the ripple that the change of rate leaves in silence."""
    return np.flatnonzero(np.abs(source) > 50)


def _share_heard(source: Sound, captured: Samples) -> float:
    """Return which share of the loud parts of 50 ms of the source is in the capture, in their order."""
    window = _RATE // 20
    heard = captured.astype(np.float64)
    loud = [at for at in range(0, len(source) - window, window) if np.abs(source[at : at + window]).max() > 1000]
    found, after = 0, 0
    for start in loud:
        part = source[start : start + window]
        at = after + int(np.argmax(np.correlate(heard[after : after + 8 * _RATE], part, "valid")))
        if np.sum((heard[at : at + window] - part) ** 2) < 0.1 * np.sum(part**2):
            found, after = found + 1, at + window
    return found / len(loud)


def _band(spectrum: np.ndarray[tuple[int], np.dtype[np.complex128]], length: int) -> None:
    spectrum[int(_BAND_HZ * length / _RATE) :] = 0
    spectrum[: int(50 * length / _RATE)] = 0


def signal_to_noise_db(source: Sound, captured: Sound) -> float:
    """Return the ratio of the source to its difference from the capture, after the best shift in time.

    The whole speech is compared, so a gap, a repeat or a wrong rate anywhere in it shows as noise.
    """
    voiced = _voiced(source)
    speech = source[voiced[0] : voiced[-1]]
    size = 1 << (len(speech) + len(captured)).bit_length()
    reference, other = np.fft.rfft(speech, size), np.fft.rfft(captured, size)
    _band(reference, size)
    _band(other, size)
    whole = int(np.argmax(np.fft.irfft(other * reference.conj(), size)))
    assert 0 <= whole <= len(captured) - len(speech), "the speech is not all there"
    frequencies = np.arange(len(reference)) / size
    signal = np.fft.irfft(reference, size)[: len(speech)]
    energy = float(np.sum(signal**2))

    def noise(shift: float) -> float:
        aligned = np.fft.irfft(other * np.exp(2j * np.pi * frequencies * (whole + shift)), size)[: len(speech)]
        return float(np.sum((aligned - signal) ** 2))

    best, span = 0.0, 1.0
    while span > 0.001:
        best = float(min(best + span * np.linspace(-1, 1, 9), key=noise))
        span /= 4
    return float(10 * np.log10(energy / noise(best)))


def test_measures_tell_a_loss_and_a_wrong_rate_from_late_buffers() -> None:
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.normal(0, 3000, 96_000))
    _band(spectrum, 96_000)
    source: Sound = np.fft.irfft(spectrum)
    padded = np.concatenate([np.zeros(500), source, np.zeros(500)])
    rounded: Samples = np.round(padded).astype(np.int16)
    assert signal_to_noise_db(source, rounded.astype(np.float64)) > 50
    gap = np.concatenate([padded[:20_000], padded[20_040:]])
    assert signal_to_noise_db(source, np.concatenate([gap, np.zeros(40)])) < 10
    assert _share_heard(source, rounded) == 1
    late: Samples = np.insert(rounded, 30_000, np.zeros(240, np.int16))
    assert _share_heard(source, late) > 0.9
    slow: Samples = np.round(np.interp(np.arange(0, len(padded), 0.99), np.arange(len(padded)), padded)).astype(
        np.int16
    )
    assert _share_heard(source, slow) < 0.2
