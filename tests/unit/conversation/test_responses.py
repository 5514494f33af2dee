from __future__ import annotations

import pytest

from realtime_nb.conversation import (
    AudioDone,
    AudioLost,
    AudioReceived,
    Conversation,
    ResponseEnded,
    ResponseStarted,
    TurnRemoved,
    UsageChanged,
    reduce,
)

from .dsl import USAGE, conversation, is_repeatable, wire


def test_out_of_band_response_makes_no_turn_but_its_usage_counts() -> None:
    script = conversation().typed("hi").assistant("hello").out_of_band("classification")
    changes = script.changes()
    state = script.play()
    assert [turn.text for turn in state.turns] == ["hi", "hello"]
    assert state.live == ()
    assert state.usage.responses == 2
    assert ResponseStarted(script.response, out_of_band=True) in changes
    assert ResponseEnded(script.response, "completed", out_of_band=True) in changes


def test_out_of_band_audio_is_not_played() -> None:
    script = conversation().begin(out_of_band=True).message("psst").end()
    assert not [c for c in script.changes() if isinstance(c, (AudioReceived, AudioDone))]


def test_turn_is_removed_when_its_response_proves_out_of_band() -> None:
    state = Conversation()
    reduce(state, wire(type="response.output_text.delta", item_id="m", response_id="r", delta="x"), 1.0)
    assert [turn.text for turn in state.live] == ["x"]
    created = wire(type="response.created", response={"id": "r", "conversation_id": None})
    assert TurnRemoved("m") in reduce(state, created, 1.0)
    assert not state.live


def test_response_without_conversation_id_is_in_band() -> None:
    state = Conversation()
    assert reduce(state, wire(type="response.created", response={"id": "r"}), 1.0) == [ResponseStarted("r", False)]
    reduce(state, wire(type="response.output_text.delta", item_id="m", response_id="r", delta="x"), 1.0)
    assert [turn.text for turn in state.live] == ["x"]


def test_usage_is_counted_once_a_response() -> None:
    script = conversation().assistant("hello")
    state = script.play()
    usage = state.usage
    done = {"id": script.response, "status": "completed", "conversation_id": "conv_1", "usage": USAGE}
    changes = reduce(state, wire(type="response.done", response=done), 200.0)
    assert not any(isinstance(change, UsageChanged) for change in changes)
    assert state.usage is usage
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens) == (200, 64, 100)
    assert usage.total_tokens == 300
    assert state.turns[0].usage == usage


@pytest.mark.parametrize("status", ["cancelled", "failed", "incomplete"])
def test_usage_of_an_incomplete_response_counts(status: str) -> None:
    assert conversation().begin().message("hello").end(status=status).play().usage.responses == 1


def test_transcription_is_counted_apart_and_shown_with_the_user() -> None:
    state = conversation().user("hi").assistant("hello").play()
    user, assistant = state.turns
    assert user.usage is not None
    assert assistant.usage is not None
    assert (user.usage.transcription_input_tokens, user.usage.input_tokens) == (10, 0)
    assert assistant.usage.transcription_input_tokens == 0
    assert (state.usage.transcription_input_tokens, state.usage.input_tokens) == (10, 200)


def test_usages_of_the_turns_sum_to_the_conversations_usage() -> None:
    script = conversation().user("a").tool_call("f", "{}", "1").assistant("b").typed("c").cancelled("d e f", words=1)
    script.begin().message("g").message("h").end()
    state = script.play()
    parts = [turn.usage for turn in state.turns if turn.usage is not None]
    assert sum(usage.responses for usage in parts) == state.usage.responses == 4
    assert sum(usage.input_tokens for usage in parts) == state.usage.input_tokens


def test_failed_response_has_the_reason_as_note() -> None:
    script = conversation().typed("hi").begin().message("hel", words=1).end(status="failed")
    error = {"type": "failed", "error": {"code": "server_error", "message": "try again"}}
    script.events.pop()
    response = {"id": script.response, "status": "failed", "status_details": error, "conversation_id": "conv_1"}
    turn = script.server("response.done", response=response).play().turns[-1]
    assert (turn.status, turn.note, turn.text) == ("failed", "failed: try again", "hel")


