"""From a trial's stamped events to the columns of its row.

Owns every column that is measured, and its zero. Must not know how a trial is run, graded or compared.

The zero of a column that begins with `speech_end_to_` is the end of speech in the recording, whatever the server took
for it; for a typed utterance it is when the item was sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from realtime_nb.audio.pcm import Pcm16
from realtime_nb.client.replay.trace import StampedEvent, TrialTrace
from realtime_nb.conversation import usage as usages
from realtime_nb.conversation.prices import Prices, response_cost_usd, transcription_cost_usd
from realtime_nb.conversation.usage import Usage
from realtime_nb.lab.answer_sound import heard_sound
from realtime_nb.lab.turn_taking import Curve, TurnTaking, turn_taking_score
from realtime_nb.wire.realtime.response import Response

_TEXT_DELTAS = ("response.output_text.delta", "response.output_audio_transcript.delta")
_TEXT_DONE = ("response.output_text.done", "response.output_audio_transcript.done")
_TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
# The server's times are whole frames, and the end of speech in a recording is found to about 5 ms.
_CUT_OFF_MS = 100.0


@dataclass(frozen=True)
class ToolCallMade:
    """A function call of the model.

    Attributes:
        name: of the function.
        arguments: parsed; the text itself where it is no JSON.
    """

    name: str
    arguments: Any


@dataclass(frozen=True)
class Measures:
    """The measured columns of a trial; None where it did not happen.

    Attributes:
        speech_end_to_stopped_ms: to the arrival of `input_audio_buffer.speech_stopped` that ended the turn.
        speech_end_to_committed_ms: to the arrival of `input_audio_buffer.committed` of that turn.
        speech_end_to_response_ms: to the arrival of `response.created` of the answer.
        speech_end_to_first_text_ms: to the arrival of the answer's first text or transcript.
        speech_end_to_first_audio_ms: to the arrival of the answer's first sound.
        speech_end_to_first_audible_ms: to the first audible sound at a listener who plays sound as it comes: the
            silence that the stream begins with included.
        total_ms: to the arrival of the answer's last `response.done`. None for a truncated answer.
        answer_ms: the length of the answer's sound. None for a truncated answer.
        audio_gaps_ms: for how long a listener had nothing to play within the answer.
        words: of the answer. None for a truncated answer.
        words_per_minute: of the answer's sound. None for a truncated answer.
        truncated: whether the limit of output tokens cut the answer.
        interruptions: answers that the server cancelled because it detected speech.
        cut_offs: how often the server ended the turn while more than 100 ms of speech were to come.
        false_starts: how often the server detected speech where there is none in the recording.
        detected_ms: where in the recording the server detected speech, a pair of start and end for each stretch, in
            the server's words: its padding before, and the silence that ended the turn, included. None for a start or
            an end that did not come.
        missed: whether the turn got no answer after its end; an answer to its first half is none.
        turn_taking: a score in [0, 1], see `turn_taking.py`.
        input_tokens, output_tokens: of all responses of the trial; the counts by kind are parts of them.
        input_text_tokens, input_audio_tokens, input_image_tokens, cached_tokens, output_text_tokens,
            output_audio_tokens: by kind.
        cost_usd: of responses and transcription; None where a price is unknown.
        tool_calls: in order.
        heard: the server's transcript of the user's speech.
        text: the answer's text, or the transcript of its sound.
        error: why the trial or its answer failed.
    """

    speech_end_to_stopped_ms: float | None
    speech_end_to_committed_ms: float | None
    speech_end_to_response_ms: float | None
    speech_end_to_first_text_ms: float | None
    speech_end_to_first_audio_ms: float | None
    speech_end_to_first_audible_ms: float | None
    total_ms: float | None
    answer_ms: float | None
    audio_gaps_ms: float | None
    words: int | None
    words_per_minute: float | None
    truncated: bool
    interruptions: int
    cut_offs: int
    false_starts: int
    detected_ms: tuple[tuple[float | None, float | None], ...]
    missed: bool
    turn_taking: float
    input_tokens: int
    output_tokens: int
    input_text_tokens: int
    input_audio_tokens: int
    input_image_tokens: int
    cached_tokens: int
    output_text_tokens: int
    output_audio_tokens: int
    cost_usd: float | None
    tool_calls: tuple[ToolCallMade, ...]
    heard: str
    text: str
    error: str | None

    def row(self) -> dict[str, Any]:
        """Return the columns as plain values."""
        return asdict(self)


def measure(
    trace: TrialTrace,
    *,
    prices: Prices | None = None,
    transcription_model: str | None = None,
    curve: Curve = turn_taking_score,
) -> Measures:
    """Measure a trial.

    Args:
        trace: what was recorded; may be of a trial that failed.
        prices: of the model; None: the cost is unknown if tokens were used.
        transcription_model: for the price of the user's transcript.
        curve: of the turn-taking score.
    """
    turn = _Turn(trace)
    answers = _answers(trace, turn.ended_at)
    ids = {_response_id(stamped) for stamped in answers if stamped.event.type == "response.created"} - {None}
    done = [each for each in answers if each.event.type == "response.done"]
    pieces = [(each.at_ms, _pcm(each.event)) for each in answers if each.event.type == "response.output_audio.delta"]
    sound = heard_sound(pieces, trace.output_rate_hz)
    text = _text(answers)
    truncated = any(_reason(each.event.response) == "max_output_tokens" for each in done)
    whole = bool(done) and not truncated
    words = len(text.split())
    first_text = _since(trace, _first(answers, *_TEXT_DELTAS))
    audible = None if sound.audible_at_ms is None else sound.audible_at_ms - trace.speech_end_at_ms
    missed = not ids
    wait = audible if audible is not None else first_text
    usage, cost = _usage(trace, prices, transcription_model)
    calls = _calls(trace)
    if wait is None and calls and done:
        wait = _since(trace, done[0])  # an answer that only calls a tool is an answer
    return Measures(
        speech_end_to_stopped_ms=_since(trace, turn.stopped),
        speech_end_to_committed_ms=_since(trace, turn.committed),
        speech_end_to_response_ms=_since(trace, _first(answers, "response.created")),
        speech_end_to_first_text_ms=first_text,
        speech_end_to_first_audio_ms=pieces[0][0] - trace.speech_end_at_ms if pieces else None,
        speech_end_to_first_audible_ms=audible,
        total_ms=_since(trace, done[-1]) if whole else None,
        answer_ms=sound.duration_ms if whole and pieces else None,
        audio_gaps_ms=sound.gaps_ms if pieces else None,
        words=words if whole else None,
        words_per_minute=words * 60_000 / sound.duration_ms if whole and sound.duration_ms else None,
        truncated=truncated,
        interruptions=sum(
            each.event.response.status == "cancelled" and _reason(each.event.response) == "turn_detected"
            for each in trace.events
            if each.event.type == "response.done"
        ),
        cut_offs=turn.cut_offs,
        false_starts=turn.false_starts,
        detected_ms=tuple(turn.detected),
        missed=missed,
        turn_taking=curve(TurnTaking(wait, turn.cut_offs, turn.false_starts, missed)),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        input_text_tokens=usage.input_text_tokens,
        input_audio_tokens=usage.input_audio_tokens,
        input_image_tokens=usage.input_image_tokens,
        cached_tokens=usage.cached_tokens,
        output_text_tokens=usage.output_text_tokens,
        output_audio_tokens=usage.output_audio_tokens,
        cost_usd=cost,
        tool_calls=calls,
        heard=" ".join(each.event.transcript.strip() for each in trace.events if each.event.type == _TRANSCRIBED),
        text=text,
        error=trace.error or _failure(done),
    )


class _Turn:
    """What the server's turn detection made of the recording."""

    def __init__(self, trace: TrialTrace) -> None:
        self.cut_offs = self.false_starts = 0
        self.stopped: StampedEvent | None = None
        self.detected: list[tuple[float | None, float | None]] = []
        others: set[str] = set()  # the items of detected speech that did not end the turn
        for started, stopped in _stretches(trace.events):
            if trace.speech is None:
                continue
            # A start at 0 is the session's first sample where the server states the end, and else no statement.
            stated = stopped is not None and stopped.event.audio_end_ms > 0
            first = _position_ms(trace, started, 0.0, stated=stated)
            last = _position_ms(trace, stopped, float("inf"), stated=stated)
            self.detected.append((None if started is None else first, None if stopped is None else last))
            outside = last <= trace.speech.start_ms or first >= trace.speech.end_ms
            if outside or last < trace.speech.end_ms - _CUT_OFF_MS:
                self.false_starts += outside
                self.cut_offs += not outside
                others |= {each.event.item_id for each in (started, stopped) if each is not None}
            elif self.stopped is None:
                self.stopped = stopped
        commits = [each for each in trace.events if each.event.type == "input_audio_buffer.committed"]
        if self.stopped is not None:
            others.discard(self.stopped.event.item_id)
        # A commit by the client during speech comes without the event that the speech ended (docs/protocol.md 17).
        self.committed = next((each for each in commits if each.event.item_id not in others), None)
        self.ended_at = self.stopped or self.committed


