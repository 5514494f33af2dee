"""The threads: one event loop that owns every conversation, and one notifier that writes traits.

Owns these two threads and the ways onto them. Must not know widgets, comms or sessions. A cell that computes or blocks
occupies the main thread only, so neither socket nor sound waits for it (docs/protocol.md 43, docs/notebook.md 4).

Every kind of callback, on which thread it runs, in which order, and where its exception goes:

| callback                    | thread                | order                      | its exception
|-----------------------------|-----------------------|----------------------------|-------------------------------------
| comm message from a page    | main thread or a      | as the kernel calls        | never raises: a bad message is
|                             | subshell; it only     | (numbered; put in order on | `refused`, logged, and changes
|                             | checks and hands over | the loop)                  | nothing
| page action (talk, send...) | loop                  | by the page's numbers      | the card's `error`, and the log
| session, reducer, transport | loop                  | as the wire delivers       | the card's `error`; session ends
| event handler, `async def`  | loop, a task each     | per handler                | `error` handlers, and the log
| event handler, `def`        | the handler thread    | per handler                | `error` handlers, and the log
| tool, `async def`           | loop, a task each     | parallel within a response | answered to the model as an error
| tool, `def`                 | a thread of its own   | parallel within a response | answered to the model as an error
| trait observer              | notifier (read-only   | as written, newest value   | the log; the next observer runs
|                             | traits, page writes); |                            |
|                             | the setter's thread   |                            |
|                             | (settings set in code)|                            | the setter's caller
| awaitable of the public API | runs on the loop,     | -                          | the awaiting caller
|                             | awaited from anywhere |                            |

`w.close()` writes the last `status` on its caller's thread, after which no other is written.

Event handlers, tools, and observers on the notifier run in a copy of the context in which they were registered: what
they print, and their logged exceptions, appear under that cell (docs/notebook.md 26).

The receive loop runs no callback of the user's (docs/protocol.md 41). The only locks are the notifier's condition,
which guards its queue, and the one that starts the two threads.

A forked process has none of its parent's threads: it starts two of its own at first use. Widgets and connections that
were made before the fork refuse to work in it (`realtime_nb/forks.py`).
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import os
import queue
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from realtime_nb.notebook.registered import mark_notifier_thread

T = TypeVar("T")
_logger = logging.getLogger("realtime_nb")
_END_S = 5.0
"""So long an interrupted coroutine may close its sessions before the interrupt goes on."""


class _LoopThread:
    """An event loop on a daemon thread that runs until the process ends."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, name="realtime-nb-loop", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.call_soon(_run_finalizers)
        self.loop.run_forever()


class Notifier:
    """The one thread that writes read-only traits, so that a slow or raising observer delays nothing else.

    `post` keeps only the newest function of a key, for state; `call` keeps every function. Both run in the order in
    which they were first given.
    """

    def __init__(self) -> None:
        self._work: dict[object, Callable[[], None]] = {}
        self._ready = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="realtime-nb-notifier", daemon=True)
        self._thread.start()

    def post(self, key: object, function: Callable[[], None]) -> None:
        """Run `function` soon; a later one with the same key replaces it while it waits."""
        with self._ready:
            self._work[key] = function
            self._ready.notify()

    def call(self, function: Callable[[], None]) -> None:
        """Run `function` soon; no other replaces it."""
        self.post(object(), function)

    async def settled(self, timeout: float = 2.0) -> bool:
        """Wait until all functions given so far have run; False when an observer holds them up longer."""
        waiting = asyncio.get_running_loop()
        done = asyncio.Event()
        self.call(lambda: _quietly(waiting, done.set))
        try:
            await asyncio.wait_for(done.wait(), timeout)
        except TimeoutError:
            return False
        return True

    def _run(self) -> None:
        mark_notifier_thread()
        while True:
            with self._ready:
                while not self._work:
                    self._ready.wait()
                function = self._work.pop(next(iter(self._work)))
            try:
                function()
            except Exception:
                _logger.exception("An observer raised; the conversation goes on.")
            del function  # it holds a widget, which may be closed before there is more to do


