"""Carries out a session's jobs off the event loop: recognition, responses, and their pace.

Owns the tasks of one session and the pace of its responses. Must not know sockets, nor the order of events: it reports
results to the session machine and the response writers, which write the events.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from realtime_nb.local.recognizer_process import AsyncRecognizer
from realtime_nb.local.session.items import StoredItem
from realtime_nb.local.session.jobs import Job, Perform, Prepare, Recognize, Stop
from realtime_nb.local.session.machine import SessionMachine
from realtime_nb.local.session.response_writer import ResponsePlan, ResponseWriter
from realtime_nb.local.voice.load import Voice
from realtime_nb.local.voice.protocols import RATE_HZ, Chunk, Context, Recognition, Reply
from realtime_nb.local.voice.vocabulary import words_with_spaces
from realtime_nb.wire.realtime import FunctionCallOutputItem, MessageItem, encode, to_dict

_log = logging.getLogger(__name__)

_FIRST_CHUNK, _CHUNK = RATE_HZ // 10, RATE_HZ // 5
# Sound may run this far ahead of `pace` times the clock: the first words must not wait for a timer.
_HEAD_START_S = 0.25
_WORD_S = 0.02
_ARGUMENT_CHARS = 12


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers that all sessions share.

    Attributes:
        recognizer: recognises speech.
        threads: run the responder, the detector, and short steps of the synthesiser.
    """

    recognizer: AsyncRecognizer
    threads: Executor


class JobRunner:
    """Runs the jobs of one session.

    Args:
        machine: receives the results.
        voice: the responder and the synthesiser.
        workers: the recogniser and the threads.
        flush: sends the machine's events; awaited, so that a slow client slows its own response only.
        pace: how many times faster than real time sound is sent; 0: as fast as it is made.
    """

    def __init__(
        self,
        machine: SessionMachine,
        voice: Voice,
        workers: Workers,
        *,
        flush: Callable[[], Awaitable[None]],
        pace: float,
    ) -> None:
        self._machine = machine
        self._voice = voice
        self._workers = workers
        self._flush = flush
        self._pace = pace
        self._performances: dict[str, asyncio.Task[None]] = {}
        self._recognitions: dict[int, asyncio.Task[None]] = {}
        self._preparations: set[asyncio.Task[None]] = set()

    def start(self, job: Job) -> None:
        """Begin a job; returns at once."""
        match job:
            case Recognize():
                key = id(job.stored)
                task = self._recognitions[key] = asyncio.create_task(self._recognize(job))
                task.add_done_callback(lambda _: self._recognitions.pop(key, None))
            case Prepare():
                preparation = asyncio.create_task(self._workers.recognizer.warm(tools=job.tools))
                self._preparations.add(preparation)
                preparation.add_done_callback(self._preparations.discard)
            case Perform():
                if (writer := self._machine.writer(job.response_id)) is not None:
                    name = job.response_id
                    performance = self._performances[name] = asyncio.create_task(self._perform(writer))
                    performance.add_done_callback(lambda _: self._performances.pop(name, None))
            case Stop():
                if (running := self._performances.get(job.response_id)) is not None:
                    running.cancel()

    async def close(self) -> None:
        """Stop everything and wait until it has stopped."""
        tasks = [*self._performances.values(), *self._recognitions.values(), *self._preparations]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- recognition

    async def _recognize(self, job: Recognize) -> None:
        sound = job.stored.user_sound
        assert sound is not None
        try:
            recognition = await self._workers.recognizer.recognize(
                sound, tools=job.tools, phrases=job.phrases, language=job.language
            )
        except Exception as error:
            _log.exception("recognition failed")
            recognition = Recognition("", understood=False, confidence=0.0, failure=str(error) or type(error).__name__)
        self._machine.recognized(job.stored, recognition, job.transcription)
        await self._flush()

    # -- responses

    async def _perform(self, writer: ResponseWriter) -> None:
        try:
            reply = await self._think(writer.plan)
            complete = (not reply.text or await self._message(writer, reply.text)) and await self._calls(writer, reply)
            reason = None if complete else "max_output_tokens"
            self._machine.finish(writer, "completed" if complete else "incomplete", reason=reason)
        except Exception as error:
            _log.exception("a response failed")
            why = {"type": "server_error", "code": "server_error", "message": f"{type(error).__name__}: {error}"}
            self._machine.finish(writer, "failed", error=why)
        await self._flush()

    async def _think(self, plan: ResponsePlan) -> Reply:
        # Recognition may end after the response was created, or after a whole answer (docs/protocol.md 37).
        waiting = [self._recognitions[id(stored)] for stored in plan.context if id(stored) in self._recognitions]
        if waiting:
            await asyncio.wait(waiting)
        user_text, understood = _last_words(plan.context)
        context = Context(label=self._voice.label, parallel_tool_calls=plan.parallel_tool_calls)

        def think() -> Reply:
            return self._voice.responder.respond(
                history=[to_dict(stored.as_context()) for stored in plan.context],
                instructions=plan.instructions,
                tools=plan.tools,
                tool_choice=plan.tool_choice,
                user_text=user_text,
                understood=understood,
                context=context,
            )

        return await asyncio.get_running_loop().run_in_executor(self._workers.threads, think)

    async def _message(self, writer: ResponseWriter, text: str) -> bool:
        writer.begin_message()
        await self._flush()
        complete = await (self._speak(writer, text) if writer.speaks else self._write(writer, text))
        if complete:
            writer.end_message()
        return complete

    async def _write(self, writer: ResponseWriter, text: str) -> bool:
        for word in words_with_spaces(text):
            if not writer.write_text(word):
                return False
            await self._flush()
            await asyncio.sleep(_WORD_S / self._pace if self._pace else 0)
        return True

    async def _speak(self, writer: ResponseWriter, text: str) -> bool:
        loop = asyncio.get_running_loop()
        speech = _Speech(self._voice, text, _voice_name(writer.plan.voice), writer.plan.speed)
        before = writer.samples
        began: float | None = None
        try:
            while True:
                least = _FIRST_CHUNK if writer.samples == before else _CHUNK
                piece = await loop.run_in_executor(self._workers.threads, speech.pull, least)
                if piece is None:
                    return True
                # From the first sound, not from the request: time in which the voice still loads does not count.
                began = loop.time() if began is None else began
                fits = writer.write_transcript(piece.text, int(piece.samples.size)) and writer.write_audio(
                    piece.samples
                )
                if not fits:
                    return False
                await self._flush()
                ahead_s = (writer.samples - before) / RATE_HZ / self._pace - (loop.time() - began) if self._pace else 0
                await asyncio.sleep(max(ahead_s - _HEAD_START_S, 0))
        finally:
            speech.stop.set()
            self._workers.threads.submit(speech.close)

    async def _calls(self, writer: ResponseWriter, reply: Reply) -> bool:
        calls = reply.tool_calls if writer.plan.parallel_tool_calls else reply.tool_calls[:1]
        for call in calls:
            writer.begin_call(call.name)
            arguments = encode(call.arguments).decode()
            for start in range(0, len(arguments), _ARGUMENT_CHARS):
                if not writer.write_arguments(arguments[start : start + _ARGUMENT_CHARS]):
                    return False
                await self._flush()
            writer.end_call()
        return True


