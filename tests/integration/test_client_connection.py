"""The connection over real websockets, to scripted servers and to the local backend."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import threading
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection, serve

import realtime_nb as rt
from realtime_nb import backends, errors, testing
from realtime_nb.client.connection import RealtimeConnection
from realtime_nb.client.transport.close import CloseEvent
from realtime_nb.testing import ScriptedServer, close, expect, never, raw, send
from realtime_nb.wire.realtime import (
    ErrorEvent,
    MessageItem,
    ResponseDone,
    ResponseOutputAudioDelta,
    UnknownEvent,
    user_message,
)
from tests.sdk_validator import check_client

CREATED = send("session.created")


def connect(server: ScriptedServer, **options: Any) -> RealtimeConnection:
    return backends.connect(url=server.url, **options)


async def test_a_typed_turn_with_the_local_backend_as_in_the_readme() -> None:
    said: list[str] = []
    async with backends.connect(backend="local") as conn:
        conn.on("response.output_text.delta", lambda event: said.append(event.delta))
        await conn.session.update(instructions="Be brief.", output_modalities=["text"])
        await conn.conversation.item.create(item=user_message("Say hello!"))
        await conn.response.create()
        async for event in conn:
            if event.type == "response.done":
                break
    assert isinstance(event, ResponseDone)
    assert event.response.status == "completed"
    (message,) = event.response.output or []
    assert isinstance(message, MessageItem)
    assert "".join(said) == message.content[0].text


async def test_nothing_is_sent_before_session_created() -> None:
    async with ScriptedServer([CREATED, expect("session.update"), send("session.updated"), never()]) as server:
        async with connect(server) as conn:
            await conn.request({"type": "session.update", "session": {"type": "realtime"}})
        assert server.received_types() == ["session.update"]


async def test_timeout_without_session_created_names_the_event() -> None:
    async with ScriptedServer([never()]) as server:
        with pytest.raises(errors.TimeoutError, match=r"no session\.created within 0\.2 s") as caught:
            await connect(server, open_timeout_s=0.2)
        assert isinstance(caught.value, TimeoutError)


async def test_handlers_and_sends_come_before_the_connection_is_open_and_wait_in_order() -> None:
    heard: list[str] = []
    async with ScriptedServer([CREATED, never()]) as server:
        conn = connect(server)
        conn.on("session.created", lambda event: heard.append(event.type))
        await conn.input_audio_buffer.append(b"\0\0")
        await conn.input_audio_buffer.commit()
        await conn.response.create()
        assert server.scripts == [], "nothing was opened yet"
        async with conn:
            await conn.response.cancel()
            await server.heard("response.cancel")
    types = ["input_audio_buffer.append", "input_audio_buffer.commit", "response.create", "response.cancel"]
    assert server.received_types(ignoring=()) == types
    assert heard == ["session.created"]


async def test_queue_before_connecting_is_bounded_and_its_error_names_the_limit() -> None:
    conn = rt.connect(url="ws://127.0.0.1:9/v1/realtime")
    for _ in range(1024):
        await conn.response.create()
    with pytest.raises(errors.ConnectError, match=r"1024 events .* wait for it already"):
        await conn.response.create()
    with pytest.raises(errors.ConnectError):
        await conn


async def test_pending_request_raises_when_the_connection_never_opens() -> None:
    conn = rt.connect(url="ws://127.0.0.1:9/v1/realtime")
    asked: asyncio.Task[Any] = asyncio.ensure_future(conn.request({"type": "response.create"}))
    await asyncio.sleep(0)
    with pytest.raises(errors.ConnectError):
        await conn
    with pytest.raises(errors.ConnectError, match="nothing listens there"):
        await asked


async def test_another_voice_is_refused_once_it_has_spoken_and_the_same_is_left_out() -> None:
    marin = {"type": "realtime", "audio": {"output": {"voice": "marin"}}}
    delta = {"response_id": "r", "item_id": "i", "output_index": 0, "content_index": 0, "delta": "AAAA"}
    spoken = {"type": "response.output_audio.delta", **delta}
    async with (
        ScriptedServer([send("session.created", session=marin), send(spoken), never()]) as server,
        connect(server) as conn,
    ):
        await conn.wait_for("response.output_audio.delta", timeout=5)
        with pytest.raises(errors.ConfigError, match=r"voice='cedar': the service fixes the voice .*'marin' now"):
            await conn.session.update(audio={"output": {"voice": "cedar"}})
        await conn.session.update(audio={"output": {"voice": "marin", "speed": 1.2}})
        await server.heard("session.update")
    assert [event["session"]["audio"]["output"] for event in server.received] == [{"speed": 1.2}]


async def test_sends_after_close_are_refused_clearly() -> None:
    async with ScriptedServer([CREATED, never()]) as server:
        conn = await connect(server)
        await conn.close()
        with pytest.raises(errors.ConnectError, match="closed"):
            await conn.response.create()
        with pytest.raises(errors.ConnectError, match="closed"):
            await conn.input_audio_buffer.append(b"\0\0")


async def test_every_client_event_is_valid_for_the_official_sdk() -> None:
    async with ScriptedServer([CREATED, never()]) as server:
        async with connect(server) as conn:
            await conn.session.update(instructions="", tools=[], audio={"input": {"turn_detection": None}})
            await conn.conversation.item.create(item=user_message("hi"), previous_item_id="root")
            await conn.conversation.item.retrieve(item_id="item_1")
            await conn.conversation.item.truncate(item_id="item_1", audio_end_ms=20)
            await conn.conversation.item.delete(item_id="item_1")
            await conn.input_audio_buffer.append(np.arange(480, dtype=np.int16))
            await conn.input_audio_buffer.append(b"\1\2")
            await conn.input_audio_buffer.commit()
            await conn.input_audio_buffer.clear()
            await conn.output_audio_buffer.clear()
            await conn.response.create(conversation="none", input=[], metadata={"a": "b"})
            await conn.response.create()
            await conn.response.cancel(response_id="resp_1")
            with pytest.raises(errors.ConfigError, match=r"Did you mean 'instructions'\?"):
                await conn.session.update(instruction="x")
        await server.heard("response.cancel")
        received = server.received
    assert len(received) == 13
    for event in received:
        assert check_client(event)["event_id"]
    assert len({event["event_id"] for event in received}) == len(received)
    assert base64.b64decode(received[5]["audio"]) == np.arange(480, dtype="<i2").tobytes()


async def test_sound_that_is_longer_than_one_append_may_be_is_split() -> None:
    pcm = np.arange(5 * 2**20, dtype=np.int64).astype(np.int16)
    async with ScriptedServer([CREATED, never()]) as server:
        async with connect(server) as conn:
            await conn.input_audio_buffer.append(pcm)
        await server.heard("input_audio_buffer.append", times=2)
        audio = [base64.b64decode(event["audio"]) for event in server.received]
    assert len(audio) == 2
    assert b"".join(audio) == pcm.tobytes()
    assert max(len(event["audio"]) for event in server.received) <= 15 * 2**20


async def test_request_returns_the_acknowledgement_of_its_own_event() -> None:
    def added(script: testing.Script) -> list[dict[str, Any]]:
        other = {"type": "message", "id": "someone_elses", "role": "user", "content": []}
        return [
            {"type": "conversation.item.added", "item": other},
            {"type": "conversation.item.added", "item": script.last["item"]},
        ]

    steps = [CREATED, expect("conversation.item.create"), send(added), never()]
    async with ScriptedServer(steps) as server, connect(server) as conn:
        event = await conn.request({"type": "conversation.item.create", "item": user_message("hi")})
        assert event.item.content[0].text == "hi"


async def test_request_raises_the_servers_error_with_code_param_and_event() -> None:
    async with backends.connect(backend="local") as conn:
        with pytest.raises(errors.ServerError, match="nope") as caught:
            await conn.request({"type": "conversation.item.delete", "item_id": "nope", "event_id": "mine"})
        assert caught.value.event_id == "mine"
        assert caught.value.code
        # and the session goes on
        created = await conn.request({"type": "response.create", "response": {"output_modalities": ["text"]}})
        assert created.type == "response.created"


async def test_request_timeout_names_the_awaited_event() -> None:
    async with ScriptedServer([CREATED, never()]) as server, connect(server) as conn:
        with pytest.raises(errors.TimeoutError, match=r"'input_audio_buffer\.clear' within 0\.05 s"):
            await conn.request({"type": "input_audio_buffer.clear"}, timeout=0.05)
        with pytest.raises(errors.ConfigError, match="acknowledges no"):
            await conn.request({"type": "input_audio_buffer.append", "audio": ""})


async def test_wait_for_counts_events_from_its_call_on() -> None:
    steps = [CREATED, expect("response.create"), send("response.done", response={"id": "resp_1"}), never()]
    async with ScriptedServer(steps) as server, connect(server) as conn:
        done = conn.wait_for("response.done", timeout=5)
        await conn.response.create()
        await conn.wait_for("response.done", timeout=5)
        assert (await done).response.id == "resp_1"
        with pytest.raises(errors.TimeoutError, match=r"no 'rate_limits\.updated' came within 0\.01 s"):
            await conn.wait_for("rate_limits.updated", timeout=0.01)


async def test_unknown_beta_and_damaged_events_are_delivered_and_end_nothing() -> None:
    steps = [
        CREATED,
        send("tomorrow.happened", novelty={"a": 1}),
        send("response.audio_transcript.delta", item_id="item_1", delta="beta"),
        raw("this is not JSON"),
        raw(b'{"type":"response.done","response":3}'),
        send("input_audio_buffer.cleared"),
        close(),
    ]
    async with ScriptedServer(steps) as server, connect(server) as conn:
        heard: list[int] = []
        conn.on("tomorrow.happened", lambda event: heard.append(event.raw["novelty"]["a"]))
        events = [event async for event in conn]
    created, unknown, beta, malformed, odd, cleared = events
    assert isinstance(malformed, ErrorEvent)
    assert isinstance(odd, ResponseDone)
    assert created.type == "session.created"
    assert isinstance(unknown, UnknownEvent)
    assert unknown.raw["novelty"] == {"a": 1}
    assert beta.type == "response.output_audio_transcript.delta"
    assert malformed.error.code == "malformed_frame"
    assert (odd.lost, (odd.raw or {})["response"]) == (("response",), 3)
    assert cleared.type == "input_audio_buffer.cleared"
    assert heard == [1]


async def test_handlers_run_in_order_off_the_receive_path_and_may_raise(caplog: pytest.LogCaptureFixture) -> None:
    gate = threading.Event()
    slow: list[int] = []
    quick: list[int] = []
    reported: list[tuple[str, str]] = []

    def dawdling(event: Any) -> None:
        gate.wait(5)
        slow.append(int(event.delta))
        if event.delta == "1":
            raise ValueError("a bug")

    deltas = [send("response.output_text.delta", item_id="i", delta=str(number)) for number in range(4)]

    def report(error: BaseException, kind: str) -> None:
        reported.append((str(error), kind))

    async with ScriptedServer([CREATED, *deltas, never()]) as server, connect(server, on_handler_error=report) as conn:
        conn.on("response.output_text.delta", dawdling)

        @conn.on("event")
        async def note(event: Any) -> None:
            quick.append(event.type == "response.output_text.delta")

        seen = [await conn.recv() for _ in range(5)]
        assert len(seen) == 5, "the receive loop does not wait for a handler"
        assert slow == []
        gate.set()
    assert slow == [0, 1, 2, 3]
    assert sum(quick) == 4
    assert reported == [("a bug", "response.output_text.delta")]
    assert "a bug" in caplog.text


async def test_once_runs_a_handler_once_and_off_removes_it() -> None:
    deltas = [send("response.output_text.delta", item_id="i", delta=str(number)) for number in range(3)]
    once: list[str] = []
    never_called: list[Any] = []
    async with (
        ScriptedServer([CREATED, expect("response.create"), *deltas, close()]) as server,
        connect(server) as conn,
    ):
        conn.once("response.output_text.delta", lambda event: once.append(event.delta))
        conn.on("response.output_text.delta", never_called.append)
        conn.off("response.output_text.delta", never_called.append)
        await conn.response.create()
        assert [event.type async for event in conn][1:] == ["response.output_text.delta"] * 3
    assert once == ["0"]
    assert never_called == []


async def test_off_removes_one_of_two_registrations() -> None:
    delta = send("response.output_text.delta", item_id="i", delta="x")
    heard: list[str] = []
    steps = [CREATED, expect("response.create"), delta, expect("response.create"), delta, close()]

    async with ScriptedServer(steps) as server, connect(server) as conn:

        @conn.on("response.output_text.delta")
        @conn.on("response.output_text.delta")
        async def hear(event: Any) -> None:
            heard.append(event.delta)

        arrived = conn.wait_for("response.output_text.delta", timeout=5)
        await conn.response.create()
        await arrived
        conn.off("response.output_text.delta", hear)
        await conn.response.create()
        async for _ in conn:
            pass
    assert heard == ["x"] * 3, "two for the first event, one for the second"


async def test_the_end_of_a_connection_is_told_as_the_peer_gave_it() -> None:
    closes: list[CloseEvent] = []
    async with ScriptedServer([CREATED, close(4003, "seat taken by another client")]) as server:
        conn = await connect(server)
        assert conn.url == server.url
        conn.on("close", closes.append)
        with pytest.raises(errors.ConnectError, match=r"4003 \(seat taken by another client\)"):
            await conn.wait_for("response.done", timeout=5)
        await conn.close(1000, "ours")
        assert conn.closed is not None
        assert (conn.closed.code, conn.closed.reason) == (4003, "seat taken by another client")
        assert closes == [conn.closed]
        with pytest.raises(errors.ConnectError, match="seat taken by another client"):
            await conn.response.create()


async def test_a_handler_may_close_the_connection() -> None:
    async with ScriptedServer(
        [CREATED, expect("response.create"), send("input_audio_buffer.cleared"), never()]
    ) as server:
        conn = await connect(server)

        @conn.on("input_audio_buffer.cleared")
        async def end(event: Any) -> None:
            await conn.close()

        await conn.response.create()
        assert [event.type async for event in conn] == ["session.created", "input_audio_buffer.cleared"]
        assert conn.closed is not None


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "going away")])
async def test_normal_close_ends_the_iteration(code: int, reason: str) -> None:
    closes: list[CloseEvent] = []
    async with ScriptedServer([CREATED, close(code, reason)]) as server, connect(server) as conn:
        conn.on("close", closes.append)
        assert [event.type async for event in conn] == ["session.created"]
        with pytest.raises(errors.ConnectError, match="closed"):
            await conn.recv()
    assert [(event.code, event.error) for event in closes] == [(code, None)]


@pytest.mark.parametrize(
    ("step", "words"), [(close(1011, "oops"), "1011 .oops"), (close(4000, "bad"), "4000"), (testing.abort(), "1006")]
)
async def test_abnormal_close_raises_for_pending_calls(step: testing.Step, words: str) -> None:
    closes: list[CloseEvent] = []
    troubles: list[ErrorEvent] = []
    async with ScriptedServer([CREATED, expect("response.create"), step]) as server:
        conn = await connect(server)
        conn.on("close", closes.append)
        conn.on("error", troubles.append)
        waiting = asyncio.ensure_future(conn.wait_for("response.done"))
        request = asyncio.ensure_future(conn.request({"type": "response.create"}))
        with pytest.raises(errors.ConnectError, match=words):
            async for _ in conn:
                pass
        for waiter in (waiting, request):
            with pytest.raises(errors.ConnectError, match=words):
                await waiter
        await conn.close()
        await conn.close()
    assert len(closes) == 1
    assert isinstance(closes[0].error, errors.ConnectError)
    assert [event.error.code for event in troubles] == ["connection_lost"]


async def test_the_time_limit_of_a_session_is_an_error_of_its_own() -> None:
    async with (
        ScriptedServer([CREATED, close(1001, "Session reached its maximum duration")]) as server,
        connect(server) as conn,
    ):
        with pytest.raises(errors.SessionExpired):
            async for _ in conn:
                pass


async def test_a_frame_of_16_mib_passes_and_a_larger_one_names_the_limit() -> None:
    big = send("response.output_audio.delta", item_id="i", delta="A" * 16 * 2**20)
    async with ScriptedServer([CREATED, big, never()]) as server, connect(server) as conn:
        await conn.recv()
        sound = await conn.recv()
        assert isinstance(sound, ResponseOutputAudioDelta)
        assert len(sound.delta) == 16 * 2**20
    async with ScriptedServer([CREATED, big, never()]) as server, connect(server, max_size=2**20) as conn:
        with pytest.raises(errors.ConnectError, match=r"limit of 1048576 bytes; pass max_size="):
            async for _ in conn:
                pass


async def test_burst_of_frames_is_delivered_complete_and_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited = 0
    recv = ClientConnection.recv

    async def counted(self: ClientConnection, decode: bool | None = None) -> Any:
        nonlocal waited
        waited += 1
        return await recv(self, decode)

    monkeypatch.setattr(ClientConnection, "recv", counted)
    numbers = [str(number) for number in range(500)]
    where = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
    frames: list[dict[str, Any]] = [
        {"type": "session.created", "event_id": "event_0", "session": {"type": "realtime"}},
        *(
            {"type": "response.output_text.delta", "event_id": "event_1", **where, "delta": number}
            for number in numbers
        ),
    ]

    async def answer(socket: ServerConnection) -> None:
        for frame in frames:
            socket.protocol.send_text(json.dumps(frame).encode())
        socket.transport.write(b"".join(socket.protocol.data_to_send()))  # at once: a few reads have it all
        await socket.wait_closed()

    async with serve(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with backends.connect(url=f"ws://127.0.0.1:{port}/v1/realtime") as conn:
            await conn.recv()
            events = [await conn.recv() for _ in numbers]
    heard = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert heard == numbers
    assert waited < 100, "this version of websockets keeps its frames elsewhere: WebSocketTransport.recv is slow"


async def test_every_awaitable_may_be_awaited_from_any_loop() -> None:
    steps = [CREATED, expect("input_audio_buffer.clear"), send("input_audio_buffer.cleared"), never()]
    async with ScriptedServer(steps) as server:
        conn = await connect(server)

        async def elsewhere() -> list[str]:
            cleared = conn.wait_for("input_audio_buffer.cleared", timeout=5)
            answer = await conn.request({"type": "input_audio_buffer.clear"})
            await conn.input_audio_buffer.append(b"\0\0")
            first = await conn.recv()
            types = [answer.type, (await cleared).type, first.type]
            await conn.close()
            return types

        found = await asyncio.to_thread(asyncio.run, elsewhere())
    assert found == ["input_audio_buffer.cleared", "input_audio_buffer.cleared", "session.created"]


async def test_frames_and_keys_are_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with ScriptedServer([CREATED, expect("conversation.item.create"), never()]) as server:
        async with connect(server, api_key="sk-SENTINEL-key") as conn:
            await conn.conversation.item.create(item=user_message("SENTINEL words"))
            assert "SENTINEL" not in repr(conn)
        assert server.scripts[0].request_headers["authorization"] == "Bearer sk-SENTINEL-key"
    client_side = [record for record in caplog.records if "server" not in record.name]
    assert "SENTINEL" not in " ".join(json.dumps(record.getMessage()) for record in client_side)


async def test_cancelling_a_reader_loses_no_event() -> None:
    async with (
        ScriptedServer([CREATED, expect("response.create"), send("input_audio_buffer.cleared"), never()]) as server,
        connect(server) as conn,
    ):
        await conn.recv()
        for _ in range(3):
            reader = asyncio.ensure_future(conn.recv())
            await asyncio.sleep(0)
            reader.cancel()
        await conn.response.create()
        assert (await conn.recv()).type == "input_audio_buffer.cleared"


async def test_reader_that_never_reads_has_bounded_memory_and_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    deltas = [send("response.output_text.delta", item_id="i", delta=str(number)) for number in range(20)]
    async with ScriptedServer([CREATED, *deltas, send("input_audio_buffer.cleared"), never()]) as server:
        conn = await connect(server, buffer=5)
        await conn.wait_for("input_audio_buffer.cleared", timeout=5)
        assert "no code reads" in caplog.text
        assert [getattr(await conn.recv(), "delta", "") for _ in range(5)] == ["16", "17", "18", "19", ""]
        await conn.close()
