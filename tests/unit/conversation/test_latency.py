from __future__ import annotations

import pytest

from realtime_nb.conversation import Conversation, Latency, NotPlayed, Played, TurnSettled, reduce
from realtime_nb.wire.realtime import ResponseOutputAudioDelta

from .dsl import conversation


def test_a_spoken_turn_is_measured_from_the_end_of_speech_to_the_first_sample_played() -> None:
    script = conversation().user("hi").assistant("hello")
    state = script.play()
    answer = state.turns[-1]
    assert answer.latency.first_audio_to_played is None
    assert answer.latency.total is None
    played = Played(script.item, 0, 240)
    assert reduce(state, played, script.now + 0.04) == [TurnSettled(script.item)]
    latency = state.turns[-1].latency
    assert latency.speech_end_to_committed == pytest.approx(10)
    assert latency.committed_to_response == pytest.approx(50)
    assert latency.response_to_first_audio == pytest.approx(10)
    assert latency.first_audio_to_played == pytest.approx(40)
    assert latency.total == pytest.approx(110)


def test_total_goes_to_the_first_sound_received_where_nothing_plays_it() -> None:
    script = conversation().user("hi").assistant("hello")
    came = next(n for n, (event, _) in enumerate(script.events) if isinstance(event, ResponseOutputAudioDelta))
    script.events.insert(came + 1, (NotPlayed(script.item), script.events[came][1]))
    state = script.play()
    latency = state.turns[-1].latency
    assert latency.first_audio_to_played is None
    assert latency.total == pytest.approx(10 + 50 + 10)
    reduce(state, Played(script.item, 0, 240), script.now + 1.0)  # a page that came later
    assert state.turns[-1].latency == latency


def test_wait_for_a_gesture_is_no_latency() -> None:
    script = conversation().user("hi").assistant("hello")
    state = script.play()
    reduce(state, NotPlayed(script.item), script.now)  # the page shows "Play"
    reduce(state, Played(script.item, 0, 240), script.now + 20)
    latency = state.turns[-1].latency
    assert latency.first_audio_to_played is None
    assert latency.total == pytest.approx(10 + 50 + 10)


def test_sound_that_was_heard_keeps_its_latency_when_the_page_is_blocked_later() -> None:
    script = conversation().user("hi").assistant("hello").wait(30).played(ms=10)
    state = script.play()
    before = state.turns[-1].latency
    reduce(state, NotPlayed(script.item), script.now + 1)
    assert state.turns[-1].latency == before
    assert before.first_audio_to_played is not None


def test_end_of_speech_is_when_its_last_sample_was_sent() -> None:
    script = conversation()
    start = script.appended
    script.mic(300)
    end = script.appended
    script.mic(200)  # the silence by which the server knows
    script.server("input_audio_buffer.speech_started", item_id="u", audio_start_ms=start)
    script.server("input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=end)
    script.server("input_audio_buffer.committed", item_id="u").assistant("hello")
    assert script.play().turns[-1].latency.speech_end_to_committed == pytest.approx(200)


def test_a_typed_turn_counts_from_when_it_was_sent() -> None:
    script = conversation().typed("hi").assistant("hello").wait(30).played(ms=10)
    latency = script.play().turns[-1].latency
    assert latency.speech_end_to_committed == pytest.approx(20)
    assert latency.total == pytest.approx(20 + 50 + 10 + 30)


def test_the_parts_add_up_to_the_total_with_a_tool_call_too() -> None:
    script = conversation().user("hi").tool_call("f", "{}", "1").assistant("hello").wait(30).played(ms=10)
    latency = script.play().turns[-1].latency
    parts = [
        latency.speech_end_to_committed,
        latency.committed_to_response,
        latency.response_to_first_audio,
        latency.first_audio_to_played,
    ]
    assert None not in parts
    assert sum(part or 0 for part in parts) == pytest.approx(latency.total)
    assert latency.response_to_first_audio == pytest.approx(30 + 50 + 10)


def test_response_without_user_turn_has_no_latency_from_speech() -> None:
    latency = conversation().user("hi").assistant("hello").assistant("and another thing").play().turns[-1].latency
    assert latency.committed_to_response is None
    assert latency.total is None
    assert latency.response_to_first_audio == pytest.approx(10)


def test_text_answer_has_no_audio_latencies() -> None:
    latency = conversation().typed("hi").assistant("hello", audio=False).play().turns[-1].latency
    assert latency.committed_to_response == pytest.approx(50)
    assert latency.response_to_first_audio is None


def test_without_a_clock_there_is_no_latency() -> None:
    state = Conversation()
    for event, _ in conversation().user("hi").assistant("hello").played(ms=5).events:
        reduce(state, event)
    assert state.turns[-1].latency == Latency()
    assert state.turns[0].latency == Latency()
