"""A session that reaches a limit of the user ends after the current turn, and names the limit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import pytest

import realtime_nb as rt
from realtime_nb import errors
from realtime_nb.client.transport.close import CloseEvent

PRICED = "gpt-realtime-2.1"


@pytest.fixture(scope="module")
def server() -> Iterator[rt.LocalServer]:
    with rt.LocalServer(pace=0) as running:
        yield running


async def look_up(number: str) -> str:
    """Look a number up in the register.

    Args:
        number: the number.
    """
    await asyncio.sleep(0.6)
    return f"entry {number}"


async def test_time_that_runs_out_in_a_turn_ends_the_session_after_it(server: rt.LocalServer) -> None:
    async with rt.connect(url=server.url, reconnect=True) as conn:
        closed = conn.wait_for("close", timeout=10)
        config = {"output": "text"}
        async with rt.RealtimeSession(conn, config, tools=[look_up], max_session_minutes=0.3 / 60) as session:
            answer = await session.ask("Look up 7.")
            assert answer.text == "Entry 7."
            assert await closed == CloseEvent(code=1000, reason="max_session_minutes=0.005 is over")
            assert session.limit_reached == "max_session_minutes=0.005 is over"
            assert [turn.status for turn in session.conversation.turns] == ["completed"] * 2
            with pytest.raises(errors.ConnectError, match="open a new one"):
                await session.ask("And 8?")


async def test_session_over_its_cost_limit_ends_after_the_answer(server: rt.LocalServer) -> None:
    async with (
        rt.connect(url=server.url, model=PRICED) as conn,
        rt.RealtimeSession(conn, {"output": "text"}, max_cost_usd=1e-6) as session,
    ):
        closed = conn.wait_for("close", timeout=10)
        answer = await session.ask("What is two plus two?")
        assert answer.text == "2 plus 2 is 4."
        assert "more than max_cost_usd=1e-06" in (await closed).reason


async def test_unknown_price_never_reaches_the_cost_limit(server: rt.LocalServer) -> None:
    async with (
        rt.connect(url=server.url, model="of-my-own") as conn,
        rt.RealtimeSession(conn, {"output": "text"}, max_cost_usd=1e-6) as session,
    ):
        for _ in range(3):
            await session.ask("What is two plus two?")
        assert session.limit_reached is None


@pytest.mark.parametrize("limit", [{"max_session_minutes": 0.3 / 60}, {"max_cost_usd": 1e-6}], ids=str)
async def test_widget_names_the_reached_limit_and_continues_on_request(
    server: rt.LocalServer, limit: dict[str, Any]
) -> None:
    widget = rt.RealtimeWidget(backend=server.url, model=PRICED, **limit)
    loop, over = asyncio.get_running_loop(), asyncio.Event()

    def look(change: Any) -> None:
        if change.new == "closed":
            loop.call_soon_threadsafe(over.set)

    widget.observe(look, "status")
    await widget.ask("My name is Ada.")
    await asyncio.wait_for(over.wait(), 10)
    await widget._live_controller.traits.settled()
    assert next(iter(limit)) in str(widget.error)
    assert "sending or talking begins a new one" in str(widget.error)
    assert "Ada" in (await widget.ask("What is my name?")).text
    assert [turn.role for turn in widget.turns] == ["user", "assistant"] * 2
    await widget.stop()
    widget.close()


@pytest.mark.parametrize("name", ["max_session_minutes", "max_cost_usd"])
async def test_a_limit_is_a_number_above_zero(server: rt.LocalServer, name: str) -> None:
    async with rt.connect(url=server.url) as conn:
        with pytest.raises(errors.ConfigError, match=rf"{name}=0 must be a number above 0"):
            rt.RealtimeSession(conn, **cast("dict[str, Any]", {name: 0}))