def test_response_that_fails_before_its_first_item_is_shown() -> None:
    script = conversation().typed("hi").begin()
    error = {"type": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow down"}}
    response = {"id": script.response, "status": "failed", "status_details": error, "conversation_id": "conv_1"}
    state = script.server("response.done", response=response).typed("again").play()
    assert [(t.role, t.status, t.note) for t in state.turns] == [
        ("user", "completed", None),
        ("assistant", "failed", "failed: slow down"),
        ("user", "completed", None),
    ]


def test_an_incomplete_answer_names_its_reason() -> None:
    turn = (
        conversation()
        .begin()
        .message("a b", words=1)
        .end(status="incomplete", reason="max_output_tokens")
        .play()
        .turns[0]
    )
    assert (turn.status, turn.note, turn.text) == ("failed", "incomplete: max_output_tokens", "a")


def test_item_completed_before_its_response_failed_stays_completed() -> None:
    script = conversation().begin().message("whole").end()
    script.events.pop()
    whole = script.item
    script.message("brok en", words=1).finish([], status="cancelled", reason="turn_detected")
    state = script.play()
    assert [(t.item_id == whole, t.status) for t in state.turns] == [(True, "completed"), (False, "interrupted")]


def test_audio_changes_have_start_sample_and_end() -> None:
    changes = conversation().assistant("one two three").changes()
    sound = [c for c in changes if isinstance(c, AudioReceived)]
    assert [(c.start_sample, len(c.pcm) // 2) for c in sound] == [(0, 2400), (2400, 2400), (4800, 2400)]
    assert [c.samples for c in changes if isinstance(c, AudioDone)] == [7200]


def test_cancelled_response_ends_its_audio_without_audio_done() -> None:
    script = conversation().begin().message("one two").finish([], status="cancelled")
    assert [c.samples for c in script.changes() if isinstance(c, AudioDone)] == [4800]


def test_turn_settles_before_response_ended_is_reported() -> None:
    script = conversation().assistant("hello")
    state = Conversation()
    for event, at in script.events:
        for change in reduce(state, event, at):
            if isinstance(change, ResponseEnded):
                assert [turn.text for turn in state.turns] == ["hello"]


def test_sample_split_between_two_deltas_is_joined() -> None:
    state = Conversation()
    at = {"item_id": "m", "response_id": "r", "content_index": 0}
    changes = []
    for delta in ("AQAC", "AAMA"):  # 01 00 02 | 00 03 00
        changes += reduce(state, wire(type="response.output_audio.delta", **at, delta=delta), 1.0)
    assert b"".join(c.pcm for c in changes if isinstance(c, AudioReceived)) == b"\1\0\2\0\3\0"


def test_invalid_audio_delta_is_dropped_alone() -> None:
    state = Conversation()
    at = {"item_id": "m", "response_id": "r", "content_index": 0}
    changes = reduce(state, wire(type="response.output_audio.delta", **at, delta="***"), 1.0)
    assert [type(change) for change in changes] == [AudioLost]
    reduce(state, wire(type="response.output_audio.delta", **at, delta="AQA="), 1.0)
    assert state.live[0].audio_ms == pytest.approx(1 / 24)


def test_repeated_events_change_nothing() -> None:
    script = conversation().user("hi").assistant("hello there").interrupted_after(ms=100)
    once, twice = Conversation(), Conversation()
    for event, at in script.events:
        reduce(once, event, at)
        reduce(twice, event, at)
        if is_repeatable(event):
            assert reduce(twice, event, at + 1) == []
    assert once.turns == twice.turns


def test_equal_silent_frames_with_one_event_id_all_sound() -> None:
    state = Conversation()
    for _ in range(3):
        at = {"item_id": "m", "response_id": "r", "content_index": 0}
        reduce(state, wire(type="response.output_audio.delta", event_id="e", **at, delta="AAAA" * 16), 1.0)
    assert state.live[0].audio_ms == pytest.approx(3)


def test_different_events_with_the_same_id_are_all_applied() -> None:
    state = Conversation()
    for delta in ("a", "b", "c"):
        event = wire(type="response.output_text.delta", event_id="evt", item_id="m", response_id="r", delta=delta)
        reduce(state, event, 1.0)
    assert state.live[0].text == "abc"
