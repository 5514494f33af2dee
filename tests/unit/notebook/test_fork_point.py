from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from realtime_nb.conversation import ToolCall, Turn
from realtime_nb.conversation.turn import TurnSound
from realtime_nb.errors import ConfigError
from realtime_nb.notebook.fork_point import fork_point

SOUND = TurnSound((np.arange(4_800, dtype="<i2").tobytes(),), 4_800)
PICTURE = "data:image/png;base64,iVBORw0KGgo="


def said(role: str, text: str, **more: Any) -> Turn:
    fields = {"heard_text": text, "status": "completed", **more}
    return Turn(f"item_{text}_{role}", 3, role, text, **fields)  # type: ignore[arg-type]


TURNS = (
    said("system", "Be kind."),
    said("user", "Hello"),
    said("assistant", "Hi", status="interrupted", heard_text="H"),
    said("user", "hm", _sound=SOUND),
    said("assistant", "Yes?", tool_calls=(ToolCall("call_1", "look", "{}", "completed", "5"),)),
)


def test_history_is_all_before_the_turn_and_the_question_is_what_was_said() -> None:
    point = fork_point(TURNS, 3)
    assert (point.index, point.turn, point.history) == (3, TURNS[3], TURNS[:3])
    assert point.question.text is None
    assert point.question.samples.tobytes() == SOUND.clip.samples.tobytes()


@pytest.mark.parametrize(
    ("turn", "index"),
    [(1, 1), (-2, 3), (2, 1), (TURNS[1], 1), (TURNS[4], 3), (None, 3), (said("user", "Hello", heard_text=""), 1)],
)
def test_turn_may_be_an_index_a_turn_an_answer_to_it_or_nothing(turn: Any, index: int) -> None:
    assert fork_point(TURNS, turn).index == index


def test_turn_that_is_not_of_this_conversation_is_refused() -> None:
    for elsewhere in (said("user", "Elsewhere"), said("user", "Now", status="in_progress"), 5, "3"):
        with pytest.raises(ConfigError):
            fork_point(TURNS, elsewhere)
    with pytest.raises(ConfigError, match=r"is not in w\.turns"):
        fork_point(TURNS, said("user", "Elsewhere"))


def test_conversation_without_a_turn_of_the_user_cannot_be_forked() -> None:
    for turns in ((), (said("assistant", "Hi"),), (said("user", "Lost", status="failed"),)):
        with pytest.raises(ConfigError, match="there is nothing to fork"):
            fork_point(turns, None)


def test_turn_without_sound_and_text_cannot_be_asked_again() -> None:
    with pytest.raises(ConfigError, match="neither sound nor text"):
        fork_point((said("user", ""),), 0)


def test_pictures_of_a_typed_turn_are_asked_again_and_those_of_a_spoken_one_come_before_it() -> None:
    typed = fork_point((said("user", "What is this?", images=(PICTURE,)),), 0)
    assert (typed.question.text, typed.question.images, typed.history) == ("What is this?", (PICTURE,), ())
    spoken = fork_point((said("user", "What is this?", images=(PICTURE,), _sound=SOUND),), 0)
    assert spoken.question.images == ()
    assert [(turn.text, turn.images, turn.audio) for turn in spoken.history] == [("", (PICTURE,), None)]


def test_words_that_look_like_a_file_are_asked_as_words() -> None:
    assert fork_point((said("user", "missing.wav"),), 0).question.text == "missing.wav"


def test_turns_that_no_server_had_are_no_history() -> None:
    turns = (
        said("user", "Refused", status="failed"),
        said("user", "", note="nothing was said"),
        said("assistant", "", status="failed"),
        said("user", "Hello"),
    )
    assert fork_point(turns, 3).history == ()
