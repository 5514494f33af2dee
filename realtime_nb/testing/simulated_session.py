"""One session of a simulated backend: the local server's session machine behind a websocket, with known latencies.

Owns the session's frames, its clock and its faults. Must not know how latencies and answers are drawn.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from realtime_nb.local.session.config import SessionDefaults
from realtime_nb.local.session.items import StoredItem
from realtime_nb.local.session.jobs import Job, Perform, Recognize, Stop
from realtime_nb.local.session.machine import SessionMachine
from realtime_nb.local.session.response_writer import ResponsePlan, ResponseWriter
from realtime_nb.local.voice.detector.energy import EnergyDetector
from realtime_nb.local.voice.protocols import RATE_HZ, Pcm, Recognition
from realtime_nb.local.voice.vocabulary import words_with_spaces
from realtime_nb.wire import realtime as wire

from .answers import Asked, Call, Reply
from .faults import Fault
from .known_times import Settings
from .simulated_model import SimulatedModel

DEFAULT_MODEL = "simulated"
_PIECE = RATE_HZ // 10
_MS_A_CHARACTER = 60.0
_DRIP_S = 0.2
_PIECES_BEFORE_A_BREAK = 3
_MOST_FRAMES = 32
# A timer fires up to about a millisecond late: without this, work that lasts two would last three in a backlog.
_BACKLOG_S = 0.005
# 200 Hz fits into a piece a whole number of times, so that pieces join without a click.
_TONE: Pcm = np.round(6000 * np.sin(2 * np.pi * 200 * np.arange(_PIECE) / RATE_HZ)).astype(np.int16)


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """How a session behaves beside its answers.

    Attributes:
        append_work_s: how long the server works on one append.
        sound_pace: how many times faster than it is played sound is sent; None: at once.
        drift_ms: returns what the server's age adds to a latency.
    """

    append_work_s: float
    sound_pace: float | None
    drift_ms: Callable[[], float]


class HeardInput:
    """The sound that a session received, as its hash: silence after the last sound is left out."""

    def __init__(self) -> None:
        self.appends = 0
        self.samples = 0
        self._hash = sha256()
        self._zeros = 0

    def add(self, frame: str | bytes) -> bool:
        """Add the sound of a frame; False where it is no append whose sound can be read."""
        try:
            event = json.loads(frame)
            if event["type"] != "input_audio_buffer.append":
                return False
            pcm = base64.b64decode(event["audio"], validate=True)
        except (ValueError, KeyError, TypeError):
            return False
        self.appends += 1
        self.samples += len(pcm) // 2
        rest = pcm.rstrip(b"\x00")
        if rest:
            self._hash.update(bytes(self._zeros) + rest)
            self._zeros = 0
        self._zeros += len(pcm) - len(rest)
        return True

    @property
    def sound_hash(self) -> str:
        """The SHA-256 of the PCM16 bytes up to the last one that is not 0."""
        return self._hash.hexdigest()


class SimulatedSession:
    """Serves one connection.

    Args:
        socket: a server connection of websockets.
        model: answers.
        model_name: that the client asked for.
        fault: that this session has, or None.
        options: how it behaves.
        heard: notes the sound that is received.
    """

    def __init__(
        self,
        socket: Any,
        model: SimulatedModel,
        model_name: str | None,
        fault: Fault | None,
        options: SessionOptions,
        heard: HeardInput,
    ) -> None:
        self._socket = socket
        self._model = model
        self._model_name = model_name or DEFAULT_MODEL
        self._fault = fault
        self._options = options
        self._heard = heard
        self._machine = SessionMachine(
            model=self._model_name,
            defaults=SessionDefaults(self._model_name, "Answer with what was asked."),
        )
        self._detector = EnergyDetector()
        self._sending = asyncio.Lock()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._worked_until = 0.0

    async def run(self) -> None:
        """Serve until the client or a fault closes the connection."""
        from websockets.exceptions import ConnectionClosed

        self._machine.open()
        try:
            await self._send()
            async for frame in self._socket:
                if self._fault != "deaf":
                    await self._receive(frame)
        except ConnectionClosed:
            pass
        finally:
            self._machine.close()
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # -- frames

    async def _receive(self, frame: str | bytes) -> None:
        if self._heard.add(frame):
            await self._work()
        self._machine.receive(frame)
        size = self._detector.frame_samples
        while (frames := self._machine.undetected(size, _MOST_FRAMES)) is not None:
            for each in frames:
                self._machine.detected([self._detector.process(each)], size)
        await self._send()

    async def _work(self) -> None:
        """Work on an append: the events behind it wait."""
        if not self._options.append_work_s:
            return
        now = asyncio.get_running_loop().time()
        self._worked_until = max(self._worked_until, now - _BACKLOG_S) + self._options.append_work_s
        await _sleep_until(max(self._worked_until, now))

    async def _send(self) -> None:
        async with self._sending:  # events of two tasks must not change places
            events, jobs = self._machine.drain()
            for event in events:
                await self._socket.send(wire.encode(event).decode())
        for job in jobs:
            await self._start(job)

    async def _start(self, job: Job) -> None:
        match job:
            case Recognize():
                sound = job.stored.user_sound
                words = self._model.words_of(sound) if sound is not None else ""
                recognition = Recognition(words, understood=bool(words), confidence=1.0 if words else 0.0)
                self._machine.recognized(job.stored, recognition, job.transcription)
                await self._send()
            case Perform():
                if (writer := self._machine.writer(job.response_id)) is not None:
                    name = job.response_id
                    task = self._tasks[name] = asyncio.create_task(self._perform(writer))
                    task.add_done_callback(lambda _: self._tasks.pop(name, None))
            case Stop():
                if (running := self._tasks.get(job.response_id)) is not None:
                    running.cancel()

    # -- responses

    async def _perform(self, writer: ResponseWriter) -> None:
        from websockets.exceptions import ConnectionClosed

        began = asyncio.get_running_loop().time()
        status, reason, failure = "completed", None, None
        try:
            reason = await self._answer(writer, began)
            status = "completed" if reason is None else "incomplete"
        except ConnectionClosed:
            return
        except Exception as error:  # of the user's function: the response says what is wrong with it
            why = f"{type(error).__name__}: {error}"
            status, failure = "failed", {"type": "server_error", "code": "server_error", "message": why}
        self._machine.finish(writer, status, reason=reason, error=failure)
        try:
            await self._send()
        except ConnectionClosed:
            return

    async def _answer(self, writer: ResponseWriter, began: float) -> str | None:
        """Write a response; return the reason for which it is incomplete, or None."""
        asked = self._asked(writer.plan)
        reply = self._model.reply(asked)
        await _sleep_until(began + asked.latency_ms / 1000)
        if self._fault == "fail":
            raise RuntimeError("a simulated fault")
        if self._fault == "never":
            await asyncio.Event().wait()
        if self._fault == "drip":
            await self._drip(writer)
        fits = True
        if reply.text or not reply.calls:
            writer.begin_message()
            fits = await (self._speak(writer, reply) if writer.speaks else self._type(writer, reply.text))
            if fits:
                writer.end_message()
        for call in reply.calls:
            fits = fits and self._call(writer, call)
        return None if fits else "max_output_tokens"

    def _asked(self, plan: ResponsePlan) -> Asked:
        user, outputs = _last_turn(plan.context)
        sound = user.user_sound if user is not None else None
        output = plan.voice
        return self._model.ask(
            Settings(plan.instructions, output if isinstance(output, str) else str(output.get("id")), self._model_name),
            text=_text_of(user) if sound is None else None,
            sound=sound,
            tools=[str(tool.get("name")) for tool in plan.tools],
            tool_outputs=outputs,
            drift_ms=self._options.drift_ms(),
        )

    async def _speak(self, writer: ResponseWriter, reply: Reply) -> bool:
        """Write an answer as sound with its transcript; False at the limit of tokens."""
        length_ms = reply.audio_ms
        if length_ms is None:
            length_ms = len(reply.text) * _MS_A_CHARACTER / writer.plan.speed
        silent = round(self._model.silence_ms(str(writer.plan.voice), reply) * RATE_HZ / 1000)
        total = silent + round(length_ms * RATE_HZ / 1000)
        words = words_with_spaces(reply.text)
        began = asyncio.get_running_loop().time()
        spoken = 0
        for number, start in enumerate(range(0, max(total, 1), _PIECE)):
            end = min(start + _PIECE, total)
            # The words that begin in this piece; all that are left in the last one.
            upto = len(words) if end >= total else -(-len(words) * max(end - silent, 0) // max(total - silent, 1))
            if not writer.write_transcript("".join(words[spoken:upto]), end - start):
                return False
            spoken = upto
            if not writer.write_audio(_sound(start, end, silent)):
                return False
            await self._send()
            await self._break(number)
            if self._options.sound_pace is not None:
                await _sleep_until(began + end / RATE_HZ / self._options.sound_pace)
        return True

    async def _type(self, writer: ResponseWriter, text: str) -> bool:
        for number, word in enumerate(words_with_spaces(text) or [text]):
            if not writer.write_text(word):
                return False
            await self._send()
            await self._break(number)
        return True

    def _call(self, writer: ResponseWriter, call: Call) -> bool:
        writer.begin_call(call.name)
        text = call.arguments if isinstance(call.arguments, str) else json.dumps(dict(call.arguments))
        if not writer.write_arguments(text):
            return False
        writer.end_call()
        return True

    # -- faults

    async def _break(self, number: int) -> None:
        """Break the connection in mid-answer, where that is this session's fault."""
        if number + 1 < _PIECES_BEFORE_A_BREAK:
            return
        if self._fault == "abort":
            self._socket.transport.abort()
            await asyncio.Event().wait()  # until the receiving task sees the end, and cancels this one
        if self._fault == "close":
            await self._socket.close(1011, "a simulated fault")

    async def _drip(self, writer: ResponseWriter) -> None:
        """Write a word now and then, without end."""
        writer.begin_message()
        while True:
            if writer.speaks:
                writer.write_transcript(" and", _PIECE)
                writer.write_audio(_TONE)
            else:
                writer.write_text(" and")
            await self._send()
            await asyncio.sleep(_DRIP_S)


def _sound(start: int, end: int, silent: int) -> Pcm:
    """Return the samples `start..end` of an answer that begins with `silent` samples of silence."""
    piece = _TONE[: end - start].copy()
    piece[: max(silent - start, 0)] = 0
    return piece


def _last_turn(context: list[StoredItem]) -> tuple[StoredItem | None, list[str]]:
    """Return the user's last item, and the outputs of tools behind it."""
    outputs: list[str] = []
    for stored in reversed(context):
        if isinstance(stored.item, wire.FunctionCallOutputItem):
            outputs.insert(0, stored.item.output)
        elif isinstance(stored.item, wire.MessageItem) and stored.item.role == "user":
            return stored, outputs
    return None, outputs


def _text_of(stored: StoredItem | None) -> str:
    if stored is None or not isinstance(stored.item, wire.MessageItem):
        return ""
    return " ".join(part.text for part in stored.item.content if part.text)


async def _sleep_until(at: float) -> None:
    await asyncio.sleep(max(at - asyncio.get_running_loop().time(), 0))
