"""The websocket of one session: frames between tornado and the session machine.

Owns the socket's life: admission, order, expiry, close. Must not know the meaning of an event.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from realtime_nb.local.http.auth import RequestRefused
from realtime_nb.local.http.context import ServerContext
from realtime_nb.local.job_runner import JobRunner
from realtime_nb.local.session.machine import SessionMachine
from realtime_nb.local.voice.protocols import Detector, Pcm
from realtime_nb.wire.realtime import encode, unknown_model

_log = logging.getLogger(__name__)

_MOST_FRAMES = 32  # about a second: a long append must not keep the loop, nor its own events, waiting
_INLINE_FRAMES = 2  # a live microphone's 40 ms cost less than handing them to a thread


class SessionSocket(WebSocketHandler):
    """Handles a websocket at `/v1/realtime`: one session."""

    def initialize(self, context: ServerContext) -> None:
        """Set up the handler; tornado calls this instead of a constructor."""
        self._context = context
        self._preset: dict[str, Any] | None = None
        self.closed = asyncio.Event()
        self._machine: SessionMachine | None = None
        self._runner: JobRunner | None = None
        self._detector: Detector | None = None

    # -- admission

    def check_origin(self, origin: str) -> bool:
        """Return True: `prepare` decides, for every request; tornado calls this for some only."""
        return True

    def prepare(self) -> None:
        """Refuse before the handshake, with a status and a JSON body that say why."""
        headers = self.request.headers
        try:
            self._context.access.check_origin(headers.get("Origin"), headers.get("Host"))
            self._preset = self._context.access.check_key(headers, self._offered())
        except RequestRefused as refused:
            self._refuse(refused)
            return
        if self.get_query_argument("call_id", None) is not None:
            self._refuse(RequestRefused(404, "call_not_found", "This server has no calls: connect with `?model=`."))
            return
        model = self.get_query_argument("model", None)
        if model is not None and (why := unknown_model(model, self._context.defaults.model)) is not None:
            answers = f"{why} Here answers: {self._context.voice.label}."
            self._refuse(RequestRefused(404, "model_not_found", answers))

    def _refuse(self, refused: RequestRefused) -> None:
        self.set_status(refused.status)
        self.finish(refused.body())

    def _offered(self) -> list[str]:
        offered = self.request.headers.get_list("Sec-WebSocket-Protocol")
        return [name.strip() for line in offered for name in line.split(",")]

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Echo `realtime`; the one that carries a key is never sent back."""
        return "realtime" if "realtime" in subprotocols else None

    # -- life

    async def open(self, *args: str, **kwargs: str) -> None:
        """Begin the session."""
        context = self._context
        self.set_nodelay(True)
        self._detector = context.voice.detector()
        self._machine = SessionMachine(
            kind="transcription" if self.get_query_argument("intent", None) == "transcription" else "realtime",
            model=self.get_query_argument("model", None),
            defaults=context.defaults,
            preset=self._preset,
            lifetime_s=context.session_s,
        )
        self._runner = JobRunner(self._machine, context.voice, context.workers, flush=self._flush, pace=context.pace)
        self._expiry = asyncio.get_running_loop().call_later(context.session_s, self._expire)
        context.sessions.add(self)
        self._machine.open()
        self._send()

    async def on_message(self, message: str | bytes) -> None:
        """Handle one frame. Tornado reads the next one when this is done, so their order is kept."""
        try:
            await self._receive(message)
        except Exception:
            # A fault of ours goes to the log, and the session goes on without the event.
            _log.exception("an event could not be handled")
            if self._machine is not None:
                self._machine.fail()
                self._send()

    async def _receive(self, message: str | bytes) -> None:
        machine, detector = self._machine, self._detector
        if machine is None or detector is None:
            return
        machine.receive(message)
        frame_samples = detector.frame_samples
        while (frames := machine.undetected(frame_samples, _MOST_FRAMES)) is not None:
            machine.detected(await self._detect(detector, frames), frame_samples)
            self._send()
        # Not awaited: a client that sends without reading must not block its own input.
        self._send()

    async def _detect(self, detector: Detector, frames: Pcm) -> list[float]:
        if len(frames) <= _INLINE_FRAMES:
            return _probabilities(detector, frames)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._context.workers.threads, _probabilities, detector, frames)

    def _send(self) -> asyncio.Future[list[Any]]:
        """Send the machine's events and start its jobs, in order; the future is done when the events are written."""
        writes: list[Any] = []
        if self._machine is not None and self._runner is not None:
            events, jobs = self._machine.drain()
            # One by one: a socket that closes between two writes must not lose the first one's future, whose error
            # asyncio would then report as never retrieved.
            with contextlib.suppress(WebSocketClosedError):
                for event in events:
                    writes.append(self.write_message(encode(event)))
            for job in jobs:
                self._runner.start(job)
        return asyncio.gather(*writes, return_exceptions=True)

    async def _flush(self) -> None:
        """Send, and wait until it is written: a response goes no faster than its client reads."""
        for result in await self._send():
            if isinstance(result, Exception) and not isinstance(result, (WebSocketClosedError, StreamClosedError)):
                raise result

    def _expire(self) -> None:
        if self._machine is not None:
            self._machine.expire()
            self._ending = asyncio.create_task(self._end(1001, "maximum duration"))

    async def _end(self, code: int, reason: str) -> None:
        await self._flush()
        self.close(code, reason)

    def shut_down(self) -> None:
        """Close because the server stops."""
        self.close(1001, "server shutting down")

    def on_close(self) -> None:
        """Stop all work of this session."""
        self.closed.set()
        machine, runner = self._machine, self._runner
        if machine is None or runner is None:
            return
        self._expiry.cancel()
        self._context.sessions.discard(self)
        machine.close()
        # The socket and the runner refer to each other. The collector of such circles counts objects and not bytes: it
        # would leave hundreds of closed sessions, each with megabytes of a detector's model and of sound.
        self._machine = self._runner = self._detector = None
        self._ending = asyncio.create_task(runner.close())


def _probabilities(detector: Detector, frames: Pcm) -> list[float]:
    return [detector.process(frame) for frame in frames]
