"""One trial as it was recorded: events with the time of their arrival, and when the speech ended.

Owns the form of a recorded trial. Must not know what is measured on it, or how it was run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from realtime_nb.audio import RATE_HZ
from realtime_nb.audio.speech_span import SpeechSpan

Pacing = Literal["realtime", "manual_commit", "fast"]


@dataclass(frozen=True)
class StampedEvent:
    """A server event with the time of its arrival.

    Attributes:
        at_ms: on the trial's clock, stamped where the socket was read: not when the event was looked at.
        event: an event of `realtime_nb.wire.realtime`.
    """

    at_ms: float
    event: Any


@dataclass(frozen=True)
class TrialTrace:
    """Everything that the measures of one user turn are computed from.

    Attributes:
        events: in the order of arrival; those of one turn, until its answer was done or the trial was ended.
        speech_end_at_ms: the zero of all latencies, on the trial's clock. At real-time pace: when the last sample of
            speech was due to be spoken. As fast as the server takes it: when that sample was sent. Typed: when the item
            was sent.
        speech: where in the recording the speech is; None for a typed utterance.
        buffer_offset_ms: how much sound the session had received before the recording's first sample; the server's
            times count from the session's first sample (docs/protocol.md 16).
        pacing: how the recording was sent.
        output_rate_hz: of the answer's sound.
        error: why the trial failed, or None.
    """

    events: Sequence[StampedEvent]
    speech_end_at_ms: float
    speech: SpeechSpan | None
    buffer_offset_ms: float = 0.0
    pacing: Pacing = "realtime"
    output_rate_hz: int = RATE_HZ
    error: str | None = None
