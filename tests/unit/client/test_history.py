from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from realtime_nb.client.history import conversation_of
from realtime_nb.client.reconnect.replay_items import restoring_items
from realtime_nb.conversation import ToolCall, Turn
from realtime_nb.conversation.turn import TurnSound
from realtime_nb.errors import ConfigError

PCM = np.arange(2_400, dtype="<i2").tobytes()


def said(history: list[Any]) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in conversation_of(history).turns]


def sent(history: list[Any]) -> list[Any]:
    items, omitted = restoring_items(conversation_of(history))
    assert not omitted
    return [(item.get("role") or item["type"], item.get("content", item.get("output"))) for item in items]


def turn(role: str, text: str, **more: Any) -> Turn:
    fields = {"heard_text": text, "status": "completed", **more}
    return Turn("old", 7, role, text, **fields)  # type: ignore[arg-type]


def test_note_between_two_sessions_is_not_history() -> None:
    note = replace(turn("system", "The connection was lost."), item_id="seam_1")
    assert said([("user", "Hello"), note, turn("assistant", "Hi")]) == [("user", "Hello"), ("assistant", "Hi")]


def test_pairs_dicts_and_turns_are_what_was_said() -> None:
    history = [
        ("system", "Be brief."),
        ["user", "Hello"],
        {"role": "assistant", "text": "Hi"},
        {"role": "user", "content": "Bye"},
        turn("assistant", "See you"),
    ]
    words = ["Be brief.", "Hello", "Hi", "Bye", "See you"]
    roles = ["system", "user", "assistant", "user", "assistant"]
    assert said(history) == list(zip(roles, words, strict=True))
    kinds = ["input_text", "input_text", "output_text", "input_text", "output_text"]
    assert sent(history) == [
        (role, [{"type": kind, "text": text}]) for role, kind, text in zip(roles, kinds, words, strict=True)
    ]


def test_a_turn_keeps_its_time_and_its_sound_and_is_sent_as_text() -> None:
    at = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)
    old = turn("assistant", "Spoken", started_at=at, _sound=TurnSound((PCM,), 2_400))
    (kept,) = conversation_of([old]).turns
    assert (kept.started_at, kept.audio, kept.status) == (at, old.audio, "completed")
    assert sent([old]) == [("assistant", [{"type": "output_text", "text": "Spoken"}])]


def test_a_turn_that_was_not_transcribed_is_sent_as_sound() -> None:
    old = turn("user", "", text_known=False, _sound=TurnSound((PCM,), 2_400))
    ((role, (part,)),) = sent([old])
    assert (role, part["type"]) == ("user", "input_audio")


def test_an_interrupted_turn_counts_as_far_as_it_was_heard() -> None:
    cut = turn("assistant", "One two three", heard_text="One", status="interrupted")
    assert said([cut]) == [("assistant", "One")]
    assert said([turn("assistant", "One two", heard_text="", status="interrupted")]) == []


def test_tool_calls_go_with_their_output() -> None:
    call = ToolCall("call_1", "add", '{"a": 1}', "completed", "2")
    cut_off = ToolCall("call_2", "add", "{", "cancelled")
    history = [("user", "1 + 1?"), turn("assistant", "2", tool_calls=(call, cut_off))]
    assert [kind for kind, _ in sent(history)] == ["user", "function_call", "function_call_output", "assistant"]
    assert conversation_of(history).turns[-1].tool_calls == (call,)


@pytest.mark.parametrize(
    ("history", "words"),
    [
        ("Hello", "history must be a list"),
        (7, "history must be a list"),
        ({"role": "user", "text": "x"}, "history must be a list"),
        (["Hello"], r"history\[0\] must be a Turn"),
        ([("user", "x"), ("robot", "y")], r"history\[1\].*'robot'.*'assistant'"),
        ([("user", " ")], "not empty"),
        ([("user", None)], "not empty"),
        ([{"role": "user", "words": "x"}], r"history\[0\] must be"),
        ([("user", "\ud83d")], "surrogate"),
        ([turn("user", "")], "neither text nor sound"),
    ],
)
def test_an_entry_of_another_form_is_named(history: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        conversation_of(history)


def test_no_history_is_an_empty_conversation() -> None:
    assert not conversation_of(()).order
