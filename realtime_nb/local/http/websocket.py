"""The websocket of one session: frames between tornado and the session machine.

Owns the socket's life: admission, order, expiry, close. Must not know what an event means.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from realtime_nb.local.http.auth import Refused
from realtime_nb.local.http.context import Services
from realtime_nb.local.job_runner import Performer
from realtime_nb.local.session.machine import SessionMachine
from realtime_nb.local.voice.protocols import Pcm
from realtime_nb.wire.realtime import encode

__all__ = ["SessionSocket"]

_log = logging.getLogger(__name__)

_MOST_FRAMES = 32  # about a second: a long append must not keep the loop, nor its own events, waiting
_INLINE_FRAMES = 2  # a live microphone's 40 ms cost less than handing them to a thread


class SessionSocket(WebSocketHandler):
    """`/v1/realtime`."""

    def initialize(self, services: Services) -> None:
        """Take what the server shares; tornado's constructor."""
        self._services = services
        self._preset: dict[str, Any] | None = None
        self.closed = asyncio.Event()
        self._machine: SessionMachine | None = None

    # -- admission

    def check_origin(self, origin: str) -> bool:
        """Leave the decision to `prepare`, which sees every request; tornado asks here for some only."""
        return True

    def prepare(self) -> None:
        """Refuse before the handshake, with a status and a JSON body that say why."""
        headers = self.request.headers
        try:
            self._services.gate.check_origin(headers.get("Origin"), headers.get("Host"))
            self._preset = self._services.gate.check_key(headers, self._offered())
        except Refused as refused:
            self._refuse(refused)
            return
        if self.get_query_argument("call_id", None) is not None:
            self._refuse(Refused(404, "call_not_found", "This server has no calls: connect with `?model=`."))

    def _refuse(self, refused: Refused) -> None:
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
        services = self._services
        self.set_nodelay(True)
        self._detector = services.voice.detector_factory()
        self._machine = SessionMachine(
            kind="transcription" if self.get_query_argument("intent", None) == "transcription" else "realtime",
            model=self.get_query_argument("model", None),
            preset=self._preset,
            lifetime_s=services.session_s,
        )
        self._performer = Performer(
            self._machine, services.voice, services.workers, flush=self._flush, pace=services.pace
        )
        self._expiry = asyncio.get_running_loop().call_later(services.session_s, self._expire)
        services.sessions.add(self)
        self._machine.open()
        self._send()

    async def on_message(self, message: str | bytes) -> None:
        """Take one frame; tornado reads the next when this is done, so their order is kept."""
        try:
            await self._receive(message)
        except Exception:
            # A fault of ours: said in the log, and the session goes on without the event.
            _log.exception("an event could not be handled")
            if self._machine is not None:
                self._machine.fail()
                self._send()

    async def _receive(self, message: str | bytes) -> None:
        if (machine := self._machine) is None:
            return
        machine.receive(message)
        frame_samples = self._detector.frame_samples
        while (frames := machine.undetected(frame_samples, _MOST_FRAMES)) is not None:
            machine.detected(await self._detect(frames), frame_samples)
            self._send()
        # Not awaited: a client that sends without reading must not stop itself by stopping us.
        self._send()

    async def _detect(self, frames: Pcm) -> list[float]:
        if len(frames) <= _INLINE_FRAMES:
            return self._probabilities(frames)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._services.workers.threads, self._probabilities, frames)

    def _probabilities(self, frames: Pcm) -> list[float]:
        return [self._detector.process(frame) for frame in frames]

    def _send(self) -> asyncio.Future[list[Any]]:
        """Send what the machine has to say and begin what it wants done, in order; the future is for slow clients."""
        writes: list[Any] = []
        if self._machine is not None:
            events, jobs = self._machine.take()
            with contextlib.suppress(WebSocketClosedError):
                writes += [self.write_message(encode(event)) for event in events]
            for job in jobs:
                self._performer.start(job)
        return asyncio.gather(*writes, return_exceptions=True)

    async def _flush(self) -> None:
        """Send, and wait until it has gone: a response goes no faster than its client reads."""
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
        """Stop everything that this session had under way."""
        self.closed.set()
        if self._machine is None:
            return
        self._expiry.cancel()
        self._services.sessions.discard(self)
        self._machine.close()
        self._machine = None
        self._ending = asyncio.create_task(self._performer.close())
