"""Run user callbacks registered with `on` and `once` outside the receive loop.

Owns the registered handlers, the order in which each one gets its events, and the report of their exceptions. Must not
know sockets. A callback inside the receive loop would delay sound and socket (docs/protocol.md 41): synchronous
handlers run on an executor (one worker thread unless the caller gives another), asynchronous ones as tasks on the
connection's event loop; everything else here runs on that loop.

One handler gets its events one after the other, in order; different handlers do not wait for each other. An exception
is logged and reported, and the handler stays registered.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, TypeAlias, TypeVar, overload

from realtime_nb.errors import RealtimeError

EventHandler: TypeAlias = Callable[[Any], Any]
OnHandlerError: TypeAlias = Callable[[BaseException, str], None]
_Function = TypeVar("_Function", bound=EventHandler)

_log = logging.getLogger(__name__)
_BACKLOG = 10_000
"""Events that one handler may lag behind; beyond it the oldest are dropped, and one error is reported."""

_inside: contextvars.ContextVar[object | None] = contextvars.ContextVar("inside", default=None)


class _Shared:
    """What the handlers of one connection share: the executor, and the report of exceptions.

    Args:
        executor: the caller's executor; None for one worker thread of our own, made at the first use.
        on_error: called with a handler's exception and its event type.
    """

    def __init__(self, executor: Executor | None, on_error: OnHandlerError | None) -> None:
        self._given = executor
        self._own: ThreadPoolExecutor | None = None
        self._on_error = on_error

    @property
    def executor(self) -> Executor:
        if self._given is not None:
            return self._given
        if self._own is None:
            self._own = ThreadPoolExecutor(1, thread_name_prefix="realtime-handlers")
        return self._own

    def report(self, error: BaseException, kind: str) -> None:
        """Log a handler's exception, and call `on_error` with it."""
        _log.error("a handler of %r raised %s", kind, type(error).__name__, exc_info=error)
        if self._on_error is not None:
            try:
                self._on_error(error, kind)
            except Exception:
                _log.exception("the report of a handler's exception raised itself")

    def shut(self) -> None:
        """Shut down the worker thread, if it is ours."""
        if self._own is not None:
            self._own.shutdown(wait=False)
            self._own = None


class _Handler:
    def __init__(self, kind: str, function: EventHandler, shared: _Shared, *, once: bool) -> None:
        self.kind = kind
        self.function = function
        self.once = once
        self._shared = shared
        self._queue: deque[Any] = deque(maxlen=_BACKLOG)
        self._overflowed = False
        self._is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004 - an object whose __call__ is async
        )
        self.task: asyncio.Task[None] | None = None

    def push(self, event: Any) -> None:
        if len(self._queue) == _BACKLOG and not self._overflowed:
            self._overflowed = True
            self._shared.report(
                RealtimeError(f"a handler of {self.kind!r} is {_BACKLOG} events behind; it loses the oldest"), self.kind
            )
        self._queue.append(event)
        if self.task is None:
            self.task = asyncio.get_running_loop().create_task(self._drain(), name=f"handler of {self.kind}")

    async def _drain(self) -> None:
        _inside.set(self._shared)
        loop = asyncio.get_running_loop()
        try:
            while self._queue:
                if self._is_async:
                    await self._awaited(self.function(self._queue.popleft()))
                    continue
                batch = list(self._queue)
                self._queue.clear()
                context = contextvars.copy_context()
                for awaitable in await loop.run_in_executor(self._shared.executor, context.run, self._run, batch):
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
                self._shared.report(error, self.kind)
            else:
                if inspect.isawaitable(result):  # a lambda around a coroutine function
                    awaitables.append(result)
        return awaitables

    async def _awaited(self, awaitable: Awaitable[Any]) -> None:
        try:
            await awaitable
        except Exception as error:
            self._shared.report(error, self.kind)


