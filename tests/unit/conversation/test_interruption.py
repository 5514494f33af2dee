from __future__ import annotations

from typing import Any

from realtime_nb.conversation import AudioReceived, Conversation, LocalInterrupt, Played, Turn, TurnSettled, reduce

from .dsl import SAMPLES_PER_MS, Script, conversation, wire

ANSWER = "one two three four five six seven eight nine ten"  # a word is 100 ms


def last(state: Conversation) -> Turn:
    return (*state.turns, *state.live)[-1]


def test_interrupted_turn_keeps_its_text_and_has_heard_text() -> None:
    turn = last(conversation().user("hi").assistant(ANSWER).interrupted_after(ms=350).play())
    assert turn.status == "interrupted"
    assert turn.text == ANSWER
    assert turn.heard_text == "one two three"


def test_interruption_after_the_response_revises_the_settled_turn() -> None:
    script = conversation().user("hi").assistant(ANSWER)
    state = script.play()
    before = last(state)
    assert before.status == "completed"
    assert reduce(state, LocalInterrupt(script.item, 0, 4800), 200.0) == [TurnSettled(script.item)]
    after = last(state)
    assert after.revision > before.revision
    assert (after.status, after.heard_text) == ("interrupted", "one two")
    assert (before.status, before.heard_text) == ("completed", ANSWER)


def test_without_a_player_everything_counts_as_heard() -> None:
    turn = last(conversation().user("hi").assistant(ANSWER).play())
    assert (turn.status, turn.heard_text) == ("completed", ANSWER)


def test_playback_progress_alone_does_not_interrupt() -> None:
    turn = last(conversation().user("hi").assistant(ANSWER).played(ms=200).play())
    assert (turn.status, turn.heard_text) == ("completed", ANSWER)


def test_a_fully_played_turn_is_completed_even_when_it_is_then_cut() -> None:
    turn = last(
        conversation().user("hi").assistant(ANSWER).played(ms=1000, final=True).interrupted_after(ms=1000).play()
    )
    assert (turn.status, turn.heard_text) == ("completed", ANSWER)


def test_cut_within_the_last_millisecond_counts_as_completed() -> None:
    script = conversation().user("hi").assistant(ANSWER)
    script.server("conversation.item.truncated", item_id=script.item, content_index=0, audio_end_ms=999)
    assert last(script.play()).status == "completed"


def test_no_samples_played_means_no_text_heard() -> None:
    turn = last(conversation().user("hi").assistant(ANSWER).interrupted_after(ms=0).play())
    assert (turn.status, turn.heard_text, turn.text) == ("interrupted", "", ANSWER)


def test_a_truncation_by_the_server_alone_counts_too() -> None:
    script = conversation().user("hi").assistant(ANSWER)
    script.server("conversation.item.truncated", item_id=script.item, content_index=0, audio_end_ms=350)
    assert last(script.play()).heard_text == "one two three"


def test_player_report_has_priority_over_the_truncation() -> None:
    script = conversation().user("hi").assistant(ANSWER)
    script.fact(LocalInterrupt(script.item, 0, 420 * SAMPLES_PER_MS))
    script.server("conversation.item.truncated", item_id=script.item, content_index=0, audio_end_ms=100)
    assert last(script.play()).heard_text == "one two three four"


def test_after_a_truncation_an_empty_transcript_from_the_server_erases_nothing() -> None:
    script = conversation().user("hi").assistant(ANSWER).interrupted_after(ms=350)
    for transcript in (None, ""):
        content = [{"type": "output_audio", "transcript": transcript}]
        item = {"id": script.item, "type": "message", "role": "assistant", "status": "incomplete", "content": content}
        script.server("conversation.item.retrieved", item=item).done(item)
    turn = last(script.play())
    assert (turn.text, turn.heard_text) == (ANSWER, "one two three")


def test_response_cancelled_by_the_server_is_interrupted_with_the_received_text() -> None:
    turn = last(conversation().user("hi").cancelled(ANSWER, words=4).play())
    assert (turn.status, turn.text, turn.heard_text) == ("interrupted", "one two three four", "one two three four")


