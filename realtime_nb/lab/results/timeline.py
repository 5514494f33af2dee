"""One recording beside what each variant made of it: where speech was detected, and when answers sounded.

Owns the times, all on the clock of the recording: 0 is its first sample. Must not know figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from realtime_nb.client.replay.trace import StampedEvent, TrialTrace

_TRANSCRIPT = "response.output_audio_transcript.delta"
_TEXT = ("response.output_text.delta", _TRANSCRIPT)


@dataclass(frozen=True)
class Answer:
    """An answer as a listener without a loudspeaker heard it.

    Attributes:
        start_ms: when its first sound or text was there, and the answer before it was over.
        end_ms: when its sound ended, or was cut.
        cut: whether it was interrupted.
    """

    start_ms: float
    end_ms: float
    cut: bool


@dataclass(frozen=True)
class TimelineLine:
    """What one variant made of the recording.

    Attributes:
        name: of the variant.
        detected_ms: where the server detected speech, as in the column of this name.
        answers: in the order in which they were heard.
        cut_offs: how often the server ended the turn in mid-speech.
        false_starts: how often it detected speech where there is none.
        missed: whether the whole turn got no answer.
        failed: whether the trial failed, such as by a response that the server could not make.
        by_hand: whether turn detection was off, and the client ended the turn.
        wait_ms: from the end of speech to the server's end of the turn; None where there was none.
    """

    name: str
    detected_ms: tuple[tuple[float | None, float | None], ...]
    answers: tuple[Answer, ...]
    cut_offs: int
    false_starts: int
    missed: bool
    failed: bool
    by_hand: bool
    wait_ms: float | None

    def numbers(self) -> list[dict[str, Any]]:
        """Return the stretches of speech and of answers as rows."""
        speech = [("detected", start, end, False) for start, end in self.detected_ms]
        answers = [("answer", each.start_ms, each.end_ms, each.cut) for each in self.answers]
        names = ("variant", "what", "start_ms", "end_ms", "interrupted")
        return [dict(zip(names, (self.name, *each), strict=True)) for each in (*speech, *answers)]


def timeline_line(name: str, row: Mapping[str, Any], trace: TrialTrace) -> TimelineLine:
    """Return what a trial made of its recording.

    Args:
        name: of the variant.
        row: of the trial.
        trace: its events.
    """
    detected = tuple((start, end) for start, end in row.get("detected_ms") or ())
    return TimelineLine(
        name=name,
        detected_ms=detected,
        answers=_answers(trace),
        cut_offs=row.get("cut_offs") or 0,
        false_starts=row.get("false_starts") or 0,
        missed=bool(row.get("missed")),
        failed=bool(row.get("error")),
        by_hand=trace.pacing != "realtime",
        wait_ms=row.get("speech_end_to_stopped_ms"),
    )


@dataclass
class _Sounding:
    """A response while its events are read.

    Attributes:
        first_at_ms: when its first sound or text arrived.
        done_at_ms: when its end arrived.
        sound_ms: how much sound it had.
        heard_ms: how much of it was played where the client cut it; None where it did not.
        cancelled: by the server.
    """

    first_at_ms: float | None = None
    done_at_ms: float | None = None
    sound_ms: float = 0.0
    heard_ms: float | None = None
    cancelled: bool = False


def _answers(trace: TrialTrace) -> tuple[Answer, ...]:
    found: dict[str, _Sounding] = {}
    response_of: dict[str, str] = {}  # by item
    for stamped in trace.events:
        event = stamped.event
        if event.type in ("response.output_audio.delta", *_TEXT):
            sounding = found.setdefault(event.response_id, _Sounding())
            response_of[event.item_id] = event.response_id
            if sounding.first_at_ms is None and event.type != _TRANSCRIPT:
                sounding.first_at_ms = stamped.at_ms
            sounding.sound_ms += _sound_ms(stamped, trace.output_rate_hz)
        elif event.type == "response.done" and event.response.id in found:
            found[event.response.id].done_at_ms = stamped.at_ms
            found[event.response.id].cancelled = event.response.status == "cancelled"
        elif event.type == "conversation.item.truncated" and event.item_id in response_of:
            found[response_of[event.item_id]].heard_ms = event.audio_end_ms
    shift = (0.0 if trace.speech is None else trace.speech.end_ms) - trace.speech_end_at_ms
    answers: list[Answer] = []
    for each in found.values():
        if each.first_at_ms is not None:
            start = max(each.first_at_ms + shift, answers[-1].end_ms if answers else float("-inf"))
            answers.append(_answer(each, start, None if each.done_at_ms is None else each.done_at_ms + shift))
    return tuple(answers)


def _answer(each: _Sounding, start_ms: float, done_ms: float | None) -> Answer:
    if each.heard_ms is not None:
        return Answer(start_ms, start_ms + min(each.heard_ms, each.sound_ms), each.heard_ms < each.sound_ms)
    if each.sound_ms and not each.cancelled:
        return Answer(start_ms, start_ms + each.sound_ms, cut=False)
    # Text is there when it is done; a cancelled answer that the client did not cut was heard until then at most.
    end_ms = start_ms if done_ms is None else max(done_ms, start_ms)
    return Answer(start_ms, min(end_ms, start_ms + each.sound_ms) if each.sound_ms else end_ms, each.cancelled)


def _sound_ms(stamped: StampedEvent, rate_hz: int) -> float:
    if stamped.event.type != "response.output_audio.delta":
        return 0.0
    try:
        return len(stamped.event.audio) / 2 * 1000 / rate_hz
    except ValueError:  # what the server sent is no PCM16
        return 0.0
