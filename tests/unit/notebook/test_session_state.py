"""The status is one word, derived from the facts of the session."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_nb.client.session_config import SessionConfig
from realtime_nb.conversation import AudioReceived, ResponseEnded, ResponseStarted
from realtime_nb.notebook.options import Options
from realtime_nb.notebook.session_state import SessionState, status_of


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({"phase": "idle"}, "idle"),
        ({"phase": "connecting", "capturing": True}, "connecting"),
        ({"phase": "open"}, "idle"),
        ({"phase": "open", "capturing": True}, "listening"),
        ({"phase": "open", "capturing": True, "hearing": True, "sounding": True}, "hearing"),
        ({"phase": "open", "answering": True}, "thinking"),
        ({"phase": "open", "answering": True, "sounding": True}, "speaking"),
        ({"phase": "open", "sounding": True}, "speaking"),
        ({"phase": "error", "sounding": True}, "error"),
        ({"phase": "closed"}, "closed"),
    ],
)
def test_status_names_who_speaks_before_what_is_awaited(facts: dict[str, Any], status: str) -> None:
    assert status_of(**facts) == status


def test_state_follows_the_responses_of_the_conversation_and_none_out_of_band() -> None:
    state = SessionState(Options(), SessionConfig())
    state.on_changes([ResponseStarted("aside", out_of_band=True)])
    assert not state.answering
    state.on_changes([ResponseStarted("answer", out_of_band=False), AudioReceived("item", 0, 0, b"\0\0")])
    assert (state.answering, state.receiving) == (True, True)
    state.on_changes([ResponseEnded("aside", "completed", out_of_band=True)])
    assert state.answering
    state.on_changes([ResponseEnded("answer", "completed", out_of_band=False)])
    assert (state.answering, state.receiving) == (False, False)


def test_state_without_a_connection_has_no_response_under_way() -> None:
    state = SessionState(Options(), SessionConfig())
    state.on_changes([ResponseStarted("answer", out_of_band=False)])
    state.leave_open("reconnecting")
    assert (state.phase, state.answering, state.hearing) == ("reconnecting", False, False)
