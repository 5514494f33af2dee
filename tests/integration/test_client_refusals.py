"""The error of a failed connection names the host, the status and the remedy, and never a key."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import re
import socket
import ssl
import subprocess
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from realtime_nb import backends, errors
from realtime_nb.testing import ScriptedServer, close, raw, send

KEY = "sk-SENTINEL-0123456789"


async def refusal_of(url: str, **options: object) -> errors.ConnectError:
    with pytest.raises(errors.ConnectError) as caught:
        await backends.connect(url=url, api_key=KEY, open_timeout_s=5, **options)  # type: ignore[arg-type]
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert "SENTINEL" not in shown
    return caught.value


@pytest.mark.parametrize(
    ("status", "retryable", "words"),
    [
        (401, False, "API key is missing, wrong or expired.*OPENAI_API_KEY.*api_key="),
        (403, False, "not allowed.*permissions"),
        (404, False, "model 'gpt-nope'.*model="),
        (400, False, "refused the websocket"),
        (429, True, "quota"),
        (500, True, "Try again"),
        (503, True, "Try again"),
        (200, False, "not a websocket.*path"),
    ],
)
async def test_error_of_each_http_status_names_the_remedy(status: int, retryable: bool, words: str) -> None:
    async with ScriptedServer(refuse=status) as server:
        error = await refusal_of(server.url, model="gpt-nope")
    assert error.status == status
    assert error.retryable is retryable
    assert "127.0.0.1" in str(error)
    assert str(status) in str(error)
    assert re.search(words, str(error))


async def test_server_message_is_shown_without_an_echoed_key() -> None:
    body = f'{{"error": {{"message": "Incorrect API key provided: {KEY}. Find yours.", "code": "invalid_api_key"}}}}'
    async with ScriptedServer(refuse=401, refuse_body=body) as server:
        error = await refusal_of(server.url)
    assert "Incorrect API key provided: ***. Find yours." in str(error)


async def test_a_redirect_is_refused_and_the_key_goes_nowhere() -> None:
    async with ScriptedServer([send("session.created")]) as elsewhere:
        headers = {"Location": f"{elsewhere.url}?token={KEY}"}
        async with ScriptedServer(refuse=307, refuse_headers=headers) as server:
            error = await refusal_of(server.url)
        assert elsewhere.scripts == [], "the other address got no connection"
    assert "Redirects are not followed" in str(error)
    assert elsewhere.url in str(error)


async def test_refused_tcp_connection_is_explained() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for host in ("127.0.0.1", "localhost"):
        error = await refusal_of(f"ws://{host}:{port}/v1/realtime")
        assert f"{host}:{port} refused the connection" in str(error)
        assert error.retryable


async def test_unknown_host_name_is_explained() -> None:
    error = await refusal_of("wss://nowhere.invalid/v1/realtime")
    assert "nowhere.invalid" in str(error)
    assert "resolved" in str(error)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def tcp_server(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await talk(reader, writer)
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_server_that_closes_during_the_handshake_is_explained() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()

    async with tcp_server(hang_up) as port:
        error = await refusal_of(f"ws://127.0.0.1:{port}/v1/realtime")
    assert "did not answer as a websocket server" in str(error)


async def test_server_without_http_is_explained() -> None:
    async def banner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp.example ESMTP\r\n\r\n")
        await writer.drain()

    async with tcp_server(banner) as port:
        error = await refusal_of(f"ws://127.0.0.1:{port}/v1/realtime")
    assert "did not answer as a websocket server" in str(error)


async def test_handshake_timeout_is_explained() -> None:
    released = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()

    async with tcp_server(silent) as port:
        with pytest.raises(errors.ConnectError, match="did not answer in time"):
            await backends.connect(url=f"ws://127.0.0.1:{port}/v1/realtime", open_timeout_s=0.2)
        released.set()


async def test_plain_server_on_a_tls_address_is_explained() -> None:
    async def banner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with tcp_server(banner) as port:
        error = await refusal_of(f"wss://127.0.0.1:{port}/v1/realtime")
    assert "TLS" in str(error)
    assert "ws://" in str(error)


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


async def test_untrusted_certificate_is_explained(self_signed: ssl.SSLContext) -> None:
    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        return None

    async with tcp_server(nothing, self_signed) as port:
        error = await refusal_of(f"wss://localhost:{port}/v1/realtime")
    assert "certificate" in str(error)
    assert "SSL_CERT_FILE" in str(error)
    assert not error.retryable


async def test_error_of_an_immediate_close_has_its_code_and_reason() -> None:
    async with ScriptedServer([close(4001, "no such model")]) as server:
        error = await refusal_of(server.url)
    assert "closed the connection at once (code 4001, no such model)" in str(error)


async def test_websocket_without_realtime_events_is_explained() -> None:
    async with ScriptedServer([raw("<html>hello</html>")]) as server:
        error = await refusal_of(server.url)
    assert "does not speak the Realtime API" in str(error)
    assert not error.retryable


async def test_session_refused_by_an_error_event_is_explained() -> None:
    refused = send("error", error={"type": "invalid_request_error", "code": "model_not_found", "message": "No model x"})
    async with ScriptedServer([refused]) as server:
        error = await refusal_of(server.url)
    assert "refused the session: No model x" in str(error)


async def test_unreachable_proxy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    error = await refusal_of("wss://example.com/v1/realtime")
    assert "proxy" in str(error).lower() or "refused the connection" in str(error)


async def test_a_wrong_token_for_the_local_backend_is_a_401(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    from realtime_nb.local import LocalServer

    async with LocalServer(token="right-SENTINEL") as server:
        with pytest.raises(errors.ConnectError) as caught:
            await backends.connect(url=server.url, api_key="wrong-SENTINEL")
        assert caught.value.status == 401
        assert "SENTINEL" not in str(caught.value)
        async with backends.connect(url=server.url, api_key="right-SENTINEL") as conn:
            assert (await conn.recv()).type == "session.created"
    assert "SENTINEL" not in caplog.text


async def test_a_client_secret_of_the_local_backend_opens_a_session() -> None:
    secret = await backends.create_client_secret({"instructions": "Be brief."}, ttl_s=60, backend="local")
    assert secret.value.startswith("ek_")
    assert secret.value not in repr(secret)
    assert secret.expires_at > datetime.datetime.now(datetime.UTC).timestamp()
    endpoint = backends.resolve("local")
    async with backends.connect(url=endpoint.url, api_key=secret.value) as conn:
        created = await conn.recv()
        assert created.type == "session.created"
        assert getattr(created.session, "instructions", None) == "Be brief."
    with pytest.raises(errors.ConfigError, match="10 to 7200"):
        await backends.create_client_secret(ttl_s=5, backend="local")
    with pytest.raises(errors.ConnectError, match=r"answered 401.*OPENAI_API_KEY") as caught:
        await backends.create_client_secret(backend=backends.Backend(url=endpoint.url, api_key=KEY))
    assert "SENTINEL" not in str(caught.value)
