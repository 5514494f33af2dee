"""What a user of the package may write, with the types that mypy and pyright must find in it. It is never run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, assert_type

import realtime_nb as rt
from realtime_nb.client.transport.close import CloseEvent
from realtime_nb.wire.realtime import (
    ErrorEvent,
    ResponseDone,
    ResponseOutputAudioDelta,
    ResponseOutputTextDelta,
    SessionCreated,
    SessionUpdated,
)


async def read_events() -> str:
    text = ""
    async with rt.connect(backend="local") as conn:
        assert_type(conn, rt.RealtimeConnection)
        assert_type(conn.url, str | None)
        async for event in conn:
            if event.type == "response.output_text.delta":
                assert_type(event, ResponseOutputTextDelta)
                text += event.delta
            elif event.type == "session.created" or event.type == "session.updated":
                assert_type(event, SessionCreated | SessionUpdated)
            elif event.type == "error":
                assert_type(event, ErrorEvent)
                raise RuntimeError(event.error.message)
            elif isinstance(event, rt.UnknownEvent):
                assert_type(event.raw, dict[str, Any])
            elif isinstance(event, ResponseOutputAudioDelta):
                text += f"[{len(event.delta)}]"
            if event.type == "response.done":
                assert_type(event, ResponseDone)
                assert_type(event.response.status, str | None)
                break
        first = await conn.recv()
        if first.type == "response.done":
            assert_type(first, ResponseDone)
        if conn.closed is not None:
            assert_type(conn.closed.code, int)
            assert_type(conn.closed.reason, str)
    return text


async def handle_events(conn: rt.RealtimeConnection) -> None:
    conn.on("response.output_text.delta", lambda event: print(event.delta, end=""))
    assert_type(
        conn.on("response.output_text.delta", lambda event: event.delta), Callable[[ResponseOutputTextDelta], str]
    )
    assert_type(conn.once("close", lambda event: event.reason), Callable[[CloseEvent], str])
    assert_type(conn.on("my_server.heartbeat", lambda event: event.raw), Callable[[rt.UnknownEvent], dict[str, Any]])

    @conn.on("response.done")
    async def done(event: ResponseDone) -> None:
        print(event.response.usage)

    @conn.on("event")
    def anything(event: Any) -> None:
        print(event.type)

    conn.off("response.done", done)
    assert_type(await conn.wait_for("session.updated", timeout=5), SessionUpdated)
    assert_type(await conn.wait_for("error"), ErrorEvent)
    await conn.session.update(instructions="Be brief.")
    assert_type(await conn.send({"type": "response.create"}), str)


async def talk() -> None:
    w = rt.RealtimeWidget(instructions="Be brief.", voice="marin")
    turn = await w.ask("Hello!")
    assert_type(turn, rt.Turn)
    assert_type(turn.text, str)
    assert_type(turn.audio, rt.AudioClip | None)
    assert_type(turn.latency, rt.Latency)
    assert_type(w.turns, tuple[rt.Turn, ...])
    assert_type(w.live, tuple[rt.Turn, ...])
    assert_type(
        w.status,
        Literal[
            "idle", "connecting", "listening", "hearing", "thinking", "speaking", "reconnecting", "closed", "error"
        ],
    )
    assert_type(w.error, str | None)
    assert_type(w.level, float)
    assert_type(w.usage, rt.Usage)
    assert_type(w.usage.cost_usd, float | None)
    assert_type(w.latency, rt.Latency | None)
    assert_type(w.effective, Mapping[str, Any])
    assert_type(w.muted, bool)
    assert_type(w.transport, str)
    assert_type(w.voice, str | None)
    assert_type(w.instructions, str | None)
    assert_type(w.speed, float | None)
    assert_type(w.transcription, bool | str | rt.Transcription)
    assert_type(w.output, Literal["audio", "text"])
    assert_type(w.max_output_tokens, int | Literal["inf"])
    assert_type(w.tools, tuple[rt.Tool | rt.McpTool, ...])
    assert_type(w.transcript, str)
    w.voice = {"id": "voice_1"}
    w.speed = 1.2
    w.turn_detection = rt.ServerVad(threshold=0.5)
    w.turn_detection = None
    w.tools = [talk, {"type": "mcp", "server_label": "docs", "server_url": "https://docs.example"}]
    w.muted = True
    w.max_cost_usd = 0.5

    @w.tool
    def set_slider(value: int) -> str:
        return f"the slider is at {value}"

    assert_type(set_slider(1), str)


def wrong_handler(event: ResponseDone) -> None:
    print(event.response.status)


def refused(w: rt.RealtimeWidget, conn: rt.RealtimeConnection) -> None:
    """Each comment is an error that the type checkers must report; one that they do not need is an error as well."""
    w.output = "video"  # type: ignore[assignment]
    w.status = "idle"  # type: ignore[assignment]
    w.voice = 3  # type: ignore[assignment]
    conn.on("response.output_text.delta", wrong_handler)  # type: ignore[arg-type]
    w.turns.append(1)  # type: ignore[attr-defined]
    conn.created  # type: ignore[attr-defined] # noqa: B018
