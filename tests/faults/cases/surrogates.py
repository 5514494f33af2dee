"""Half a character is refused where it enters, and nothing that follows suffers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import realtime_nb as rt
from tests.faults.registry import SURROGATES, case
from tests.faults.server import Server, error_of, talk

HALF = "smile \ud83d please"


async def _refused_and_goes_on(enter: Callable[[rt.RealtimeSession], Awaitable[object]]) -> None:
    with Server().start() as script:
        async with rt.connect(url=script.url) as conn, rt.RealtimeSession(conn, {"turn_detection": None}) as session:
            error = await error_of(_entered(enter, session), ValueError)
            assert "6" in str(error), f"its position is not named: {error}"
            answer = await session.ask("One", timeout=4)
            assert answer.text == "Answer 1.", f"an answer was asked for before: {answer!r}"
            assert not session.conversation.live, session.conversation.live


async def _entered(enter: Callable[[rt.RealtimeSession], Awaitable[object]], session: rt.RealtimeSession) -> None:
    await enter(session)  # some refuse at the call, and some when they are awaited


@case(SURROGATES)
async def in_a_question() -> None:
    await _refused_and_goes_on(lambda session: session.ask(HALF, timeout=4))


@case(SURROGATES)
async def in_the_instructions() -> None:
    await _refused_and_goes_on(lambda session: session.update(instructions=HALF))


@case(SURROGATES)
async def in_an_event_sent_by_hand() -> None:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": HALF}]}
    event = {"type": "conversation.item.create", "item": item}
    await _refused_and_goes_on(lambda session: session.connection.send(event))


@case(SURROGATES)
async def in_a_setting_of_a_widget() -> None:
    with Server().start() as script:
        widget = rt.RealtimeWidget(backend=script.url)
        try:

            async def assign() -> None:
                widget.instructions = HALF

            assert "6" in str(await error_of(assign(), Exception))
            assert (await widget.ask("One", timeout=4)).text == "Answer 1."
        finally:
            widget.close()


@case(SURROGATES)
async def in_the_settings_of_a_new_session() -> None:
    with Server().start() as script:
        async with rt.connect(url=script.url) as conn:

            async def begin() -> None:
                async with rt.RealtimeSession(conn, {"instructions": HALF}):
                    pass

            assert "6" in str(await error_of(begin(), ValueError))
            async with rt.RealtimeSession(conn, {"turn_detection": None}) as session:
                assert (await session.ask("One", timeout=4)).text == "Answer 1."


@case(SURROGATES)
async def in_what_a_tool_returns() -> None:
    def add(a: int, b: int) -> str:
        """Say it."""
        return HALF

    result = await talk(Server(plan=["call"]), "Say it.", "And again.", tools=[add])
    assert result.texts == ["Answer 2.", "Answer 3."], result.texts


@case(SURROGATES)
async def in_what_a_widget_begins_with() -> None:
    def tool(x: int) -> int:
        return x

    tool.__doc__ = HALF
    options: tuple[dict[str, Any], ...] = (
        {"model": HALF},
        {"session": {"tracing": {"group_id": HALF}}},
        {"tools": [tool]},
    )
    for given in options:
        error = await error_of(_made(given), ValueError)
        assert "position 6" in str(error), error


async def _made(given: dict[str, Any]) -> rt.RealtimeWidget:
    return rt.RealtimeWidget(backend="local", **given)
