"""A server on a thread of its own, so that the code under test may block.

Owns the thread, its event loop, and the ways in and out of a server's life. Must not know what is served.
"""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Self


class ServerThread:
    """A server that is started and stopped from any thread, as a context manager or an async one.

    A subclass serves in `_serve`: it calls `_listening.set()` once it listens, and ends when `stop` is set.
    """

    _thread_name = "server for tests"

    def __init__(self) -> None:
        self._listening = threading.Event()
        self._failed: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    def start(self) -> Self:
        """Start the server; returns when it listens. Raises what kept it from listening."""
        self._thread = threading.Thread(target=self._run, name=self._thread_name, daemon=True)
        self._thread.start()
        self._listening.wait()
        if self._failed is not None:
            raise self._failed
        return self

    def stop(self) -> None:
        """Close the server's connections to its clients, and end its thread; may be called twice."""
        if self._loop is not None and self._stop is not None and self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    async def _serve(self, stop: asyncio.Event) -> None:
        raise NotImplementedError

    def _run(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            self._stop = asyncio.Event()
            await self._serve(self._stop)

        try:
            asyncio.run(serve())
        except BaseException as error:
            if self._listening.is_set():
                raise  # no caller of `start` waits for it any more
            self._failed = error
        finally:
            self._listening.set()
