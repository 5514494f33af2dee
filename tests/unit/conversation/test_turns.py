from __future__ import annotations

import dataclasses
import threading
from datetime import UTC, datetime

import pytest

from realtime_nb.conversation import (
    ClientItem,
    Clock,
    ConnectionEnded,
    Conversation,
    Latency,
    Turn,
    TurnChanged,
    TurnOpened,
    TurnRemoved,
    TurnSettled,
    TurnText,
    Usage,
    reduce,
)
from realtime_nb.wire.realtime import MessageItem, UnknownEvent, assistant_message, system_message, user_message

from .dsl import conversation, wire


def texts(state: Conversation) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in state.turns]


def test_spoken_conversation_gives_turns_in_spoken_order() -> None:
    state = conversation().user("hi there").assistant("hello to you").user("bye").assistant("good bye").play()
    assert texts(state) == [
        ("user", "hi there"),
        ("assistant", "hello to you"),
        ("user", "bye"),
        ("assistant", "good bye"),
    ]
    assert {turn.status for turn in state.turns} == {"completed"}
    assert all(turn.heard_text == turn.text for turn in state.turns)
    assert state.live == ()


def test_a_turn_opens_when_speech_starts_and_grows_with_its_transcript() -> None:
    changes = conversation().user("hi there").changes()
    assert changes[0] == TurnOpened("item_1")
    assert [c.delta for c in changes if isinstance(c, TurnText)] == ["hi ", "there "]
    assert TurnSettled("item_1") in changes


def test_transcript_before_its_item_is_kept() -> None:
    script = conversation().assistant("hello")
    script.transcript("early words", item_id="item_9")
    state = script.play()
    assert texts(state) == [("assistant", "hello"), ("user", "early words")]
    reduce(state, wire(type="input_audio_buffer.committed", item_id="item_9", previous_item_id="root"), 1.0)
    assert texts(state) == [("user", "early words"), ("assistant", "hello")]


def test_a_transcript_after_the_answer_corrects_the_settled_turn() -> None:
    script = conversation().user(None)
    item = script.item
    script.assistant("hello")
    state = script.play()
    before = state.turn(item)
    assert before is not None
    assert (before.text, before.text_known, before.note) == ("", False, "not transcribed")
    assert state.turns[0] == before
    late = conversation().transcript("late words", item_id=item)
    changes = [c for event, at in late.events[1:] for c in reduce(state, event, at + 9)]
    assert changes[0] == TurnSettled(item)
    after = state.turns[0]
    assert (after.text, after.text_known, after.note) == ("late words", True, None)
    assert after.revision > before.revision
    assert after != before


def test_user_and_assistant_turn_are_live_while_the_transcript_is_late() -> None:
    script = conversation().user(None).begin().message("hello")
    state = script.play()
    assert [turn.role for turn in state.live] == ["user", "assistant"]
    assert state.turns == ()


def test_user_turn_settles_without_a_transcript() -> None:
    state = conversation().user(None).user("second").play()
    assert texts(state) == [("user", ""), ("user", "second")]


def test_without_transcription_a_turn_settles_when_it_is_committed() -> None:
    state = conversation(transcribing=False).user(None).play()
    assert [turn.note for turn in state.turns] == ["not transcribed"]


def test_an_empty_transcript_is_known_and_not_missing() -> None:
    state = conversation().user("").play()
    turn = state.turns[0]
    assert (turn.text, turn.text_known, turn.note) == ("", True, None)


def test_failed_transcription_adds_a_note_and_the_turn_completes() -> None:
    script = conversation().user(None)
    kind = "conversation.item.input_audio_transcription.failed"
    script.server(kind, item_id=script.item, content_index=0, error={"message": "unintelligible"})
    turn = script.play().turns[0]
    assert (turn.status, turn.note, turn.text_known) == ("completed", "not transcribed: unintelligible", False)


