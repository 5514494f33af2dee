import threading

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_nb.local.voice.synthesizer.tone import ToneSynthesizer


@settings(max_examples=30, deadline=None)
@given(st.text(alphabet="ab .!\n", max_size=60).filter(lambda text: bool(text.strip())))
def test_the_chunks_say_the_whole_text(text: str) -> None:
    assert "".join(chunk.text for chunk in ToneSynthesizer().stream(text)) == text


def test_words_are_audible_and_apart() -> None:
    first, second = ToneSynthesizer().stream("hello there")
    for chunk in (first, second):
        assert np.abs(chunk.samples).max() > 3000
        assert np.abs(chunk.samples[-200:]).max() == 0


def test_slower_speech_takes_longer() -> None:
    def length(speed: float) -> int:
        return sum(chunk.samples.size for chunk in ToneSynthesizer().stream("one two three", speed=speed))

    assert length(0.5) > 1.9 * length(1.0)


def test_stop_event_ends_the_stream() -> None:
    stop = threading.Event()
    stream = ToneSynthesizer().stream("one two three", stop=stop)
    next(stream)
    stop.set()
    assert list(stream) == []
