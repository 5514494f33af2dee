"""One lost answer never stops the session; `ask(timeout=)` bounds everything."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable
from typing import Any

import realtime_nb as rt
from tests.faults.registry import LOST_ANSWERS, TIMEOUTS, case
from tests.faults.server import Event, Hook, Server, error_of, talk, unchanged


def _first(hook: Hook) -> Hook:
    """`hook` for the first response; the next ones have well-formed events."""
    seen: list[Event] = []

    def change(events: list[Event], asked: Event) -> Any:
        seen.append(asked)
        return hook(events, asked) if len(seen) == 1 else events

    return change


def _error(**fields: Any) -> Event:
    return {"type": "error", "error": {"type": "server_error", "message": "The server had an error", **fields}}


async def _goes_on(first: Hook, *, on_cancel: Hook = unchanged, says: str | None = None, timeout: float = 2.0) -> None:
    server = Server(on_response=_first(first), on_cancel=on_cancel)
    result = await talk(server, "One", "Two", timeout=timeout)
    assert result.texts[1] == "Answer 2.", result.texts
    assert isinstance(result.answers[0], rt.RealtimeError), result.answers
    if says is not None:
        assert says in str(result.answers[0]), result.answers
    assert not result.live, result.live


@case(LOST_ANSWERS)
async def an_error_that_names_its_request() -> None:
    await _goes_on(lambda events, asked: [_error(event_id=asked["event_id"])], says="had an error")


@case(LOST_ANSWERS)
async def an_error_that_names_no_request() -> None:
    await _goes_on(lambda events, asked: [_error(event_id=None)], says="had an error")


@case(LOST_ANSWERS)
async def an_error_under_the_name_of_what_failed() -> None:
    for kind in ("response.error", "session.error"):
        error = {**_error(event_id=None), "type": kind}
        await _goes_on(lambda events, asked, error=error: [error], says="had an error")  # type: ignore[misc]
        flat = {"type": kind, "code": "overloaded", "message": "The model had an error"}
        await _goes_on(lambda events, asked, error=flat: [error], says="had an error")  # type: ignore[misc]


@case(LOST_ANSWERS)
async def an_error_under_the_name_of_what_failed_in_the_middle_of_it() -> None:
    error = {**_error(event_id=None), "type": "response.error"}
    await _goes_on(lambda events, asked: [*events[:4], error], says="had an error")


@case(LOST_ANSWERS)
async def an_error_that_names_its_request_by_its_param() -> None:
    await _goes_on(lambda events, asked: [_error(param="response.instructions", code="invalid_value")], says="error")


@case(LOST_ANSWERS)
async def a_done_that_never_comes_and_nothing_to_cancel() -> None:
    def refuse(events: list[Event], asked: Event) -> list[Event]:
        return [_error(code="response_cancel_not_active", event_id=asked["event_id"])]

    await _goes_on(lambda events, asked: events[:-1], on_cancel=refuse)


@case(LOST_ANSWERS, limit_s=30)
async def a_done_that_never_comes_and_a_cancel_without_an_answer() -> None:
    await _goes_on(lambda events, asked: events[:-1], timeout=7.0)


@case(LOST_ANSWERS, limit_s=30)
async def no_answer_at_all() -> None:
    await _goes_on(lambda events, asked: [], timeout=7.0)


@case(LOST_ANSWERS)
async def late_events_of_the_one_that_was_given_up() -> None:
    held: list[Event] = []

    def change(events: list[Event], asked: Event) -> list[Event]:
        if not held:
            held.extend(events)
            return events[:4]
        return [*held[4:], *events]

    def cancelled(events: list[Event], asked: Event) -> list[Event]:
        return [_error(code="response_cancel_not_active", event_id=asked["event_id"])]

    result = await talk(Server(on_response=change, on_cancel=cancelled), "One", "Two", timeout=2.0)
    assert result.texts[1] == "Answer 2.", result.texts
    assert not result.live, result.live


# Timeouts


async def _raises_within(timeout: float, asking: Awaitable[object]) -> None:
    began = time.monotonic()
    await error_of(asking, rt.RealtimeError)
    took = time.monotonic() - began
    assert took < timeout + 1, f"{took:.1f} s for timeout={timeout:g}"


@case(TIMEOUTS)
async def a_server_that_never_answers() -> None:
    began = time.monotonic()
    result = await talk(Server(on_response=lambda events, asked: []), "One", timeout=1.0)
    assert isinstance(result.answers[0], rt.TimeoutError), result.answers
    assert time.monotonic() - began < 3


@case(TIMEOUTS)
async def an_answer_that_never_ends() -> None:
    began = time.monotonic()
    result = await talk(Server(on_response=lambda events, asked: events[:-1]), "One", timeout=1.0)
    assert isinstance(result.answers[0], rt.TimeoutError), result.answers
    assert time.monotonic() - began < 3


@case(TIMEOUTS)
async def a_question_behind_one_that_is_stuck() -> None:
    with Server(on_response=lambda events, asked: events[:-1]).start() as script:
        async with rt.connect(url=script.url) as conn, rt.RealtimeSession(conn, {"turn_detection": None}) as session:
            first = asyncio.ensure_future(session.ask("One", timeout=4))
            await asyncio.sleep(0.2)
            await _raises_within(1.0, session.ask("Two", timeout=1.0))
            first.cancel()


@case(TIMEOUTS, limit_s=20)
async def a_port_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        widget = rt.RealtimeWidget(backend=f"ws://127.0.0.1:{silent.getsockname()[1]}/v1/realtime")
        try:
            await _raises_within(2.0, widget.ask("One", timeout=2))
        finally:
            widget.close()


@case(TIMEOUTS, limit_s=20)
async def a_server_that_does_not_greet() -> None:
    silent = Server(on_greeting=lambda events, asked: [], on_update=lambda events, asked: [])
    with silent.start() as script:
        widget = rt.RealtimeWidget(backend=script.url)
        try:
            await _raises_within(2.0, widget.ask("One", timeout=2))
        finally:
            widget.close()
