"""Client events in the order in which they were decided.

Owns the queue between synchronous decisions (in the receive loop) and the socket. Must not know what the events mean.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any, Protocol

from realtime_nb.errors import RealtimeError

__all__ = ["Outbox"]

_log = logging.getLogger(__name__)


class Transmitter(Protocol):
    """What the outbox needs of a connection."""

    async def transmit(self, raw: dict[str, Any], answer: asyncio.Future[Any] | None = None) -> str:
        """Send one event as it is."""


class Outbox:
    """One writer for events that are decided where nothing can be awaited."""

    def __init__(self, transmitter: Transmitter) -> None:
        self._transmitter = transmitter
        self._events: deque[tuple[dict[str, Any], asyncio.Future[Any] | None]] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(self, raw: dict[str, Any], answer: asyncio.Future[Any] | None = None) -> None:
        """Queue an event; `answer` gets the server's acknowledgement, or why there is none."""
        self._events.append((raw, answer))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._write(), name="realtime outbox")

    async def _write(self) -> None:
        try:
            while self._events:
                raw, answer = self._events.popleft()
                try:
                    await self._transmitter.transmit(raw, answer)
                except Exception as error:
                    if answer is not None and not answer.done():
                        answer.set_exception(error)
                    elif isinstance(error, RealtimeError):
                        _log.info("%r was not sent: the connection is closed", raw["type"])
                    else:
                        _log.exception("%r was not sent", raw["type"])
        finally:
            self._task = None

    async def flushed(self) -> None:
        """Returns when all that is queued has been handed to the socket."""
        if self._task is not None:
            await asyncio.wait([self._task])
