from __future__ import annotations

from pathlib import Path

import pytest

import realtime_nb
from realtime_nb.wire.realtime import SERVER_TYPES

_TEXT = (Path(realtime_nb.__file__).parent / "client/events/event_types.py").read_text()
_OF_A_CONNECTION = ("event", "close", "reconnecting", "reconnected", "mcp_approval_request")


@pytest.mark.parametrize("name", [*SERVER_TYPES, *_OF_A_CONNECTION])
def test_type_checkers_find_the_class_of_every_event(name: str) -> None:
    decorated, handled, awaited = 1, 1, 1
    assert _TEXT.count(f'kind: Literal["{name}"]') == decorated + handled + awaited
