"""Speech from espeak-ng, loaded as a library (GPL: only ever inside the backend's own process, only with the extra)."""

from __future__ import annotations

from realtime_nb.local.voice.synthesizer.espeak.synthesizer import EspeakSynthesizer

__all__ = ["EspeakSynthesizer"]
