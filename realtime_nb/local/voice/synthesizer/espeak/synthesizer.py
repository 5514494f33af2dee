"""Synthesise text as chunks of 24 kHz sound, each with the words that begin in it.

Owns sentences, resampling and the words' places. Must not know ctypes or threads beyond the engine's queue.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import numpy as np

from realtime_nb.local.voice.protocols import RATE_HZ, Chunk
from realtime_nb.local.voice.synthesizer.espeak.engine import ENGINE, EspeakEngine, Job
from realtime_nb.local.voice.synthesizer.espeak.voices import voice_spec

_SENTENCE = re.compile(r"\s*\S.*?(?:[.!?…]+[\"')\]]*(?=\s|$)|\n+|$)", re.DOTALL)
_LONGEST = 240  # characters: a session waits for another's sentence at most this long (~20 ms of synthesis)
_UNSPEAKABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def sentences(text: str) -> list[str]:
    """Cut text at sentence ends, and long ones at words; joined, the pieces are the text."""
    cuts = [match.end() for match in _SENTENCE.finditer(text)]
    pieces: list[str] = []
    start = 0
    for end in [*cuts, len(text)]:
        while end - start > _LONGEST:
            within = (start + 1, start + _LONGEST)
            space = max(text.rfind(", ", *within), text.rfind("; ", *within)) + 1 or text.rfind(" ", *within)
            cut = space if space > start else start + _LONGEST
            pieces.append(text[start:cut])
            start = cut
        if end > start:
            pieces.append(text[start:end])
            start = end
    return pieces


class EspeakSynthesizer:
    """Streams speech from the process-wide engine. Any number of streams, from any threads."""

    def __init__(self, engine: EspeakEngine = ENGINE) -> None:
        self._engine = engine

    def warm(self) -> None:
        """Start the library."""
        _ = self._engine.rate_hz

    def stream(
        self, text: str, *, voice: str = "alloy", speed: float = 1.0, stop: threading.Event | None = None
    ) -> Iterator[Chunk]:
        """Yield sound as espeak makes it (60 ms a chunk); see `protocols.Synthesizer`."""
        from realtime_nb.audio.resample import Resampler

        resampler = Resampler(self._engine.rate_hz, RATE_HZ)
        spec = voice_spec(voice, speed)
        cancelled = threading.Event() if stop is None else stop
        closed = threading.Event()
        try:
            for sentence in sentences(text):
                job = Job(_UNSPEAKABLE.sub(" ", sentence), spec, closed)
                self._engine.submit(job)
                spoken = 0
                while (sound := job.results.get()) is not None:
                    if isinstance(sound, Exception):
                        raise sound
                    if cancelled.is_set():
                        return
                    end = max([spoken, *(_word_end(sentence, position) for position in sound.words)])
                    yield Chunk(resampler.process(sound.samples), sentence[spoken:end])
                    spoken = end
                if spoken < len(sentence):  # punctuation, or words without a sound in espeak
                    yield Chunk(np.empty(0, np.int16), sentence[spoken:])
                if cancelled.is_set():
                    return
            yield Chunk(resampler.flush().astype(np.int16), "")
        finally:
            closed.set()  # a closed generator must not leave the engine at work


def _word_end(text: str, position: int) -> int:
    match = re.compile(r"\S*").match(text, max(0, min(position, len(text))))
    return match.end() if match else position
