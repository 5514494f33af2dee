"""The queue of client events sent before the connection is open, or while it is lost.

Owns the bounded queue in front of the transport. Must not know sockets, or why an event waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from realtime_nb.errors import ConnectError
from realtime_nb.wire.realtime import encode

_EVENTS = 1024
_BYTES = 16 * 2**20


class QueuedEvent(NamedTuple):
    """A client event that waits: sound as its encoded frame, every other event as the dict to encode later."""

    event: dict[str, Any] | bytes
    answer: asyncio.Future[Any] | None = None

    @property
    def size(self) -> int:
        """Its bytes on the wire."""
        return len(self.event if isinstance(self.event, bytes) else encode(self.event))


class OfflineQueue:
    """Client events sent before the connection is open or while it is lost; bounded, first in, first out."""

    def __init__(self) -> None:
        self._events: deque[QueuedEvent] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: dict[str, Any] | bytes, answer: asyncio.Future[Any] | None = None, *, where: str) -> None:
        """Append an event.

        Args:
            event: sound as its encoded frame, every other event as a dict.
            answer: gets the server's acknowledgement.
            where: the address, for the error text.

        Raises:
            ConnectError: the queue is full; what it holds already is kept.
        """
        queued = QueuedEvent(event, answer)
        size = queued.size
        if len(self._events) >= _EVENTS or self._bytes + size > _BYTES:
            raise ConnectError(
                f"the connection to {where} is not open, and {len(self._events)} events ({self._bytes} bytes) "
                f"wait for it already; it takes {_EVENTS} events and {_BYTES} bytes. Await the connection (or its "
                "'reconnected' event) before sending more."
            )
        self._events.append(queued)
        self._bytes += size

    def put_first(self, events: Iterable[QueuedEvent]) -> None:
        """Put events that must be sent again before all others; they count toward the limit but are never refused."""
        for queued in reversed(list(events)):
            self._events.appendleft(queued)
            self._bytes += queued.size

    def pop(self) -> QueuedEvent:
        """Remove and return the oldest event."""
        queued = self._events.popleft()
        self._bytes -= queued.size
        return queued

    def fail(self, error: Exception) -> None:
        """Empty the queue, and fail the futures of its events with `error`: no connection will follow."""
        while self._events:
            answer = self.pop().answer
            if answer is not None and not answer.done():
                answer.set_exception(error)
