"""Calls a user's function within a time limit; every exception of it becomes a `ToolFailed`.

Owns the thread of a synchronous function, the time limit, and the conversion of exceptions. Must not know schemas, JSON
or events.

A synchronous function runs in a daemon thread of its own, not in asyncio's thread pool. The pool has few threads and
also serves the DNS look-ups of a reconnection: a few functions that never return would block both, and would keep the
process from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

_MOST_YIELDED = 10_000


class ToolFailed(Exception):  # noqa: N818 - it says what happened
    """A tool's function raised or exceeded its time limit; the message is meant for the model."""


async def call_within(
    timeout_s: float,
    function: Callable[[], Any],
    context: contextvars.Context | None = None,
    on_error: Callable[[BaseException], object] | None = None,
) -> Any:
    """Calls a function and returns its result; the values of a generator are returned as a list.

    After the time limit a synchronous function runs on in its thread and its result is dropped; an asynchronous one is
    cancelled.

    Args:
        timeout_s: the time limit.
        function: takes no arguments.
        context: the context in which it runs; None: a copy of the caller's.
        on_error: called in that context with the function's exception.

    Raises:
        ToolFailed: the function raised (`SystemExit` and the like included), or exceeded the time limit.
    """
    task = asyncio.get_running_loop().create_task(_reported(function, on_error), context=context)
    try:
        # Not `asyncio.timeout`: it would wait for a function that catches its cancellation and goes on.
        done, _ = await asyncio.wait([task], timeout=timeout_s)
    finally:
        task.cancel()
    if not done:
        raise ToolFailed(f"gave no answer within {timeout_s:g} s")
    failed, result = task.result()
    if failed:
        raise ToolFailed(f"failed: {_words(result)}")
    return result


async def _reported(
    function: Callable[[], Any], on_error: Callable[[BaseException], object] | None
) -> tuple[bool, Any]:
    failed, result = await _settled(function)
    if failed and on_error is not None:
        on_error(result)
    return failed, result


async def _settled(function: Callable[[], Any]) -> tuple[bool, Any]:
    """Calls a function and returns `(failed, result or exception)`.

    The exception is a value, because a `KeyboardInterrupt` or `SystemExit` raised in a task would end the event loop.
    """
    task = asyncio.current_task()
    try:
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            result = function()
        else:
            failed, result = await _in_thread(function)
            if failed:
                return True, result
        if inspect.isawaitable(result):
            result = await result
        if isinstance(result, AsyncIterator):
            result = [item async for item in _bounded(result)]
    except asyncio.CancelledError as error:
        if task is not None and task.cancelling():
            raise
        return True, error  # raised by the function itself, not by a cancellation of this call
    except GeneratorExit:
        raise
    except BaseException as error:
        return True, error
    return False, result


async def _bounded(items: AsyncIterator[Any]) -> AsyncIterator[Any]:
    count = itertools.count()
    async for item in items:
        if next(count) == _MOST_YIELDED:
            raise RuntimeError(f"it yielded more than {_MOST_YIELDED} values")
        yield item


def _collected(items: Iterator[Any]) -> list[Any]:
    kept = list(itertools.islice(items, _MOST_YIELDED + 1))
    if len(kept) > _MOST_YIELDED:
        raise RuntimeError(f"it yielded more than {_MOST_YIELDED} values")
    return kept


async def _in_thread(function: Callable[[], Any]) -> tuple[bool, Any]:
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[tuple[bool, Any]] = loop.create_future()
    context = contextvars.copy_context()

    def settle(failed: bool, value: Any) -> None:
        if not outcome.done():
            outcome.set_result((failed, value))

    def work() -> None:
        try:
            result = context.run(function)
            if isinstance(result, Iterator):
                result = context.run(_collected, result)
            result_or_error = (False, result)
        except BaseException as error:
            result_or_error = (True, error)  # as a value: `Future.set_exception` refuses a StopIteration
        with contextlib.suppress(RuntimeError):  # the loop was closed in the meantime
            loop.call_soon_threadsafe(settle, *result_or_error)

    name = getattr(getattr(function, "func", function), "__name__", "function")
    _CallThread(work, f"realtime tool {name}").start()
    return await outcome


class _CallThread(threading.Thread):
    """A thread for one call, with a `run` of its own.

    ipykernel 6 replaces `Thread.run` to note, under the thread's number, who started it. When the thread has ended, the
    note sends the prints of the next thread with that number, perhaps the user's, to another cell.
    """

    def __init__(self, work: Callable[[], None], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work

    def run(self) -> None:
        self._work()


def _words(error: BaseException) -> str:
    try:
        said = str(error)
    except Exception:
        said = ""
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
