"""The latencies of an answer to a replayed turn, from the events with the times of their arrival.

Owns their zero: the end of speech in the recording, whatever the server took for it. Pure. Must not know sessions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from realtime_nb.client.replay.trace import StampedEvent, TrialTrace
from realtime_nb.conversation import Latency

_EARLY_MS = 100.0
"""Sound that comes so much before the end of speech answers an earlier part: the server's times are whole frames."""


def answer_latency(trace: TrialTrace) -> Latency:
    """Return the latencies of the answer that came after the end of speech, in milliseconds."""
    zero = trace.speech_end_at_ms
    late = [each for each in trace.events if each.at_ms >= zero - _EARLY_MS]
    first = _first(late, "response.created")
    created = None if first is None else first.at_ms
    answered = [each for each in late if first is not None and each.at_ms >= first.at_ms]
    sound = _first(answered, "response.output_audio.delta")
    heard = None if sound is None else sound.at_ms
    # A typed turn is "committed" when the server acknowledges its item.
    kinds = ["input_audio_buffer.committed"]
    if trace.speech is None:
        kinds += ["conversation.item.added", "conversation.item.created"]
    commits = [each.at_ms for each in late if each.event.type in kinds]
    committed = max((at for at in commits if created is None or at <= created), default=None)
    return Latency(
        speech_end_to_committed=_between(zero, committed),
        committed_to_response=_between(committed, created),
        response_to_first_audio=_between(created, heard),
        total=_between(zero, heard),
    )


def _first(events: Iterable[StampedEvent], kind: str) -> Any:
    return next((each for each in events if each.event.type == kind), None)


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else max(end - start, 0.0)
