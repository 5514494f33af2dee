"""When words are said: from the server's pieces of transcript where they follow the sound, evenly otherwise."""

from __future__ import annotations

from base64 import b64encode
from itertools import pairwise

import numpy as np
import pytest

from realtime_nb.audio import AudioClip
from realtime_nb.client.replay.trace import StampedEvent, TrialTrace
from realtime_nb.lab.listening.word_times import word_times
from realtime_nb.wire.realtime import decode_server

TEXT = "One two three four five six."


def _sound(seconds: float) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.full(round(24_000 * seconds), 8_000, np.int16)


def _delta(kind: str, delta: str) -> StampedEvent:
    head = '{"type": "response.output_audio%s.delta", "event_id": "e", "response_id": "r", "item_id": "i", '
    head += '"output_index": 0, "content_index": 0, "delta": "%s"}'
    return StampedEvent(0.0, decode_server(head % (kind, delta)))


def _trace(*steps: str | float) -> TrialTrace:
    events = [
        _delta("_transcript", step) if isinstance(step, str) else _delta("", b64encode(_sound(step).tobytes()).decode())
        for step in steps
    ]
    return TrialTrace(tuple(events), 0.0, None)


def test_words_follow_the_pieces_of_the_transcript() -> None:
    # The second half of the words takes three times as long as the first.
    trace = _trace("One two ", 0.5, "three ", 0.5, "four ", 1.5, "five six.", 1.5)
    found = word_times(TEXT, AudioClip(_sound(4.0)), trace)
    assert found.from_events
    starts = {word.text: word.start_ms for word in found.words}
    assert starts["One"] < 100
    assert starts["three"] == pytest.approx(500, abs=250)
    assert starts["five"] == pytest.approx(2_500, abs=600)
    assert [TEXT[word.start : word.start + len(word.text)] for word in found.words] == TEXT.split()


@pytest.mark.parametrize(
    "trace",
    [None, _trace(TEXT, 4.0), _trace("One two ", "three four ", "five six.", 2.0, 2.0), _trace("Other words.", 4.0)],
    ids=["no events", "one piece", "text before all sound", "events of another answer"],
)
def test_words_are_spread_over_the_audible_sound_where_events_say_nothing(trace: TrialTrace | None) -> None:
    silence = np.zeros(24_000, np.int16)
    clip = AudioClip(np.concatenate([silence, _sound(2.0), silence]))
    found = word_times(TEXT, clip, trace)
    assert not found.from_events
    assert found.words[0].start_ms == pytest.approx(1_000, abs=10)
    assert found.words[-1].end_ms == pytest.approx(3_000, abs=10)
    assert all(one.end_ms <= other.start_ms + 1e-6 for one, other in pairwise(found.words))


def test_silence_and_no_words_are_no_error() -> None:
    assert word_times("", AudioClip(_sound(1.0))).words == ()
    assert len(word_times("a b", AudioClip(np.zeros(100, np.int16))).words) == 2
