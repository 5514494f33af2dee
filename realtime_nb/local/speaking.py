"""Turns the text of a reply into sound, sentence by sentence, while the rest of the text still comes.

Owns the order of sentences, and which written words stand for which sound. Must not know events, pace, or how a
sentence's end is found.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Iterator
from concurrent.futures import Executor
from contextlib import aclosing

import numpy as np

from realtime_nb.local.voice.protocols import RATE_HZ, Chunk, Synthesizer
from realtime_nb.local.voice.reply import ReplyPiece, TextPiece
from realtime_nb.local.voice.sentences import SentenceSplitter
from realtime_nb.local.voice.speakable import SpeechFilter
from realtime_nb.local.voice.vocabulary import words_with_spaces

_FIRST_CHUNK, _CHUNK = RATE_HZ // 10, RATE_HZ // 5
_NO_SOUND = np.empty(0, np.int16)


class Speaking:
    """Speaks one reply.

    Args:
        synthesizer: makes the sound.
        threads: run it.
        voice, speed: how it sounds.
    """

    def __init__(self, synthesizer: Synthesizer, threads: Executor, *, voice: str, speed: float) -> None:
        self._synthesizer = synthesizer
        self._threads = threads
        self._voice = voice
        self._speed = speed
        self._least = _FIRST_CHUNK

    async def speak(self, pieces: AsyncIterable[ReplyPiece]) -> AsyncGenerator[Chunk | ReplyPiece, None]:
        """Yield the sound of the text pieces, each chunk with the *written* words that begin in it; other pieces as is.

        The texts of the chunks, joined, are the text of the pieces. A chunk may have no sound: of an emoji, say.
        """
        splitter, speech = SentenceSplitter(), SpeechFilter()
        async for piece in pieces:
            is_text = isinstance(piece, TextPiece)
            for sentence in splitter.push(piece.text) if isinstance(piece, TextPiece) else splitter.end():
                async with aclosing(self._say(sentence, speech)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            if not is_text:
                splitter, speech = SentenceSplitter(), SpeechFilter()
                yield piece
        for sentence in splitter.end():
            async with aclosing(self._say(sentence, speech)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def _say(self, sentence: str, speech: SpeechFilter) -> AsyncGenerator[Chunk, None]:
        said = speech.say(sentence)
        words = said.words()
        if said.spoken.strip():
            stream = _Sound(self._synthesizer, said.spoken, self._voice, self._speed)
            try:
                while (chunk := await self._pull(stream)) is not None:
                    yield Chunk(chunk.samples, words.begun(chunk.text))
            finally:
                stream.stop.set()
                self._threads.submit(stream.close)
        if rest := words.rest():
            yield Chunk(_NO_SOUND, rest)

    async def _pull(self, stream: _Sound) -> Chunk | None:
        least, self._least = self._least, _CHUNK
        return await asyncio.get_running_loop().run_in_executor(self._threads, stream.pull, least)


class _Sound:
    """A synthesiser's stream, read on any worker thread; the lock keeps `close` apart from a `pull` under way."""

    def __init__(self, synthesizer: Synthesizer, text: str, voice: str, speed: float) -> None:
        self.stop = threading.Event()
        self._lock = threading.Lock()
        self._stream: Iterator[Chunk] = synthesizer.stream(text, voice=voice, speed=speed, stop=self.stop)
        self._cut: deque[Chunk] = deque()

    def pull(self, least: int) -> Chunk | None:
        """Return at least `least` samples with their words; fewer at the end, and None after it."""
        with self._lock:
            if self._cut:
                return self._cut.popleft()
            blocks, words, size = [], [], 0
            for chunk in self._stream:
                blocks.append(chunk.samples)
                words.append(chunk.text)
                size += int(chunk.samples.size)
                if size >= least:
                    break
            if not blocks:
                return None
            self._cut.extend(_parts(Chunk(np.concatenate(blocks), "".join(words))))
            return self._cut.popleft()

    def close(self) -> None:
        """End the stream."""
        with self._lock:
            close = getattr(self._stream, "close", None)
            if close is not None:
                close()


def _parts(chunk: Chunk) -> list[Chunk]:
    """Cut a chunk that is too long for one event; its words are spread over the parts as evenly as their letters.

    Some voices make a whole sentence at once and give no places of its words. An interruption would then leave all of
    its words heard, or none.
    """
    size = int(chunk.samples.size)
    if size <= 2 * _CHUNK:
        return [chunk]
    count = -(-size // _CHUNK)
    texts = [""] * count
    at = 0
    for word in words_with_spaces(chunk.text):
        texts[at * count // len(chunk.text)] += word
        at += len(word)
    return [Chunk(samples, text) for samples, text in zip(np.array_split(chunk.samples, count), texts, strict=True)]
