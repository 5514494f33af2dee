"""Recognition that steals no time from sound.

Owns how the server reaches a recogniser: in a process of its own, because decoding holds the interpreter lock for
hundreds of milliseconds at a time and every other session's stream would stutter (measured: gaps of 1.3 s). Where
there is nothing to decode with, in a thread. Must not know sessions.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any, Protocol

from realtime_nb.local.pipe_frames import pack, read_async
from realtime_nb.local.voice import Recognizer
from realtime_nb.local.voice.protocols import RATE_HZ, Pcm, Recognition

__all__ = ["Listener", "ProcessListener", "ThreadListener"]

_log = logging.getLogger(__name__)

# A command is short. Nobody's half hour may keep the one recogniser from everybody else.
_LONGEST = 60 * RATE_HZ


class Listener(Protocol):
    """A recogniser that can be awaited."""

    async def listen(
        self, sound: Pcm, *, tools: Sequence[dict[str, Any]] = (), phrases: Sequence[str] = ()
    ) -> Recognition:
        """Return what was said; see `Recognizer.recognize`."""
        ...

    async def warm(self, *, tools: Sequence[dict[str, Any]] = (), phrases: Sequence[str] = ()) -> None:
        """Prepare for what will be said; see `Recognizer.warm`."""
        ...

    async def close(self) -> None:
        """Stop; what is being listened to is given up."""
        ...


class ThreadListener:
    """A recogniser that costs nothing, on a worker thread."""

    def __init__(self, recognizer: Recognizer, worker: Executor) -> None:
        self._recognizer = recognizer
        self._worker = worker

    async def listen(
        self, sound: Pcm, *, tools: Sequence[dict[str, Any]] = (), phrases: Sequence[str] = ()
    ) -> Recognition:
        """See `Listener`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._worker, lambda: self._recognizer.recognize(sound, tools=tools, phrases=phrases)
        )

    async def warm(self, *, tools: Sequence[dict[str, Any]] = (), phrases: Sequence[str] = ()) -> None:
        """See `Listener`."""

    async def close(self) -> None:
        """See `Listener`."""


class ProcessListener:
    """The best recogniser of this machine, in a process that starts at first use and again after a crash."""

    def __init__(self) -> None:
        self._ids = itertools.count()
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._starting = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._closed = False

    async def listen(
        self, sound: Pcm, *, tools: Sequence[dict[str, Any]] = (), phrases: Sequence[str] = ()
    ) -> Recognition:
        """See `Listener`.

        Raises:
            RuntimeError: the recogniser failed.
        """
        answer = await self._ask(sound[:_LONGEST].astype("<i2").tobytes(), tools, phrases)
        return Recognition(answer["text"], answer["understood"], answer["confidence"])

    async def warm(self, *, tools: Sequence[dict[str, Any]] = (), phrases: Sequence[str] = ()) -> None:
        """See `Listener`."""
        try:
            await self._ask(None, tools, phrases)
        except RuntimeError:
            _log.exception("the recogniser could not be warmed up")

    async def close(self) -> None:
        """See `Listener`."""
        self._closed = True
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await process.wait()
        if self._reader is not None:
            await self._reader

    async def _ask(self, sound: bytes | None, tools: Sequence[Any], phrases: Sequence[str]) -> dict[str, Any]:
        request = {"sound": sound, "tools": list(tools), "phrases": list(phrases)}
        try:
            answer = await self._exchange(request)
        except ConnectionError:
            # It died under us, perhaps of somebody else's sound: once more, with a new one.
            try:
                answer = await self._exchange(request)
            except ConnectionError as error:
                raise RuntimeError("the recognition process ended") from error
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    async def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        pipe = await self._pipe()
        number = next(self._ids)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            pipe.write(pack({"id": number, **request}))
            await pipe.drain()
            answer: dict[str, Any] = await future
            return answer
        finally:
            self._waiting.pop(number, None)

    async def _pipe(self) -> asyncio.StreamWriter:
        async with self._starting:
            if self._closed:
                raise ConnectionResetError("the recogniser is closed")
            if self._process is None:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "realtime_nb.local.recognizer_worker",
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                )
                self._reader = asyncio.create_task(self._read(self._process))
            assert self._process.stdin is not None
            return self._process.stdin

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while (answer := await read_async(process.stdout)) is not None:
            future = self._waiting.get(answer["id"])
            if future is not None and not future.done():
                future.set_result(answer)
        if self._process is process:
            self._process = None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionResetError("the recognition process ended"))
