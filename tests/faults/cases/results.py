"""What a tool returns reaches the model whole, or as a part that says so."""

from __future__ import annotations

from typing import Any

from tests.faults.registry import RESULTS, case
from tests.faults.server import Server, of_type, talk


async def _output_of(result: Any) -> str:
    """The text that the server gets where a tool returns `result`, or raises it."""

    def add(a: int, b: int) -> Any:
        """Add two numbers."""
        if isinstance(result, Exception):
            raise result
        return result

    done = await talk(Server(plan=["call"]), "What is 2 and 3?", tools=[add])
    (answer,) = done.answers
    assert answer.status == "completed", answer
    (output,) = [
        event["item"]["output"]
        for event in of_type(done.received, "conversation.item.create")
        if "output" in event["item"]
    ]
    return str(output)


@case(RESULTS)
async def of_five_megabytes() -> None:
    output = await _output_of("row,1,2,3;" * 500_000)
    assert len(output) < 33_000, len(output)
    assert "cut here" in output[-200:], output[-200:]


@case(RESULTS)
async def an_exception_of_a_megabyte() -> None:
    output = await _output_of(ValueError("a long story " * 80_000))
    assert len(output) < 5_000, len(output)
    assert output.startswith('{"error":'), output[:80]


@case(RESULTS)
async def a_frame_whose_index_repeats() -> None:
    import pandas

    output = await _output_of(pandas.DataFrame({"price": [10, 20, 30]}, index=["a", "a", "b"]))
    assert all(number in output for number in ("10", "20", "30")), output
