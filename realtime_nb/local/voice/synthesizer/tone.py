"""Synthesise a stand-in for speech: one soft tone burst a word, for machines without the `local` extra.

Owns the tone. Must not know espeak, which is then missing: numpy only.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator

import numpy as np

from realtime_nb.local.voice.protocols import RATE_HZ, Chunk
from realtime_nb.local.voice.vocabulary import words_with_spaces

_SCALE = (0, 2, 4, 7, 9, 12)  # a pentatonic scale: its notes sound well in any order
_BURST_MS_PER_LETTER = 38
_GAP_MS = 70
_SENTENCE_GAP_MS = 280
_AMPLITUDE = 0.18 * 32767


class ToneSynthesizer:
    """Paces tone bursts like the words of the text, so that interruption and transcripts behave as with speech."""

    def stream(
        self, text: str, *, voice: str = "alloy", speed: float = 1.0, stop: threading.Event | None = None
    ) -> Iterator[Chunk]:
        """Yield one chunk a word; see `protocols.Synthesizer`."""
        base_hz = 220.0 * 2 ** ((zlib.crc32(voice.encode()) % 12) / 12)
        for index, word in enumerate(words_with_spaces(text)):
            if stop is not None and stop.is_set():
                return
            letters = max(2, min(12, len(word.strip())))
            note = _SCALE[(index + zlib.crc32(word.strip().lower().encode())) % len(_SCALE)]
            gap_ms = _SENTENCE_GAP_MS if word.rstrip().endswith((".", "!", "?", ":", ";")) else _GAP_MS
            yield Chunk(
                _burst(base_hz * 2 ** (note / 12), letters * _BURST_MS_PER_LETTER / speed, gap_ms / speed), word
            )

    def warm(self) -> None:
        """Do nothing: there is no model."""


def _burst(hz: float, burst_ms: float, gap_ms: float) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    n = int(burst_ms * RATE_HZ / 1000)
    time_s = np.arange(n) / RATE_HZ
    # Raised-cosine ends: an abrupt start is a click, which a speech detector would find first.
    edge = min(n // 2, RATE_HZ // 100)
    envelope = np.ones(n)
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(edge) / edge)
    envelope[:edge], envelope[n - edge :] = ramp, ramp[::-1]
    tone = _AMPLITUDE * envelope * np.sin(2 * np.pi * hz * time_s)
    return np.concatenate([tone, np.zeros(int(gap_ms * RATE_HZ / 1000))]).astype(np.int16)
