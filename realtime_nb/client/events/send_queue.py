"""What was sent while there was nowhere to send it: before the connection is open, and while it is lost.

Owns the bounded queue. Must not know sockets, or why it waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from realtime_nb.errors import ConnectError
from realtime_nb.wire.realtime import encode

__all__ = ["Waiting", "WaitingEvent"]

_EVENTS = 1024
_BYTES = 16 * 2**20


class WaitingEvent(NamedTuple):
    """A client event; sound is a frame already, everything else the dict that will travel."""

    event: dict[str, Any] | bytes
    answer: asyncio.Future[Any] | None = None

    @property
    def size(self) -> int:
        """Its bytes on the wire."""
        return len(self.event if isinstance(self.event, bytes) else encode(self.event))


class Waiting:
    """Events in the order in which they will leave.

    Args:
        where: tells the address, for people.
    """

    def __init__(self, where: Callable[[], str]) -> None:
        self._where = where
        self._events: deque[WaitingEvent] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: dict[str, Any] | bytes, answer: asyncio.Future[Any] | None = None) -> None:
        """Let an event wait. Raises `ConnectError` where too much waits already; what waits is kept."""
        waiting = WaitingEvent(event, answer)
        size = waiting.size
        if len(self._events) >= _EVENTS or self._bytes + size > _BYTES:
            raise ConnectError(
                f"the connection to {self._where()} is not open, and {len(self._events)} events ({self._bytes} bytes) "
                f"wait for it already; it takes {_EVENTS} events and {_BYTES} bytes. Await the connection (or its "
                "'reconnected' event) before sending more."
            )
        self._events.append(waiting)
        self._bytes += size

    def put_first(self, events: Iterable[WaitingEvent]) -> None:
        """Events that left before, and must leave again before anything else; they count, but are never refused."""
        for waiting in reversed(list(events)):
            self._events.appendleft(waiting)
            self._bytes += waiting.size

    def take(self) -> WaitingEvent:
        """The next event."""
        waiting = self._events.popleft()
        self._bytes -= waiting.size
        return waiting

    def fail(self, error: Exception) -> None:
        """There will be no connection: whoever waits for an answer is told."""
        while self._events:
            answer = self.take().answer
            if answer is not None and not answer.done():
                answer.set_exception(error)