def _stretches(events: Sequence[StampedEvent]) -> Iterator[tuple[StampedEvent | None, StampedEvent | None]]:
    """Yield what the server detected as speech, an item each: its start and its end, either of which may be missing."""
    started: dict[str, StampedEvent] = {}
    for each in events:
        if each.event.type == "input_audio_buffer.speech_started":
            started[each.event.item_id] = each
        elif each.event.type == "input_audio_buffer.speech_stopped":
            yield started.pop(each.event.item_id, None), each
    for each in started.values():
        yield each, None


def _position_ms(trace: TrialTrace, stamped: StampedEvent | None, missing: float, *, stated: bool) -> float:
    """Return the place in the recording that a detection event speaks of; its arrival where it states none."""
    if stamped is None or trace.speech is None:
        return missing
    event = stamped.event
    told = event.audio_start_ms if event.type.endswith("speech_started") else event.audio_end_ms
    if told or stated:
        return float(told) - trace.buffer_offset_ms
    return stamped.at_ms - trace.speech_end_at_ms + trace.speech.end_ms


def _answers(trace: TrialTrace, ended: StampedEvent | None) -> list[StampedEvent]:
    """Return the events of the responses that answer the whole turn: begun after its end, or all if it never ended."""
    begun = [each for each in trace.events if each.event.type == "response.created"]
    if ended is not None:
        place = next(index for index, each in enumerate(trace.events) if each is ended)
        begun = [each for each in trace.events[place:] if each.event.type == "response.created"]
    elif trace.speech is not None and any(each.event.type.startswith("input_audio_buffer.") for each in trace.events):
        begun = []  # only a part of the turn, or none of it, was taken for speech: such an answer answers no turn
    ids = {_response_id(each) for each in begun}
    return [each for each in trace.events if _response_id(each) in ids and _response_id(each) is not None]


