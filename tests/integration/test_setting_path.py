"""The number of function calls between setting a trait and sending the update stays below a bound."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import realtime_nb as rt
from realtime_nb.notebook import runtime
from realtime_nb.testing import ScriptedServer, expect, never, send
from tests.integration.scripted import created, gate, updated

PACKAGE = str(Path(rt.__file__).parent)
BOUND = 25
"""A third of the 77 calls that it took when this was first counted."""


class Calls:
    """The calls of the package's functions on two threads, up to the first one of a transport's `send`."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.sent = threading.Event()

    def hook(self, frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(PACKAGE) or self.sent.is_set():
            return
        self.names.append(f"{Path(code.co_filename).stem}.{code.co_qualname}")
        if code.co_qualname == "WebSocketTransport.send":
            self.sent.set()


@contextlib.contextmanager
def counted() -> Iterator[Calls]:
    """Count on this thread and on the loop's."""
    calls = Calls()

    async def profile(hook: Any) -> None:
        sys.setprofile(hook)

    runtime.run(profile(calls.hook))
    sys.setprofile(calls.hook)
    try:
        yield calls
    finally:
        sys.setprofile(None)
        runtime.run(profile(None))


async def test_a_setting_reaches_the_transport_within_a_bounded_number_of_calls() -> None:
    update = [expect("session.update"), send(updated)]
    async with ScriptedServer([created(), *update, *update, *update, never()]) as server:
        widget = rt.RealtimeWidget(backend=rt.Backend(url=server.url), turn_detection=None)
        await widget.start()
        echoed = asyncio.ensure_future(widget.connection.wait_for("session.updated", timeout=10))
        widget.instructions = "The first change fills caches."
        await echoed
        await widget.use_transport("kernel")  # returns when the traits are written: nothing else runs on the loop then
        with counted() as calls:
            widget.instructions = "Be brief."
            assert await asyncio.to_thread(calls.sent.wait, 10)
        await widget.stop()
        widget.close()
    assert len(calls.names) <= BOUND, "\n".join([f"{len(calls.names)} calls", *calls.names])


async def test_a_setting_that_changes_while_the_session_starts_reaches_the_server() -> None:
    hold, let_go = gate()
    update = [expect("session.update"), hold, send(updated)]
    then = [expect("session.update", session=lambda session: session["instructions"] == "Late."), send(updated)]
    async with ScriptedServer([created(), *update, *then, never()]) as server:
        widget = rt.RealtimeWidget(backend=rt.Backend(url=server.url), turn_detection=None, instructions="Early.")
        starting = asyncio.ensure_future(widget.start())
        await server.heard("session.update")
        widget.instructions = "Late."
        let_go()
        await starting
        await server.heard("session.update", times=2)
        await widget.stop()
        widget.close()
