"""Run user callbacks registered with `on` and `once` outside the receive loop.

Owns the registered handlers, the order in which each one gets its events, and the report of their exceptions. Must not
know sockets. A callback inside the receive loop would delay sound and socket (docs/protocol.md 41): synchronous
handlers run on an executor (one worker thread unless the caller gives another), asynchronous ones as tasks on the
connection's event loop; everything else here runs on that loop.

One handler gets its events one after the other, in order; different handlers do not wait for each other. An exception
is logged and reported, and the handler stays registered. A handler runs in a copy of the context in which it was
registered: its prints and exceptions appear under that cell (docs/notebook.md 26).
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

EventHandler: TypeAlias = Callable[[Any], Any]
OnHandlerError: TypeAlias = Callable[[BaseException, str], None]

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


class Registration:
    """One function, registered once for the events of one type.

    Attributes:
        over: whether it gets no further event: it was for one event and got it, or was removed.
    """

    def __init__(
        self, kind: str, function: EventHandler, shared: _Shared, context: contextvars.Context, *, once: bool
    ) -> None:
        self.kind = kind
        self.function = function
        self.once = once
        self.over = False
        self._shared = shared
        self._context = context
        self._queue: deque[Any] = deque(maxlen=_BACKLOG)
        self._overflowed = False
        self._is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004 - an object whose __call__ is async
        )
        self.task: asyncio.Task[None] | None = None

    def push(self, event: Any) -> None:
        """Queue an event for the function."""
        if len(self._queue) == _BACKLOG and not self._overflowed:
            self._overflowed = True
            self._shared.report(
                RealtimeError(f"a handler of {self.kind!r} is {_BACKLOG} events behind; it loses the oldest"), self.kind
            )
        self._queue.append(event)
        if self.task is None:
            self.task = asyncio.get_running_loop().create_task(
                self._drain(), name=f"handler of {self.kind}", context=self._context.copy()
            )

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
        self._by_type: dict[str, list[Registration]] = {}

    def add(
        self, kind: str, function: EventHandler, *, once: bool = False, context: contextvars.Context | None = None
    ) -> Registration:
        """Register `function` for events of type `kind`; it runs in copies of `context`, or else of the caller's."""
        if not callable(function):
            raise TypeError(f"a handler must be callable, not {type(function).__name__}")
        # A new list each time: `emit` on another thread iterates over the one that it saw.
        context = contextvars.copy_context() if context is None else context
        handler = Registration(kind, function, self._shared, context, once=once)
        self._by_type[kind] = [*self._by_type.get(kind, ()), handler]
        return handler

    def remove(self, kind: str, function: EventHandler | None = None) -> None:
        """Remove the oldest registration of `function`, or every one of `kind`; does nothing where there is none.

        A function that was registered twice stays registered once, as in the official SDK.
        """
        for handler in self._by_type.get(kind, ()):
            if function is None or handler.function == function:
                self.discard(handler)
                if function is not None:
                    return

    def discard(self, handler: Registration) -> None:
        """Remove this registration, and no other of the same function."""
        handler.over = True
        kept = [known for known in self._by_type.get(handler.kind, ()) if known is not handler]
        if kept:
            self._by_type[handler.kind] = kept
        else:
            self._by_type.pop(handler.kind, None)

    def emit(self, kind: str, event: Any, *, wildcard: bool = True) -> None:
        """Queue `event` for the handlers of `kind`, and with `wildcard` for those of `"event"`."""
        for name in (kind, "event") if wildcard else (kind,):
            for handler in self._by_type.get(name, ()):
                if handler.once:
                    self.discard(handler)
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
