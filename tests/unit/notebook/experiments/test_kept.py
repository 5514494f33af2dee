"""Turns that are kept as utterances: which values stand for a turn, labels, and what is kept of it."""

from __future__ import annotations

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb.client.history import conversation_of
from realtime_nb.conversation import Turn
from realtime_nb.conversation.turn import TurnSound
from realtime_nb.notebook.experiments.kept import Kept
from realtime_nb.notebook.experiments.user_turn import user_turn

TURNS = conversation_of([("user", "Hello"), ("assistant", "Good day."), ("user", "Bye"), ("assistant", "Bye.")]).turns


def _spoken(text: str, item_id: str = "item_1", status: str = "completed") -> Turn:
    pcm = (np.sin(np.arange(24_000) / 10) * 9000).astype("<i2").tobytes()
    return Turn(item_id, 1, "user", text, text, status, _sound=TurnSound([pcm], len(pcm) // 2))  # type: ignore[arg-type]


@pytest.mark.parametrize(("value", "text"), [(0, "Hello"), (1, "Hello"), (-1, "Bye"), (TURNS[3], "Bye"), (-4, "Hello")])
def test_turn_index_or_answer_stands_for_a_user_turn(value: int | Turn, text: str) -> None:
    assert user_turn(TURNS, value).text == text


def test_newest_revision_of_a_turn_is_used() -> None:
    older = Turn(TURNS[0].item_id, 0, "user", "", "", "completed")
    assert user_turn(TURNS, older) is TURNS[0]


@pytest.mark.parametrize("value", [7, -5, True, "Hello", None, 1.0])
def test_value_that_stands_for_no_turn_is_refused_with_those_that_there_are(value: object) -> None:
    with pytest.raises(rt.ConfigError, match=r"0: 'Hello', 2: 'Bye'"):
        user_turn(TURNS, value)


def test_answer_without_a_question_and_unfinished_turn_are_refused() -> None:
    greeting = conversation_of([("assistant", "Welcome."), ("user", "Hi")]).turns
    with pytest.raises(rt.ConfigError, match="answers none"):
        user_turn(greeting, 0)
    with pytest.raises(rt.ConfigError, match="in progress"):
        user_turn((), _spoken("What is", status="in_progress"))


def test_kept_turn_has_its_sound_and_its_words_as_label() -> None:
    kept = Kept()
    utterance = kept.keep(_spoken("What is the time?"))
    assert utterance.label == "What is the time?"
    assert len(utterance.sound) == 24_000
    assert utterance.said is None  # a transcript may be wrong
    assert "item_1" in kept


def test_label_that_is_taken_gets_a_number_and_the_same_turn_keeps_its_place() -> None:
    kept = Kept()
    for item_id in ("a", "b", "c"):
        kept.keep(_spoken("Hello", item_id))
    kept.keep(_spoken("Hello", "b"), "second", said="Hello")
    assert [each.label for each in kept.utterances] == ["Hello", "second", "Hello (3)"]
    assert kept.forget("second") == "b"
    kept.forget_item("a")
    assert [each.label for each in kept.utterances] == ["Hello (3)"]


def test_unknown_label_is_refused_with_those_that_there_are() -> None:
    kept = Kept()
    kept.keep(_spoken("Hello"))
    with pytest.raises(rt.ConfigError, match="there are: 'Hello'"):
        kept.forget("hello")


@pytest.mark.parametrize("bad", [{"label": ""}, {"label": 3}, {"said": " "}])
def test_bad_label_is_refused(bad: dict[str, object]) -> None:
    kept = Kept()
    with pytest.raises(rt.ConfigError, match="text that people can read"):
        kept.keep(_spoken("Hello"), **bad)  # type: ignore[arg-type]
    assert kept.utterances == ()


def test_typed_turn_is_kept_with_its_pictures() -> None:
    picture = "data:image/png;base64,iVBORw0KGgo="
    turn = Turn("item_1", 1, "user", "What is this?", "What is this?", "completed", images=(picture,))
    assert rt.Utterance(turn).images == (picture,)
    alone = Turn("item_2", 1, "user", "", "", "completed", images=(picture,))
    assert rt.Utterance(alone).label == "a picture"


def test_keeping_shows_at_once_in_the_trait_and_in_the_lab() -> None:
    w = rt.RealtimeWidget(backend="local", history=[("user", "Hello"), ("assistant", "Good day.")])
    try:
        seen: list[int] = []
        w.observe(lambda change: seen.append(len(change["new"])), "kept")
        utterance = w.keep(0, "greeting")
        assert w.kept == (utterance,)
        assert seen == [1]
        assert [each.label for each in rt.Lab(utterances=w.kept, variants=[rt.Variant("a")]).plan().utterances]
        w.forget("greeting")
        assert not w.kept
    finally:
        w.close()
