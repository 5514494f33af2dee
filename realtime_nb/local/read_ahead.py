"""Reads an asynchronous stream ahead of its reader, in a task of its own, up to a bound.

Owns the bound, the order, and the end of that task. Must not know the meaning of what is streamed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

_log = logging.getLogger(__name__)

T = TypeVar("T")


class ReadAhead(Generic[T]):
    """Reads a generator ahead; used as `async with ReadAhead(...) as ahead: async for thing in ahead`.

    Leaving the block stops the task and closes the generator at once, wherever it waits. An exception of the generator
    is raised to the reader behind everything that came before it.

    Args:
        source: the generator; this object closes it.
        cost: the size of one thing, in a unit of the caller's; 0 or more.
        most: reading pauses while the things that wait cost this much or more. One thing is always accepted.
    """

    def __init__(self, source: AsyncGenerator[T, None], *, cost: Callable[[T], int], most: int) -> None:
        self._source = source
        self._cost = cost
        self._most = most
        self._waiting: deque[T] = deque()
        self._held = 0
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._ended = False
        self._error: Exception | None = None

    async def __aenter__(self) -> Self:
        """Begin to read."""
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop reading and close the generator."""
        self._task.cancel()
        await asyncio.wait([self._task])

    def __aiter__(self) -> Self:
        """Iterate over what was read."""
        return self

    async def __anext__(self) -> T:
        """Return the next thing."""
        while not self._waiting:
            if self._ended:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        thing = self._waiting.popleft()
        self._held -= 1 + self._cost(thing)
        if self._held < self._most:
            self._room.set()
        return thing

    async def _read(self) -> None:
        try:
            async for thing in self._source:
                self._waiting.append(thing)
                self._held += 1 + self._cost(thing)  # at least one: things of no size must not pile up either
                self._changed.set()
                while self._held >= self._most:
                    self._room.clear()
                    await self._room.wait()
        except Exception as error:
            self._error = error
        finally:
            # Closed before the end is reported: nothing works behind an answer that has ended.
            try:
                await self._source.aclose()
            except Exception:
                _log.exception("a stream could not be closed")
            finally:
                self._ended = True
                self._changed.set()
