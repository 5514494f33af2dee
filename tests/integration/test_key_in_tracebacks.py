"""No frame of the package holds a key in a variable, however a connection fails."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import realtime_nb as rt
from realtime_nb.testing import ScriptedServer, abort, close, expect, never, raw, send
from tests.integration.frames import shown

KEY = "a-key/of+no=known-shape-0123456789"
LIKE_A_KEY = "sk-test-0123456789abcdefghij"


async def failure(run: Callable[[], Awaitable[Any]], *, key: str = KEY) -> BaseException:
    """Return the exception of `run`, after a search for the key in all that a verbose traceback shows of it."""
    try:
        async with asyncio.timeout(60):
            await run()
    except Exception as error:
        found = [f"{where}: {text[:200]}" for where, text in shown(error) if key in text]
        assert not found, "\n".join(found)
        return error
    raise AssertionError("nothing was raised")


class _Answers(BaseHTTPRequestHandler):
    """Answers every request with a status and a body, and the key that came with it."""

    status = 401
    body = b"{}"

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_POST = do_GET  # noqa: N815 - the name that the standard library asks for

    def log_message(self, *args: Any) -> None:
        """Prints nothing."""


@contextlib.contextmanager
def answering(status: int, body: Any) -> Iterator[str]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler = type("Answers", (_Answers,), {"status": status, "body": content})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"ws://127.0.0.1:{server.server_address[1]}/v1/realtime"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _given(shape: str) -> dict[str, Any]:
    shapes: dict[str, dict[str, Any]] = {
        "text": {"api_key": KEY},
        "function": {"api_key": lambda: KEY},
        "header": {"headers": {"X-Gateway-Key": KEY}},
    }
    return shapes[shape]


@pytest.fixture(params=["text", "function", "header"])
def given(request: pytest.FixtureRequest) -> dict[str, Any]:
    return _given(request.param)


async def _connected(url: str, given: dict[str, Any], **options: Any) -> None:
    async with rt.connect(url=url, **{"open_timeout_s": 2, **given, **options}) as conn:
        await conn.wait_for("never.sent", 4)


async def test_a_refused_connection(given: dict[str, Any]) -> None:
    await failure(lambda: _connected("ws://127.0.0.1:9/v1/realtime", given))


@pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 429, 500])
async def test_a_bad_status(status: int) -> None:
    with answering(status, {"error": {"message": f"no {KEY}"}}) as url:
        await failure(lambda: _connected(url, {"api_key": KEY}))


async def test_a_tls_failure(given: dict[str, Any]) -> None:
    with answering(200, {}) as url:
        await failure(lambda: _connected(url.replace("ws:", "wss:"), given))


async def test_a_server_that_is_silent(given: dict[str, Any]) -> None:
    silent = await asyncio.start_server(lambda reader, writer: asyncio.sleep(30), "127.0.0.1", 0)
    async with silent:
        port = silent.sockets[0].getsockname()[1]
        await failure(lambda: _connected(f"ws://127.0.0.1:{port}/v1/realtime", given, open_timeout_s=0.3))


@pytest.mark.parametrize(
    "steps",
    [
        [close(4000, f"no {KEY}")],
        [send("error", error={"type": "x", "code": "y", "message": f"no {KEY}"}), never()],
        [raw(f"no {KEY}"), never()],
        [send("session.created"), abort()],
        [send("session.created"), close(1008, f"no {KEY}")],
        [never()],
    ],
    ids=["closes", "refuses", "is another kind", "breaks off", "closes later", "says nothing"],
)
async def test_a_server_that_ends_the_session(steps: list[Any], given: dict[str, Any]) -> None:
    with ScriptedServer(steps) as server:
        await failure(lambda: _connected(server.url, given))


async def test_a_proxy_that_is_not_there() -> None:
    proxy = f"http://me:{KEY.replace('/', '')}@127.0.0.1:9"
    run = lambda: _connected("wss://voice.example/v1/realtime", {"api_key": KEY}, proxy=proxy)  # noqa: E731
    await failure(run)
    await failure(run, key=KEY.replace("/", ""))


@pytest.mark.parametrize(
    "function",
    [
        lambda: KEY.encode(),
        lambda: f"{KEY}\u201d",
        lambda: {"key": KEY},
    ],
    ids=["bytes", "a quote", "a dict"],
)
async def test_a_function_that_returns_no_key(function: Callable[[], Any]) -> None:
    with answering(401, {}) as url:
        await failure(lambda: _connected(url, {"api_key": function}))


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, {"error": KEY}), (500, KEY.encode()), (200, b"<html>"), (200, {"value": KEY}), (200, {"value": [KEY]})],
)
async def test_a_client_secret_that_is_not_made(status: int, body: Any, given: dict[str, Any]) -> None:
    with answering(status, body) as url:
        backend = rt.Backend(url=url, **given)
        await failure(lambda: rt.create_client_secret(backend=backend))


async def test_a_request_about_a_call_that_fails(given: dict[str, Any]) -> None:
    backend = rt.Backend(url="ws://127.0.0.1:9/v1/realtime", **given)
    await failure(lambda: rt.calls.hangup("rtc_1", backend=backend))
    with answering(403, {"error": KEY}) as url:
        answers = rt.Backend(url=url, **given)
        await failure(lambda: rt.calls.hangup("rtc_1", backend=answers))


async def test_a_widget_that_cannot_connect() -> None:
    with answering(401, {"error": {"message": KEY}}) as url:
        w = rt.RealtimeWidget(backend=rt.Backend(url=url, api_key=KEY))
        try:
            await failure(w.start)
            assert KEY not in repr([w.error, w.health, w.events])
        finally:
            w.close()


async def test_a_question_whose_session_is_lost() -> None:
    steps = [send("session.created"), expect("session.update"), close(1008, f"no {KEY}")]
    with ScriptedServer(steps) as server:
        w = rt.RealtimeWidget(backend=rt.Backend(url=server.url, api_key=KEY))
        try:
            await failure(lambda: w.ask("Hello!", timeout=3))
        finally:
            w.close()


_IN_A_WRONG_PLACE: list[dict[str, Any]] = [
    {name: LIKE_A_KEY}
    for name in ("backend", "model", "voice", "transport", "instructions", "reasoning_effort", "api_kee", "key")
]


@pytest.mark.parametrize("wrong", _IN_A_WRONG_PLACE, ids=lambda wrong: next(iter(wrong)))
async def test_a_widgets_key_in_a_wrong_place_is_refused_at_once(wrong: dict[str, Any]) -> None:
    async def make() -> None:
        rt.RealtimeWidget(**wrong)

    error = await failure(make, key=LIKE_A_KEY)
    assert isinstance(error, (rt.ConfigError, TypeError))


@pytest.mark.parametrize("name", ["backend", "model", "url", "call_id", "intent", "api_kee"])
async def test_a_connections_key_in_a_wrong_place_is_refused(name: str) -> None:
    async def connect() -> None:
        wrong: dict[str, Any] = {name: LIKE_A_KEY}
        await rt.connect(**wrong)

    error = await failure(connect, key=LIKE_A_KEY)
    assert isinstance(error, (rt.ConfigError, TypeError))


@pytest.mark.parametrize("option", ["chat_kee", "key", "stt", "tts", "chat_url", "chat_model", "context_tokens"])
@pytest.mark.parametrize("make", [rt.LocalModels, rt.LocalServer])
async def test_a_key_under_a_wrong_option_of_local_models_is_refused(make: Any, option: str) -> None:
    async def call() -> None:
        make(**{"chat_url": "http://localhost:1/v1", "chat_model": "m", option: LIKE_A_KEY})

    assert isinstance(await failure(call, key=LIKE_A_KEY), rt.ConfigError)


@pytest.mark.parametrize("make", [rt.LocalModels, rt.LocalServer])
async def test_a_good_key_beside_an_unknown_option_is_not_printed(make: Any) -> None:
    async def call() -> None:
        make(chat_url="http://localhost:1/v1", chat_model="m", chat_key=KEY, stt_kye=KEY)

    assert isinstance(await failure(call), rt.ConfigError)


async def test_a_key_without_its_keyword_is_not_printed() -> None:
    for make in (rt.RealtimeWidget, rt.connect, rt.Backend):

        async def call(make: Any = make) -> None:
            make(LIKE_A_KEY)

        assert isinstance(await failure(call, key=LIKE_A_KEY), TypeError)


@pytest.mark.parametrize("backend", ["0123456789abcdef0123456789abcdef", f" {LIKE_A_KEY}\n"])
async def test_a_key_given_as_a_backend_names_the_right_keyword(backend: str) -> None:
    with pytest.raises(rt.ConfigError, match=r"Pass it as api_key=") as refused:
        rt.RealtimeWidget(backend=backend)
    assert backend.strip() not in str(refused.value)


async def test_a_rest_request_sends_no_key_in_the_clear() -> None:
    far = "ws://192.0.2.1/v1/realtime"
    for given in (_given("text"), _given("function"), _given("header")):
        with pytest.raises(rt.ConfigError, match="not encrypted"):
            await rt.calls.hangup("rtc_1", backend=rt.Backend(url=far, **given))
        with pytest.raises(rt.ConfigError, match="not encrypted"):
            await rt.create_client_secret(backend=rt.Backend(url=far, **given))
