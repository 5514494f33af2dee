"""What a server or a network may do to a conversation without ending it, over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from realtime_nb import backends
from realtime_nb.client.session import RealtimeSession
from realtime_nb.testing import Script, ScriptedServer, never, run, send
from realtime_nb.wire.realtime import SERVER_TYPES, user_message

EXAMPLES = Path(__file__).parents[1] / "data" / "event_examples.jsonl"
FRAMES = 3_000


def examples() -> list[dict[str, Any]]:
    found = [json.loads(line)["example"] for line in EXAMPLES.read_text().splitlines()]
    return [event for event in found if isinstance(event, dict) and event.get("type") in SERVER_TYPES]


def mutated(rng: random.Random, event: dict[str, Any]) -> str | bytes:
    """A frame with something wrong: a value, a field, its JSON, or its bytes."""
    copy: dict[str, Any] = json.loads(json.dumps(event))
    at: Any = copy
    while isinstance(at, dict) and at and rng.random() < 0.6:
        inner = at[rng.choice(list(at))]
        if not isinstance(inner, dict) or not inner:
            break
        at = inner
    key = rng.choice(list(at))
    change = rng.randrange(6)
    if change == 0:
        del at[key]
    elif change == 1:
        at[key] = rng.choice([None, 0, -1, 1e308, "", "x" * 5000, [], {}, [[[]]], True, "\u202e<img src=x>"])
    elif change == 2:
        at[f"{key}_of_tomorrow"] = at[key]
    frame = json.dumps(copy)
    if change == 3:
        return frame[: rng.randrange(len(frame))]
    if change == 4:
        data = bytearray(frame.encode())
        data[rng.randrange(len(data))] = rng.randrange(256)
        return bytes(data)
    return frame


async def test_thousands_of_damaged_frames_end_neither_connection_nor_session() -> None:
    rng = random.Random(20_261_122)
    events = [event for event in examples() if event["type"] not in ("session.created", "session.updated")]

    async def storm(script: Script) -> None:
        for _ in range(FRAMES):
            await script.socket.send(mutated(rng, rng.choice(events)))

    steps = [
        send("session.created"),
        run(storm),
        send("rate_limits.updated", rate_limits=[{"name": "the end"}]),
        never(),
    ]
    async with ScriptedServer(steps) as server, backends.connect(url=server.url, buffer=0) as conn:
        seen: list[str] = []
        over = asyncio.Event()

        def look(event: Any) -> None:
            seen.append(event.type)
            if event.type == "rate_limits.updated" and event.rate_limits and event.rate_limits[0].name == "the end":
                over.set()

        conn.add_listener(look)
        session = RealtimeSession(conn)
        async with asyncio.timeout(60):
            await over.wait()
        assert conn.closed is None
        assert len(seen) >= FRAMES
        assert all(turn.text is not None for turn in (*session.conversation.turns, *session.conversation.live))
        await session.close()


@contextlib.asynccontextmanager
async def dribble(url: str, chunk: int) -> AsyncIterator[str]:
    """A proxy on this machine that passes what the server says in tiny pieces."""
    host, port = url.removeprefix("ws://").split("/")[0].split(":")

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, size: int) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                for start in range(0, len(data), size):
                    writer.write(data[start : start + size])
                    await writer.drain()
                    await asyncio.sleep(0)
            writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pipe(reader, back, 65_536), pipe(there, writer, chunk))

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime"


async def test_one_byte_at_a_time_is_slow_and_nothing_else() -> None:
    async with backends.connect(backend="local") as direct:
        assert direct.created is not None
    endpoint = backends.resolve("local")
    backend = backends.Backend(url="", headers=endpoint.headers)
    async with dribble(endpoint.url, 1) as url:
        slow = backends.Backend(url=url, headers=backend.headers)
        async with backends.connect(backend=slow) as conn, RealtimeSession(conn, {"output": "text"}) as session:
            assert (await session.ask("Hello", timeout=30)).text


@pytest.mark.parametrize("times", [2, 3])
async def test_repeated_frames_change_nothing(times: int) -> None:
    """Every event of a whole answer comes several times, as after a resumed stream."""

    async def answer(script: Script) -> None:
        while (event := await script.receive())["type"] != "conversation.item.create":
            pass
        item = event["item"]
        create = await script.receive()
        metadata = create["response"]["metadata"]
        where = {"response_id": "resp_1", "item_id": "item_a", "output_index": 0, "content_index": 0}
        message = {"type": "message", "id": "item_a", "role": "assistant", "content": []}
        spoken = {**message, "content": [{"type": "output_text", "text": "Hello!"}], "status": "completed"}
        response = {"id": "resp_1", "conversation_id": "conv_1", "metadata": metadata}
        events: list[dict[str, Any]] = [
            {"type": "conversation.item.added", "item": item},
            {"type": "conversation.item.done", "item": item},
            {"type": "response.created", "response": {**response, "status": "in_progress"}},
            {"type": "response.output_item.added", "response_id": "resp_1", "output_index": 0, "item": message},
            {"type": "response.output_text.delta", **where, "delta": "Hello!"},
            {"type": "response.output_text.done", **where, "text": "Hello!"},
            {"type": "response.output_item.done", "response_id": "resp_1", "output_index": 0, "item": spoken},
            {"type": "response.done", "response": {**response, "status": "completed", "output": [spoken]}},
        ]
        for number, one in enumerate(events):
            for _ in range(times):
                await script.send({"event_id": f"event_x{number}", **one})

    steps = [send("session.created"), run(answer), run(answer), never()]
    async with ScriptedServer(steps) as server, backends.connect(url=server.url) as conn:
        session = RealtimeSession(conn)
        assert (await session.ask("Hi", timeout=5)).text == "Hello!"
        assert [turn.text for turn in session.conversation.turns] == ["Hi", "Hello!"]
        assert server.received_types() == ["conversation.item.create", "response.create"]
        assert not session.response_active
        await session.close()


async def test_what_was_decided_before_the_goodbye_is_said_before_it() -> None:
    async with ScriptedServer([send("session.created"), never()]) as server:
        conn = await backends.connect(url=server.url)
        for _ in range(200):
            conn.post({"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": []}})
        await conn.conversation.item.create(item=user_message("last"))
        await conn.close()
        await server.heard("conversation.item.create", times=201)
