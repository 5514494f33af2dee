"""Running other people's code beside the receive loop, never in it.

Owns who listens to which event type, the order in which one handler sees its events, and what becomes of exceptions.
Must not know sockets. Everything but `run` of a synchronous handler happens on the owner's event loop.

A handler sees its events one after the other, in order; different handlers do not wait for each other. Synchronous ones
run on the executor (one worker unless the caller gives another), asynchronous ones as tasks on the owner's loop. What
they raise is logged and reported; they stay registered.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, TypeAlias

from realtime_nb.errors import RealtimeError

__all__ = ["EventHandler", "Handlers", "OnHandlerError"]

EventHandler: TypeAlias = Callable[[Any], Any]
OnHandlerError: TypeAlias = Callable[[BaseException, str], None]

_log = logging.getLogger(__name__)
_BACKLOG = 10_000
"""Events that one handler may lag behind; beyond it the oldest are dropped, and that is reported."""

_inside: contextvars.ContextVar[object | None] = contextvars.ContextVar("inside", default=None)


class _Handler:
    def __init__(self, owner: Handlers, kind: str, function: EventHandler, *, once: bool) -> None:
        self.kind = kind
        self.function = function
        self.once = once
        self._owner = owner
        self._queue: deque[Any] = deque(maxlen=_BACKLOG)
        self._overflowed = False
        self._is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004 - an object whose __call__ is async
        )
        self.task: asyncio.Task[None] | None = None

    def push(self, event: Any) -> None:
        if len(self._queue) == _BACKLOG and not self._overflowed:
            self._overflowed = True
            self._owner.report(
                RealtimeError(f"a handler of {self.kind!r} is {_BACKLOG} events behind; it loses the oldest"), self.kind
            )
        self._queue.append(event)
        if self.task is None:
            self.task = asyncio.get_running_loop().create_task(self._drain(), name=f"handler of {self.kind}")

    async def _drain(self) -> None:
        _inside.set(self._owner)
        loop = asyncio.get_running_loop()
        try:
            while self._queue:
                if self._is_async:
                    await self._awaited(self.function(self._queue.popleft()))
                    continue
                batch = list(self._queue)
                self._queue.clear()
                context = contextvars.copy_context()
                for awaitable in await loop.run_in_executor(self._owner.executor, context.run, self._run, batch):
                    await self._awaited(awaitable)
        finally:
            self.task = None
            self._overflowed = False

    def _run(self, batch: list[Any]) -> list[Awaitable[Any]]:
        awaitables: list[Awaitable[Any]] = []
        for event in batch:
            try:
                result = self.function(event)
            except Exception as error:
                self._owner.report(error, self.kind)
            else:
                if inspect.isawaitable(result):  # a lambda around a coroutine function
                    awaitables.append(result)
        return awaitables

    async def _awaited(self, awaitable: Awaitable[Any]) -> None:
        try:
            await awaitable
        except Exception as error:
            self._owner.report(error, self.kind)


class Handlers:
    """A registry of handlers by event type; `"event"` hears all.

    Args:
        executor: where synchronous handlers run; one worker thread of our own when None.
        on_error: called with what a handler raised and its event type, on the thread where it happened.
    """

    def __init__(self, executor: Executor | None = None, on_error: OnHandlerError | None = None) -> None:
        self._given = executor
        self._own: ThreadPoolExecutor | None = None
        self._on_error = on_error
        self._by_type: dict[str, list[_Handler]] = {}

    @property
    def executor(self) -> Executor:
        """Where synchronous handlers run."""
        if self._given is not None:
            return self._given
        if self._own is None:
            self._own = ThreadPoolExecutor(1, thread_name_prefix="realtime-handlers")
        return self._own

    def add(self, kind: str, function: EventHandler, *, once: bool = False) -> None:
        """Register `function` for events of type `kind`."""
        if not callable(function):
            raise TypeError(f"a handler must be callable, not {type(function).__name__}")
        # A new list each time: `emit` on another thread iterates over the one that it saw.
        self._by_type[kind] = [*self._by_type.get(kind, ()), _Handler(self, kind, function, once=once)]

    def remove(self, kind: str, function: EventHandler | None = None) -> None:
        """Forget `function`, or every handler of `kind`; not an error if there is none."""
        kept = [h for h in self._by_type.get(kind, ()) if function is not None and h.function != function]
        if kept:
            self._by_type[kind] = kept
        else:
            self._by_type.pop(kind, None)

    def emit(self, kind: str, event: Any, *, wildcard: bool = True) -> None:
        """Hand `event` to the handlers of `kind`, and to those of every event."""
        for name in (kind, "event") if wildcard else (kind,):
            for handler in self._by_type.get(name, ()):
                if handler.once:
                    self._by_type[name] = [h for h in self._by_type[name] if h is not handler]
                handler.push(event)

    def hears(self, kind: str) -> bool:
        """Whether a handler of `kind` is registered."""
        return kind in self._by_type

    @property
    def idle(self) -> bool:
        """Whether nobody listens: the receive loop then spends nothing here."""
        return not self._by_type

    def report(self, error: BaseException, kind: str) -> None:
        """Say what a handler raised: to the log and to whoever asked for it."""
        _log.error("a handler of %r raised %s", kind, type(error).__name__, exc_info=error)
        if self._on_error is not None:
            try:
                self._on_error(error, kind)
            except Exception:
                _log.exception("the report of a handler's exception raised itself")

    async def drain(self, timeout_s: float) -> None:
        """Wait until the handlers have seen what was emitted; at once from inside one of them."""
        if _inside.get() is self:
            return
        tasks = [h.task for handlers in self._by_type.values() for h in handlers if h.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s)

    def shut(self) -> None:
        """Let go of the worker thread, if it is ours."""
        if self._own is not None:
            self._own.shutdown(wait=False)
            self._own = None