def _response_id(stamped: StampedEvent) -> str | None:
    event = stamped.event
    response = getattr(event, "response", None)
    found = response.id if isinstance(response, Response) else getattr(event, "response_id", None)
    return found or None


def _first(events: Sequence[StampedEvent], *types: str) -> StampedEvent | None:
    return next((each for each in events if each.event.type in types), None)


def _pcm(event: Any) -> Pcm16:
    """Return the sound of a delta; none where the server sent what cannot be read."""
    try:
        pcm: bytes = event.audio
    except ValueError:
        return np.zeros(0, np.int16)
    return np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2")


def _since(trace: TrialTrace, stamped: StampedEvent | None) -> float | None:
    return None if stamped is None else stamped.at_ms - trace.speech_end_at_ms


def _reason(response: Response) -> str | None:
    return response.status_details.reason if response.status_details is not None else None


def _failure(done: Sequence[StampedEvent]) -> str | None:
    for each in done:
        response = each.event.response
        if response.status == "failed":
            details = response.status_details.error if response.status_details is not None else None
            said = [part for part in (details.code, details.message) if part] if details is not None else []
            return f"the response failed: {': '.join(said) or 'the server gave no reason'}"
    return None


def _text(answers: Sequence[StampedEvent]) -> str:
    """Return the text of the answers, from the whole texts where they came and from the deltas else."""
    parts: dict[tuple[str, int], str] = {}
    for each in answers:
        if each.event.type in _TEXT_DELTAS:
            key = each.event.item_id, each.event.content_index
            parts[key] = parts.get(key, "") + each.event.delta
    for each in answers:
        if each.event.type in _TEXT_DONE:
            whole = each.event.text if each.event.type == _TEXT_DONE[0] else each.event.transcript
            parts[each.event.item_id, each.event.content_index] = whole
    return " ".join(part.strip() for part in parts.values() if part.strip())


def _calls(trace: TrialTrace) -> tuple[ToolCallMade, ...]:
    """Return the function calls of completed responses, in order."""
    calls = []
    for each in trace.events:
        if each.event.type != "response.done" or each.event.response.status != "completed":
            continue
        for item in each.event.response.output or ():
            if getattr(item, "type", None) == "function_call":
                calls.append(ToolCallMade(item.name or "", _parsed(item.arguments or "")))
    return tuple(calls)


def _parsed(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def _usage(trace: TrialTrace, prices: Prices | None, transcription_model: str | None) -> tuple[Usage, float | None]:
    total, cost = Usage(), 0.0
    known = True
    for each in trace.events:
        if each.event.type == "response.done":
            reported = each.event.response.usage
            if not usages.is_reported(reported):
                known = known and each.event.response.status != "completed"
                continue
            one = usages.from_response(reported)
            price = response_cost_usd(one, prices)
        elif each.event.type == _TRANSCRIBED and each.event.usage is not None:
            one = usages.from_transcription(each.event.usage)
            price = transcription_cost_usd(one, transcription_model, prices)
        else:
            continue
        known = known and price is not None
        cost += price or 0.0
        total = total + one
    return total, cost if known else None
