"""A conversation survives damaged frames, closes and network faults over real websockets without losing turns."""

from __future__ import annotations

import asyncio
import base64
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime_nb import backends, errors
from realtime_nb.client.connection import core_of
from realtime_nb.client.session import RealtimeSession
from realtime_nb.testing import Script, ScriptedServer, Step, close, expect, never, run, send
from tests.integration.damage import damaged, server_examples
from tests.integration.flaky_proxy import FlakyProxy
from tests.integration.scripted import TYPED, answers, begins, created, ends, gate, item_added, says, session_with

FRAMES = 10_000
OVER: dict[str, Any] = {"type": "rate_limits.updated", "rate_limits": [{"name": "the end"}]}


def is_over(event: Any) -> bool:
    return event.type == OVER["type"] and bool(event.rate_limits) and event.rate_limits[0].name == "the end"


# Frames


async def test_connection_survives_ten_thousand_damaged_frames_with_bounded_memory() -> None:
    dice = random.Random(20_261_125)
    examples = server_examples()

    async def storm(script: Script) -> None:
        for _ in range(FRAMES):
            await script.socket.send(damaged(dice, examples))
        await script.send(OVER)

    wait, go_on = gate()
    steps = [*TYPED, *answers("resp_mine", "item_mine", "Hello!"), wait, run(storm), never()]
    async with session_with(*steps) as (session, server):
        seen = 0
        over = asyncio.Event()

        def look(event: Any) -> None:
            nonlocal seen
            seen += 1
            if is_over(event):
                over.set()

        core_of(session.connection).add_listener(look)
        await session.ask("Hi", timeout=10)
        settled = [(turn.item_id, turn.text, turn.status) for turn in session.conversation.turns]
        ours = {item_id for item_id, *_ in settled}
        go_on()
        await asyncio.wait_for(over.wait(), 120)

        assert session.connection.closed is None
        assert seen > 0.99 * FRAMES, "all but late events of responses that ended long ago"
        turns = (*session.conversation.turns, *session.conversation.live)
        assert settled == [(turn.item_id, turn.text, turn.status) for turn in turns if turn.item_id in ours]
        assert len(session.conversation.items) < FRAMES / 4, "most of the frames are about the same few items"
        assert sum(len(turn.text) for turn in turns) < 8 * 2**20
        assert sum(turn.audio_ms or 0 for turn in turns) < 3_600_000
        await session.clear()
        await server.heard("input_audio_buffer.clear")


def stream_of_a_user(number: int, previous: str) -> list[dict[str, Any]]:
    item_id = f"user_{number}"
    item = {"type": "message", "id": item_id, "role": "user", "content": [{"type": "input_audio", "transcript": None}]}
    where = {"item_id": item_id, "content_index": 0}
    transcribed = "conversation.item.input_audio_transcription"
    return [
        {"type": "input_audio_buffer.committed", "item_id": item_id, "previous_item_id": previous},
        {"type": "conversation.item.added", "item": item, "previous_item_id": previous},
        {"type": "conversation.item.done", "item": item, "previous_item_id": previous},
        {"type": f"{transcribed}.delta", **where, "delta": "said "},
        {"type": f"{transcribed}.delta", **where, "delta": str(number)},
        {"type": f"{transcribed}.completed", **where, "transcript": f"said {number}"},
    ]


def stream_of_an_answer(number: int, previous: str) -> list[dict[str, Any]]:
    item_id = f"answer_{number}"
    item = {"type": "message", "id": item_id, "role": "assistant", "status": "in_progress", "content": []}
    done = {**item, "status": "completed", "content": [{"type": "output_text", "text": f"answer {number}"}]}
    where = {"response_id": "resp_1", "item_id": item_id, "output_index": number, "content_index": 0}
    placed = {"response_id": "resp_1", "output_index": number}
    return [
        {"type": "response.output_item.added", **placed, "item": item},
        {"type": "conversation.item.added", "item": item, "previous_item_id": previous},
        {"type": "response.output_text.delta", **where, "delta": "answer "},
        {"type": "response.output_text.delta", **where, "delta": str(number)},
        {"type": "response.output_text.done", **where, "text": f"answer {number}"},
        {"type": "response.output_item.done", **placed, "item": done},
        {"type": "conversation.item.done", "item": done, "previous_item_id": previous},
    ]


STREAMS = [
    stream_of_a_user(0, "root"),
    stream_of_a_user(1, "user_0"),
    stream_of_an_answer(0, "user_1"),
    stream_of_an_answer(1, "answer_0"),
]
SAID = [
    ("user_0", "said 0", "completed"),
    ("user_1", "said 1", "completed"),
    ("answer_0", "answer 0", "completed"),
    ("answer_1", "answer 1", "completed"),
]
PLACES = [number for number, stream in enumerate(STREAMS) for _ in stream]
PLACE = st.integers(0, len(PLACES) - 1)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(PLACES), repeats=st.lists(st.tuples(PLACE, PLACE), max_size=12))
def test_frames_of_different_items_in_any_order_and_repeated_give_the_same_turns(
    order: list[int], repeats: list[tuple[int, int]]
) -> None:
    """The order within an item is kept, as one stream keeps it; a repeat comes at any time after the first."""
    left = [iter(stream) for stream in STREAMS]
    events = [[{**next(left[number]), "event_id": f"event_{place}x"}] for place, number in enumerate(order)]
    for which, where in repeats:
        events[max(which, where)].append(events[which][0])
    response = {"id": "resp_1", "conversation_id": "conv_1", "output": []}
    begin = {"type": "response.created", "response": {**response, "status": "in_progress"}}
    end = {"type": "response.done", "response": {**response, "status": "completed"}}
    told = [begin, *(event for place in events for event in place), end, OVER]
    assert asyncio.run(turns_of(created(None), told)) == SAID


