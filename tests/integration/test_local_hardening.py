"""The practice server against clients that leave, stall, send too much, or speak TLS; and its memory afterwards."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import ssl
import weakref
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import connect

from realtime_nb.errors import ConnectError
from realtime_nb.local import LocalServer
from realtime_nb.local.http import websocket as websocket_module
from realtime_nb.local.http.plain_server import MAX_BODY
from realtime_nb.local.http.server import Listening, ServerOptions, serve
from tests.integration.raw_client import PATIENCE_S, http, raw_client

_SECRETS = "/v1/realtime/client_secrets"


@asynccontextmanager
async def _serving(**options: Any) -> AsyncIterator[Listening]:
    """Run a server in this process and on this loop."""
    until = asyncio.Event()
    listening: asyncio.Future[Listening] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        serve(ServerOptions(port=0, voice="plain", pace=0, **options), until=until, announce=listening.set_result)
    )
    try:
        yield await listening
    finally:
        until.set()
        await task


async def _talk(port: int, sent: bytes) -> bytes:
    """Send bytes, and return everything that comes back until the server closes; nothing if it resets."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        await writer.drain()
        async with asyncio.timeout(PATIENCE_S):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def _pages(pid: int) -> int:
    """Return how many pages of memory a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])


# -- what closed sessions hold


async def test_closed_session_is_freed_without_a_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[Any]] = []
    opened = websocket_module.SessionSocket.open

    async def watched(self: websocket_module.SessionSocket, *args: str, **kwargs: str) -> None:
        await opened(self, *args, **kwargs)
        made.extend(weakref.ref(part) for part in (self._machine, self._runner, self._detector))

    monkeypatch.setattr(websocket_module.SessionSocket, "open", watched)
    async with _serving() as server:
        gc.collect()
        gc.disable()
        try:
            for _ in range(3):
                async with raw_client(server.url) as client:
                    await client.append(np.zeros(24_000, np.int16))
                    await client.ask("Hello!")
            assert len(made) == 9
            async with asyncio.timeout(PATIENCE_S):
                while any(part() is not None for part in made):  # noqa: ASYNC110 - there is no event for it
                    await asyncio.sleep(0.02)
        finally:
            gc.enable()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux to read another process's memory")
async def test_server_keeps_its_size_after_many_sessions() -> None:
    async def one_round(url: str) -> None:
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(raw_client(url)) for _ in range(20)]
            for client in clients:
                await client.append(np.zeros(24_000, np.int16))
                await client.update(output_modalities=["text"])
            await clients[0].ask("Hello!")

    async with LocalServer() as server:
        assert server._process is not None
        await one_round(server.url)
        first = _pages(server._process.pid)
        for _ in range(5):
            await one_round(server.url)
        assert _pages(server._process.pid) < 1.3 * first


# -- requests


async def test_body_that_is_too_large_is_refused_before_it_is_read() -> None:
    async with _serving() as server:
        head = f"POST {_SECRETS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {50 * MAX_BODY}\r\n\r\n"
        answer = await _talk(server.port, head.encode())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"request_too_large" in answer


async def test_body_of_unannounced_length_is_cut_at_the_same_size() -> None:
    async with _serving() as server:
        head = f"POST {_SECRETS} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"%x\r\n%s\r\n" % (MAX_BODY // 2, b" " * (MAX_BODY // 2))
        answer = await _talk(server.port, head.encode() + 3 * chunk)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")  # the reset may overtake the answer


async def test_body_of_a_many_tooled_secret_is_read() -> None:
    tool = {"type": "function", "name": "f", "description": "x" * 1000, "parameters": {"type": "object"}}
    session = {"type": "realtime", "tools": [tool] * 200}
    async with _serving() as server, httpx.AsyncClient() as client:
        answer = await client.post(http(server.url) + _SECRETS, json={"session": session})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "half",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"POST /v1/real", id="half a line"),
        pytest.param(b"GET /v1/realtime HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n", id="half the headers"),
        pytest.param(
            f"POST {_SECRETS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90\r\n\r\n{{".encode(), id="half a body"
        ),
    ],
)
async def test_half_a_request_is_closed(half: bytes) -> None:
    async with _serving(request_s=0.2) as server:
        await _talk(server.port, half)


async def test_open_session_outlives_the_time_for_a_request() -> None:
    async with _serving(request_s=0.2) as server, raw_client(server.url) as client:
        await asyncio.sleep(0.5)
        await client.update(instructions="Still here.")


@pytest.mark.parametrize("levels", [150, 980, 100_000])
async def test_deeply_nested_json_is_refused(levels: int, caplog: pytest.LogCaptureFixture) -> None:
    deep = '{"a":' * levels + "1" + "}" * levels
    tool = f'{{"type":"function","name":"f","parameters":{deep}}}'
    bodies = [deep, "[" * levels, f'{{"session":{{"type":"realtime","tools":[{tool}]}}}}']
    async with _serving() as server:
        async with httpx.AsyncClient() as client:
            for body in bodies:
                answer = await client.post(http(server.url) + _SECRETS, content=body)
                assert answer.status_code == 400
                assert answer.json()["error"]["code"] == "invalid_json"
        async with raw_client(server.url) as session:
            for frame in (deep, f'{{"type":"session.update","session":{{"type":"realtime","tools":[{tool}]}}}}'):
                await session.send_raw(frame)
                assert (await session.until("error"))[-1]["error"]["code"] == "invalid_json"
            await session.update(instructions="Still here.")
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_clients_that_vanish_while_answers_are_sent_leave_no_unretrieved_exception() -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    async def vanish(url: str, after_s: float) -> None:
        socket = await connect(url, compression=None)
        content = [{"type": "input_text", "text": "Count to twenty."}]
        item = {"type": "message", "role": "user", "content": content}
        await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
        await socket.send(json.dumps({"type": "response.create"}))
        await asyncio.sleep(after_s)
        socket.transport.abort()

    async with _serving() as server:
        for _ in range(3):
            await asyncio.gather(*(vanish(server.url, 0.01 * number) for number in range(20)))
        async with raw_client(server.url) as client:
            await client.ask("Hello!")
    gc.collect()
    await asyncio.sleep(0)
    assert reported == []


# -- TLS


async def test_client_that_begins_tls_fails_at_once_and_the_log_says_why(caplog: pytest.LogCaptureFixture) -> None:
    anyone = ssl.create_default_context()
    anyone.check_hostname = False
    anyone.verify_mode = ssl.CERT_NONE
    async with _serving() as server:
        for _ in range(2):
            with pytest.raises(ssl.SSLError):
                async with asyncio.timeout(PATIENCE_S):
                    await asyncio.open_connection("127.0.0.1", server.port, ssl=anyone)
        assert b"use ws:// instead of wss://" in await _talk(server.port, b"\x16\x03\x01\x02\x00\x01\x00")
        async with raw_client(server.url) as client:
            await client.update(instructions="Still here.")
    assert [record.getMessage() for record in caplog.records].count(caplog.records[-1].getMessage()) == 1
    assert "plain ws://" in caplog.text


async def test_our_client_names_the_scheme_of_a_server_without_tls() -> None:
    import realtime_nb as rt

    async with _serving() as server:
        secure = f"wss://127.0.0.1:{urlsplit(server.url).port}/v1/realtime"
        with pytest.raises(ConnectError, match="ws:// instead of wss://"):
            async with rt.connect(url=secure, api_key="sk-test"):
                pass
