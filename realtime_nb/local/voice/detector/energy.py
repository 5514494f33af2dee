"""Speech detection by loudness above a running noise floor, for machines without the `local` extra.

Owns one stream's noise floor. Must not know turns or sessions. Imports numpy only.
"""

from __future__ import annotations

import numpy as np

from realtime_nb.local.voice.protocols import Pcm

_FLOOR_MIN_DB = -75.0
_FLOOR_START_DB = -60.0
_RISE_DB_PER_FRAME = 0.06  # ~2 dB a second: a fan that starts is noise after a while, a sentence is not
_SPEECH_ABOVE_FLOOR_DB = 12.0
_SLOPE_DB = 2.5
_QUIETEST_SPEECH_DB = -52.0


class EnergyDetector:
    """Probability from the level of a frame against the quietest level of late."""

    frame_samples = 768  # 32 ms, the silero frame, so that nothing depends on which detector runs

    def __init__(self) -> None:
        self._floor_db = _FLOOR_START_DB

    def process(self, frame: Pcm) -> float:
        """Return a logistic function of the level above the noise floor."""
        power = float(np.mean(np.square(frame.astype(np.float32) / 32768.0))) if frame.size else 0.0
        level_db = 10.0 * np.log10(power + 1e-12)
        if level_db < self._floor_db:
            self._floor_db = max(_FLOOR_MIN_DB, 0.7 * self._floor_db + 0.3 * level_db)
        else:
            self._floor_db += _RISE_DB_PER_FRAME
        # The higher of the two thresholds: in a silent room a relative one alone would call a rustle speech.
        excess_db = level_db - max(self._floor_db + _SPEECH_ABOVE_FLOOR_DB, _QUIETEST_SPEECH_DB)
        return float(1.0 / (1.0 + np.exp(-np.clip(excess_db / _SLOPE_DB, -30.0, 30.0))))
