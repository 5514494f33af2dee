"""A conversation survives a lost connection and the renewal of an old one, and no item is sent twice.

A proxy between the client and the local backend (or a script) resets, ends, stalls and refuses connections.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

import realtime_nb as rt
from realtime_nb import errors
from realtime_nb.client.reconnect import renewal
from realtime_nb.client.reconnect.policy import Reconnected, Reconnecting
from realtime_nb.client.session import RealtimeSession
from realtime_nb.testing import ScriptedServer, never, send
from tests.integration.flaky_proxy import FlakyProxy

QUICK = rt.Reconnect(first_delay_s=0.01, longest_delay_s=0.05, attempts=8)
TEXT: dict[str, Any] = {"output": "text", "turn_detection": None}


@pytest.fixture(scope="module")
def backend() -> Iterator[rt.LocalServer]:
    with rt.LocalServer(pace=0) as server:
        yield server


@asynccontextmanager
async def talking(
    backend: rt.LocalServer, config: dict[str, Any] = TEXT, **options: Any
) -> AsyncIterator[tuple[RealtimeSession, FlakyProxy]]:
    async with (
        FlakyProxy(backend.url) as proxy,
        rt.connect(url=proxy.url, reconnect=QUICK) as connection,
        RealtimeSession(connection, config, **options) as session,
    ):
        yield session, proxy


async def lost_and_back(session: RealtimeSession, proxy: FlakyProxy) -> None:
    """Reset the connection, and wait until the conversation goes on."""
    back = session.connection.wait_for("reconnected", timeout=10)
    proxy.kill()
    await back


async def lost(session: RealtimeSession, proxy: FlakyProxy) -> None:
    """Reset the connection, and refuse new ones for now."""
    trying = session.connection.wait_for("reconnecting", timeout=10)
    proxy.refuse()
    proxy.kill()
    await trying


def said(session: RealtimeSession) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in session.conversation.turns if turn.role != "system"]


async def test_a_conversation_goes_on_after_its_socket_was_reset(backend: rt.LocalServer) -> None:
    told: list[Any] = []
    async with talking(backend) as (session, proxy):
        for kind in ("reconnecting", "reconnected"):
            session.connection.on(kind, told.append)
        await session.ask("My name is Ada.")
        await lost_and_back(session, proxy)
        answer = await session.ask("What is my name?")
    assert "Ada" in answer.text, "the new session knows what was said in the old one"
    first, last = told[0], told[-1]
    assert isinstance(first, Reconnecting)
    assert first.attempt == 1
    assert isinstance(first.error, errors.ConnectError)
    assert isinstance(last, Reconnected)
    assert last.attempts == 1
    assert [role for role, _ in said(session)] == ["user", "assistant"] * 2


async def test_transcript_notes_where_the_connection_was_lost(backend: rt.LocalServer) -> None:
    async with talking(backend) as (session, proxy):
        await session.ask("What is two plus two?")
        await lost_and_back(session, proxy)
        await session.ask("What is three plus three?")
        turns = session.conversation.turns
    assert [turn.role for turn in turns] == ["user", "assistant", "system", "user", "assistant"]
    assert turns[2].text == "The connection was lost; the conversation goes on in a new session."


async def test_settings_are_restored_after_a_reconnection(backend: rt.LocalServer) -> None:
    async with talking(backend, {**TEXT, "instructions": "Talk like a pirate."}) as (session, proxy):
        await session.update(max_output_tokens=200)
        before = dict(session.effective)
        await lost_and_back(session, proxy)
        after = dict(session.effective)
    for changing in ("id", "expires_at"):
        assert before.pop(changing) != after.pop(changing) or changing == "expires_at"
    assert after == before


async def test_call_and_output_are_sent_again_and_the_tool_runs_once(backend: rt.LocalServer) -> None:
    runs: list[str] = []

    def get_time(city: str) -> str:
        """Tell the time in a city.

        Args:
            city: the city.
        """
        runs.append(city)
        return "half past three"

    async with talking(backend, tools=[get_time]) as (session, proxy):
        await session.ask("What is the time in Paris?")
        await lost_and_back(session, proxy)
        items = [await session.connection.request(retrieve(i)) for i in session.conversation.order if "seam" not in i]
        await session.ask("Hello!")
    assert runs == ["Paris"]
    assert [event.item.type for event in items].count("function_call") == 1


def retrieve(item_id: str) -> dict[str, Any]:
    return {"type": "conversation.item.retrieve", "item_id": item_id}


async def test_events_sent_while_disconnected_are_sent_once_after_reconnecting(
    backend: rt.LocalServer,
) -> None:
    async with talking(backend) as (session, proxy):
        await lost(session, proxy)
        asked = asyncio.ensure_future(session.ask("What is five plus five?"))
        updated = asyncio.ensure_future(session.update(instructions="Be brief."))
        await asyncio.sleep(0.02)
        proxy.accept()
        answer = await asked
        assert (await updated)["instructions"] == "Be brief."
    assert "ten" in answer.text.lower() or "10" in answer.text
    assert [role for role, _ in said(session)] == ["user", "assistant"]


async def test_audio_sent_while_disconnected_is_dropped_and_reported(backend: rt.LocalServer) -> None:
    async with talking(backend) as (session, proxy):
        await session.ask("Hello!")
        back = asyncio.get_running_loop().create_future()

        async def come(event: Reconnected) -> None:
            back.set_result(event)

        session.connection.on("reconnected", come)
        await lost(session, proxy)
        for _ in range(10):
            await session.append(np.zeros(2400, np.int16))
        with pytest.raises(errors.ConnectError, match="with it the sound"):
            await session.connection.request({"type": "input_audio_buffer.commit"})
        proxy.accept()
        event = await asyncio.wait_for(back, 10)
        assert event.dropped_audio_ms == pytest.approx(1000)
        assert "What was spoken meanwhile was not heard." in session.conversation.turns[-1].text


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_permanent_refusal_ends_the_attempts(status: int) -> None:
    told: list[Reconnecting] = []
    handshakes = itertools.count()

    def accept_the_first(connection: ServerConnection, request: Request) -> Response | None:
        return connection.respond(status, "") if next(handshakes) else None

    async def greet(socket: ServerConnection) -> None:
        await socket.send(
            json.dumps({"type": "session.created", "event_id": "event_1", "session": {"type": "realtime"}})
        )
        await socket.wait_closed()

    async with serve(greet, "127.0.0.1", 0, process_request=accept_the_first) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with FlakyProxy(f"ws://127.0.0.1:{port}/v1/realtime") as proxy:
            conn = await rt.connect(url=proxy.url, reconnect=QUICK)
            conn.on("reconnecting", told.append)
            proxy.kill()
            with pytest.raises(errors.ConnectError, match=f"answered {status}") as caught:
                async for _ in conn:
                    pass
            await conn.close()
    assert caught.value.status == status
    assert not caught.value.retryable
    assert len(told) == 1


async def test_attempts_end_with_an_error_naming_loss_and_cause() -> None:
    async with ScriptedServer([send("session.created"), never()]) as server, FlakyProxy(server.url) as proxy:
        conn = await rt.connect(url=proxy.url, reconnect=rt.Reconnect(attempts=3, first_delay_s=0, longest_delay_s=0))
        proxy.refuse()
        proxy.kill()
        with pytest.raises(errors.ConnectError, match=r"was lost: code 1006 .*Tried 3 times .*nothing listens there"):
            async for _ in conn:
                pass
        await conn.close()


async def test_renewal_before_the_time_limit_is_not_noticeable(monkeypatch: pytest.MonkeyPatch) -> None:
    # Half of the session: the last tenth of so short a one would leave too little time beside other work.
    monkeypatch.setattr(renewal, "margin_s", lambda left_s: left_s / 2)
    with rt.LocalServer(pace=0, session_seconds=4) as short:
        async with talking(short) as (session, _):
            events: list[str] = []
            session.connection.on("event", lambda event: events.append(event.type))
            session.connection.on("reconnecting", lambda event: events.append(event.type))
            await session.ask("My name is Ada.")
            for _ in range(2):
                await session.connection.wait_for("session.created", timeout=10)
                await session.connection.wait_for("session.updated", timeout=10)
            answer = await session.ask("What is my name?")
    assert "Ada" in answer.text
    assert "reconnecting" not in events
    assert [turn.role for turn in session.conversation.turns] == ["user", "assistant"] * 2


async def test_another_voice_after_it_has_spoken_is_a_new_session_with_the_conversation(
    backend: rt.LocalServer,
) -> None:
    async with talking(backend, {"turn_detection": None, "voice": "marin"}) as (session, _):
        await session.ask("My name is Ada.")
        before = session.effective["id"]
        effective = await session.update(voice="cedar")
        assert effective["audio"]["output"]["voice"] == "cedar"
        assert effective["id"] != before
        answer = await session.ask("What is my name?")
    assert "Ada" in answer.text
    assert answer.audio is not None
    assert [turn.role for turn in session.conversation.turns] == ["user", "assistant"] * 2
