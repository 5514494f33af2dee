"""`rt.calls` against a server of REST requests over a real socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import tornado.httpserver
import tornado.netutil
import tornado.web

import realtime_nb as rt

KEY = "sk-test-of-the-calls-0123456789"


class CallServer:
    """Takes every request, and answers with the status that was set."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any] | None, str]] = []
        self.status = 200
        self.url = ""


@pytest.fixture
async def calls() -> AsyncIterator[CallServer]:
    server = CallServer()

    class Handler(tornado.web.RequestHandler):
        def post(self, path: str) -> None:
            body = json.loads(self.request.body) if self.request.body else None
            server.requests.append(
                (
                    str(self.request.uri).removeprefix("/v1/realtime/"),
                    body,
                    self.request.headers.get("Authorization", ""),
                )
            )
            self.set_status(server.status)
            if server.status != 200:
                self.finish({"error": {"message": f"no, {KEY}"}})

    http = tornado.httpserver.HTTPServer(tornado.web.Application([(r"/v1/realtime/(.*)", Handler)]))
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
    http.add_sockets(sockets)
    server.url = f"ws://127.0.0.1:{sockets[0].getsockname()[1]}/v1/realtime"
    yield server
    http.stop()


@pytest.mark.parametrize(
    ("call", "path", "body"),
    [
        (
            lambda **to: rt.calls.accept("rtc_1", model="gpt-realtime-2.1", instructions="Be brief.", **to),
            "calls/rtc_1/accept",
            {"type": "realtime", "model": "gpt-realtime-2.1", "instructions": "Be brief."},
        ),
        (lambda **to: rt.calls.reject("rtc_1", status_code=486, **to), "calls/rtc_1/reject", {"status_code": 486}),
        (lambda **to: rt.calls.reject("rtc_1", **to), "calls/rtc_1/reject", {}),
        (
            lambda **to: rt.calls.refer("rtc/1", target_uri="tel:+14155550123", **to),
            "calls/rtc%2F1/refer",
            {"target_uri": "tel:+14155550123"},
        ),
        (lambda **to: rt.calls.hangup("rtc_1", **to), "calls/rtc_1/hangup", None),
    ],
)
async def test_each_call_sends_its_request(
    calls: CallServer, call: Callable[..., Awaitable[None]], path: str, body: dict[str, Any] | None
) -> None:
    await call(backend=calls.url, api_key=KEY)
    assert calls.requests == [(path, body, f"Bearer {KEY}")]


async def test_a_refusal_says_the_servers_words_without_the_key(calls: CallServer) -> None:
    calls.status = 404
    with pytest.raises(rt.ConnectError, match="no call 'rtc_1', or it has ended") as refused:
        await rt.calls.hangup("rtc_1", backend=calls.url, api_key=KEY)
    assert refused.value.status == 404
    assert KEY not in str(refused.value)


async def test_a_wrong_argument_is_refused_before_anything_is_sent(calls: CallServer) -> None:
    to: dict[str, Any] = {"backend": calls.url, "api_key": KEY}
    of_another_type: Any = 5
    for wrong in (
        rt.calls.accept("rtc_1", of_another_type, **to),
        rt.calls.accept(" ", **to),
        rt.calls.reject("rtc_1", status_code=of_another_type, **to),
        rt.calls.refer("rtc_1", target_uri=of_another_type, **to),
        rt.calls.accept("rtc_1", instruction="x", **to),
        rt.calls.accept("", **to),
        rt.calls.reject("rtc_1", status_code=7, **to),
        rt.calls.refer("rtc_1", target_uri="+1415", **to),
    ):
        with pytest.raises(rt.ConfigError):
            await wrong
    assert calls.requests == []
