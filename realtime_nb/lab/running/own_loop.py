"""Runs a coroutine on an event loop in a thread of its own, awaitable from any loop.

Owns that thread, from the call to its end. Must not know what is run. A sweep that shared the caller's loop would stamp
arrivals late whenever a cell or a widget computes there.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

_T = TypeVar("_T")
_P = TypeVar("_P")


async def on_own_loop(make: Callable[[], Coroutine[Any, Any, _T]], *, name: str = "realtime_nb sweep") -> _T:
    """Run a coroutine on a loop of its own, and return its result.

    A cancellation of the caller cancels the coroutine, waits until it has ended, and is raised again.

    Args:
        make: returns the coroutine; called in the new thread.
        name: of the thread.
    """
    done: Future[_T] = Future()
    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = Future()

    async def main() -> _T:
        task = asyncio.current_task()
        assert task is not None
        begun.set_result((asyncio.get_running_loop(), task))
        return await make()

    def run() -> None:
        try:
            with asyncio.Runner() as runner:
                result = runner.run(main())
        except BaseException as error:
            if not begun.done():
                begun.set_exception(error)
            done.set_exception(RuntimeError(f"{name} was cancelled") if _is_cancelled(error) else error)
        else:
            done.set_result(result)

    threading.Thread(target=run, name=name, daemon=True).start()
    loop, task = await asyncio.wrap_future(begun)
    waiting = asyncio.wrap_future(done)
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        with contextlib.suppress(RuntimeError):  # the loop is closed: it ended in this moment
            loop.call_soon_threadsafe(task.cancel)
        while not waiting.done():
            # A second interrupt while it ends must not leave it running with nothing that waits for it.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([waiting])
        waiting.exception()
        raise


def posted(callback: Callable[[_P], object]) -> Callable[[_P], None]:
    """Return a function for any thread that calls `callback` on the loop that runs now."""
    loop = asyncio.get_running_loop()

    def post(value: _P) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(callback, value)

    return post


def _is_cancelled(error: BaseException) -> bool:
    return isinstance(error, asyncio.CancelledError)
