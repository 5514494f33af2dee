"""Encode the synthesiser's samples in the session's output format.

Owns the encoding of one response's sound. Must not know events.
"""

from __future__ import annotations

from typing import Any

import pybase64

from realtime_nb.audio import g711
from realtime_nb.audio.resample import Resampler
from realtime_nb.audio.stream_format import G711_RATE_HZ, LAWS
from realtime_nb.local.voice.protocols import RATE_HZ, Pcm


class OutputEncoder:
    """Encodes one stream of 24 kHz samples as base64 of PCM16, or of G.711 at 8 kHz."""

    def __init__(self, audio_format: dict[str, Any]) -> None:
        self._law = LAWS.get(audio_format["type"])
        self._resampler = Resampler(RATE_HZ, G711_RATE_HZ)

    def encode(self, samples: Pcm) -> str:
        """Return base64; empty while the resampler still holds everything back."""
        if self._law is None:
            return pybase64.b64encode(samples.astype("<i2", copy=False).tobytes()).decode()
        return self._companded(self._resampler.process(samples), self._law)

    def flush(self) -> str:
        """Return the last samples, which the resampler held back."""
        if self._law is None:
            return ""
        return self._companded(self._resampler.flush().astype("int16"), self._law)

    @staticmethod
    def _companded(samples: Pcm, law: g711.Law) -> str:
        return pybase64.b64encode(g711.encode(samples, law)).decode()
