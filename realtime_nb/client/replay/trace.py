"""What one replayed session left: the events of each user turn with the time of their arrival, and when speech ended.

Owns the form of a recording of events. Must not know what is measured on it, or how it was made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from realtime_nb.audio import RATE_HZ
from realtime_nb.audio.speech_span import SpeechSpan
from realtime_nb.conversation import Billing

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


@dataclass(frozen=True)
class ReplayRecord:
    """One session, from its opening to its end.

    Attributes:
        turns: one for each user turn that was begun; a session that never opened has none.
        model: as the server names it; None where it does not.
        session: the configuration as the server echoed it.
        billing: how the responses are paid for; None where the connector does not say so.
        started_at: of the opening, in seconds since 1970.
        pacing_lag_ms: how late the latest frame of sound left, at real-time pace.
        loop_lag_ms: the longest time for which this process's event loop was busy with something else: arrivals may be
            stamped late by as much.
        billed: whether the server may have begun an answer: repeating the session may cost a second time.
        error: why the session failed, or None.
        retryable: whether the same session may succeed when it is repeated.
        retry_after_s: how long the server asked to wait before that; None where it did not.
        timed_out: whether the limit of time ended it; a log does not keep this.
        by_budget: whether it was ended because the money did not suffice for another response.
        settled: whether the usage of every response that was begun is known, also where the session failed.
    """

    turns: tuple[TrialTrace, ...]
    model: str | None = None
    session: Mapping[str, Any] = field(default_factory=dict)
    billing: Billing | None = None
    started_at: float = 0.0
    pacing_lag_ms: float = 0.0
    loop_lag_ms: float = 0.0
    billed: bool = False
    error: str | None = None
    retryable: bool = False
    retry_after_s: float | None = None
    timed_out: bool = False
    by_budget: bool = False
    settled: bool = False