class Handlers:
    """Registered handlers by event type; those of `"event"` get every server event.

    Args:
        executor: where synchronous handlers run; one worker thread of our own when None.
        on_error: called with a handler's exception and its event type, on the thread on which it was raised.
    """

    def __init__(self, executor: Executor | None = None, on_error: OnHandlerError | None = None) -> None:
        self._shared = _Shared(executor, on_error)
        self._by_type: dict[str, list[_Handler]] = {}

    def add(self, kind: str, function: EventHandler, *, once: bool = False) -> None:
        """Register `function` for events of type `kind`."""
        if not callable(function):
            raise TypeError(f"a handler must be callable, not {type(function).__name__}")
        # A new list each time: `emit` on another thread iterates over the one that it saw.
        handler = _Handler(kind, function, self._shared, once=once)
        self._by_type[kind] = [*self._by_type.get(kind, ()), handler]

    def remove(self, kind: str, function: EventHandler | None = None) -> None:
        """Remove `function`, or every handler of `kind`; does nothing where there is none."""
        kept = [h for h in self._by_type.get(kind, ()) if function is not None and h.function != function]
        if kept:
            self._by_type[kind] = kept
        else:
            self._by_type.pop(kind, None)

    def emit(self, kind: str, event: Any, *, wildcard: bool = True) -> None:
        """Queue `event` for the handlers of `kind`, and with `wildcard` for those of `"event"`."""
        for name in (kind, "event") if wildcard else (kind,):
            for handler in self._by_type.get(name, ()):
                if handler.once:
                    self._by_type[name] = [h for h in self._by_type[name] if h is not handler]
                handler.push(event)

    def has(self, kind: str) -> bool:
        """Whether a handler of `kind` is registered."""
        return kind in self._by_type

    def takes(self, kind: str) -> bool:
        """Whether a handler gets events of `kind`."""
        return kind in self._by_type or "event" in self._by_type

    @property
    def idle(self) -> bool:
        """Whether no handler is registered; the receive loop then skips them."""
        return not self._by_type

    async def drain(self, timeout_s: float) -> None:
        """Wait until the handlers have run for every emitted event; returns at once inside a handler (no deadlock)."""
        if _inside.get() is self._shared:
            return
        tasks = [h.task for handlers in self._by_type.values() for h in handlers if h.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s)

    def shut(self) -> None:
        """Shut down the worker thread, if it is ours."""
        self._shared.shut()


class Emitter:
    """Base class of objects that call event handlers: `on`, `once` and `off`."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers

    @overload
    def on(self, kind: str) -> Callable[[_Function], _Function]: ...
    @overload
    def on(self, kind: str, handler: _Function) -> _Function: ...
    def on(self, kind: str, handler: EventHandler | None = None) -> Any:
        """Call `handler` with every event of type `kind`; also a decorator.

        `"event"` stands for all server events; `"error"` comes also for a lost connection; `"close"` comes once, at
        the end.
        """
        return self._register(kind, handler, once=False)

    @overload
    def once(self, kind: str) -> Callable[[_Function], _Function]: ...
    @overload
    def once(self, kind: str, handler: _Function) -> _Function: ...
    def once(self, kind: str, handler: EventHandler | None = None) -> Any:
        """Call `handler` with the next event of type `kind` only; also a decorator."""
        return self._register(kind, handler, once=True)

    def off(self, kind: str, handler: EventHandler | None = None) -> None:
        """Remove a handler, or all of `kind`."""
        self._handlers.remove(kind, handler)

    def announce(self, event: Any) -> bool:
        """Emit an event that is none of the wire; returns whether a handler of its type is registered."""
        self._handlers.emit(event.type, event, wildcard=False)
        return self._handlers.has(event.type)

    def _register(self, kind: str, handler: EventHandler | None, *, once: bool) -> Any:
        if handler is None:
            return functools.partial(self._register, kind, once=once)
        self._handlers.add(kind, handler, once=once)
        return handler
