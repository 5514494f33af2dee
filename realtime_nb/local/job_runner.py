"""Carries out a session's jobs off the event loop: recognition, responses, and their pace.

Owns the tasks of one session and the pace of its responses. Must not know sockets, nor the order of events: it reports
results to the session machine and the response writers, which write the events.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from realtime_nb.local.read_ahead import ReadAhead
from realtime_nb.local.recognizer_process import AsyncRecognizer
from realtime_nb.local.reply_pieces import repaired
from realtime_nb.local.session.items import StoredItem
from realtime_nb.local.session.jobs import Job, Perform, Prepare, PrepareReply, Recognize, Stop
from realtime_nb.local.session.machine import SessionMachine
from realtime_nb.local.session.response_writer import ResponsePlan, ResponseWriter
from realtime_nb.local.session.usage import prompt_tokens
from realtime_nb.local.speaking import Speaking
from realtime_nb.local.voice.load import Voice
from realtime_nb.local.voice.protocols import RATE_HZ, Chunk, Recognition
from realtime_nb.local.voice.reply import (
    CallArguments,
    CallBegun,
    CallEnded,
    ReplyCut,
    ReplyError,
    ReplyPiece,
    ReplyRequest,
    TextPiece,
)
from realtime_nb.local.voice.vocabulary import words_with_spaces
from realtime_nb.wire.realtime import FunctionCallOutputItem, MessageItem, to_dict

_log = logging.getLogger(__name__)

# A slow client must not make a model's text, nor the sound for it, pile up.
_CHARS_AHEAD, _SAMPLES_AHEAD = 20_000, 15 * RATE_HZ
# Sound may run this far ahead of `pace` times the clock: the first words must not wait for a timer.
_HEAD_START_S = 0.25
# Text in one long piece is typed at the speed of the connection: a delay for each word would add up to minutes.
_WORD_S, _TYPED_CHARS = 0.02, 400


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers that all sessions share.

    Attributes:
        recognizer: recognises speech.
        threads: run the detector, and short steps of the synthesiser.
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
                self._prepare(self._workers.recognizer.warm(tools=job.tools))
            case PrepareReply():
                self._prepare(self._voice.responder.prepare(job.instructions, job.tools))
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

    def _prepare(self, work: Coroutine[Any, Any, None]) -> None:
        async def prepare() -> None:
            try:
                await work
            except Exception:
                _log.exception("a preparation failed")  # the answer that needs it will say why

        task = asyncio.create_task(prepare())
        self._preparations.add(task)
        task.add_done_callback(self._preparations.discard)

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
        status, reason, failure = "completed", None, None
        try:
            reason = await self._answer(writer)
            status = "completed" if reason is None else "incomplete"
        except ReplyError as error:
            _log.warning("a response failed: %s", error.message)
            status, failure = "failed", {"type": error.kind, "code": error.code, "message": error.message}
        except Exception as error:
            _log.exception("a response failed")
            why = f"{type(error).__name__}: {error}"
            status, failure = "failed", {"type": "server_error", "code": "server_error", "message": why}
        self._machine.finish(writer, status, reason=reason, error=failure)
        await self._flush()

    async def _answer(self, writer: ResponseWriter) -> str | None:
        """Write a response; return the reason for which it is incomplete, or None."""
        plan, responder = writer.plan, self._voice.responder
        await self._recognized(plan)
        request = _request(plan, self._voice.label)
        if not request.understood:
            writer.mark_misheard()
        if responder.limits_tokens:
            writer.leave_counting_to_model(prompt_tokens(request))
        stream = responder.reply(request)
        pieces = repaired(stream, count=writer.count, one_call=not plan.parallel_tool_calls)
        async with ReadAhead(pieces, cost=_chars, most=_CHARS_AHEAD) as ahead:
            if not writer.speaks:
                return await self._write(writer, ahead)
            speaking = Speaking(
                self._voice.synthesizer, self._workers.threads, voice=_voice_name(plan.voice), speed=plan.speed
            )
            async with ReadAhead(speaking.speak(ahead), cost=_samples, most=_SAMPLES_AHEAD) as sound:
                return await self._write(writer, sound)

    async def _recognized(self, plan: ResponsePlan) -> None:
        """Wait for the words of the context, which may come after the response was created (docs/protocol.md 37)."""
        waiting = [self._recognitions[id(stored)] for stored in plan.context if id(stored) in self._recognitions]
        if waiting:
            await asyncio.wait(waiting)

    async def _write(self, writer: ResponseWriter, steps: AsyncIterable[Chunk | ReplyPiece]) -> str | None:
        pace = _Pace(self._pace)
        async for step in steps:
            if isinstance(step, Chunk | TextPiece) and writer.open_kind is None:
                writer.begin_message()
                pace = _Pace(self._pace)
            fits = True
            match step:
                case Chunk():
                    size = int(step.samples.size)
                    fits = writer.write_transcript(step.text, size) and writer.write_audio(step.samples)
                    await self._flush()
                    await pace.sent(size)
                case TextPiece():
                    fits = await self._type(writer, step.text)
                case CallBegun():
                    writer.end_message()
                    writer.begin_call(step.name, step.call_id)
                case CallArguments():
                    fits = writer.write_arguments(step.delta)
                    await self._flush()
                case CallEnded():
                    writer.end_call()
                    await self._flush()
                case ReplyCut():
                    return step.reason
            if not fits:
                return "max_output_tokens"
        writer.end_message()
        return None

    async def _type(self, writer: ResponseWriter, text: str) -> bool:
        """Write text word by word; the pieces of a model's stream are often shorter than a word."""
        pause_s = _WORD_S / self._pace if self._pace and len(text) <= _TYPED_CHARS else 0
        words = words_with_spaces(text) or [text]
        for index, word in enumerate(words):
            if not writer.write_text(word):
                return False
            await self._flush()
            await asyncio.sleep(pause_s if index < len(words) - 1 else 0)
        return True


