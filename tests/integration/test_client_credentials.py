"""A key reaches its own server only, and appears in no error message, repr, log or traceback.

Each test provokes one kind of failure with a server that echoes the key. It then searches for the key in everything
that is printed, with local variables shown and every logger at DEBUG.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import logging
import re
import traceback
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import realtime_nb as rt
from realtime_nb import backends, errors
from realtime_nb.client.connection import core_of
from realtime_nb.client.session import RealtimeSession
from realtime_nb.testing import ScriptedServer, close, expect, never, send

# Like no key of the service, so that only what was given can be known by.
KEY = "azure+SENTINEL/0123456789=="
PASSWORD = "SENTINEL-of-the-proxy"
SHAPES: dict[str, dict[str, Any]] = {
    "api_key": {"api_key": KEY},
    "a function": {"api_key": lambda: KEY},
    "a header": {"headers": {"X-Gateway-Key": KEY}},
    "a backend": {"key_of_backend": True},
}


@pytest.fixture(autouse=True)
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    for name in ("websockets", "websockets.client", "asyncio", "httpx", "httpcore", "realtime_nb"):
        caplog.set_level(logging.DEBUG, logger=name)
    yield
    assert "SENTINEL" not in caplog.text


def seen_of(error: BaseException) -> str:
    """Return all text of an exception: message, arguments, causes, and the package's stack frames with variables.

    The frames of the tests are left out, because they hold the key.
    """
    shown: list[str] = []
    chain: list[BaseException | None] = [error]
    while chain:
        one = chain.pop()
        if one is None:
            continue
        shown += [str(one), repr(one), repr(one.args), repr(vars(one))]
        chain += [one.__cause__, one.__context__]
        # Printed as rich and pytest do; `str` of a local would be of no use to them either.
        told = traceback.TracebackException.from_exception(one, capture_locals=True)
        for frame in told.stack:
            if "/realtime_nb/" in frame.filename.replace("\\", "/"):
                shown += [f"{name}={value}" for name, value in (frame.locals or {}).items()]
    return "\n".join(shown)


def connecting(server: str, given: dict[str, Any], **options: Any) -> Any:
    given = dict(given)
    if given.pop("key_of_backend", False):
        return backends.connect(backend=rt.Backend(url=server, api_key=KEY), open_timeout_s=5, **options)
    return backends.connect(url=server, open_timeout_s=5, **given, **options)


async def failure(server: str, given: dict[str, Any], **options: Any) -> errors.RealtimeError:
    with pytest.raises(errors.RealtimeError) as caught:
        await connecting(server, given, **options)
    assert "SENTINEL" not in seen_of(caught.value)
    return caught.value


@pytest.fixture(params=list(SHAPES.values()), ids=list(SHAPES))
def given(request: pytest.FixtureRequest) -> dict[str, Any]:
    shape: dict[str, Any] = request.param
    return shape


async def test_key_is_hidden_in_a_refused_handshake(given: dict[str, Any]) -> None:
    body = json.dumps({"error": {"message": f"wrong key {KEY}", "code": "invalid_api_key"}})
    async with ScriptedServer(refuse=401, refuse_body=body, refuse_headers={"X-Echo": KEY}) as server:
        error = await failure(server.url, given)
    assert "wrong key ***" in str(error)


async def test_key_is_hidden_in_a_redirect(given: dict[str, Any]) -> None:
    async with ScriptedServer() as elsewhere:
        location = f"{elsewhere.url.replace('//', f'//u:{KEY}@')}?token={KEY}"
        async with ScriptedServer(refuse=302, refuse_headers={"Location": location}) as server:
            await failure(server.url, given)
        assert elsewhere.scripts == []


async def test_key_is_hidden_when_the_first_event_is_an_error(given: dict[str, Any]) -> None:
    error = {"type": "invalid_request_error", "code": "invalid_api_key", "message": f"wrong key {KEY}"}
    async with ScriptedServer([send("error", error=error)]) as server:
        assert "wrong key ***" in str(await failure(server.url, given))


async def test_key_is_hidden_in_the_reason_of_an_immediate_close(given: dict[str, Any]) -> None:
    async with ScriptedServer([close(4001, f"bad key {KEY}")]) as server:
        assert "bad key ***" in str(await failure(server.url, given))


async def test_key_is_hidden_in_later_errors_echoes_and_close_reasons(given: dict[str, Any]) -> None:
    detail = {"type": "server_error", "message": f"your key {KEY} is odd"}
    steps = [
        send("session.created", session={"type": "realtime", "instructions": KEY}),
        expect("input_audio_buffer.clear"),
        send(lambda script: {"type": "error", "error": {**detail, "event_id": script.last["event_id"]}}),
        send("gateway.debug", headers={"authorization": KEY}),
        close(1011, f"gave up on {KEY}"),
    ]
    async with ScriptedServer(steps) as server:
        connection = await connecting(server.url, given)
        seen: list[Any] = []
        connection.on("event", seen.append)
        connection.on("close", seen.append)
        async with RealtimeSession(connection) as session:
            with pytest.raises(errors.ServerError, match=r"your key \*\*\* is odd") as caught:
                await connection.request({"type": "input_audio_buffer.clear"}, timeout=5)
            with pytest.raises(errors.ConnectError, match=r"gave up on \*\*\*") as lost:
                await connection.wait_for("nothing.more", timeout=5)
            shown = repr((connection, session.effective, core_of(connection).created, vars(session.conversation)))
        await connection.close()
    assert "SENTINEL" not in seen_of(caught.value) + seen_of(lost.value) + shown + repr(seen)
    assert len(seen) >= 3


async def test_key_is_hidden_in_a_tls_failure(given: dict[str, Any]) -> None:
    async with ScriptedServer() as server:
        await failure(server.url.replace("ws://", "wss://"), given)


async def test_key_is_hidden_in_an_invalid_http_answer(given: dict[str, Any]) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"NOPE " + request)
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        await failure(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", given)


async def test_key_is_hidden_when_a_client_secret_is_refused(given: dict[str, Any]) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = f"no: {KEY}".encode()
        writer.write(b"HTTP/1.1 401 No\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime"
        backend = rt.Backend(url=url, api_key=KEY) if "api_key" not in given else url
        with pytest.raises(errors.ConnectError, match=r"401.*no: \*\*\*") as caught:
            await rt.create_client_secret(backend=backend, api_key=given.get("api_key"))
    assert "SENTINEL" not in seen_of(caught.value)
    with pytest.raises(errors.ConnectError, match="no answer") as caught:
        await rt.create_client_secret(backend=backend, api_key=given.get("api_key"))
    assert "SENTINEL" not in seen_of(caught.value)


async def test_key_is_hidden_in_errors_of_invalid_options() -> None:
    for refused in (
        lambda: backends.resolve("azure", api_key=KEY),
        lambda: backends.connect(url="ws://host", backend="local", api_key=KEY),
        lambda: backends.resolve("opanai", api_key=KEY),
        lambda: rt.RealtimeWidget(api_key=KEY, speed=17),
    ):
        with pytest.raises(errors.ConfigError) as caught:
            refused()
        assert "SENTINEL" not in seen_of(caught.value)
    for url in (f"wss://me:{KEY}@host/", f"wss://host/?api_key={KEY}"):
        with pytest.raises(errors.ConfigError) as caught:
            backends.resolve(url)
        assert "SENTINEL" not in "".join(traceback.format_exception_only(caught.value)) + repr(caught.value.args)
        assert caught.value.__context__ is None


async def test_key_is_in_no_repr_of_a_public_object() -> None:
    given = {"Authorization": f"Bearer {KEY}"}
    w = rt.RealtimeWidget(api_key=KEY, backend=rt.Backend(url="ws://127.0.0.1:9/", api_key=KEY, headers=given))
    try:
        state = w.get_state()
        objects: list[Any] = [
            w,
            {name: value for name, value in state.items() if name != "_esm"},
            rt.Backend(url="wss://host/?token=" + KEY, api_key=KEY, headers=given),
            backends.resolve("wss://host/?token=" + KEY, api_key=KEY, headers=given),
            backends.resolve("wss://host/", api_key=lambda: KEY),
            backends.connect(url="wss://host/", api_key=KEY, headers=given),
            rt.ClientSecret(value=KEY, expires_at=0, session={"x": KEY}),
            rt.McpTool(server_label="x", server_url="https://x", authorization=KEY, headers={"k": KEY}),
        ]
        for one in objects:
            assert "SENTINEL" not in f"{one!r} {one}"
    finally:
        w.close()


async def test_mcp_credentials_are_removed_from_the_echoed_session() -> None:
    tool = {"type": "mcp", "server_label": "x", "server_url": "https://x", "authorization": KEY, "headers": {"k": KEY}}
    echo = send("session.created", session={"type": "realtime", "tools": [tool, {"type": "function", "name": "f"}]})
    async with ScriptedServer([echo, never()]) as server, backends.connect(url=server.url) as connection:
        session = RealtimeSession(connection)
        hidden, function = session.effective["tools"]
        await session.close()
        assert (hidden["authorization"], hidden["headers"]) == ("***", {"k": "***"})
        assert function["name"] == "f"


async def test_a_key_function_is_asked_again_for_every_connection() -> None:
    made = itertools.count(1)
    async with ScriptedServer([send("session.created"), never()]) as server:
        backend = rt.Backend(url=server.url, api_key=lambda: f"token-{next(made)}")
        for _ in range(2):
            async with backends.connect(backend=backend):
                pass
        assert [script.request_headers["authorization"] for script in server.scripts] == [
            "Bearer token-1",
            "Bearer token-2",
        ]


async def test_error_of_an_expired_client_secret_names_the_expiry() -> None:
    async with ScriptedServer(refuse=401) as server:
        with pytest.raises(errors.ConnectError, match=r"client secret has expired.*create_client_secret") as caught:
            await backends.connect(url=server.url, api_key="ek_SENTINEL0123456789")
    assert "SENTINEL" not in seen_of(caught.value)


# Proxies


@contextlib.asynccontextmanager
async def http_proxy(password: str = "") -> AsyncIterator[tuple[str, list[bytes]]]:
    """An HTTP proxy that requires a password and forwards CONNECT requests."""
    asked: list[bytes] = []

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        asked.append(request)
        wanted = base64.b64encode(f"me:{password}".encode())
        if wanted not in request:
            writer.write(b"HTTP/1.1 407 Who are you, " + wanted + b"\r\n\r\n")
            await writer.drain()
            writer.close()
            return
        host, _, port = request.split()[1].decode().rpartition(":")
        there = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        async with asyncio.TaskGroup() as both:
            both.create_task(pipe(reader, there[1]))
            both.create_task(pipe(there[0], writer))

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


async def test_a_proxy_carries_the_connection_and_sees_no_key() -> None:
    async with http_proxy(PASSWORD) as (address, asked), ScriptedServer([send("session.created"), never()]) as server:
        proxy = f"http://me:{PASSWORD}@{address}"
        async with backends.connect(url=server.url, api_key=KEY, headers={"X-Mine": "1"}, proxy=proxy) as connection:
            assert core_of(connection).created is not None
        (script,) = server.scripts
        assert script.request_headers["authorization"] == f"Bearer {KEY}"
        assert script.request_headers["x-mine"] == "1"
        assert b"Proxy-Authorization" in asked[0]
        assert KEY.encode() not in asked[0]


async def test_a_proxy_that_refuses_a_password_does_not_tell_it() -> None:
    async with http_proxy("another") as (address, _), ScriptedServer() as server:
        error = await failure(server.url, {"api_key": KEY}, proxy=f"http://me:{PASSWORD}@{address}")
        assert "407" in str(error)
        assert "proxy=None" in str(error)
        assert server.scripts == []


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        (f"http://me:{PASSWORD}@127.0.0.1:9", r"the proxy 127\.0\.0\.1:9 on the way to host\.invalid.*proxy=None"),
        (f"ftp://me:{PASSWORD}@127.0.0.1:9", r"ftp.*proxy=None"),
        (f"socks5h://me:{PASSWORD}@127.0.0.1:9", r"python-socks\[asyncio\]|could not be reached"),
    ],
)
async def test_a_proxy_that_cannot_be_used_is_named_without_its_password(proxy: str, words: str) -> None:
    error = await failure("wss://host.invalid/v1/realtime", {"api_key": KEY}, proxy=proxy)
    assert re.search(words, str(error)), str(error)


async def test_the_environments_proxy_is_used_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"http://me:{PASSWORD}@127.0.0.1:9")
    error = await failure("wss://host.invalid/v1/realtime", {"api_key": KEY})
    assert "the proxy 127.0.0.1:9 on the way to host.invalid" in str(error)
