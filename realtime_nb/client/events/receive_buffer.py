"""Events that wait for someone to read them.

Owns the bounded buffer behind `recv`, `async for` and `wait_for`. Must not know sockets. Lives on one event loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections import deque
from typing import Any

__all__ = ["Inbox"]

_log = logging.getLogger(__name__)


class Inbox:
    """A first-in first-out buffer with an end.

    Args:
        limit: events kept for a reader that lags or has not begun; beyond it the oldest are dropped, and a warning
            says so once.

    Attributes:
        events: what waits; a reader may take from its left, on any thread.
    """

    def __init__(self, limit: int) -> None:
        self.events: deque[Any] = deque()
        self._limit = limit
        self._readers: deque[asyncio.Future[Any]] = deque()
        self._waiters: dict[str, list[concurrent.futures.Future[Any]]] = {}
        self._end: Exception | None = None
        self._warned = False
        self._keeps = limit > 0

    def put(self, event: Any) -> None:
        """Take an event: to a waiter of its type, and to a reader or the buffer."""
        if self._waiters:
            self.notice(event)
        while self._readers:
            reader = self._readers.popleft()
            if not reader.done():
                reader.set_result(event)
                return
        if not self._keeps:
            return
        if len(self.events) >= self._limit:
            self.events.popleft()
            if not self._warned:
                self._warned = True
                _log.warning(
                    "%d events wait and nobody reads them with recv() or `async for`: the oldest are dropped",
                    self._limit,
                )
        self.events.append(event)

    def notice(self, event: Any) -> None:
        """Tell those who wait for its type of an event; one that is no server's is for them alone."""
        for waiter in self._waiters.pop(event.type, ()):
            if waiter.set_running_or_notify_cancel():
                waiter.set_result(event)

    def wait_for_a_reader(self) -> None:
        """Keep nothing until somebody reads: a session follows every event by itself."""
        self._keeps = False
        self.events.clear()

    async def get(self) -> Any:
        """The next event; raises the end when there will be none."""
        self._keeps = self._limit > 0
        if self.events:
            return self.events.popleft()
        if self._end is not None:
            raise self._end
        reader: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._readers.append(reader)
        try:
            return await reader
        except asyncio.CancelledError:
            # Cancelled after it was served: the event belongs to the next reader.
            if reader.done() and not reader.cancelled() and reader.exception() is None:
                self.events.appendleft(reader.result())
            raise

    def watch(self, kind: str, waiter: concurrent.futures.Future[Any]) -> None:
        """Give `waiter` the next event of type `kind`."""
        if self._end is not None:
            if waiter.set_running_or_notify_cancel():
                waiter.set_exception(self._end)
            return
        waiting = [w for w in self._waiters.get(kind, ()) if not w.cancelled()]
        self._waiters[kind] = [*waiting, waiter]

    def close(self, end: Exception) -> None:
        """No more events: whoever waits, now or later, gets `end` once the buffer is empty."""
        self._end = end
        for reader in self._readers:
            if not reader.done():
                reader.set_exception(end)
        self._readers.clear()
        waiters, self._waiters = self._waiters, {}
        for waiting in waiters.values():
            for waiter in waiting:
                if waiter.set_running_or_notify_cancel():
                    waiter.set_exception(end)
