"""A conversation survives repeated events and other faults of a server, over a real websocket."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_nb import backends
from realtime_nb.client.connection import core_of
from realtime_nb.client.session import RealtimeSession
from realtime_nb.testing import Script, ScriptedServer, never, run, send
from realtime_nb.wire.realtime import user_message


@pytest.mark.parametrize("times", [2, 3])
async def test_repeated_frames_change_nothing(times: int) -> None:
    """Repeat every event of a whole answer, as a resumed stream does."""

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


async def test_events_sent_before_close_are_delivered() -> None:
    async with ScriptedServer([send("session.created"), never()]) as server:
        conn = await backends.connect(url=server.url)
        for _ in range(200):
            core_of(conn).sender.post(
                {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": []}}
            )
        await conn.conversation.item.create(item=user_message("last"))
        await conn.close()
        await server.heard("conversation.item.create", times=201)
