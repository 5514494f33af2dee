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

import pytest

import realtime_nb as rt
from realtime_nb.client.settings import DEFAULTS
from realtime_nb.notebook import runtime
from realtime_nb.testing import ScriptedServer, expect, never, send
from tests.integration.scripted import created, gate, updated

PACKAGE = str(Path(rt.__file__).parent)


def divide(a: float, b: float) -> float:
    """Divide one number by another."""
    return a / b


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


CHANGES: dict[str, tuple[int, Any, Any]] = {
    "instructions": (26, "The first.", "Be brief."),
    "voice": (33, "cedar", "marin"),
    "speed": (43, 1.1, 1.2),
    "turn_detection": (48, rt.ServerVad(threshold=0.4), rt.ServerVad(threshold=0.6, silence_duration_ms=300)),
    "transcription": (52, "whisper-1", rt.Transcription(model="whisper-1", language="en")),
    "noise_reduction": (49, "near_field", rt.NoiseReduction(type="far_field")),
    "tools": (63, [divide], [add]),
    "tool_choice": (35, "none", "required"),
    "reasoning_effort": (27, "low", "high"),
    "output": (29, "text", "audio"),
    "max_output_tokens": (31, 100, 200),
}
"""For every setting: the calls that a change may take, a first value, and the value of that change.

The calls are those that were counted when the bound was set: all below a third of the 190 of the first design.
"""


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


@pytest.mark.parametrize("name", DEFAULTS)
async def test_a_setting_reaches_the_transport_within_a_bounded_number_of_calls(name: str) -> None:
    bound, first, then = CHANGES[name]
    update = [expect("session.update"), send(updated)]
    async with ScriptedServer([created(), *update, *update, *update, never()]) as server:
        widget = rt.RealtimeWidget(backend=rt.Backend(url=server.url), turn_detection=None)
        await widget.start()
        echoed = asyncio.ensure_future(widget.connection.wait_for("session.updated", timeout=10))
        setattr(widget, name, first)  # fills caches
        await echoed
        await widget.use_transport("kernel")  # returns when the traits are written: nothing else runs on the loop then
        with counted() as calls:
            setattr(widget, name, then)
            assert await asyncio.to_thread(calls.sent.wait, 10)
        await widget.stop()
        widget.close()
    assert len(calls.names) <= bound, "\n".join([f"{len(calls.names)} calls", *calls.names])


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