class _Speech:
    """A synthesiser's stream, read on any worker thread; the lock keeps `close` apart from a `pull` under way."""

    def __init__(self, voice: Voice, text: str, name: str, speed: float) -> None:
        self.stop = threading.Event()
        self._lock = threading.Lock()
        self._stream: Iterator[Chunk] = voice.synthesizer.stream(text, voice=name, speed=speed, stop=self.stop)

    def pull(self, least: int) -> Chunk | None:
        """Return at least `least` samples with their words; fewer at the end, and None after it."""
        with self._lock:
            blocks, words, size = [], [], 0
            for chunk in self._stream:
                blocks.append(chunk.samples)
                words.append(chunk.text)
                size += int(chunk.samples.size)
                if size >= least:
                    break
            return Chunk(np.concatenate(blocks), "".join(words)) if blocks else None

    def close(self) -> None:
        """End the stream."""
        with self._lock:
            close = getattr(self._stream, "close", None)
            if close is not None:
                close()


def _voice_name(voice: str | dict[str, Any]) -> str:
    return voice if isinstance(voice, str) else str(voice.get("id", ""))


def _last_words(context: list[StoredItem]) -> tuple[str | None, bool]:
    """Return the user's last words if they were spoken, and whether they were understood: the item does not say."""
    for stored in reversed(context):
        if isinstance(stored.item, FunctionCallOutputItem):
            break
        if isinstance(stored.item, MessageItem) and stored.item.role == "user":
            if stored.recognition is not None:
                return stored.recognition.text, stored.recognition.understood
            break
    return None, True