def test_late_null_transcript_erases_nothing() -> None:
    script = conversation().user("known words")
    item = {
        "id": script.item,
        "type": "message",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": None}],
    }
    script.done(item).server("conversation.item.retrieved", item=item)
    assert script.play().turns[0].text == "known words"


def test_deltas_are_replaced_by_done() -> None:
    script = conversation().begin().message("helo wrld", audio=False)
    script.server("response.output_text.done", **script.at, text="hello world")
    assert script.play().live[0].text == "hello world"
    script.server("response.output_text.delta", **script.at, delta=" again")
    assert script.play().live[0].text == "hello world"


def test_empty_done_event_keeps_the_deltas() -> None:
    script = conversation().begin().message("hello", audio=False)
    script.server("response.output_text.done", **script.at)
    assert script.play().live[0].text == "hello"


def test_parts_are_ordered_by_index_for_any_arrival_order() -> None:
    script = conversation().begin().message("first", audio=False)
    second = {**script.at, "content_index": 2}
    script.server("response.output_text.delta", **second, delta="third")
    script.server("response.output_text.delta", **{**second, "content_index": 1}, delta="second")
    script.server("response.output_text.delta", **second, delta=" part")
    script.server("response.output_text.delta", **script.at, delta=" part")
    state = script.play()
    assert state.live[0].text == "first part\nsecond\nthird part"


def test_text_changes_add_up_to_the_text() -> None:
    script = conversation().begin().message("a b c d")
    state, text = Conversation(), ""
    for event, at in script.events:
        for change in reduce(state, event, at):
            if isinstance(change, TurnText):
                text += change.delta
            elif isinstance(change, (TurnOpened, TurnChanged, TurnSettled)):
                turn = state.turn(change.item_id)
                assert turn is not None
                text = turn.text
        turn = state.turn(script.item)
        assert turn is None or turn.text == text
    assert text == "a b c d"


def test_deltas_for_unknown_items_make_the_turn() -> None:
    state = Conversation()
    reduce(state, wire(type="response.output_text.delta", item_id="m", response_id="r", delta="hello"), 1.0)
    assert [(t.role, t.text, t.status) for t in state.live] == [("assistant", "hello", "in_progress")]


def test_legacy_created_event_works_like_added() -> None:
    state = Conversation()
    for n, role in enumerate(["user", "assistant"]):
        kind = "input_text" if role == "user" else "text"
        item = {"id": f"i{n}", "type": "message", "role": role, "status": "completed"}
        item["content"] = [{"type": kind, "text": role}]  # type: ignore[assignment]
        previous = f"i{n - 1}" if n else None
        reduce(state, wire(type="conversation.item.created", previous_item_id=previous, item=item), 1.0)
    assert texts(state) == [("user", "user"), ("assistant", "assistant")]


