"""An error that reaches no caller and no handler is logged, and a waiter is not left waiting."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import realtime_nb as rt
from tests.faults.registry import UNHEARD, case
from tests.faults.server import Event, Server, error_of


def error(words: str) -> Event:
    """An error with words of its own: cases run side by side, and share one log."""
    return {"type": "error", "error": {"type": "server_error", "code": words.replace(" ", "_"), "message": words}}


@contextmanager
def _log() -> Iterator[list[str]]:
    told: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.WARNING:
                told.append(record.getMessage())

    ear = Ear()
    logging.getLogger("realtime_nb").addHandler(ear)
    try:
        yield told
    finally:
        logging.getLogger("realtime_nb").removeHandler(ear)


def _leaking(words: str, times: int = 1) -> Server:
    return Server(on_response=lambda events, asked: [events[0], *[error(words)] * times, *events[1:]])


@case(UNHEARD)
async def on_a_connection_without_handlers() -> None:
    with _log() as told, _leaking("the roof is leaking").start() as script:
        async with rt.connect(url=script.url) as conn:
            done = conn.wait_for("response.done", timeout=4)
            await conn.send({"type": "response.create"})
            await done
    assert any("the roof is leaking" in words for words in told), told


@case(UNHEARD)
async def on_a_session_without_on_error() -> None:
    with _log() as told, _leaking("the cellar is wet").start() as script:
        async with rt.connect(url=script.url) as conn, rt.RealtimeSession(conn, {"turn_detection": None}) as session:
            await session.ask("One", timeout=4)
    assert any("the cellar is wet" in words for words in told), told


@case(UNHEARD)
async def told_once_and_not_in_a_flood() -> None:
    with _log() as told, _leaking("the lamp is out", 50).start() as script:
        async with rt.connect(url=script.url) as conn, rt.RealtimeSession(conn, {"turn_detection": None}) as session:
            await session.ask("One", timeout=4)
    assert len([words for words in told if "the lamp is out" in words]) == 1, told


@case(UNHEARD)
async def not_logged_where_a_handler_takes_it() -> None:
    heard: list[str | None] = []
    with _log() as told, _leaking("the door is open").start() as script:
        async with rt.connect(url=script.url) as conn, rt.RealtimeSession(conn, {"turn_detection": None}) as session:
            conn.on("error", lambda event: heard.append(event.error.message))
            await session.ask("One", timeout=4)
            await asyncio.sleep(0.1)
    assert heard == ["the door is open"], heard
    assert not [words for words in told if "the door is open" in words], told


@case(UNHEARD)
async def a_waiter_whose_event_was_refused() -> None:
    def refuse(events: list[Event], asked: Event) -> list[Event]:
        return [{"type": "error", "error": {**error("the tap drips")["error"], "event_id": asked["event_id"]}}]

    with Server(on_response=refuse).start() as script:
        async with rt.connect(url=script.url) as conn:
            began = time.monotonic()
            done = conn.wait_for("response.done", timeout=4)
            await conn.send({"type": "response.create"})
            assert "the tap drips" in str(await error_of(done, rt.ServerError))
            assert time.monotonic() - began < 2