def test_heard_text_of_a_cancelled_response_follows_the_player() -> None:
    script = conversation().user("hi").begin().message(ANSWER, words=4).played(ms=200).end(status="cancelled")
    state = script.play()
    assert last(state).heard_text == "one two"
    reduce(state, Played(script.item, 0, 300 * SAMPLES_PER_MS), 300.0)
    assert last(state).heard_text == "one two three"


def queued(script: Script) -> list[str]:
    script.begin().message("one two three four")
    first = script.item
    script.message("five six seven")
    second = script.item
    script.end().begin().message("eight nine").end()
    return [first, second, script.item]


def test_parts_queued_behind_the_interruption_are_unheard() -> None:
    script = conversation().user("hi")
    first, second, third = queued(script)
    script.fact(Played(first, 0, 4800)).fact(LocalInterrupt(first, 0, 4800))
    heard = {turn.item_id: turn.heard_text for turn in script.play().turns}
    assert [heard[i] for i in (first, second, third)] == ["one two", "", ""]


def test_parts_played_before_the_interrupted_one_are_heard() -> None:
    script = conversation().user("hi")
    first, second, third = queued(script)
    script.fact(LocalInterrupt(second, 0, 2400))
    turns = {turn.item_id: turn for turn in script.play().turns}
    assert [turns[i].status for i in (first, second, third)] == ["completed", "interrupted", "interrupted"]
    assert [turns[i].heard_text for i in (first, second, third)] == ["one two three four", "five", ""]


def test_late_audio_of_an_interrupted_response_is_not_played() -> None:
    script = conversation().user("hi").begin().message(ANSWER, words=3)
    state = script.play()
    reduce(state, LocalInterrupt(script.item, 0, 2400), 300.0)
    late = conversation()
    late.sound(script.at, 3)
    late.sound({**script.at, "item_id": "another", "output_index": 1}, 4)
    changes = [c for event, at in late.events[1:] for c in reduce(state, event, at)]
    assert not [c for c in changes if isinstance(c, AudioReceived)]
    turn = state.turn(script.item)
    assert turn is not None
    assert turn.audio_ms == 400  # but it was received


def test_late_deltas_of_a_finished_response_are_ignored() -> None:
    script = conversation().user("hi").cancelled(ANSWER, words=3)
    state = script.play()
    turns = state.turns
    late = conversation(prefix="late_")
    late.server("response.output_audio_transcript.delta", **script.at, delta=" four")
    late.sound(script.at, 3)
    late.sound({**script.at, "item_id": "another"}, 3)
    for event, at in late.events[1:]:
        assert reduce(state, event, at) == []
    assert state.turns is turns


def test_interruption_without_received_audio_means_nothing_heard() -> None:
    script = conversation().user("hi").begin()
    at: dict[str, Any] = {"response_id": script.response, "item_id": "m", "output_index": 0, "content_index": 0}
    script.server("response.output_audio_transcript.delta", **at, delta="Hello there")
    script.fact(LocalInterrupt("m", 0, 0))
    turn = last(script.play())
    assert (turn.status, turn.text, turn.heard_text) == ("interrupted", "Hello there", "")


def test_local_event_before_its_item_is_kept() -> None:
    script = conversation().begin().message(ANSWER).end()
    facts = [LocalInterrupt(script.item, 0, 8400)]
    state = Conversation()
    for fact in facts:
        reduce(state, fact, 1.0)
    assert state.turns == state.live == ()
    script.play(state)
    assert last(state).heard_text == "one two three"


def test_interrupted_text_answer_counts_as_read() -> None:
    script = conversation().typed("hi").begin().message("a b c d", audio=False, words=2).end(status="cancelled")
    turn = last(script.play())
    assert (turn.status, turn.text, turn.heard_text) == ("interrupted", "a b", "a b")


def test_truncation_of_an_unknown_item_makes_no_turn() -> None:
    state = Conversation()
    assert reduce(state, wire(type="conversation.item.truncated", item_id="x", audio_end_ms=5), 1.0) == []
    assert state.turns == state.live == ()


def test_transcript_ahead_of_the_audio_does_not_increase_heard_text() -> None:
    for lead in range(6):
        turn = last(conversation().assistant(ANSWER, lead=lead).interrupted_after(ms=500).play())
        assert len("one two three") <= len(turn.heard_text) <= len("one two three four five six"), (
            lead,
            turn.heard_text,
        )
