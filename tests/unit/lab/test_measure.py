"""The columns of a trial, from events as a server sends them: every zero, cut-offs, false starts, what is missing."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from realtime_nb.audio.pcm import Pcm16
from realtime_nb.audio.speech_span import SpeechSpan
from realtime_nb.client.replay.trace import StampedEvent, TrialTrace
from realtime_nb.conversation.prices import Prices
from realtime_nb.lab.answer_sound import heard_sound
from realtime_nb.lab.measure import Measures, measure
from realtime_nb.lab.turn_taking import TurnTaking, turn_taking_score
from realtime_nb.wire.realtime import decode_server

_RATE = 24_000
# Speech from 0.5 s to 2.5 s of the recording, whose first sample was due at 10,000 ms: the zero is at 12,500 ms.
_SPEECH = SpeechSpan(_RATE // 2, _RATE * 5 // 2)
_ZERO = 12_500.0


def _event(at_ms: float, type: str, **fields: Any) -> StampedEvent:  # noqa: A002
    return StampedEvent(at_ms, decode_server(json.dumps({"type": type, "event_id": "e", **fields})))


def _detected(item: str, start_ms: int, end_ms: int, at_ms: float) -> list[StampedEvent]:
    """Speech as the server detected it; its end arrives at `at_ms`, the commit 5 ms later."""
    return [
        _event(at_ms - 1_000, "input_audio_buffer.speech_started", audio_start_ms=start_ms, item_id=item),
        _event(at_ms, "input_audio_buffer.speech_stopped", audio_end_ms=end_ms, item_id=item),
        _event(at_ms + 5, "input_audio_buffer.committed", item_id=item),
    ]


def _sound(*parts: tuple[int, int]) -> str:
    """Return parts of (milliseconds, peak) as base64."""
    pieces = [np.full(ms * _RATE // 1000, peak, "<i2") for ms, peak in parts]
    return base64.b64encode(np.concatenate(pieces).tobytes()).decode()


def _answer(at_ms: float, response: str = "r", status: str = "completed", **done: Any) -> list[StampedEvent]:
    """An answer of 1,000 ms whose first 120 ms are silent; its deltas come at 200 and 300 ms, its end at 400 ms."""
    of = {"response_id": response, "item_id": f"i_{response}", "output_index": 0, "content_index": 0}
    usage = {
        "total_tokens": 150, "input_tokens": 100, "output_tokens": 50,
        "input_token_details": {"audio_tokens": 60, "text_tokens": 40, "cached_tokens": 0},
        "output_token_details": {"audio_tokens": 40, "text_tokens": 10},
    }  # fmt: skip
    return [
        _event(at_ms, "response.created", response={"id": response, "status": "in_progress"}),
        _event(at_ms + 150, "response.output_audio_transcript.delta", delta="It is ", **of),
        _event(at_ms + 200, "response.output_audio.delta", delta=_sound((120, 0), (380, 6_000)), **of),
        _event(at_ms + 300, "response.output_audio.delta", delta=_sound((500, 6_000)), **of),
        _event(at_ms + 350, "response.output_audio_transcript.done", transcript="It is five o'clock.", **of),
        _event(at_ms + 400, "response.done", response={"id": response, "status": status, "usage": usage, **done}),
    ]


def _measured(*events: list[StampedEvent], **trace: Any) -> Measures:
    flat = sorted((each for part in events for each in part), key=lambda each: each.at_ms)
    prices = Prices(text_in=1, text_out=2, audio_in=3, audio_out=4)
    return measure(TrialTrace(flat, _ZERO, **{"speech": _SPEECH, **trace}), prices=prices)


def test_every_latency_counts_from_the_end_of_speech_in_the_recording() -> None:
    found = _measured(_detected("u", 450, 2_500, _ZERO + 300), _answer(_ZERO + 320))
    assert found.speech_end_to_stopped_ms == 300
    assert found.speech_end_to_committed_ms == 305
    assert found.speech_end_to_response_ms == 320
    assert found.speech_end_to_first_text_ms == 470
    assert found.speech_end_to_first_audio_ms == 520
    assert found.speech_end_to_first_audible_ms == 640
    assert found.total_ms == 720
    assert found.answer_ms == 1_000
    assert found.audio_gaps_ms == 0
    assert (found.words, found.words_per_minute) == (4, 240)
    assert found.text == "It is five o'clock."
    assert (found.cut_offs, found.false_starts, found.missed, found.interruptions) == (0, 0, False, 0)
    assert found.error is None


def test_speech_from_the_first_sample_of_the_session_starts_at_0() -> None:
    # Detected late, when all of it was said already: the server's own time counts, which is 0.
    detected = _detected("u", 0, 250, _ZERO + 300)
    late = [StampedEvent(_ZERO + 100, detected[0].event), *detected[1:]]
    found = _measured(late, _answer(_ZERO + 320), speech=SpeechSpan(0, _RATE // 4))
    assert (found.false_starts, found.missed, found.speech_end_to_stopped_ms) == (0, False, 300)


def test_tokens_and_cost_add_up_over_responses() -> None:
    found = _measured(_detected("u", 450, 2_500, _ZERO + 300), _answer(_ZERO + 320), _answer(_ZERO + 900, "r2"))
    assert (found.input_tokens, found.output_tokens) == (200, 100)
    assert (found.input_audio_tokens, found.input_text_tokens) == (120, 80)
    assert (found.output_audio_tokens, found.output_text_tokens) == (80, 20)
    assert found.cost_usd == pytest.approx(2 * (40 * 1 + 60 * 3 + 10 * 2 + 40 * 4) / 1e6)
    assert found.total_ms == 1_300
    assert measure(TrialTrace(_answer(_ZERO), _ZERO, None)).cost_usd is None


def test_answer_in_a_pause_is_a_cut_off_and_its_response_is_no_answer() -> None:
    found = _measured(
        _detected("u1", 450, 1_300, _ZERO - 1_000),
        _answer(_ZERO - 990, "early", "cancelled", status_details={"type": "cancelled", "reason": "turn_detected"}),
        _detected("u2", 1_700, 2_500, _ZERO + 300),
        _answer(_ZERO + 320),
    )
    assert (found.cut_offs, found.false_starts, found.missed, found.interruptions) == (1, 0, False, 1)
    assert found.detected_ms == ((450, 1_300), (1_700, 2_500))
    assert found.speech_end_to_stopped_ms == 300
    assert found.speech_end_to_committed_ms == 305
    assert found.speech_end_to_first_audio_ms == 520
    assert found.text == "It is five o'clock."
    whole = _measured(_detected("u", 450, 2_500, _ZERO + 300), _answer(_ZERO + 320))
    assert found.turn_taking == pytest.approx(whole.turn_taking / 2)


def test_only_the_first_half_answered_is_a_missed_turn() -> None:
    found = _measured(_detected("u1", 450, 1_300, _ZERO - 1_000), _answer(_ZERO - 990, "early"))
    assert (found.cut_offs, found.missed, found.turn_taking) == (1, True, 0)
    assert found.speech_end_to_response_ms is None
    assert found.total_ms is None
    assert found.input_tokens == 100, "what a response cost is counted all the same"


@pytest.mark.parametrize(("start_ms", "end_ms", "at"), [(0, 400, _ZERO - 2_000), (2_900, 3_300, _ZERO + 900)])
def test_noise_taken_for_speech_is_a_false_start(start_ms: int, end_ms: int, at: float) -> None:
    found = _measured(
        _detected("u", 450, 2_500, _ZERO + 300), _detected("x", start_ms, end_ms, at), _answer(_ZERO + 320)
    )
    assert (found.cut_offs, found.false_starts, found.missed) == (0, 1, False)
    assert found.speech_end_to_stopped_ms == 300
    alone = _measured(_detected("x", start_ms, end_ms, at), _answer(at + 20))
    assert (alone.false_starts, alone.missed, alone.speech_end_to_committed_ms) == (1, True, None)


def test_times_of_a_second_recording_in_a_session_are_moved() -> None:
    found = _measured(_detected("u", 60_450, 62_500, _ZERO + 300), _answer(_ZERO + 320), buffer_offset_ms=60_000.0)
    assert (found.cut_offs, found.false_starts, found.speech_end_to_stopped_ms) == (0, 0, 300)
    assert found.detected_ms == ((450, 2_500),), "times of the recording, not of the session"


def test_speech_without_a_start_or_an_end_is_shown_as_such() -> None:
    started, stopped, committed = _detected("u", 450, 2_500, _ZERO + 300)
    assert _measured([started]).detected_ms == ((450, None),)
    assert _measured([stopped, committed]).detected_ms == ((None, 2_500),)
    assert _measured(_answer(_ZERO), speech=None).detected_ms == ()


def test_server_that_states_no_times_is_judged_by_arrival() -> None:
    early, late = _detected("a", 0, 0, _ZERO - 800), _detected("b", 0, 0, _ZERO + 300)
    late[0] = _event(_ZERO - 500, "input_audio_buffer.speech_started", audio_start_ms=0, item_id="b")
    found = _measured(early, late, _answer(_ZERO + 320))
    assert (found.cut_offs, found.false_starts) == (1, 0)
    assert found.speech_end_to_stopped_ms == 300


def test_manual_commit_has_no_stop() -> None:
    found = _measured([_event(_ZERO + 10, "input_audio_buffer.committed", item_id="u")], _answer(_ZERO + 20))
    assert found.speech_end_to_stopped_ms is None
    assert found.speech_end_to_committed_ms == 10
    assert found.speech_end_to_response_ms == 20
    assert not found.missed


def test_typed_turn_counts_from_the_item() -> None:
    found = _measured(_answer(_ZERO + 20), speech=None)
    assert found.speech_end_to_response_ms == 20
    assert found.speech_end_to_committed_ms is None
    assert not found.missed


def test_nothing_at_all_is_a_missed_turn_with_its_error() -> None:
    found = _measured(error="no answer within 30 s")
    assert (found.missed, found.turn_taking, found.error) == (True, 0, "no answer within 30 s")
    assert found.speech_end_to_first_audio_ms is None
    assert found.cost_usd == 0
    assert json.dumps(found.row())


def test_truncated_answer_has_no_length_and_no_total() -> None:
    details = {"type": "incomplete", "reason": "max_output_tokens"}
    found = _measured(
        _detected("u", 450, 2_500, _ZERO + 300), _answer(_ZERO + 320, status="incomplete", status_details=details)
    )
    assert found.truncated
    assert (found.total_ms, found.answer_ms, found.words, found.words_per_minute) == (None, None, None, None)
    assert found.speech_end_to_first_audio_ms == 520


def test_failed_response_is_the_error() -> None:
    details = {"type": "failed", "error": {"code": "rate_limit", "message": "too many"}}
    found = _measured(
        _detected("u", 450, 2_500, _ZERO + 300), _answer(_ZERO + 320, status="failed", status_details=details)
    )
    assert found.error == "the response failed: rate_limit: too many"


def test_tool_calls_come_with_parsed_arguments_and_are_an_answer() -> None:
    items = [
        {"type": "function_call", "id": "c1", "call_id": "1", "name": "light", "arguments": '{"on": true}'},
        {"type": "function_call", "id": "c2", "call_id": "2", "name": "light", "arguments": "{on"},
    ]
    events = [
        _event(_ZERO + 320, "response.created", response={"id": "r", "status": "in_progress"}),
        _event(_ZERO + 500, "response.done", response={"id": "r", "status": "completed", "output": items}),
    ]
    found = _measured(_detected("u", 450, 2_500, _ZERO + 300), events)
    assert [(call.name, call.arguments) for call in found.tool_calls] == [("light", {"on": True}), ("light", "{on")]
    assert not found.missed
    assert found.turn_taking == 1
    assert found.cost_usd is None, "a completed response without usage has an unknown cost"


def test_unreadable_sound_and_silent_answers_break_nothing() -> None:
    of = {"response_id": "r", "item_id": "i"}
    events = [
        _event(_ZERO + 320, "response.created", response={"id": "r"}),
        _event(_ZERO + 330, "response.output_audio.delta", delta="%%%", **of),
        _event(_ZERO + 340, "response.output_audio.delta", delta=_sound((100, 0)), **of),
        _event(_ZERO + 350, "response.done", response={"id": "r", "status": "completed"}),
    ]
    found = _measured(_detected("u", 450, 2_500, _ZERO + 300), events)
    assert found.speech_end_to_first_audible_ms is None
    assert found.turn_taking == 0
    assert found.answer_ms == 100


def _pieces(*pieces: tuple[float, int, int]) -> list[tuple[float, Pcm16]]:
    return [(at, np.full(ms * _RATE // 1000, peak, np.int16)) for at, ms, peak in pieces]


def test_late_sound_is_heard_when_it_comes_and_early_sound_when_its_turn_comes() -> None:
    early = heard_sound(_pieces((100, 400, 0), (110, 100, 5_000)), _RATE)
    assert (early.audible_at_ms, early.duration_ms, early.gaps_ms) == (500, 500, 0)
    late = heard_sound(_pieces((100, 400, 0), (700, 100, 5_000)), _RATE)
    assert (late.audible_at_ms, late.gaps_ms) == (700, 200)
    assert heard_sound([], _RATE).audible_at_ms is None


def test_turn_taking_curve() -> None:
    scores = [turn_taking_score(TurnTaking(wait, 0, 0, missed=False)) for wait in (0, 500, 1_000, 1_500, 4_000, 9_000)]
    assert scores == [1, 1, 0.75, 0.5, 0, 0]
    assert turn_taking_score(TurnTaking(0, 2, 1, missed=False)) == pytest.approx(0.25 * 0.75)
    assert turn_taking_score(TurnTaking(None, 0, 0, missed=False)) == 0
    assert turn_taking_score(TurnTaking(100, 0, 0, missed=True)) == 0
    trace = TrialTrace(_answer(_ZERO), _ZERO, None)
    assert measure(trace, curve=lambda turn: turn.wait_ms or -1).turn_taking == 320
