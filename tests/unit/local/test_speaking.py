"""Speaking a stream of text: whole text, words spread over their sound, and a voice that is stopped."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from realtime_nb.local.speaking import Speaking
from realtime_nb.local.voice.protocols import RATE_HZ, Chunk
from realtime_nb.local.voice.reply import CallBegun, ReplyPiece, TextPiece


class WholeSentences:
    """A voice that makes each sentence at once, a second for each word, and gives no places of words."""

    def __init__(self) -> None:
        self.stops: list[threading.Event] = []

    def stream(
        self, text: str, *, voice: str = "alloy", speed: float = 1.0, stop: threading.Event | None = None
    ) -> Iterator[Chunk]:
        assert stop is not None
        self.stops.append(stop)
        yield Chunk(np.ones(RATE_HZ * len(text.split()), np.int16), text)

    def warm(self) -> None: ...


async def _pieces(*pieces: ReplyPiece) -> AsyncGenerator[ReplyPiece, None]:
    for piece in pieces:
        yield piece


async def test_words_are_spread_over_sound_that_comes_at_once() -> None:
    text = "One two three four. Five six."
    at = 0
    ends: dict[str, float] = {}
    with ThreadPoolExecutor(1) as threads:
        speaking = Speaking(WholeSentences(), threads, voice="alloy", speed=1.0)
        said = ""
        async for chunk in speaking.speak(_pieces(TextPiece(text))):
            assert isinstance(chunk, Chunk)
            assert chunk.samples.size <= 0.4 * RATE_HZ
            at += int(chunk.samples.size)
            said += chunk.text
            ends |= {word.strip(): at / RATE_HZ for word in chunk.text.split()}
    assert said == text
    assert at == 6 * RATE_HZ
    assert ends["One"] < 1 < ends["three"] < ends["four."] <= 4 < ends["Five"] < ends["six."]


async def test_text_before_a_call_is_spoken_before_it() -> None:
    voice = WholeSentences()
    with ThreadPoolExecutor(1) as threads:
        speaking = Speaking(voice, threads, voice="alloy", speed=1.0)
        steps = [step async for step in speaking.speak(_pieces(TextPiece("I look it up"), CallBegun("find")))]
    assert isinstance(steps[-1], CallBegun)
    assert "".join(step.text for step in steps if isinstance(step, Chunk)) == "I look it up"


async def test_closing_stops_the_voice() -> None:
    voice = WholeSentences()
    with ThreadPoolExecutor(1) as threads:
        speech = Speaking(voice, threads, voice="alloy", speed=1.0).speak(_pieces(TextPiece("One two. Three.")))
        await anext(speech)
        await speech.aclose()
    assert [stop.is_set() for stop in voice.stops] == [True]
