"""The job runner: failures off the event loop become events, and stopped work stops everywhere."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from realtime_nb.local.job_runner import JobRunner, Workers
from realtime_nb.local.voice.detector.energy import EnergyDetector
from realtime_nb.local.voice.load import Voice
from realtime_nb.local.voice.protocols import Chunk, Recognition, ToolSpecs
from realtime_nb.local.voice.reply import (
    CallArguments,
    CallBegun,
    CallEnded,
    ReplyPiece,
    ReplyRequest,
    TextPiece,
)
from realtime_nb.local.voice.synthesizer.tone import ToneSynthesizer
from tests.unit.local.driver import Driver, Event, types


class Recogniser:
    def __init__(self, hear: Callable[[], Recognition] = lambda: Recognition("hello", True, 0.9)) -> None:
        self._hear = hear

    async def recognize(self, sound: Any, **_: Any) -> Recognition:
        return await asyncio.to_thread(self._hear)

    async def warm(self, **_: Any) -> None: ...

    async def close(self) -> None: ...


class Script:
    """A responder that streams given pieces, and keeps its requests."""

    limits_tokens = False

    def __init__(self, answer: Callable[[], Iterable[ReplyPiece]]) -> None:
        self.answer = answer
        self.requests: list[ReplyRequest] = []

    async def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyPiece, None]:
        self.requests.append(request)
        for piece in self.answer():
            yield piece

    async def prepare(self, instructions: str, tools: ToolSpecs) -> None: ...

    async def close(self) -> None: ...


def say(text: str) -> Callable[[], list[ReplyPiece]]:
    return lambda: [TextPiece(text)]


def call(name: str, arguments: str = "{}") -> list[ReplyPiece]:
    return [CallBegun(name), CallArguments(arguments), CallEnded()]


class Endless:
    """A synthesiser that never comes to an end, and knows when it was told to."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def stream(self, text: str, **_: Any) -> Iterator[Chunk]:
        try:
            while True:
                yield Chunk(np.ones(4_800, np.int16), "on ")
        finally:
            self.closed.set()

    def warm(self) -> None: ...


class Stage:
    """A session with a performer, and every event that it sent."""

    def __init__(self, driver: Driver, performer: JobRunner, events: list[Event]) -> None:
        self.driver = driver
        self.events = events
        self._runner = performer
        self._news = asyncio.Event()

    async def flush(self) -> None:
        self.events += self.driver.drain()
        jobs, self.driver.jobs = self.driver.jobs, []
        for job in jobs:
            self._runner.start(job)
        self._news.set()

    async def send(self, event_type: str, **fields: Any) -> None:
        self.events += self.driver.send(event_type, **fields)
        await self.flush()

    async def until(self, event_type: str) -> Event:
        async with asyncio.timeout(20):
            while True:
                for event in self.events:
                    if event["type"] == event_type:
                        return event
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def stage(
    answer: Callable[[], Iterable[ReplyPiece]], *, synthesizer: Any = None, recogniser: Any = None
) -> AsyncIterator[tuple[Stage, Script]]:
    driver, script = Driver(), Script(answer)
    voice = Voice(EnergyDetector, None, script, synthesizer or ToneSynthesizer(), "practice", None)
    with ThreadPoolExecutor(2) as threads:
        workers = Workers(recogniser or Recogniser(), threads)

        async def flush() -> None:
            await running.flush()

        performer = JobRunner(driver.machine, voice, workers, flush=flush, pace=0)
        running = Stage(driver, performer, [])
        yield running, script
        await performer.close()


def _fail() -> list[ReplyPiece]:
    raise ValueError("no idea")


async def test_failing_responder_fails_one_response_only() -> None:
    async with stage(_fail) as (session, script):
        await session.send("response.create")
        done = (await session.until("response.done"))["response"]
        assert done["status"] == "failed"
        assert done["status_details"]["error"]["message"] == "ValueError: no idea"
        script.answer = say("Better.")
        session.events.clear()
        await session.send("response.create")
        assert (await session.until("response.done"))["response"]["status"] == "completed"


