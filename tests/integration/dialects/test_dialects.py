"""A typed turn, a spoken turn and a tool call with each vendor's dialect; `async for` delivers every event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb.testing import ScriptedServer

from . import azure_voice_live, bare, glm, localai, qwen_omni, speaches, speech_to_speech, vllm_omni, xai
from .server import HEARD, HELLO, SOUND_MS, SUM, TRANSCRIPT, WANTS_A_TOOL, Dialect

DIALECTS = [
    azure_voice_live.DIALECT,
    qwen_omni.DIALECT,
    xai.DIALECT,
    xai.EARLIER,
    xai.AT_16_KHZ,
    localai.DIALECT,
    speaches.DIALECT,
    vllm_omni.DIALECT,
    speech_to_speech.DIALECT,
    glm.DIALECT,
    bare.DIALECT,
]


def _each(dialects: Iterable[Dialect]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("dialect", [pytest.param(dialect, id=dialect.name) for dialect in dialects])


def add(a: int, b: int) -> int:
    """Add two numbers."""
    CALLS.append((a, b))
    return a + b


CALLS: list[tuple[int, int]] = []


@asynccontextmanager
async def session_of(dialect: Dialect, **options: Any) -> AsyncIterator[tuple[rt.RealtimeSession, ScriptedServer]]:
    async with (
        dialect.server() as server,
        rt.connect(url=server.url) as conn,
        rt.RealtimeSession(conn, {"turn_detection": None}, **options) as session,
    ):
        yield session, server


def said(session: rt.RealtimeSession) -> list[tuple[str, str, str]]:
    return [(turn.role, turn.status, turn.text) for turn in session.conversation.turns]


def assert_sounds_whole(turn: rt.Turn) -> None:
    assert turn.audio is not None
    assert turn.audio.duration_ms == pytest.approx(SOUND_MS, abs=1)


SPEECH = (3000 * np.sin(2 * np.pi * 300 * np.arange(24_000) / 24_000)).astype(np.int16)


@_each(DIALECTS)
async def test_typed_turns_are_answered_one_by_one(dialect: Dialect) -> None:
    async with session_of(dialect) as (session, _):
        turns = [await session.ask("Hello", timeout=8), await session.ask("Hello again", timeout=8)]
        assert not session.conversation.live
        assert said(session) == [
            ("user", "completed", "Hello"),
            ("assistant", "completed", HELLO),
            ("user", "completed", "Hello again"),
            ("assistant", "completed", HELLO),
        ]
        for turn in turns:
            assert_sounds_whole(turn)


@pytest.mark.sends_nonsense  # a detection of the vendor's own kind is put back as the vendor wrote it
@_each(dialect for dialect in DIALECTS if not dialect.heard)
async def test_a_spoken_turn_is_answered(dialect: Dialect) -> None:
    async with session_of(dialect) as (session, _):
        turn = await session.ask(SPEECH, timeout=8)
        assert turn.text == HEARD
        assert_sounds_whole(turn)
        assert not session.conversation.live
        assert [(role, status) for role, status, _ in said(session)] == [
            ("user", "completed"),
            ("assistant", "completed"),
        ]
        user = session.conversation.turns[0]
        assert user.text in ("", TRANSCRIPT)


@_each(dialect for dialect in DIALECTS if dialect.heard)
async def test_speech_that_the_server_detects_is_answered(dialect: Dialect) -> None:
    async with session_of(dialect) as (session, _):
        for start in range(0, len(SPEECH), 2400):
            await session.append(SPEECH[start : start + 2400].tobytes())
        async with asyncio.timeout(5):
            while len(session.conversation.turns) < 2:  # noqa: ASYNC110 - turns are a value, not an event
                await asyncio.sleep(0.01)
        assert said(session) == [("user", "completed", TRANSCRIPT), ("assistant", "completed", HEARD)]
        assert_sounds_whole(session.conversation.turns[1])
        assert not session.conversation.live


@_each(dialect for dialect in DIALECTS if dialect.heard)
async def test_a_server_without_commit_refuses_a_recording_in_its_own_words(dialect: Dialect) -> None:
    async with session_of(dialect) as (session, _):
        with pytest.raises(rt.ServerError, match="unknown or invalid event"):
            await session.ask(SPEECH[:12_000], timeout=5)  # too short for the server's own detection


@_each(DIALECTS)
async def test_a_tool_runs_once_and_the_answer_follows(dialect: Dialect) -> None:
    CALLS.clear()
    async with session_of(dialect, tools=[add]) as (session, server):
        turn = await session.ask(WANTS_A_TOOL, timeout=8)
        assert (turn.text, turn.status) == (SUM, "completed")
        assert [(call.name, call.status, call.output) for call in turn.tool_calls] == [("add", "completed", "5")]
        assert CALLS == [(2, 3)]
        assert server.received_types().count("response.create") == 2
        assert not session.conversation.live
        assert [role for role, _, _ in said(session)] == ["user", "assistant"]
        assert_sounds_whole(turn)


@_each(dialect for dialect in DIALECTS if dialect is not xai.AT_16_KHZ)
async def test_a_reader_of_events_gets_every_one(dialect: Dialect) -> None:
    greeted = any(event["type"] == "session.created" for event in dialect.connected)
    # Where a server waits for an update first, its answer is the greeting.
    greeting = [*dialect.connected, *([] if greeted else [{"type": "session.created"}])]
    sent = [event["type"] for event in (*greeting, *dialect.item, *dialect.answer)]
    async with dialect.server() as server, rt.connect(url=server.url) as conn:
        await conn.conversation.item.create(item=rt.user_message("Hello"))
        await conn.response.create()
        got = []
        async with asyncio.timeout(5):
            async for event in conn:
                got.append(event)
                if event.type == "response.done":
                    break
        assert [event.type for event in got] == [BETA.get(name, name) for name in sent]
        assert not [event for event in got if event.type == "error"]


@pytest.mark.parametrize("opened_by", ["widget", "connect"])
@_each([speech_to_speech.DIALECT, localai.DIALECT, speaches.DIALECT])
async def test_headers_and_subprotocols_of_a_backend_reach_the_handshake(dialect: Dialect, opened_by: str) -> None:
    async with dialect.server() as server:
        backend = rt.Backend(
            url=server.url,
            api_key="their-key-0123",
            headers={"X-Gateway": "a-gate-0123"},
            subprotocols=["realtime"],
        )
        if opened_by == "widget":
            w = rt.RealtimeWidget(backend=backend, turn_detection=None)
            turn = await w.ask("Hello", timeout=20)
            w.close()
        else:
            async with (
                rt.connect(backend=backend) as conn,
                rt.RealtimeSession(conn, {"turn_detection": None}) as session,
            ):
                turn = await session.ask("Hello", timeout=20)
        assert turn.text == HELLO
        headers = server.scripts[0].request_headers
    assert headers["authorization"] == "Bearer their-key-0123"
    assert headers["x-gateway"] == "a-gate-0123"
    assert headers["sec-websocket-protocol"] == "realtime"


BETA = {
    f"response.{old}.{end}": f"response.output_{old}.{end}"
    for old in ("text", "audio", "audio_transcript")
    for end in ("delta", "done")
}
