"""A connection that is lost while a tool runs costs nothing but time."""

from __future__ import annotations

import asyncio
from typing import Any

import realtime_nb as rt
from realtime_nb.testing import Script, abort
from tests.faults.registry import LOSSES, case
from tests.faults.server import Event, Server, of_type

FAST = rt.Reconnect(first_delay_s=0.01, longest_delay_s=0.05)


async def _survives(cut_after: str | None, *, on_output: bool = False) -> None:
    """The socket breaks once: after an event of the call's response, or when the tool's output arrives."""
    broken: list[bool] = []

    def respond(events: list[Event], asked: Event) -> list[Any]:
        if broken or cut_after is None or not of_type(events, "response.function_call_arguments.done"):
            return events
        broken.append(True)
        at = next(index for index, event in enumerate(events) if event["type"] == cut_after)
        return [*events[: at + 1], _pause, abort()]

    def take(events: list[Event], asked: Event) -> list[Any]:
        if on_output and not broken and asked["item"]["type"] == "function_call_output":
            broken.append(True)
            return [abort()]
        return events

    runs: list[tuple[int, int]] = []

    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        runs.append((a, b))
        await asyncio.sleep(0.3)
        return a + b

    server = Server(plan=["call"], on_response=respond, on_item=take)
    with server.start() as script:
        async with (
            rt.connect(url=script.url, reconnect=FAST) as conn,
            rt.RealtimeSession(conn, {"turn_detection": None}, tools=[add]) as session,
        ):
            turn = await session.ask("What is 2 and 3?", timeout=8)
            assert broken, "the socket did not break"
            assert turn.status == "completed", turn
            assert turn.text.startswith("Answer"), turn
            assert runs == [(2, 3)], runs
            assert [(call.status, call.output) for call in turn.tool_calls] == [("completed", "5")], turn.tool_calls
            assert not session.conversation.live, session.conversation.live


async def _pause(script: Script) -> None:
    await asyncio.sleep(0.05)


@case(LOSSES)
async def while_the_tool_runs() -> None:
    await _survives("response.done")


@case(LOSSES)
async def before_the_response_that_called_it_ended() -> None:
    await _survives("response.output_item.done")


@case(LOSSES)
async def when_its_output_arrives() -> None:
    await _survives(None, on_output=True)


@case(LOSSES)
async def for_good_while_the_tool_runs() -> None:
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        await asyncio.sleep(0.3)
        return a + b

    def respond(events: list[Event], asked: Event) -> list[Any]:
        return [*events, abort()]

    with Server(plan=["call"], on_response=respond).start() as script:
        async with (
            rt.connect(url=script.url) as conn,
            rt.RealtimeSession(conn, {"turn_detection": None}, tools=[add]) as session,
        ):
            try:
                turn = await session.ask("What is 2 and 3?", timeout=6)
            except rt.RealtimeError:
                return
            raise AssertionError(f"an answer that never was: {turn!r}")
