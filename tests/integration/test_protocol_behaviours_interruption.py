"""Behaviours 30 to 35 of docs/protocol.md: interruption."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from realtime_nb.testing import Step, expect, send
from tests.integration.scripted import VAD, Player, begins, created, ends, first, gate, says, session_with, updated

SPEECH = send("input_audio_buffer.speech_started", item_id="item_user", audio_start_ms=0)
OVER = send("rate_limits.updated", rate_limits=[])


def player(heard: Mapping[str, int]) -> Player:
    made = Player()
    made.heard = dict(heard)
    return made


# 30, 31 and 32: truncation


async def test_b30_client_stops_playback_and_truncates_also_after_response_done() -> None:
    steps = [
        first(created(VAD)),
        begins("resp_1", ours=False),
        says("resp_1", "item_1", "a long story", audio_samples=240_000),
        ends("resp_1"),
        SPEECH,
        expect("conversation.item.truncate", item_id="item_1", audio_end_ms=1000),
    ]
    sink = player({"item_1": 24_000})
    async with session_with(*steps, sink=sink) as (session, server):
        await server.heard("conversation.item.truncate")
        assert sink.flushes == [1]
        assert server.received_types() == ["conversation.item.truncate"], "no response is active: nothing to cancel"
        assert not session.response_active


@pytest.mark.parametrize(
    ("received", "played", "cut_at_ms"),
    [
        (24_000, 12_023, 500),  # rounded down: never more than was heard
        (24_000, 23, 0),  # less than a millisecond
        (24_000, 0, 0),  # received and not played at all
        (24_000, 99_000, 1000),  # a wrong report: never more than was received
    ],
)
async def test_b31_truncation_is_in_whole_played_milliseconds(received: int, played: int, cut_at_ms: int) -> None:
    steps = [
        first(created(VAD)),
        begins("resp_1", ours=False),
        says("resp_1", "item_0", "before", audio_samples=4_800),
        says("resp_1", "item_1", "a story", audio_samples=received),
        SPEECH,
        expect("conversation.item.truncate", item_id="item_1", content_index=0, audio_end_ms=cut_at_ms),
        ends("resp_1", status="cancelled"),
        OVER,
    ]
    async with session_with(*steps, sink=player({"item_1": played})) as (session, server):
        await session.connection.wait_for("rate_limits.updated", timeout=5)
        assert type(server.received[0]["audio_end_ms"]) is int


async def test_b31_fully_played_and_silent_items_are_not_truncated() -> None:
    steps = [
        first(created(VAD)),
        begins("resp_1", ours=False),
        says("resp_1", "item_0", "heard to its end", audio_samples=480),
        send("response.output_audio.done", response_id="resp_1", item_id="item_0", output_index=0, content_index=0),
        says("resp_1", "item_1", "text only"),
        SPEECH,
        ends("resp_1", status="cancelled"),
        OVER,
    ]
    async with session_with(*steps, sink=player({"item_0": 480, "item_1": 0})) as (session, server):
        await session.connection.wait_for("rate_limits.updated", timeout=5)
        await session.flushed()
        assert server.received == []


async def test_b32_parts_queued_behind_the_playing_one_are_truncated_at_0() -> None:
    steps = [
        first(created(VAD)),
        begins("resp_1", ours=False),
        *(says("resp_1", f"item_{n}", "part", audio_samples=24_000) for n in range(3)),
        ends("resp_1"),
        SPEECH,
        expect("conversation.item.truncate", item_id="item_0", audio_end_ms=100),
        expect("conversation.item.truncate", item_id="item_1", audio_end_ms=0),
        expect("conversation.item.truncate", item_id="item_2", audio_end_ms=0),
    ]
    heard = {"item_0": 2_400, "item_1": 0, "item_2": 0}
    async with session_with(*steps, sink=player(heard)) as (session, server):
        await server.heard("conversation.item.truncate", times=3)
        assert [turn.status for turn in session.conversation.turns if turn.role == "assistant"] == ["interrupted"] * 3


# 33: late deltas are dropped


async def test_b33_late_audio_of_every_item_of_the_response_is_dropped() -> None:
    sink = player({"item_1": 2_400})
    steps = [
        first(created(VAD)),
        begins("resp_1", ours=False),
        says("resp_1", "item_1", "one", audio_samples=24_000),
        SPEECH,
        says("resp_1", "item_1", " two", audio_samples=480),
        says("resp_1", "item_2", "three", audio_samples=480),
        expect("conversation.item.truncate", item_id="item_1"),
        says("resp_1", "item_3", "four", audio_samples=480),
        ends("resp_1", status="cancelled"),
        begins("resp_2", ours=False),
        says("resp_2", "item_4", "five", audio_samples=480),
        ends("resp_2"),
        OVER,
    ]
    async with session_with(*steps, sink=sink) as (session, _):
        await session.connection.wait_for("rate_limits.updated", timeout=5)
        assert [(epoch, item_id) for epoch, item_id, *_ in sink.written] == [(0, "item_1"), (1, "item_4")]


# 34: the full text is kept


async def test_b34_the_text_stays_when_the_server_deletes_its_transcript() -> None:
    emptied = {
        "type": "message",
        "id": "item_1",
        "role": "assistant",
        "status": "incomplete",
        "content": [{"type": "output_audio", "transcript": None}],
    }
    steps = [
        first(created(VAD)),
        begins("resp_1", ours=False),
        says("resp_1", "item_1", "one two three four", audio_samples=48_000),
        SPEECH,
        expect("conversation.item.truncate"),
        send("conversation.item.truncated", item_id="item_1", content_index=0, audio_end_ms=1000),
        ends("resp_1", status="cancelled", output=[emptied]),
        send("conversation.item.retrieved", item=emptied),
        OVER,
    ]
    async with session_with(*steps, sink=player({"item_1": 24_000})) as (session, _):
        await session.connection.wait_for("rate_limits.updated", timeout=5)
        (turn,) = [turn for turn in session.conversation.turns if turn.role == "assistant"]
        assert turn.text == "one two three four"
        assert turn.text.startswith(turn.heard_text)
        assert 0 < len(turn.heard_text) < len(turn.text)


# 35: cancellation by the server or the client


@pytest.mark.parametrize("answers_itself", [True, False])
async def test_b35_client_sends_no_cancel_where_the_server_cancels(answers_itself: bool) -> None:
    steps: list[Step] = [
        first(created({**VAD, "create_response": answers_itself})),
        begins("resp_1", ours=False),
        says("resp_1", "item_1", "a story", audio_samples=24_000),
        SPEECH,
        expect("conversation.item.truncate"),
        ends("resp_1", status="cancelled"),
        OVER,
    ]
    async with session_with(*steps, sink=player({"item_1": 240})) as (session, server):
        await session.connection.wait_for("rate_limits.updated", timeout=5)
        assert "response.cancel" not in server.received_types()


async def test_b35_interrupt_response_is_read_from_the_last_session_updated() -> None:
    off: dict[str, Any] = {**VAD, "interrupt_response": False}
    wait, go_on = gate()
    sink = player({"item_1": 240})
    steps = [
        first(created(VAD)),
        expect("session.update"),
        send(updated),
        wait,
        begins("resp_1", ours=False),
        says("resp_1", "item_1", "a story", audio_samples=24_000),
        SPEECH,
        send("input_audio_buffer.speech_stopped", item_id="item_user", audio_end_ms=9),
        OVER,
        expect("response.cancel", response_id="resp_1"),
        expect("conversation.item.truncate"),
        ends("resp_1", status="cancelled"),
    ]
    async with session_with(*steps, sink=sink) as (session, server):
        await session.update(turn_detection=off)
        over = session.connection.wait_for("rate_limits.updated", timeout=5)
        go_on()
        await over
        assert sink.flushes == [], "the answer goes on while the user speaks"
        await session.interrupt()
        await server.heard("conversation.item.truncate")
        await asyncio.wait_for(session._responses.idle(), 5)
        assert server.received_types()[1:] == ["response.cancel", "conversation.item.truncate"], (
            "a stop by hand cancels"
        )