def test_retrieved_item_becomes_a_turn_with_its_audio() -> None:
    content = [{"type": "output_audio", "transcript": "hello", "audio": "AQACAA=="}]
    item = {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": content}
    state = Conversation()
    reduce(state, wire(type="conversation.item.retrieved", item=item), 1.0)
    audio = state.turns[0].audio
    assert audio is not None
    assert audio.samples.tolist() == [1, 2]


def test_inserted_item_is_placed_after_its_predecessor() -> None:
    script = conversation().typed("a").assistant("b")
    item = {"id": "s", "type": "message", "role": "system", "content": [{"type": "input_text", "text": "note"}]}
    script.server("conversation.item.added", previous_item_id="item_1", item=item)
    assert texts(script.play()) == [("user", "a"), ("system", "note"), ("assistant", "b")]


def test_deleted_turn_never_reappears() -> None:
    script = conversation().typed("a").assistant("b").typed("c")
    script.server("conversation.item.deleted", item_id="item_1").server("conversation.item.deleted", item_id="nobody")
    state, changes = Conversation(), []
    for event, at in script.events:
        changes += reduce(state, event, at)
    assert TurnRemoved("item_1") in changes
    assert texts(state) == [("assistant", "b"), ("user", "c")]
    assert "item_1" not in state.order
    for event, at in script.events:
        reduce(state, event, at)
    assert texts(state) == [("assistant", "b"), ("user", "c")]


def test_client_item_is_shown_at_once_and_settles_when_acknowledged() -> None:
    state = Conversation()
    assert reduce(state, ClientItem(user_message("hi", id="u")), 1.0) == [TurnOpened("u")]
    assert [(t.text, t.status) for t in state.live] == [("hi", "in_progress")]
    item = {"id": "u", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    assert reduce(state, wire(type="conversation.item.added", item=item), 1.1) == [TurnSettled("u")]
    assert reduce(state, ClientItem(user_message("hi", id="u")), 1.2) == []


def test_refused_item_has_the_reason_as_note() -> None:
    state = Conversation()
    reduce(state, ClientItem(user_message("hi", id="u"), None, "mine_1"), 1.0)
    error = {"type": "invalid_request_error", "message": "no such previous item", "event_id": "mine_1"}
    assert reduce(state, wire(type="error", error=error), 1.1) == [TurnSettled("u")]
    assert [(t.status, t.note) for t in state.turns] == [("failed", "no such previous item")]


def test_client_items_of_all_roles_become_turns() -> None:
    state = Conversation()
    history = [system_message("s", id="1"), user_message("u", id="2"), assistant_message("a", id="3")]
    for item in history:
        reduce(state, ClientItem(item), 1.0)
    assert [turn.role for turn in state.live] == ["system", "user", "assistant"]


def test_item_without_id_is_ignored() -> None:
    state = Conversation()
    assert reduce(state, ClientItem(MessageItem(role="user")), 1.0) == []
    assert state.live == ()


def test_idle_timeout_makes_a_user_turn_without_speech() -> None:
    script = conversation().mic(500)
    script.server("input_audio_buffer.timeout_triggered", item_id="u", audio_start_ms=0, audio_end_ms=400)
    script.server("input_audio_buffer.committed", item_id="u")
    turn = script.play().turns[0]
    assert (turn.text, turn.note, turn.audio_ms) == ("", "nothing was said", 400)


def test_speech_that_is_never_committed_leaves_no_turn() -> None:
    script = conversation().mic(100)
    script.server("input_audio_buffer.speech_started", item_id="false", audio_start_ms=0)
    state = script.play()
    assert [turn.item_id for turn in state.live] == ["false"]
    assert reduce(state, wire(type="input_audio_buffer.cleared"), 200.0) == [TurnRemoved("false")]
    script.user("real words")
    state = script.play()
    assert texts(state) == [("user", "real words")]
    assert state.live == ()


def test_lost_connection_fails_the_open_response() -> None:
    script = conversation().user("hi").begin().message("hello the")
    script.server("session.created", session={"type": "realtime", "id": "sess_2"})
    state = script.play()
    assert state.live == ()
    assert [(t.status, t.note) for t in state.turns][1] == ("failed", "failed: the connection was lost")


def test_closed_connection_leaves_no_live_turns() -> None:
    script = conversation().typed("hi").tool_call("f", "{}", None).begin().message("one two").played(ms=100)
    script.mic(100).server("input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)
    state = script.fact(ClientItem(user_message("too late", id="mine"))).play()
    assert len(state.live) == 3
    reduce(state, ConnectionEnded(), 300.0)
    assert not state.live
    assert [(t.text, t.status, t.note) for t in state.turns] == [
        ("hi", "completed", None),
        ("one two", "interrupted", None),
        ("too late", "failed", "not delivered: the connection was closed"),
    ]
    assert state.turns[1].heard_text == "one"


def test_unknown_events_change_nothing() -> None:
    state = conversation().user("hi").play()
    before = state.turns
    assert reduce(state, UnknownEvent(type="response.hologram.delta", raw={}), 1.0) == []
    assert state.turns is before


def test_reading_twice_gives_the_same_tuples() -> None:
    state = conversation().user("hi").begin().message("hello").play()
    assert state.turns is state.turns
    assert state.live is state.live


def test_clock_event_gives_the_time_of_later_events() -> None:
    state = Conversation()
    reduce(state, Clock(42.0))
    reduce(state, ClientItem(user_message("hi", id="u")))
    assert state.live[0].started_at == datetime.fromtimestamp(42.0, UTC)


def test_after_returns_the_previous_turn() -> None:
    state = conversation().typed("a").tool_call("f", "{}", "1").assistant("b").play()
    first, second = (turn.item_id for turn in state.turns)
    assert state.after(first) is None
    assert state.after(second) == first
    assert state.after("nobody") is None


def test_turns_compare_by_item_and_revision() -> None:
    turn = conversation().typed("a").play().turns[0]
    assert turn == dataclasses.replace(turn, text="b")
    assert hash(turn) == hash(dataclasses.replace(turn, text="b"))
    assert turn != dataclasses.replace(turn, revision=99)
    assert turn != "a"


def test_reprs_round_numbers() -> None:
    assert repr(Usage(responses=2, input_tokens=1_234_567, cost_usd=0.0123456789)) == (
        "Usage(responses=2, input_tokens=1234567, cost_usd=0.012346)"
    )
    assert repr(Usage(cost_usd=None)) == "Usage(cost_usd=None)"
    assert repr(Latency(total=39.37448599936033)).endswith("first_audio_to_played=None, total=39.4)")


def test_turn_repr_is_short_and_readable() -> None:
    script = (
        conversation().user("hi").tool_call("clock", "{}", "noon").assistant("one two three").interrupted_after(ms=200)
    )
    state = script.play()
    assert repr(state.turns[0]) == "Turn(user, completed, 'hi', 0.40 s)"
    assert repr(state.turns[1]) == (
        "Turn(assistant, interrupted, 'one two three', heard 7 of 13 characters, clock({}), 0.30 s)"
    )


def test_turn_is_immutable() -> None:
    turn: Turn = conversation().typed("a").play().turns[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        turn.text = "b"  # type: ignore[misc]


def test_live_turn_has_the_audio_received_when_it_was_read() -> None:
    script = conversation().begin().message("one two three")
    state = Conversation()
    seen = []
    for event, at in script.events:
        reduce(state, event, at)
        seen += [turn for turn in state.live if turn.audio_ms]
    assert [turn.audio_ms for turn in seen] == [100, 100, 200, 200, 300]
    assert [turn.audio.duration_ms for turn in seen if turn.audio] == [100, 100, 200, 200, 300]


def test_turns_tuple_is_the_same_object_while_no_turn_settles() -> None:
    script = conversation().typed("hi").mic(100)
    script.server("input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)
    state = script.play()
    turns = state.turns
    item = {"id": "a", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    reduce(state, wire(type="conversation.item.added", previous_item_id="item_1", item=item), 300.0)
    assert [turn.item_id for turn in state.live] == ["a", "u"]
    assert state.turns is turns


def test_turns_can_be_read_on_another_thread_at_any_moment() -> None:
    script = conversation()
    for _ in range(60):
        script.user(None)
        item = script.item
        script.tool_call("f", "{}", "1").assistant("one two").interrupted_after(ms=100).transcript("late", item_id=item)
    state, problems, reading = Conversation(), list[str](), threading.Event()

    def read() -> None:
        while not reading.is_set():
            ids = [turn.item_id for turn in state.turns]
            if len(set(ids)) != len(ids):
                problems.append(f"repeated: {ids}")

    reader = threading.Thread(target=read)
    reader.start()
    try:
        script.play(state)
    finally:
        reading.set()
        reader.join()
    assert not problems
    assert len(state.turns) == 120
