"""The bounded buffer of server events behind `recv`, `async for` and `wait_for`.

Owns the events until a reader or a waiter gets them. Must not know sockets. Lives on one event loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections import deque
from collections.abc import Iterable
from typing import Any

_log = logging.getLogger(__name__)


class ReceiveBuffer:
    """A bounded first-in first-out buffer of server events, which can be closed.

    Args:
        limit: events kept for a reader that lags or has not begun; beyond it the oldest are dropped, and one warning is
            logged.

    Attributes:
        events: the buffered events; a reader may pop from the left on any thread.
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
        """Hand an event to the waiters for its type, and to the next reader or the buffer."""
        if self._waiters:
            self.notify_waiters(event)
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
                    "%d events are waiting, and no code reads them with recv() or `async for`: the oldest are dropped",
                    self._limit,
                )
        self.events.append(event)

    def notify_waiters(self, event: Any) -> None:
        """Resolve the `wait_for` futures for the event's type; local events such as `reconnected` reach no reader."""
        for waiter in self._waiters.pop(event.type, ()):
            if waiter.set_running_or_notify_cancel():
                waiter.set_result(event)

    @property
    def is_read(self) -> bool:
        """Whether a reader waits for the next event."""
        return any(not reader.done() for reader in self._readers)

    def fail_waiters(self, kinds: Iterable[str], error: Exception) -> None:
        """Fail the `wait_for` futures for some types: an error says that their event will not come."""
        for kind in kinds:
            for waiter in self._waiters.pop(kind, ()):
                if waiter.set_running_or_notify_cancel():
                    waiter.set_exception(error)

    @property
    def awaited_kinds(self) -> tuple[str, ...]:
        """The event types that `wait_for` waits for."""
        return tuple(self._waiters)

    def keep_nothing_until_read(self) -> None:
        """Drop events until the first `get`: a session follows them as a listener, and reads none."""
        self._keeps = False
        self.events.clear()

    async def get(self) -> Any:
        """Return the next event; raises the closing error once the buffer is closed and empty."""
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
            # Cancelled after `put` had resolved it: the event belongs to the next reader.
            if reader.done() and not reader.cancelled() and reader.exception() is None:
                self.events.appendleft(reader.result())
            raise

    def watch(self, kind: str, waiter: concurrent.futures.Future[Any]) -> None:
        """Resolve `waiter` with the next event of type `kind`."""
        if self._end is not None:
            if waiter.set_running_or_notify_cancel():
                waiter.set_exception(self._end)
            return
        waiting = [w for w in self._waiters.get(kind, ()) if not w.cancelled()]
        self._waiters[kind] = [*waiting, waiter]

    def close(self, end: Exception) -> None:
        """Fail present readers and waiters with `end`, and later ones once the buffer is empty."""
        self._end = end
        for reader in self._readers:
            if not reader.done():
                reader.set_exception(end)
        self._readers.clear()
        waiters, self._waiters = self._waiters, {}
        for kind, waiting in waiters.items():
            for waiter in waiting:
                self.watch(kind, waiter)  # which fails it now