def _quietly(target: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
    if not target.is_closed():
        target.call_soon_threadsafe(function)


_start = threading.Lock()
_thread: _LoopThread | None = None
_notifier: Notifier | None = None


def _forked() -> None:
    # The parent's threads do not exist here. Another thread may have held the lock: it would never be released.
    global _start, _thread, _notifier, _finalizers
    _start, _thread, _notifier, _finalizers = threading.Lock(), None, None, queue.SimpleQueue()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_forked)


def loop() -> asyncio.AbstractEventLoop:
    """Return the loop that owns every conversation; the first call starts its thread."""
    global _thread
    with _start:
        if _thread is None:
            _thread = _LoopThread()
        return _thread.loop


def notifier() -> Notifier:
    """Return the notifier; the first call starts its thread."""
    global _notifier
    with _start:
        if _notifier is None:
            _notifier = Notifier()
        return _notifier


_finalizers: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()


def finalize(function: Callable[[], object]) -> None:
    """Run `function` on our loop; for a `__del__`, which the collector may run at any point of any thread.

    So it takes no lock, which the interrupted code may hold, and starts no thread: where our loop does not run yet,
    `function` waits for it. `SimpleQueue.put` is made for this.
    """
    _finalizers.put(function)
    running = _thread
    if running is not None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
            running.loop.call_soon_threadsafe(_run_finalizers)


def _run_finalizers() -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            function = _finalizers.get_nowait()
            try:
                function()
            except Exception:
                _logger.exception("What a widget left behind could not be closed.")


def call_soon(function: Callable[..., object], *args: Any) -> None:
    """Run `function(*args)` on our loop; called from any thread, in the order of the calls."""
    loop().call_soon_threadsafe(function, *args)


def bring(coroutine: Coroutine[Any, Any, T]) -> Awaitable[T]:
    """Run a coroutine on our loop; awaitable from any loop, and cancelling the awaitable cancels the work."""
    owner = loop()
    if asyncio.get_running_loop() is owner:
        return asyncio.ensure_future(coroutine)
    return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, owner))


def run(awaitable: Awaitable[T], *, timeout: float | None = None) -> T:
    """Await something on our own loop, from a plain cell or a script, and return its result (docs/notebook.md 25).

    Args:
        awaitable: such as `widget.ask("Hello!")`, `rt.connect()`, or any coroutine of yours.
        timeout: seconds to wait; None waits for as long as it takes.

    Raises:
        RuntimeError: called from our own loop, where waiting would stop everything.
        TimeoutError: it took longer; the coroutine is cancelled.

    Interrupting the kernel cancels the coroutine too; what it notes on its cancellation is shown with the interrupt.
    """
    notes: list[str] = []
    ended = threading.Event()
    coroutine = _noted(awaitable, notes, ended)
    owner = loop()
    try:
        here: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
    except RuntimeError:
        here = None
    if here is owner:
        coroutine.close()
        if asyncio.iscoroutine(awaitable):
            awaitable.close()
        raise RuntimeError("rt.run() was called from realtime_nb's own loop: use `await` there instead.")
    future = asyncio.run_coroutine_threadsafe(coroutine, owner)
    try:
        return future.result(timeout)
    except concurrent.futures.TimeoutError:
        if future.done():
            raise
        future.cancel()
        raise TimeoutError(f"rt.run() gave up after {timeout} s.") from None
    except BaseException as error:
        if future.cancel():  # it was under way
            ended.wait(_END_S)
            for note in notes:
                error.add_note(note)
        raise


async def _noted(awaitable: Awaitable[T], notes: list[str], ended: threading.Event) -> T:
    """Await something; keep what it notes on its cancellation, such as where its results are."""
    try:
        return await awaitable
    except asyncio.CancelledError as cancelled:
        notes += getattr(cancelled, "__notes__", ())
        raise
    finally:
        ended.set()


def allow_nested_asyncio() -> None:
    """Let code of yours call `asyncio.run` inside a cell, by applying nest-asyncio to the running loop.

    It patches asyncio for the whole process and slows it a little; nothing of realtime_nb needs it.
    """
    import nest_asyncio

    _logger.warning("nest-asyncio patches asyncio process-wide and slows it; realtime_nb itself does not need it.")
    nest_asyncio.apply()
