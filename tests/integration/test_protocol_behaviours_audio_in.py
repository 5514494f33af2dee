"""Behaviours 12 to 18 of docs/protocol.md: the user's audio."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb import errors
from realtime_nb.testing import ScriptedServer, expect, never, send
from tests.integration.scripted import VAD, answers, begins, created, ends, first, says, session_with, updated
from tests.integration.test_widget_conversation import Page

MS = 24  # samples


def sound(ms: int, value: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.full(ms * MS, value, np.int16)


def appended(server: ScriptedServer) -> list[bytes]:
    return [base64.b64decode(event["audio"]) for event in server.received if event["type"].endswith(".append")]


# 12 and 13: the format and size of appended audio


@pytest.mark.parametrize("bad", [np.ones(480, np.float32), b"odd", np.ones((2, 480), np.int16), b""])
async def test_b12_audio_that_is_not_pcm16_mono_is_never_sent(bad: Any) -> None:
    async with session_with() as (session, server):
        with pytest.raises(errors.AudioError):
            await session.append(bad)
        await session.append(np.array([1, -2], ">i2"))
        await server.heard("input_audio_buffer.append")
        assert appended(server) == [np.array([1, -2], "<i2").tobytes()], "little-endian, whatever the array was"


async def test_b13_audio_is_sent_in_chunks_of_20_to_100_ms_without_waiting() -> None:
    steps = [
        expect("input_audio_buffer.clear"),
        expect("input_audio_buffer.commit"),
        send("input_audio_buffer.committed", item_id="item_user"),
        expect("response.create"),
        *answers("resp_1", "item_1", "yes"),
    ]
    async with session_with(*steps) as (session, server):
        await session.ask(sound(730, 5), timeout=5)
        sizes = [len(pcm) // (2 * MS) for pcm in appended(server)]
        assert sum(sizes) == 730
        assert all(20 <= size <= 100 for size in sizes)


# 14, 15 and 17: manual commits


async def test_b14_empty_buffer_is_not_committed() -> None:
    steps = [
        expect("input_audio_buffer.clear"),
        expect("input_audio_buffer.clear"),
        send("input_audio_buffer.cleared"),
    ]
    async with session_with(*steps) as (session, server):
        await session.append(sound(500, 1))
        await session.clear()
        assert not await session.commit(), "nothing is left since the clear"
        assert server.received_types(ignoring=("input_audio_buffer.append",)).count("input_audio_buffer.commit") == 0


async def test_b14_turn_committed_by_the_server_is_not_committed_again() -> None:
    steps = [
        first(created(VAD)),
        expect("input_audio_buffer.append", ignoring=()),
        send("input_audio_buffer.speech_started", item_id="item_user", audio_start_ms=0),
        send("input_audio_buffer.speech_stopped", item_id="item_user", audio_end_ms=400),
        send("input_audio_buffer.committed", item_id="item_user"),
    ]
    async with session_with(*steps) as (session, server):
        committed = session.connection.wait_for("input_audio_buffer.committed", timeout=5)
        await session.append(sound(500, 1))
        await committed
        assert not await session.commit()
        assert server.received_types() == []


async def test_b15_push_to_talk_clears_on_press_then_appends_commits_and_asks() -> None:
    steps = [
        send("session.created"),
        expect("session.update"),
        send(updated),
        expect("input_audio_buffer.clear"),
        send("input_audio_buffer.cleared"),
        expect("input_audio_buffer.commit"),
        send("input_audio_buffer.committed", item_id="item_user"),
        expect("response.create"),
        *answers("resp_1", "item_1", "yes"),
        never(),
    ]
    async with ScriptedServer(steps) as server:
        widget = rt.RealtimeWidget(backend=server.url, turn_detection=None, transcription=False)
        await widget.start()
        page = Page(widget)
        page.hello()
        page.send("mic.open")
        for number in range(10):
            page.send("mic.frame", sound(40, number).astype("<i2").tobytes(), frame=number, level=0.1)
        page.send("mic.close", frames=10)
        page.send("commit")
        await server.heard("response.create")
        kinds = server.received_types(ignoring=())
        assert kinds[1:] == [
            "input_audio_buffer.clear",
            *["input_audio_buffer.append"] * 10,
            "input_audio_buffer.commit",
            "response.create",
        ]
        await widget.stop()
        widget.close()


async def test_b15_a_commit_alone_asks_for_no_answer() -> None:
    steps = [expect("input_audio_buffer.commit"), send("input_audio_buffer.committed", item_id="item_user")]
    async with session_with(*steps) as (session, server):
        await session.append(sound(200, 1))
        await session.connection.request({"type": "input_audio_buffer.commit"})
        assert server.received_types() == ["input_audio_buffer.commit"]
        assert not session.response_active


@pytest.mark.parametrize("by_hand_of", ["the session", "the connection"])
async def test_b17_commit_during_speech_does_not_wait_for_speech_stopped(by_hand_of: str) -> None:
    steps = [
        first(created({**VAD, "create_response": False})),
        expect("input_audio_buffer.append", ignoring=()),
        send("input_audio_buffer.speech_started", item_id="item_user", audio_start_ms=0),
        expect("input_audio_buffer.commit"),
        send("input_audio_buffer.committed", item_id="item_user"),
    ]
    async with session_with(*steps) as (session, _):
        started = session.connection.wait_for("input_audio_buffer.speech_started", timeout=5)
        await session.append(sound(300, 1))
        await started
        assert session.user_speaking
        if by_hand_of == "the session":
            assert await session.commit()
        else:
            await session.connection.request({"type": "input_audio_buffer.commit"})
        assert not session.user_speaking, "speech_stopped does not come any more"


# 16: the place and the audio of a spoken turn


async def test_b16_speech_reserves_its_place_before_it_is_committed() -> None:
    typed = {
        "type": "message",
        "id": "item_typed",
        "role": "user",
        "content": [{"type": "input_text", "text": "typed"}],
    }
    spoken = {"type": "message", "id": "item_spoken", "role": "user", "content": [{"type": "input_audio"}]}
    steps = [
        first(created({**VAD, "create_response": False})),
        send("input_audio_buffer.speech_started", item_id="item_spoken", audio_start_ms=0),
        send("conversation.item.added", item=typed),
        send("conversation.item.done", item=typed),
        send("input_audio_buffer.speech_stopped", item_id="item_spoken", audio_end_ms=100),
        send("input_audio_buffer.committed", item_id="item_spoken"),
        send("conversation.item.added", item=spoken),
        send("conversation.item.done", item=spoken),
        send("rate_limits.updated", rate_limits=[]),
    ]
    async with session_with(*steps) as (session, _):
        await session.connection.wait_for("rate_limits.updated", timeout=5)
        assert [turn.item_id for turn in session.conversation.turns] == ["item_spoken", "item_typed"]


async def test_b16_sound_is_cut_by_the_sessions_own_clock_across_commits() -> None:
    def heard(number: int, start_ms: int, end_ms: int) -> list[Any]:
        item_id = f"item_{number}"
        item = {"type": "message", "id": item_id, "role": "user", "content": [{"type": "input_audio"}]}
        return [
            send("input_audio_buffer.speech_started", item_id=item_id, audio_start_ms=start_ms),
            send("input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=end_ms),
            send("input_audio_buffer.committed", item_id=item_id),
            send("conversation.item.added", item=item),
            send("conversation.item.done", item=item),
        ]

    append = expect("input_audio_buffer.append", ignoring=())
    steps = [
        first(created({**VAD, "create_response": False})),
        *[append] * 3,
        *heard(1, 100, 300),
        *[append] * 2,
        *heard(2, 700, 1000),
        send("rate_limits.updated", rate_limits=[]),
    ]
    async with session_with(*steps) as (session, _):
        over = session.connection.wait_for("rate_limits.updated", timeout=5)
        for ms, value in ((100, 0), (200, 7), (400, 0), (300, 9), (100, 0)):
            await session.append(sound(ms, value))
        await over
        clips = [turn.audio for turn in session.conversation.turns]
        assert [(clip.duration_ms, set(clip.samples.tolist())) for clip in clips if clip is not None] == [
            (200, {7}),
            (300, {9}),
        ]


# 18: the idle timeout


async def test_b18_idle_timeout_makes_an_empty_turn_and_a_response() -> None:
    item = {"type": "message", "id": "item_idle", "role": "user", "content": [{"type": "input_audio"}]}
    transcribed = "conversation.item.input_audio_transcription.completed"
    steps = [
        first(created({**VAD, "idle_timeout_ms": 5000})),
        send("input_audio_buffer.timeout_triggered", item_id="item_idle", audio_start_ms=0, audio_end_ms=5000),
        send("input_audio_buffer.committed", item_id="item_idle"),
        send("conversation.item.added", item=item),
        send("conversation.item.done", item=item),
        send(
            transcribed, item_id="item_idle", content_index=0, transcript="", usage={"type": "duration", "seconds": 5}
        ),
        begins("resp_idle", ours=False),
        says("resp_idle", "item_1", "Are you there?"),
        ends("resp_idle", text="Are you there?", item_id="item_1"),
    ]
    async with session_with(*steps) as (session, server):
        await session.connection.wait_for("response.done", timeout=5)
        await asyncio.wait_for(session._responses.idle(), 5)
        assert [(turn.role, turn.text) for turn in session.conversation.turns] == [
            ("user", ""),
            ("assistant", "Are you there?"),
        ]
        assert server.received == [], "the server began and ended it by itself"
        assert not session.user_speaking
