"""Reproducible degradations of a recording, each with its clean twin: noise, telephone, gain, speed, silence.

Owns the degradations, and where the speech is afterwards. Must not know utterances, variants or trials. Comparing a
recording with its twin is a paired comparison: same words, same voice, same server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from realtime_nb.audio import RATE_HZ
from realtime_nb.audio.g711 import Law, decode, encode
from realtime_nb.audio.pcm import Pcm16, as_pcm16
from realtime_nb.audio.resample import resample
from realtime_nb.audio.speech_span import SpeechSpan, find_speech, sound_hash
from realtime_nb.errors import ConfigError

Colour = Literal["white", "pink"]
Floats: TypeAlias = NDArray[np.float64]

_PHONE_HZ = 8_000
_PHONE_BAND_HZ = (300.0, 3_400.0)
_PHONE_TAPS = 255


@dataclass(frozen=True)
class Noise:
    """Noise at a signal-to-noise ratio, over the whole recording.

    Attributes:
        snr_db: the power of the speech (its pauses included, the silence around it not) over that of the noise.
        colour: `"pink"`, as loud in each octave, like a busy room; or `"white"`.
    """

    snr_db: float
    colour: Colour = "pink"

    def __post_init__(self) -> None:
        _between("snr_db", self.snr_db, -20, 60)
        if self.colour not in get_args(Colour):
            raise ConfigError(f"colour={self.colour!r} must be one of {', '.join(map(repr, get_args(Colour)))}")

    def __str__(self) -> str:
        return f"{self.colour} noise {self.snr_db:g} dB"


@dataclass(frozen=True)
class Telephone:
    """The telephone: 300 to 3,400 Hz at 8 kHz, and G.711.

    Attributes:
        law: `"pcmu"` (mu-law: North America, Japan), `"pcma"` (A-law: elsewhere), or None for the band alone.
    """

    law: Law | None = "pcmu"

    def __post_init__(self) -> None:
        if self.law not in (*get_args(Law), None):
            raise ConfigError(f"law={self.law!r} must be 'pcmu', 'pcma' or None")

    def __str__(self) -> str:
        return f"telephone {self.law}" if self.law else "telephone band"


@dataclass(frozen=True)
class Gain:
    """Louder or softer; what exceeds full scale is clipped, as by a microphone set too high.

    Attributes:
        db: positive is louder.
    """

    db: float

    def __post_init__(self) -> None:
        _between("db", self.db, -60, 40)

    def __str__(self) -> str:
        return f"gain {self.db:+g} dB"


@dataclass(frozen=True)
class Speed:
    """Faster or slower, as a tape: the pitch moves, too.

    Attributes:
        factor: 1.25 is a quarter faster; rounded to hundredths.
    """

    factor: float

    def __post_init__(self) -> None:
        _between("factor", self.factor, 0.5, 2)

    def __str__(self) -> str:
        return f"speed {self.factor:g}"


@dataclass(frozen=True)
class Silence:
    """Digital silence around the recording; `Noise` after it fills it.

    Attributes:
        leading_ms: before.
        trailing_ms: after.
    """

    leading_ms: float = 0.0
    trailing_ms: float = 0.0

    def __post_init__(self) -> None:
        _between("leading_ms", self.leading_ms, 0, 60_000)
        _between("trailing_ms", self.trailing_ms, 0, 60_000)

    def __str__(self) -> str:
        return f"silence {self.leading_ms:g}+{self.trailing_ms:g} ms"


Step: TypeAlias = Noise | Telephone | Gain | Speed | Silence


@dataclass(frozen=True, eq=False)
class PerturbedSound:
    """A degraded recording.

    Attributes:
        samples: int16 mono at 24 kHz, read-only.
        speech: where the speech is, carried over from the clean recording: not found again in the noise.
        hash: of the samples.
        clean_hash: of the recording that it was made from, its twin.
        steps: what was done, in order.
        seed: of the noise.
        clipped: how many samples a gain clipped.
        attenuated_db: by how much speech and noise together were turned down to fit full scale.
    """

    samples: Pcm16
    speech: SpeechSpan
    hash: str
    clean_hash: str
    steps: tuple[Step, ...]
    seed: int
    clipped: int
    attenuated_db: float

    @property
    def name(self) -> str:
        """The steps in words, such as `"telephone pcmu, pink noise 10 dB"`; `"clean"` for none."""
        return ", ".join(map(str, self.steps)) or "clean"


def perturb(samples: Pcm16, *steps: Step, seed: int = 0, speech: SpeechSpan | None = None) -> PerturbedSound:
    """Return the recording after `steps`, in order; the same arguments always give the same samples.

    Args:
        samples: int16 mono at 24 kHz, shape `(n,)`: the clean recording.
        steps: the degradations; none gives the clean twin.
        seed: of the noise; each recording has its own noise for one seed.
        speech: where the speech is in the clean recording; None: found by its level.

    Raises:
        ConfigError: a step of another type.
        AudioError: sound that is not PCM16, or holds no speech.
    """
    clean = as_pcm16(samples)
    span = find_speech(clean) if speech is None else speech
    if not 0 <= span.start < span.end <= clean.size:
        raise ConfigError(f"speech={span!r} must lie within the {clean.size} samples of the recording")
    clean_hash = sound_hash(clean)
    x = clean.astype(np.float64)
    clipped, attenuated_db = 0, 0.0
    for index, step in enumerate(steps):
        if isinstance(step, Noise):
            rng = np.random.default_rng((seed, index, int(clean_hash[:16], 16)))
            x, turned_down_db = _with_noise(x, span, step, rng)
            attenuated_db += turned_down_db
        elif isinstance(step, Telephone):
            x = _by_telephone(x, step.law)
        elif isinstance(step, Gain):
            x = np.rint(x * 10 ** (step.db / 20))
            clipped += int(((x < -32768) | (x > 32767)).sum())
            x = np.clip(x, -32768, 32767)
        elif isinstance(step, Speed):
            x, span = _at_speed(x, span, step.factor)
        elif isinstance(step, Silence):
            before, after = (round(ms * RATE_HZ / 1000) for ms in (step.leading_ms, step.trailing_ms))
            x = np.concatenate((np.zeros(before), x, np.zeros(after)))
            span = SpeechSpan(span.start + before, span.end + before)
        else:
            raise ConfigError(f"{step!r} is no step: use Noise, Telephone, Gain, Speed or Silence")
    out = _pcm16(x)
    out.setflags(write=False)
    return PerturbedSound(out, span, sound_hash(out), clean_hash, steps, seed, clipped, attenuated_db)


def _with_noise(x: Floats, span: SpeechSpan, step: Noise, rng: np.random.Generator) -> tuple[Floats, float]:
    """Return sound with noise, and by how many dB both were turned down to fit full scale."""
    noise = rng.standard_normal(x.size)
    if step.colour == "pink":
        spectrum = np.fft.rfft(noise)
        # Pink noise falls by 3 dB an octave; below 20 Hz nothing is audible, and most of the power would lie there.
        frequency = np.fft.rfftfreq(x.size, 1 / RATE_HZ)
        shape = np.where(frequency >= 20, 1 / np.sqrt(np.maximum(frequency, 20)), 0.0)
        noise = np.fft.irfft(spectrum * shape, x.size)
    within = slice(span.start, span.end)
    # Scaled by the power that this noise has beneath the speech, so that the ratio is exact.
    power = float(np.mean(x[within] ** 2)) / 10 ** (step.snr_db / 10)
    noise *= np.sqrt(power / float(np.mean(noise[within] ** 2)))
    mixed = x + noise
    peak = float(np.abs(mixed).max())
    if peak <= 32767:
        return mixed, 0.0
    return mixed * (32767 / peak), float(20 * np.log10(peak / 32767))


def _by_telephone(x: Floats, law: Law | None) -> Floats:
    narrow = resample(_pcm16(x), RATE_HZ, _PHONE_HZ).astype(np.float64)
    taps = np.arange(_PHONE_TAPS) - _PHONE_TAPS // 2
    low, high = (2 * hz / _PHONE_HZ * np.sinc(2 * hz / _PHONE_HZ * taps) for hz in _PHONE_BAND_HZ)
    # The filter is symmetric, so that "same" delays nothing.
    band = _pcm16(np.convolve(np.pad(narrow, _PHONE_TAPS), (high - low) * np.hamming(_PHONE_TAPS), "same"))
    band = band[_PHONE_TAPS : _PHONE_TAPS + narrow.size]
    if law is not None:
        band = decode(encode(band, law), law)
    return resample(band, _PHONE_HZ, RATE_HZ)[: x.size].astype(np.float64)


def _at_speed(x: Floats, span: SpeechSpan, factor: float) -> tuple[Floats, SpeechSpan]:
    hundredths = round(100 * factor)
    if hundredths == 100:
        return x, span
    out = resample(_pcm16(x), hundredths * RATE_HZ // 100, RATE_HZ).astype(np.float64)
    start, end = (round(sample * 100 / hundredths) for sample in (span.start, span.end))
    return out, SpeechSpan(start, min(end, out.size))


def _pcm16(x: Floats) -> Pcm16:
    samples: Pcm16 = np.clip(np.rint(x), -32768, 32767).astype(np.int16)
    return samples


def _between(name: str, value: float, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ConfigError(f"{name}={value!r} must be a number from {low:g} to {high:g}")