class _Pace:
    """Delays the sound of one message to `factor` times the speed of its playback; 0: does not delay it."""

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._samples = 0
        self._began: float | None = None

    async def sent(self, samples: int) -> None:
        """Wait as long as is due behind a piece of sound."""
        now = asyncio.get_running_loop().time()
        # From the first sound, not from the request: time in which the voice still loads does not count.
        self._began = now if self._began is None else self._began
        self._samples += samples
        ahead_s = self._samples / RATE_HZ / self._factor - (now - self._began) if self._factor else 0
        await asyncio.sleep(max(ahead_s - _HEAD_START_S, 0))


def _request(plan: ResponsePlan, label: str) -> ReplyRequest:
    last = _last_recognition(plan.context)
    if last is not None and last.failure is not None:
        raise ReplyError(last.failure, code="recognition_failed")
    # A response outside the conversation may be made while another one still writes an item: of that, no words and no
    # whole arguments are known yet.
    context = [stored for stored in plan.context if not stored.being_written]
    return ReplyRequest(
        history=[to_dict(stored.as_context()) for stored in context],
        instructions=plan.instructions,
        tools=plan.tools,
        tool_choice=plan.tool_choice,
        parallel_tool_calls=plan.parallel_tool_calls,
        user_text=last.text if last is not None else None,
        understood=last.understood if last is not None else True,
        spoken=plan.modality == "audio",
        max_output_tokens=plan.max_output_tokens if isinstance(plan.max_output_tokens, int) else None,
        reasoning_effort=plan.reasoning_effort,
        label=label,
        misheard=frozenset(stored.item_id for stored in context if stored.misheard),
        cut_off=frozenset(stored.item_id for stored in context if stored.cut_off),
    )


def _chars(piece: ReplyPiece) -> int:
    match piece:
        case TextPiece():
            return len(piece.text)
        case CallArguments():
            return len(piece.delta)
    return 0


def _samples(step: Chunk | ReplyPiece) -> int:
    return int(step.samples.size) if isinstance(step, Chunk) else _chars(step)


def _voice_name(voice: str | dict[str, Any]) -> str:
    return voice if isinstance(voice, str) else str(voice.get("id", ""))


def _last_recognition(context: list[StoredItem]) -> Recognition | None:
    """Return the recogniser's result for the user's last words; None where they were typed, or have been answered."""
    for stored in reversed(context):
        if isinstance(stored.item, FunctionCallOutputItem):
            break
        if isinstance(stored.item, MessageItem) and stored.item.role == "user":
            return stored.recognition
    return None
