"""A tool in another process: the same schema, the same checks, the same answers."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Literal

from realtime_nb.tools import as_tool


def seat(row: int, side: Literal["left", "right"] = "left", /, note: str | None = None) -> str:
    """Book a seat.

    Args:
        row: its number.
    """
    return f"{row} {side} {note}"


def told(*given: object, **named: object) -> str:
    return f"booked {given} {named}"


async def test_pickled_tool_checks_arguments_and_calls_its_function() -> None:
    tool = as_tool(seat)
    there = pickle.loads(pickle.dumps(tool))
    assert there.spec == tool.spec
    for arguments in ('{"row": 3}', '{"row": "3", "side": "right", "note": "x"}', '{"row": "a"}', '{"rows": 3}', "["):
        assert await there.call(arguments) == await tool.call(arguments)
    assert await there.call('{"row": 3}') == "3 left None"


async def test_stand_in_for_a_function_keeps_its_checks() -> None:
    there = pickle.loads(pickle.dumps(replace(as_tool(seat), function=told)))
    assert await there.call('{"row": 3}') == "booked (3,) {}"
    assert "expected `int`" in (await there.call('{"row": "a"}')).lower()
