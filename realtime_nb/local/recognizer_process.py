"""Speech recognition in a process of its own: both sides, and the messages between them.

Owns the server's side (`RecognizerProcess`), the child's side (`main`, run by `python -m` with this module's name), and
the messages. Must not know sessions. Decoding holds the interpreter lock for hundreds of milliseconds at a time: in the
server's process it would interrupt every session's sound (measured: gaps of 1.3 s).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np

from realtime_nb.local.pipe_frames import pack, read, read_async
from realtime_nb.local.voice.download import DownloadError, Progress, Report, ignore, still_loading
from realtime_nb.local.voice.load import COMMANDS, load_recognizer
from realtime_nb.local.voice.part_spec import PartSpec
from realtime_nb.local.voice.protocols import RATE_HZ, Pcm, Recognition, Recognizer, ToolSpecs

_log = logging.getLogger(__name__)

# One session's half hour must not keep the one recogniser from the other sessions. A command is short.
_LONGEST = {"commands": 60 * RATE_HZ, "whisper": 600 * RATE_HZ}
_NICENESS = 5  # of the child: sound has priority


class AsyncRecognizer(Protocol):
    """A recogniser that can be awaited."""

    async def recognize(
        self, sound: Pcm, *, tools: ToolSpecs = (), phrases: Sequence[str] = (), language: str | None = None
    ) -> Recognition:
        """Return the recognised words; see `Recognizer.recognize`.

        Raises:
            RuntimeError, ReplyError: the recogniser failed; the message names the cause and the next step.
        """
        ...

    async def warm(self, *, tools: ToolSpecs = (), phrases: Sequence[str] = ()) -> None:
        """Load models; see `Recognizer.warm`."""
        ...

    async def close(self) -> None:
        """Stop, and drop the recognitions under way."""
        ...


class NoRecognizer:
    """The recogniser of a machine without one: it understands nothing, and the responder says what to install."""

    async def recognize(
        self, sound: Pcm, *, tools: ToolSpecs = (), phrases: Sequence[str] = (), language: str | None = None
    ) -> Recognition:
        """Return no words."""
        return Recognition("", understood=False, confidence=0.0)

    async def warm(self, *, tools: ToolSpecs = (), phrases: Sequence[str] = ()) -> None:
        """Do nothing: this stand-in for a missing recogniser has no model to load."""

    async def close(self) -> None:
        """Do nothing."""


class RecognizerProcess:
    """The server's side of a recogniser in a child process, which starts at first use and again after a crash.

    Args:
        spec: the recogniser, `commands` or `whisper`.
        report: receives the progress of a download, on the event loop.
    """

    def __init__(self, spec: PartSpec = COMMANDS, report: Report = ignore) -> None:
        self._spec = spec
        self._report = report
        self._longest = _LONGEST[spec.kind]
        self._ids = itertools.count()
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._with_sound: set[int] = set()
        self._loading: str | None = None
        self._starting = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._closed = False

    async def recognize(
        self, sound: Pcm, *, tools: ToolSpecs = (), phrases: Sequence[str] = (), language: str | None = None
    ) -> Recognition:
        """See `AsyncRecognizer`.

        Raises:
            RuntimeError: the recogniser failed, or its model is still being downloaded.
        """
        answer = await self._ask(sound[: self._longest].astype("<i2").tobytes(), tools, phrases, language)
        return Recognition(answer["text"], answer["understood"], answer["confidence"])

    async def warm(self, *, tools: ToolSpecs = (), phrases: Sequence[str] = ()) -> None:
        """See `AsyncRecognizer`."""
        try:
            await self._ask(None, tools, phrases)
        except RuntimeError:
            _log.exception("the recogniser could not be warmed up")

    async def close(self) -> None:
        """See `AsyncRecognizer`."""
        self._closed = True
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await process.wait()
        if self._reader is not None:
            await self._reader

    async def _ask(
        self, sound: bytes | None, tools: Sequence[Any], phrases: Sequence[str], language: str | None = None
    ) -> dict[str, Any]:
        request = {"sound": sound, "tools": list(tools), "phrases": list(phrases), "language": language}
        try:
            answer = await self._exchange(request)
        except ConnectionError:
            # The process died, perhaps of another session's sound: try once more, with a new process.
            try:
                answer = await self._exchange(request)
            except ConnectionError as error:
                raise RuntimeError("the recognition process ended") from error
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    async def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        pipe = await self._pipe()
        has_sound = request["sound"] is not None
        if has_sound and self._loading is not None:
            raise RuntimeError(self._loading)
        number = next(self._ids)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        if has_sound:
            self._with_sound.add(number)
        try:
            pipe.write(pack({"id": number, **request}))
            await pipe.drain()
            answer: dict[str, Any] = await future
            return answer
        finally:
            self._waiting.pop(number, None)
            self._with_sound.discard(number)

    async def _pipe(self) -> asyncio.StreamWriter:
        async with self._starting:
            if self._closed:
                raise ConnectionResetError("the recogniser is closed")
            if self._process is None:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    __name__,
                    # No key is in it: a recogniser behind a URL has no process.
                    f"{self._spec.kind}:{self._spec.value}",
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                )
                self._reader = asyncio.create_task(self._read(self._process))
            assert self._process.stdin is not None
            return self._process.stdin

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while (answer := await read_async(process.stdout)) is not None:
            if "progress" in answer:
                self._progressed(Progress(**answer["progress"]))
                continue
            future = self._waiting.get(answer["id"])
            if future is not None and not future.done():
                future.set_result(answer)
        self._loading = None
        if self._process is process:
            self._process = None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionResetError("the recognition process ended"))

    def _progressed(self, progress: Progress) -> None:
        """Report a download; speech does not wait for it, which may take minutes: its answer says how far it is."""
        self._loading = still_loading(progress) if progress.state == "loading" else None
        if self._loading is not None:
            for number in self._with_sound:
                if not self._waiting[number].done():
                    self._waiting[number].set_exception(RuntimeError(self._loading))
        self._report(progress)


def main() -> None:
    """Answer requests on standard input, in the child process, until it ends."""
    # Ctrl-C in a terminal reaches this process too: the server decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(_NICENESS)
    # C libraries may print to standard output: the answers go to a copy of it, and prints go to standard error.
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)

        def report(progress: Progress) -> None:
            answers.write(pack({"progress": asdict(progress)}))
            answers.flush()

        kind, _, value = (sys.argv[1] if len(sys.argv) > 1 else "commands:").partition(":")
        recognizer = load_recognizer(PartSpec(kind, value), report)
        while (request := read(sys.stdin.buffer)) is not None:
            answers.write(pack({"id": request["id"], **_answer(recognizer, request)}))
            answers.flush()


def _answer(recognizer: Recognizer, request: dict[str, Any]) -> dict[str, Any]:
    try:
        if request["sound"] is None:
            recognizer.warm(tools=request["tools"], phrases=request["phrases"])
            return {}
        sound = np.frombuffer(request["sound"], "<i2")
        heard = recognizer.recognize(
            sound, tools=request["tools"], phrases=request["phrases"], language=request["language"]
        )
    except DownloadError as error:
        return {"error": str(error)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {"text": heard.text, "understood": heard.understood, "confidence": heard.confidence}


if __name__ == "__main__":
    main()
