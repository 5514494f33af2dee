"""The status is one word, derived from the facts of the session."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_nb.notebook.session_state import status_of


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
