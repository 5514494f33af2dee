"""The latencies of a replayed turn's answer: from the end of speech in the recording, whatever the server detected."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from realtime_nb.audio.speech_span import SpeechSpan
from realtime_nb.client.replay.trace import StampedEvent, TrialTrace
from realtime_nb.conversation import Latency
from realtime_nb.notebook.experiments.latency import answer_latency

SPEECH = SpeechSpan(0, 24_000)
COMMITTED, CREATED, SOUND = "input_audio_buffer.committed", "response.created", "response.output_audio.delta"


def _trace(*events: tuple[float, str], speech: SpeechSpan | None = SPEECH) -> TrialTrace:
    stamped = [StampedEvent(at, SimpleNamespace(type=kind)) for at, kind in events]
    return TrialTrace(stamped, speech_end_at_ms=1000, speech=speech)


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        (_trace((1500, COMMITTED), (1520, CREATED), (1800, SOUND), (1900, SOUND)), Latency(500, 20, 280, None, 800)),
        (  # the server ended the turn in the middle, and answered that part too
            _trace((400, COMMITTED), (420, CREATED), (700, SOUND), (1500, COMMITTED), (1530, CREATED), (1700, SOUND)),
            Latency(500, 30, 170, None, 700),
        ),
        (_trace((1010, "conversation.item.added"), (1020, CREATED), speech=None), Latency(10, 10, None, None, None)),
        (  # a tool is called first: its response counts as the beginning of the answer
            _trace((1300, COMMITTED), (1310, CREATED), (1400, "response.done"), (1450, CREATED), (1600, SOUND)),
            Latency(300, 10, 290, None, 600),
        ),
        (_trace(), Latency()),
    ],
)
def test_steps_are_counted_from_the_end_of_speech(trace: TrialTrace, expected: Latency) -> None:
    assert answer_latency(trace) == expected