async def test_a_reply_may_speak_and_call() -> None:
    pieces = [TextPiece("One moment."), *call("a", '{"x":1}'), *call("b")]
    async with stage(lambda: pieces) as (session, _):
        await session.send("response.create")
        output = (await session.until("response.done"))["response"]["output"]
        assert [item["type"] for item in output] == ["message", "function_call", "function_call"]
        assert output[1]["arguments"] == '{"x":1}'


async def test_without_parallel_calls_only_the_first_is_made() -> None:
    async with stage(lambda: [*call("a"), *call("b")]) as (session, _):
        await session.send("response.create", response={"parallel_tool_calls": False})
        output = (await session.until("response.done"))["response"]["output"]
        assert [item["name"] for item in output] == ["a"]


async def test_a_cancelled_response_stops_its_voice() -> None:
    voice = Endless()
    async with stage(say("on and on"), synthesizer=voice) as (session, _):
        await session.send("response.create")
        await session.until("response.output_audio.delta")
        await session.send("response.cancel")
        assert (await session.until("response.done"))["response"]["status"] == "cancelled"
        count = len(session.events)
        assert await asyncio.to_thread(voice.closed.wait, 20)
        await session.flush()
        assert len(session.events) == count


async def test_a_session_that_closes_stops_its_voice() -> None:
    voice = Endless()
    async with stage(say("on and on"), synthesizer=voice) as (session, _):
        await session.send("response.create")
        await session.until("response.output_audio.delta")
    assert voice.closed.is_set()


async def test_the_token_limit_stops_an_endless_voice() -> None:
    async with stage(say("on and on"), synthesizer=Endless()) as (session, _):
        await session.send("response.create", response={"max_output_tokens": 50})
        done = (await session.until("response.done"))["response"]
        assert done["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
        assert done["usage"]["output_tokens"] <= 50


async def test_response_waits_for_recognition_and_passes_its_doubt_on() -> None:
    may_hear = threading.Event()

    def hear() -> Recognition:
        assert may_hear.wait(20)
        return Recognition("mumble", understood=False, confidence=0.1)

    async with stage(say("Pardon?"), recogniser=Recogniser(hear)) as (session, script):
        session.events += session.driver.say(*[1.0] * 20, *[0.0] * 20)
        await session.flush()
        await session.until("response.created")
        assert "response.output_item.added" not in types(session.events)
        may_hear.set()
        await session.until("response.done")
        (request,) = script.requests
        assert (request.user_text, request.understood) == ("mumble", False)
        assert request.history[-1]["content"][0]["transcript"] == "mumble"


async def test_failing_recogniser_fails_the_answer_with_its_cause() -> None:
    def hear() -> Recognition:
        raise OSError("no model")

    async with stage(say("Pardon?"), recogniser=Recogniser(hear)) as (session, script):
        session.driver.effective(audio={"input": {"transcription": {"model": "m"}}})
        session.events += session.driver.say(*[1.0] * 20, *[0.0] * 20)
        await session.flush()
        await session.until("conversation.item.input_audio_transcription.failed")
        response = (await session.until("response.done"))["response"]
        assert response["status"] == "failed"
        assert response["status_details"]["error"]["code"] == "recognition_failed"
        assert script.requests == []


async def test_typed_text_after_a_spoken_turn_counts_as_understood() -> None:
    async with stage(say("Yes.")) as (session, script):
        session.driver.user_says("typed")
        await session.send("response.create")
        await session.until("response.done")
        assert (script.requests[0].user_text, script.requests[0].understood) == (None, True)


async def test_a_truncation_after_the_next_response_began_still_reaches_its_request() -> None:
    may_hear = threading.Event()

    def hear() -> Recognition:
        assert may_hear.wait(20)
        return Recognition("go on", understood=True, confidence=0.9)

    async with stage(say("One thing."), recogniser=Recogniser(hear)) as (session, script):
        await session.send("response.create")
        item_id = (await session.until("response.done"))["response"]["output"][0]["id"]
        session.events.clear()
        session.events += session.driver.say(*[1.0] * 20, *[0.0] * 20)
        await session.flush()
        await session.until("response.created")
        await session.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=0)
        may_hear.set()
        await session.until("response.done")
        assert script.requests[-1].history[0]["content"][0]["transcript"] == ""
