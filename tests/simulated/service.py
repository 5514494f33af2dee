"""A simulated service without sockets: connects to session machines of the local backend, on the loop's clock.

Owns the delivery of frames both ways (in order, each with a short delay), the end of sessions at their `expires_at`,
and a performer that answers in text. Records what a client must not do. Must not know the client.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import deque
from collections.abc import Callable
from typing import Any

from realtime_nb.client.transport.base import TransportClosed
from realtime_nb.errors import ConnectError
from realtime_nb.local.session.items import StoredItem
from realtime_nb.local.session.jobs import Job, Perform, Recognize, Stop
from realtime_nb.local.session.machine import SessionMachine
from realtime_nb.local.session.response_writer import ResponseWriter
from realtime_nb.local.voice.detector.energy import EnergyDetector
from realtime_nb.local.voice.protocols import Recognition
from realtime_nb.wire.realtime import ErrorEvent, FunctionCallOutputItem, MessageItem, encode

ONE_WAY_S = 0.02
SPOKEN_WORDS = "what is the hour"
"""What is recognised in any speech."""
_THINKS_S, _WORD_S = 0.3, 0.02
_WORDS = re.compile(r"\s*\S+")


class Service:
    """A connector that opens simulated sessions.

    Args:
        wall: the clock of `expires_at`.
        lifetime_s: the time limit of a session.

    Attributes:
        refusing: whether connections are refused.
        opened, refused: the number of connections that were opened and refused.
        expired: the number of sessions that reached their time limit.
        left_s: for each session that the client left earlier, the seconds until its time limit.
        errors: the errors that were sent.
        wrong: the client's violations of the protocol.
        open: the sessions that have not ended, oldest first.
    """

    carries_audio = False

    def __init__(self, wall: Callable[[], float], *, lifetime_s: float = 3600.0) -> None:
        self.wall = wall
        self.lifetime_s = lifetime_s
        self.refusing = False
        self.opened = self.refused = self.expired = 0
        self.left_s: list[float] = []
        self.errors: list[str] = []
        self.wrong: list[str] = []
        self.open: list[Served] = []
        self._ids = itertools.count(1)

    async def connect(self) -> Served:
        """Open a session."""
        await asyncio.sleep(2 * ONE_WAY_S)
        if self.refusing:
            self.refused += 1
            raise ConnectError("a service in memory refuses the connection (503). Try again.", status=503)
        self.opened += 1
        session = Served(self)
        self.open.append(session)
        return session

    def new_id(self, prefix: str) -> str:
        """Return an id that is unique in this service."""
        return f"{prefix}_{next(self._ids):016}"

    def now(self) -> float:
        """The clock of its sessions."""
        return self.wall()

    def describe(self) -> str:
        """Return the name that error messages show."""
        return "a service in memory"

    @property
    def current(self) -> Served:
        """The newest session."""
        return self.open[-1]


class Served:
    """One simulated session, which is also the client's transport to it."""

    carries_audio = False

    def __init__(self, service: Service) -> None:
        self._service = service
        self._loop = asyncio.get_running_loop()
        self.expires_at = service.wall() + service.lifetime_s
        self._machine = SessionMachine(lifetime_s=service.lifetime_s, environment=service)
        self._detector = EnergyDetector()
        self._performances: dict[str, asyncio.Task[None]] = {}
        self._configured = False
        self._up: deque[bytes] = deque()
        self._down: deque[bytes | TransportClosed] = deque()
        self._landed: deque[bytes] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._end: TransportClosed | None = None
        self._over = False
        self._expiry = self._loop.call_later(service.lifetime_s, self._expire)
        self._machine.open()
        self._say()

    # The client's side

    async def send(self, frame: bytes | str) -> None:
        """Send a frame to the session; it arrives after a short delay."""
        if self._end is not None:
            raise self._end
        self._up.append(frame.encode() if isinstance(frame, str) else frame)
        self._loop.call_later(ONE_WAY_S, self._arrive)

    async def recv(self) -> bytes:
        """Return the next frame of the session."""
        while not self._landed:
            if self._end is not None:
                raise self._end
            self._reader = self._loop.create_future()
            await self._reader
        return self._landed.popleft()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the transport from the client's side."""
        if self._end is None:
            self._service.left_s.append(self.expires_at - self._service.wall())
            self._finish()
            self._ended(TransportClosed(code, reason))

    def break_off(self) -> None:
        """Break the network: frames that are in flight are lost in both directions."""
        self._finish()
        self._ended(TransportClosed(1006, "the network failed"))

    def _ended(self, end: TransportClosed) -> None:
        self._end = self._end or end
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    # The session's side

    @property
    def renewal_s(self) -> float:
        """Return the seconds until the client should renew the session: five minutes before its end."""
        return self.expires_at - 300 - self._service.wall()

    @property
    def items(self) -> list[StoredItem]:
        """Return the conversation items that this session has."""
        return list(self._machine._state.items)

    def _arrive(self) -> None:
        # One timer for each frame; each timer delivers the oldest frame, so frames sent together keep their order.
        frame = self._up.popleft()
        if self._over:
            return
        if not self._configured:
            self._configured = True
            if b'"session.update"' not in frame:
                self._service.wrong.append(f"a session was first told {frame[:80]!r}, and not its configuration")
        self._machine.receive(frame)
        while (frames := self._machine.undetected(self._detector.frame_samples, 32)) is not None:
            self._machine.detected([self._detector.process(each) for each in frames], self._detector.frame_samples)
        self._say()

    def _say(self) -> None:
        events, jobs = self._machine.drain()
        for event in events:
            if isinstance(event, ErrorEvent):
                self._service.errors.append(str(event.error.code))
            self._put(encode(event))
        for job in jobs:
            self._do(job)

    def _put(self, frame: bytes | TransportClosed) -> None:
        self._down.append(frame)
        self._loop.call_later(ONE_WAY_S, self._land)

    def _land(self) -> None:
        frame = self._down.popleft()
        if isinstance(frame, TransportClosed):
            self._ended(frame)
        elif self._end is None:
            self._landed.append(frame)
            self._wake()

    def _expire(self) -> None:
        self._service.expired += 1
        self._machine.expire()
        self._say()
        self._finish()
        self._put(TransportClosed(1001, "Your session hit the maximum duration of 60 minutes."))

    def _finish(self) -> None:
        self._over = True
        self._expiry.cancel()
        self._machine.close()
        for task in self._performances.values():
            task.cancel()
        self._service.open.remove(self)

    # What it answers

    def _do(self, job: Job) -> None:
        if isinstance(job, Perform):
            name, writer = job.response_id, self._machine.writer(job.response_id)
            if writer is not None:
                task = self._performances[name] = self._loop.create_task(self._perform(writer), name="performance")
                task.add_done_callback(lambda _: self._performances.pop(name, None))
        elif isinstance(job, Stop):
            if (running := self._performances.get(job.response_id)) is not None:
                running.cancel()
        elif isinstance(job, Recognize):
            self._loop.call_later(_THINKS_S / 2, self._heard, job)

    def _heard(self, job: Recognize) -> None:
        if not self._over:
            self._machine.recognized(
                job.stored, Recognition(SPOKEN_WORDS, understood=True, confidence=0.9), job.transcription
            )
            self._say()

    async def _perform(self, writer: ResponseWriter) -> None:
        await asyncio.sleep(_THINKS_S)
        last = writer.plan.context[-1].as_context()
        if isinstance(last, MessageItem) and "weather" in _text_of(last):
            writer.begin_call("get_weather")
            writer.write_arguments('{"city":"Paris"}')
            writer.end_call()
        else:
            writer.begin_message()
            for word in _WORDS.findall(_answer(last)):
                writer.write_text(word)
                self._say()
                await asyncio.sleep(_WORD_S)
            writer.end_message()
        self._machine.finish(writer, "completed")
        self._say()


def _answer(last: Any) -> str:
    if isinstance(last, FunctionCallOutputItem):
        return f"The weather is {last.output}."
    return f"You said: {_text_of(last)}." if isinstance(last, MessageItem) else "Yes?"


def _text_of(message: MessageItem) -> str:
    return " ".join(str(part.text or part.transcript or "") for part in message.content)
