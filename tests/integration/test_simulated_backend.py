"""The simulated backend over its socket: latencies, turns, tools, usage, faults."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb.testing import Asked, Call, Reply, SimulatedBackend

RATE_HZ = 24_000
TONE = (9000 * np.sin(np.arange(RATE_HZ) / 20)).astype(np.int16)
QUIET = np.zeros(RATE_HZ, np.int16)


@asynccontextmanager
async def connected(backend: SimulatedBackend, **session: Any) -> AsyncIterator[rt.RealtimeConnection]:
    async with rt.connect(backend=backend.url, model="simulated", reconnect=False) as conn:
        if session:
            await conn.session.update(**session)
        yield conn


async def typed(conn: rt.RealtimeConnection, text: str) -> list[tuple[float, Any]]:
    """Type a turn; return the events until its answer is done, each with its time in ms."""
    await conn.conversation.item.create(item=rt.user_message(text))
    began = time.perf_counter()
    await conn.response.create()
    return await until_done(conn, began)


async def until_done(conn: rt.RealtimeConnection, began: float) -> list[tuple[float, Any]]:
    events = []
    async for event in conn:
        events.append(((time.perf_counter() - began) * 1000, event))
        if event.type == "response.done":
            break
    return events


def first(events: list[tuple[float, Any]], kind: str) -> tuple[float, Any]:
    return next((at, event) for at, event in events if event.type == kind)


def clips(*parts: np.ndarray[Any, np.dtype[np.int16]]) -> list[np.ndarray[Any, np.dtype[np.int16]]]:
    sound = np.concatenate(parts)
    return [sound[start : start + 2400] for start in range(0, len(sound), 2400)]


async def test_first_sound_comes_no_sooner_than_the_latency_says() -> None:
    async with SimulatedBackend(base_ms=40, shifts_ms={"B": 60}) as backend:
        for instructions, latency_ms in (("A", 40), ("B", 100)):
            assert backend.latency_ms(instructions, "hi") == latency_ms
            async with connected(backend, instructions=instructions) as conn:
                at, _ = first(await typed(conn, "hi"), "response.output_audio.delta")
                assert at >= latency_ms
        assert [asked.latency_ms for asked in backend.asked] == [40, 100]
        assert [asked.words for asked in backend.asked] == ["hi", "hi"]


async def test_turn_detection_ends_a_turn_and_known_words_are_transcribed() -> None:
    said = rt.Utterance(samples=TONE, said="hello there")
    detection = {"type": "server_vad", "silence_duration_ms": 200}
    audio = {"input": {"transcription": {"model": "gpt-4o-transcribe"}, "turn_detection": detection}}
    async with SimulatedBackend(base_ms=0, utterances=[said], utterance_sd_ms=50) as backend:
        async with connected(backend, audio=audio, instructions="A") as conn:
            for clip in clips(QUIET[:4800], TONE, QUIET):
                await conn.input_audio_buffer.append(clip)
            events = await until_done(conn, time.perf_counter())
        types = [event.type for _, event in events]
        assert types.index("input_audio_buffer.speech_stopped") < types.index("response.created")
        _, stopped = first(events, "input_audio_buffer.speech_stopped")
        assert 1200 <= stopped.audio_end_ms - 200 <= 1300
        _, heard = first(events, "conversation.item.input_audio_transcription.completed")
        assert heard.transcript == "hello there"
        assert backend.asked[0].latency_ms == backend.latency_ms("A", said)
        (received,) = backend.inputs
        assert (received.appends, received.samples) == (22, 4800 + 2 * RATE_HZ)


async def test_input_hash_is_that_of_the_recording_however_long_the_silence_is() -> None:
    async with SimulatedBackend(base_ms=0) as backend:
        for silence in (QUIET[:9600], QUIET):
            async with connected(backend, audio={"input": {"turn_detection": None}}) as conn:
                for clip in clips(TONE, silence):
                    await conn.input_audio_buffer.append(clip)
                await conn.request({"type": "input_audio_buffer.commit"})
        one, other = backend.inputs
        assert one.sound_hash == other.sound_hash
        assert one.samples < other.samples


async def test_tools_are_called_and_their_outputs_reach_the_next_answer() -> None:
    def answer(asked: Asked) -> str | Reply:
        return f"It is {asked.tool_outputs[0]}" if asked.tool_outputs else Reply(calls=[Call("clock", {"zone": "UTC"})])

    tool = {"type": "function", "name": "clock", "description": "The time.", "parameters": {"type": "object"}}
    async with SimulatedBackend(base_ms=0, answers=answer) as backend, connected(backend, tools=[tool]) as conn:
        _, done = (await typed(conn, "What is the time?"))[-1]
        (call,) = done.response.output
        assert (call.name, call.arguments) == ("clock", '{"zone": "UTC"}')
        output = {"type": "function_call_output", "call_id": call.call_id, "output": "noon"}
        await conn.conversation.item.create(item=output)
        await conn.response.create()
        _, done = (await until_done(conn, 0.0))[-1]
        assert done.response.output[0].content[0].transcript == "It is noon"
        assert [asked.tools for asked in backend.asked] == [("clock",), ("clock",)]


async def test_answers_are_text_where_the_session_wants_text() -> None:
    async with SimulatedBackend(base_ms=0) as backend, connected(backend, output_modalities=["text"]) as conn:
        events = await typed(conn, "one two")
        assert "".join(e.delta for _, e in events if e.type == "response.output_text.delta") == "You said: one two"


async def test_sound_begins_with_its_silence_and_has_its_length() -> None:
    reply = Reply(text="hello", audio_ms=250)
    async with (
        SimulatedBackend(base_ms=0, answers=reply, lead_ms={"cedar": 130}) as backend,
        connected(backend, audio={"output": {"voice": "cedar"}}) as conn,
    ):
        events = await typed(conn, "hi")
    sound = np.frombuffer(b"".join(e.audio for _, e in events if e.type == "response.output_audio.delta"), "<i2")
    assert sound.size == 380 * 24
    assert np.abs(sound[: 130 * 24]).max() == 0
    assert np.abs(sound[130 * 24 : 131 * 24]).max() > 0


async def test_limit_of_tokens_makes_an_incomplete_response_with_usage() -> None:
    async with (
        SimulatedBackend(base_ms=0, answers="word " * 200) as backend,
        connected(backend, max_output_tokens=50) as conn,
    ):
        _, done = (await typed(conn, "hi"))[-1]
    assert (done.response.status, done.response.status_details.reason) == ("incomplete", "max_output_tokens")
    assert 0 < done.response.usage.output_tokens <= 50


async def test_speech_interrupts_an_answer_that_is_sent_at_its_pace() -> None:
    async with (
        SimulatedBackend(base_ms=0, answers=Reply(text="long", audio_ms=600_000), sound_pace=1) as backend,
        connected(backend) as conn,
    ):
        await conn.conversation.item.create(item=rt.user_message("hi"))
        await conn.response.create()
        await conn.wait_for("response.output_audio.delta", 10)
        for clip in clips(TONE[:9600]):
            await conn.input_audio_buffer.append(clip)
        _, done = (await until_done(conn, 0.0))[-1]
    assert (done.response.status, done.response.status_details.reason) == ("cancelled", "turn_detected")


async def test_function_that_raises_fails_the_response_with_its_words() -> None:
    def answer(_: Asked) -> str:
        raise ValueError("no such answer")

    async with SimulatedBackend(base_ms=0, answers=answer) as backend, connected(backend) as conn:
        _, done = (await typed(conn, "hi"))[-1]
    assert done.response.status == "failed"
    assert done.response.status_details.error.message == "ValueError: no such answer"


async def test_drift_grows_with_the_time_since_its_restart() -> None:
    async with SimulatedBackend(base_ms=0, drift_ms_per_minute=6000) as backend, connected(backend) as conn:
        for _ in range(3):
            await typed(conn, "hi")
            await asyncio.sleep(0.05)
        latencies = [asked.latency_ms for asked in backend.asked]
        assert latencies == sorted(latencies)
        assert latencies[-1] - latencies[0] >= 10  # 100 ms of a minute's 6000


async def test_work_for_each_append_delays_what_follows_a_burst() -> None:
    async with (
        SimulatedBackend(append_work_ms=4) as backend,
        connected(backend, audio={"input": {"turn_detection": None}}) as conn,
    ):
        began = time.perf_counter()
        for clip in clips(TONE, TONE, TONE):
            await conn.input_audio_buffer.append(clip)
        await conn.request({"type": "input_audio_buffer.commit"})
        assert time.perf_counter() - began >= 30 * 0.004 - 0.005


async def test_server_is_free_unless_a_backend_gives_prices() -> None:
    from realtime_nb.backends import resolve
    from realtime_nb.conversation import FREE

    backend = SimulatedBackend()
    with backend:
        assert resolve(backend.url).prices is FREE
        prices = rt.Prices(text_in=1, text_out=2)
        assert resolve(rt.Backend(url=backend.url, prices=prices)).prices is prices
    assert resolve(backend.url).prices is None


async def test_refused_client_is_asked_to_wait() -> None:
    async with SimulatedBackend(faults=lambda _: "refuse", retry_after_s=3) as backend:
        with pytest.raises(rt.ConnectError) as caught:
            await rt.connect(backend=backend.url, reconnect=False)
        assert caught.value.status == 429
        assert backend.inputs[0].fault == "refuse"


async def test_hanging_handshake_and_deaf_session_leave_the_client_waiting_and_the_server_stops() -> None:
    async with SimulatedBackend(faults=lambda session: ["hang", "deaf", None][session]) as backend:
        with pytest.raises((rt.ConnectError, TimeoutError)):
            await rt.connect(backend=backend.url, reconnect=False, open_timeout_s=0.3)
        async with rt.connect(backend=backend.url, reconnect=False) as conn:
            await conn.session.update(instructions="A")
            with pytest.raises(TimeoutError):
                await conn.wait_for("session.updated", 0.3)
        async with connected(backend) as conn:
            assert (await typed(conn, "hi"))[-1][1].response.status == "completed"


@pytest.mark.parametrize("fault", ["never", "drip"])
async def test_answer_without_end_begins_and_is_not_done(fault: str) -> None:
    async with SimulatedBackend(base_ms=0, faults=lambda _: fault) as backend, connected(backend) as conn:
        kinds: list[str] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.7):
                await conn.conversation.item.create(item=rt.user_message("hi"))
                await conn.response.create()
                async for event in conn:
                    kinds.append(event.type)
        assert "response.created" in kinds
        assert "response.done" not in kinds
        assert (kinds.count("response.output_audio.delta") >= 2) is (fault == "drip")


@pytest.mark.parametrize("fault", ["close", "abort"])
async def test_connection_breaks_in_the_middle_of_the_sound(fault: str) -> None:
    kinds: list[str] = []
    async with (
        SimulatedBackend(base_ms=0, answers="word " * 20, faults=lambda _: fault) as backend,
        rt.connect(backend=backend.url, reconnect=False) as conn,
    ):
        await conn.conversation.item.create(item=rt.user_message("hi"))
        await conn.response.create()
        with contextlib.suppress(rt.ConnectError):
            async for event in conn:
                kinds.append(event.type)
    assert "response.output_audio.delta" in kinds
    assert "response.done" not in kinds


async def test_failing_response_says_so() -> None:
    async with SimulatedBackend(base_ms=0, faults=lambda _: "fail") as backend, connected(backend) as conn:
        _, done = (await typed(conn, "hi"))[-1]
    assert done.response.status == "failed"
    assert "simulated fault" in done.response.status_details.error.message


async def test_many_sessions_at_once_draw_the_latencies_that_a_row_of_sessions_draws() -> None:
    drawn = []
    for at_once in (True, False):
        async with SimulatedBackend(base_ms=5, trial_sd_ms=3, seed=4) as backend:

            async def one(backend: SimulatedBackend, number: int) -> None:
                async with connected(backend) as conn:
                    await typed(conn, f"question {number % 3}")

            if at_once:
                await asyncio.gather(*(one(backend, number) for number in range(9)))
            else:
                for number in range(9):
                    await one(backend, number)
            drawn.append(sorted((asked.words, asked.repeat, asked.latency_ms) for asked in backend.asked))
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 9


def test_second_start_is_refused_and_a_second_stop_is_not() -> None:
    backend = SimulatedBackend().start()
    with pytest.raises(rt.ConfigError, match="started before"):
        backend.start()
    backend.stop()
    backend.stop()
