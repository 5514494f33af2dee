"""A key reaches neither the model nor a log nor a file."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import realtime_nb as rt
from realtime_nb import backends
from realtime_nb.local import LocalServer
from realtime_nb.redact import redact
from realtime_nb.testing import ScriptedServer, never, raw, send
from tests.faults.registry import KEYS, case
from tests.faults.server import Server, error_of, of_type

KEY = "sk-test-0123456789abcdefghij"


async def _told_to_the_model(tool: Callable[..., Any], *more: Any) -> str:
    with Server(plan=["call"]).start() as script:
        async with (
            rt.connect(url=script.url, api_key=KEY) as conn,
            rt.RealtimeSession(conn, {"turn_detection": None}, tools=[tool, *more]) as session,
        ):
            await session.ask("Look it up.", timeout=4)
        items = [event["item"] for event in of_type(script.received, "conversation.item.create")]
    outputs = [item["output"] for item in items if "output" in item]
    assert outputs, items
    return str(outputs)


@case(KEYS)
async def in_a_tools_exception() -> None:
    def add(a: int, b: int) -> str:
        """Look it up."""
        raise RuntimeError(f"401 for https://api.example/?key={KEY}")

    assert KEY not in await _told_to_the_model(add)


@case(KEYS)
async def in_what_a_tool_returns() -> None:
    def add(a: int, b: int) -> dict[str, str]:
        """Look it up."""
        return {"authorization": f"Bearer {KEY}"}

    assert KEY not in await _told_to_the_model(add)


@case(KEYS)
async def in_a_tools_exception_with_escapes() -> None:
    def add(a: int, b: int) -> str:
        """Look it up."""
        raise RuntimeError(f"401 for https://api.example/?key={KEY.replace('-', '%2D')}")

    assert "0123456789" not in await _told_to_the_model(add)


@case(KEYS)
async def of_an_mcp_server_in_what_a_tool_returns() -> None:
    def add(a: int, b: int) -> str:
        """Look it up."""
        return "the token was mcp-token-0123456789"

    server = {
        "type": "mcp",
        "server_label": "x",
        "server_url": "https://mcp.example",
        "authorization": "mcp-token-0123456789",
    }
    assert "0123456789" not in await _told_to_the_model(add, server)


@case(KEYS)
async def in_a_variable_of_a_frame_of_ours() -> None:
    async def connect() -> None:
        await rt.connect(url="ws://127.0.0.1:9/v1/realtime", api_key=KEY)

    error = await error_of(connect(), rt.ConnectError)
    trace = error.__traceback__
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__")).startswith("realtime_nb"):
            assert KEY not in repr(trace.tb_frame.f_locals), trace.tb_frame
        trace = trace.tb_next


@case(KEYS)
async def tried_by_doctor_and_refused() -> None:
    with LocalServer(token="another-token") as server:
        report = await asyncio.to_thread(rt.doctor, backend=server.url, api_key=KEY)
    assert not report.well
    assert KEY not in repr(report)


@case(KEYS)
async def in_a_pickled_backend() -> None:
    backend = rt.Backend(url="wss://api.example/v1/realtime", api_key=KEY)
    try:
        kept = pickle.dumps(backend)
    except Exception:
        return
    assert KEY.encode() not in kept


@case(KEYS)
async def in_the_fields_of_a_backend() -> None:
    backend = rt.Backend(url="wss://api.example/v1/realtime", api_key=KEY)
    endpoint = backends.resolve(backend)
    for value in (backend, endpoint):
        assert KEY not in repr(value)
        assert KEY not in repr(dataclasses.asdict(value)), type(value).__name__


@case(KEYS)
async def in_an_error_about_a_backend_that_is_a_key() -> None:
    async def connect(**wrong: Any) -> None:
        await rt.connect(**wrong)

    for wrong in ({"backend": KEY}, {"api_kee": KEY}, {"url": KEY}):
        error = await error_of(connect(**wrong), Exception)
        assert KEY not in str(error), error
        assert KEY not in repr(error.__context__), error.__context__


ESCAPED = {
    "JSON": KEY.replace("s", "\\u0073"),
    "JSON in JSON": KEY.replace("s", "\\\\u0073"),
    "Python": KEY.replace("s", "\\x73"),
    "Markdown": KEY.replace("-", "\\-"),
    "a URL": KEY.replace("-", "%2D"),
    "a URL in a URL": KEY.replace("-", "%252d"),
    "HTML": KEY.replace("k", "&#107;"),
}


@case(KEYS)
async def written_with_escapes() -> None:
    for kind, written in ESCAPED.items():
        assert redact(f'{{"key": "{written}", "n": 1}}') == '{"key": "***", "n": 1}', kind


@case(KEYS)
async def echoed_with_escapes() -> None:
    for kind, written in ESCAPED.items():
        frame = f'{{"type": "error", "error": {{"type": "x", "code": "y", "message": "No {written}"}}}}'
        if "JSON" not in kind:
            frame = frame.replace("\\", "\\\\")
        with ScriptedServer([send("session.created"), raw(frame), never()]) as script:
            async with rt.connect(url=script.url, api_key=KEY) as conn:
                event = await conn.wait_for("error", 4)
        assert "0123456789" not in str(event.error.message), kind


@case(KEYS)
async def over_a_line_without_encryption() -> None:
    async def connect() -> None:
        await rt.connect(url="ws://192.0.2.1/v1/realtime", api_key=KEY, open_timeout_s=0.2)

    assert KEY not in str(await error_of(connect(), rt.ConfigError))


@case(KEYS)
async def in_a_subprotocol() -> None:
    backend = rt.Backend(
        url="wss://api.example/v1/realtime", subprotocols=["realtime", f"openai-insecure-api-key.{KEY}"]
    )
    for shown in (repr(backend), repr(vars(backend)), repr(dataclasses.asdict(backend))):
        assert KEY not in shown, shown
    assert "pickled" in str(await error_of(asyncio.to_thread(pickle.dumps, backend), rt.ConfigError))
    insecure = rt.Backend(url="ws://192.0.2.1/v1/realtime", subprotocols=backend.subprotocols)
    assert "not encrypted" in str(await error_of(asyncio.to_thread(backends.resolve, insecure), rt.ConfigError))
    with ScriptedServer([send("session.created"), never()]) as script:
        async with rt.connect(backend=rt.Backend(url=script.url, subprotocols=backend.subprotocols)):
            assert KEY in script.scripts[0].request_headers["sec-websocket-protocol"]


@case(KEYS)
async def in_an_address() -> None:
    for url in (
        f"wss://api.example/v1/realtime?api-key={KEY}",
        f"wss://user:{KEY}@api.example/v1/realtime",
        f"wss://api.example/{KEY}/v1/realtime",
        f"wss://{KEY}/v1/realtime",
    ):
        _refused(lambda url=url: rt.Backend(url=url))  # type: ignore[misc]
        _refused(lambda url=url: rt.RealtimeWidget(backend=url))  # type: ignore[misc]
        _refused(lambda url=url: rt.connect(url=url))  # type: ignore[misc]
        _refused(lambda url=url: rt.connect(backend=url))  # type: ignore[misc]


@case(KEYS)
async def in_any_option_of_a_widget() -> None:
    names = inspect.signature(rt.RealtimeWidget.__init__).parameters
    for name in [name for name in names if name not in ("self", "api_key", "unknown")]:
        wrong: Any = {name: KEY}
        _refused(lambda wrong=wrong: rt.RealtimeWidget(**wrong))  # type: ignore[misc]


def _refused(make: Callable[[], object]) -> None:
    """Fails unless `make` raises, with no key in the words or in a variable of a frame of ours."""
    with pytest.raises(Exception) as raised:  # noqa: PT011 - traitlets has errors of its own
        make()
    assert KEY not in str(raised.value), raised.value
    trace = raised.tb
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__")).startswith("realtime_nb"):
            assert KEY not in repr(trace.tb_frame.f_locals), trace.tb_frame
        trace = trace.tb_next  # type: ignore[assignment]
