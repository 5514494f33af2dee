"""`rt.testing.ScriptedServer`, a public class, plays its steps and reports unmet expectations."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.client import connect

from realtime_nb import testing
from realtime_nb.testing import ScriptedServer, close, delay, expect, raw, run, send
from realtime_nb.wire.realtime import InputAudioBufferCleared


async def test_scripted_server_plays_its_steps_in_order() -> None:
    async def note(script: testing.Script) -> None:
        assert script.request_headers["x-test"] == "1"
        assert script.path == "/v1/realtime?model=m"

    steps = [
        run(note),
        send("session.created"),
        send(InputAudioBufferCleared(event_id="mine")),
        expect("response.create", response=lambda params: params["instructions"] == "be brief"),
        send(lambda script: {"type": "echo", "was": script.last["response"]}),
        delay(0),
        raw(b"\x00\x01"),
        close(4000, "the end"),
    ]
    with ScriptedServer(steps) as server:
        async with connect(f"{server.url}?model=m", additional_headers={"X-Test": "1"}) as socket:
            assert json.loads(await socket.recv())["session"]["type"] == "realtime"
            assert json.loads(await socket.recv()) == {"type": "input_audio_buffer.cleared", "event_id": "mine"}
            await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": ""}))
            await socket.send(json.dumps({"type": "response.create", "response": {"instructions": "be brief"}}))
            assert json.loads(await socket.recv())["was"] == {"instructions": "be brief"}
            assert await socket.recv() == b"\x00\x01"
            await socket.wait_closed()
            assert (socket.close_code, socket.close_reason) == (4000, "the end")
        await server.heard("response.create")
        assert server.received_types() == ["response.create"]


@pytest.mark.parametrize(
    "sent", [{"type": "session.update", "session": {}}, {"type": "response.create", "response": {"instructions": "no"}}]
)
async def test_unmet_expectation_fails_the_test(sent: dict[str, object]) -> None:
    server = ScriptedServer([expect("response.create", response={"instructions": "yes"})])

    async def talk() -> None:
        async with server, connect(server.url) as socket:
            await socket.send(json.dumps(sent))
            await asyncio.wait_for(socket.wait_closed(), 5)

    with pytest.raises(AssertionError, match="expected"):
        await talk()


async def test_script_error_is_shown_with_the_failure_it_caused() -> None:
    server = ScriptedServer([expect("response.create")])

    async def talk() -> None:
        async with server, connect(server.url) as socket:
            await socket.send(json.dumps({"type": "session.update"}))
            await asyncio.wait_for(socket.wait_closed(), 5)
            raise KeyError("what the test saw")

    with pytest.raises(KeyError) as caught:
        await talk()
    assert "expected 'response.create'" in "".join(caught.value.__notes__)