async def turns_of(opening: Step, events: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    opening.first = True  # type: ignore[attr-defined]
    async with session_with(opening, send(lambda _: events)) as (session, _):
        over = asyncio.Event()
        core_of(session.connection).add_listener(lambda event: over.set() if is_over(event) else None)
        await asyncio.wait_for(over.wait(), 10)
        assert session.conversation.live == ()
        return [(turn.item_id, turn.text, turn.status) for turn in session.conversation.turns]


async def test_a_frame_of_16_mib_of_sound_is_part_of_the_turn() -> None:
    samples = 6 * 2**20
    pcm = base64.b64encode(bytes(2 * samples)).decode()
    where = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
    assert len(pcm) == 16 * 2**20
    steps = [
        begins("resp_1", ours=False),
        says("resp_1", "item_1", "long", audio_samples=24),
        send("response.output_audio.delta", **where, delta=pcm),
        ends("resp_1"),
    ]
    async with session_with(*steps) as (session, _):
        await session.connection.wait_for("response.done", timeout=20)
        (turn,) = session.conversation.turns
        assert turn.audio_ms == (samples + 24) / 24


# Ends


@pytest.mark.parametrize(
    ("code", "reason", "kind", "words"),
    [
        (1001, "going away", errors.ConnectError, r"is closed \(going away\); open a new one"),
        (1001, "Your session hit the maximum duration of 60 minutes.", errors.SessionExpired, "time limit.*new one"),
        (1009, "message too big", errors.ConnectError, r"lost: code 1009 \(message too big\)"),
        (1011, "internal error", errors.ConnectError, r"lost: code 1011 \(internal error\)"),
        (4000, "no such model", errors.ConnectError, r"lost: code 4000 \(no such model\)"),
    ],
)
async def test_error_of_every_close_has_code_reason_and_remedy(
    code: int, reason: str, kind: type[Exception], words: str
) -> None:
    async with (
        ScriptedServer([send("session.created"), close(code, reason)]) as server,
        backends.connect(url=server.url) as conn,
    ):
        await conn.recv()
        with pytest.raises(kind, match=words):
            await conn.recv()
        with pytest.raises(kind, match=words):
            await conn.response.create()


# The network


async def test_conversation_works_when_bytes_arrive_one_by_one() -> None:
    steps = [send("session.created"), *TYPED, *answers("resp_1", "item_1", "Hello!"), never()]
    async with ScriptedServer(steps) as server, FlakyProxy(server.url) as proxy:
        proxy.chunk_bytes = 1
        async with backends.connect(url=proxy.url) as conn:
            session = RealtimeSession(conn)
            assert (await session.ask("Hi", timeout=30)).text == "Hello!"
            await session.close()


@pytest.mark.parametrize("direction", ["down", "up"])
async def test_silent_server_is_detected_by_the_keepalive(direction: Any) -> None:
    async with (
        ScriptedServer([send("session.created"), never()]) as server,
        FlakyProxy(server.url) as proxy,
        backends.connect(url=proxy.url, ping_interval_s=0.05, ping_timeout_s=0.2) as conn,
    ):
        done = conn.wait_for("response.done", timeout=10)
        proxy.stall(direction)
        with pytest.raises(errors.ConnectError, match="answers no pings any more"):
            await done


async def test_stall_shorter_than_the_keepalive_timeout_is_tolerated() -> None:
    steps = [send("session.created"), *TYPED, *answers("resp_1", "item_1", "Here again."), never()]
    async with (
        ScriptedServer(steps) as server,
        FlakyProxy(server.url) as proxy,
        backends.connect(url=proxy.url, ping_interval_s=0.02, ping_timeout_s=10) as conn,
    ):
        session = RealtimeSession(conn)
        proxy.stall()
        asking = asyncio.ensure_future(session.ask("Are you there?", timeout=20))
        await asyncio.sleep(0.5)  # the stall itself: some 25 pings go unanswered meanwhile
        assert not asking.done()
        proxy.resume()
        assert (await asking).text == "Here again."
        await session.close()


@pytest.mark.parametrize("option", ["ping_interval_s", "ping_timeout_s"])
async def test_invalid_keepalive_raises_config_error(option: str) -> None:
    with pytest.raises(errors.ConfigError, match=f"{option}=0 must be a positive number of seconds"):
        await backends.connect(url="ws://127.0.0.1:9/v1/realtime", **{option: 0})  # type: ignore[arg-type]


async def test_truncated_frame_ends_the_connection_and_is_not_delivered() -> None:
    item = {"type": "message", "id": "item_1", "role": "user", "content": [{"type": "input_text", "text": "x" * 5000}]}
    steps = [send("session.created"), expect("conversation.item.create"), send(item_added), never()]
    async with (
        ScriptedServer(steps) as server,
        FlakyProxy(server.url) as proxy,
        backends.connect(url=proxy.url) as conn,
    ):
        seen: list[str] = []
        core_of(conn).add_listener(lambda event: seen.append(event.type))
        proxy.kill_after(down=1000)
        with pytest.raises(errors.ConnectError, match="broke off"):
            await conn.request({"type": "conversation.item.create", "item": item}, timeout=10)
        assert seen == []
