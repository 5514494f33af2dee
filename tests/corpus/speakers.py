"""Test sentences in many voices, rendered by the `espeak-ng` command, clean or with noise.

Owns the rendering. It does not use the backend's own synthesiser, which is under test too.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from realtime_nb.audio.resample import resample
from realtime_nb.audio.wav import read_wav
from realtime_nb.local.voice.protocols import RATE_HZ, Pcm

_PAUSE_S = 0.3


@dataclass(frozen=True)
class Speaker:
    voice: str
    speed: int = 160
    pitch: int = 50


def missing() -> str | None:
    """Returns why nothing can be rendered here, or None."""
    return None if shutil.which("espeak-ng") else "no espeak-ng command: apt-get install espeak-ng"


def render(text: str, speaker: Speaker) -> Pcm:
    """Returns a sentence at 24 kHz with a pause before and after, as a detector cuts it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        command = ["espeak-ng", "-v", speaker.voice, "-s", str(speaker.speed), "-p", str(speaker.pitch)]
        subprocess.run([*command, "-w", str(path), text], check=True, timeout=30)
        samples, rate_hz = read_wav(path)
    pause = np.zeros(int(_PAUSE_S * RATE_HZ), np.int16)
    return np.concatenate([pause, resample(samples, rate_hz, RATE_HZ), pause])


def in_noise(samples: Pcm, snr_db: float, seed: int) -> Pcm:
    """Returns the sound with white noise; the ratio is that of the spoken parts."""
    sound: npt.NDArray[np.float64] = samples.astype(np.float64)
    spoken = sound[np.abs(sound) > 0.02 * np.abs(sound).max()]
    level = np.sqrt(np.mean(spoken**2)) / 10 ** (snr_db / 20)
    noise = np.random.default_rng(seed).standard_normal(sound.size) * level
    noisy: Pcm = np.clip(sound + noise, -32768, 32767).astype(np.int16)
    return noisy
