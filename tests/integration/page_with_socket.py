"""A simulated page that holds the websocket: comm messages on one side, a real websocket on the other.

Owns the page's part of the browser transport, as the kernel sees it. Must not assert anything.
"""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

import realtime_nb as rt
from realtime_nb.notebook.page import messages as m
from tests.contract.kernel_messages import PageNumbers


@dataclass
class _Line:
    """One websocket of the simulated page."""

    socket: ClientConnection
    parts: int = 0
    held: bool = True
    text: list[bytes] = field(default_factory=list)


class PageWithSocket:
    """A simulated page that shows a widget.

    Args:
        widget: the widget.
        plays_s: seconds of each answer that the page plays at once; None plays all.
        name: the page's id.

    Attributes:
        got: the kernel's messages, as (content, buffer).
        sent_frames: the events that were sent on the websocket.
        busy: hold back the page's messages, as during a long C call in the kernel.
    """

    def __init__(self, widget: rt.RealtimeWidget, *, plays_s: float | None = None, name: str = "page-1") -> None:
        self.name = name
        self.got: list[tuple[dict[str, Any], bytes | None]] = []
        self.sent_frames: list[dict[str, Any]] = []
        self.busy = False
        self._controller = widget._live_controller
        self._plays_s = plays_s
        self._late: list[tuple[dict[str, Any], list[memoryview]]] = []
        self._epoch = 0
        self._numbers = PageNumbers()
        self._lines: dict[int, _Line] = {}
        self._received: dict[str, int] = {}
        self._dead: set[str] = set()
        self._begun: set[str] = set()
        self._arriving: asyncio.Queue[tuple[dict[str, Any], bytes | None]] = asyncio.Queue()
        self._changed = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        self._beating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()

        def arrive(content: dict[str, Any], buffers: list[bytes] | None) -> None:
            loop.call_soon_threadsafe(self._arriving.put_nowait, (content, buffers[0] if buffers else None))

        self._controller.channel._send = arrive
        self._beating = loop.create_task(self._beat())
        self._tasks += [loop.create_task(self._obey()), self._beating]
        self.send("hello", version=1)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.wake()
        self.send("bye")
        self._controller.channel._send = lambda content, buffers: None
        for line in list(self._lines.values()):
            await line.socket.close()

    @property
    def open_sockets(self) -> int:
        """The number of websockets that the page holds."""
        return len(self._lines)

    @property
    def microphone_is_let_in(self) -> bool:
        """Whether microphone audio is sent on a websocket."""
        return self._listening() is not None

    def _listening(self) -> _Line | None:
        return next((line for line in self._lines.values() if not line.held), None)

    def lose_a_message(self) -> None:
        """Lose the next message with a frame on its way to the kernel."""
        for line in self._lines.values():
            line.parts += 1

    def send(self, kind: str, buffer: bytes | None = None, **fields: Any) -> None:
        """Send a message to the kernel."""
        content = {"v": 1, "seq": self._numbers.next(kind), "page": self.name, "kind": kind, **fields}
        self._late.append((content, [memoryview(buffer)] if buffer is not None else []))
        if not self.busy:
            self.wake()

    def wake(self) -> None:
        """End `busy`: deliver the held messages to the kernel, all at once."""
        self.busy = False
        late, self._late = self._late, []
        for content, buffers in late:
            self._controller.receive(content, buffers)

    def kinds(self) -> list[str]:
        """Return the kernel's messages of a kind."""
        return [content["kind"] for content, _ in self.got]

    async def until(self, wanted: Any) -> None:
        """Wait until a condition holds; it is checked after every event of this page."""
        async with asyncio.timeout(30), self._changed:
            await self._changed.wait_for(wanted)

    async def speak(self, samples: npt.NDArray[np.int16]) -> None:
        """Open the microphone and send speech, all at once."""
        self.send("mic.open")
        await self.until(self._listening)
        for number, at in enumerate(range(0, len(samples), 960)):
            pcm = samples[at : at + 960].astype("<i2").tobytes()
            line = self._listening()
            if line is not None:
                appended = {"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()}
                await self._transmit(appended, line)
            self.send("mic.frame", pcm, frame=number, level=0.2, sent=line is not None)

    def leave(self) -> None:
        """Close the page without a further message."""
        assert self._beating is not None
        self._beating.cancel()
        self.send("bye")

    def silence(self, cause: str) -> None:
        """Stop playback, and report how much was played."""
        items = [self._played(item) for item in self._received]
        self._epoch += 1
        self._dead |= self._begun
        self._received.clear()
        self.send("play.stopped", epoch=self._epoch, items=items, cause=cause)

    def _played(self, item: str, *, all_of_it: bool = False) -> dict[str, Any]:
        received = self._received[item]
        most = received if self._plays_s is None or all_of_it else int(self._plays_s * 24_000)
        return {"item_id": item, "content_index": 0, "played": min(received, most)}

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.send("heartbeat")

    async def _obey(self) -> None:
        while True:
            content, buffer = await self._arriving.get()
            self.got.append((content, buffer))
            kind = content["kind"]
            if kind == "socket.open":
                self._tasks.append(asyncio.create_task(self._open(content)))
            elif kind.startswith("socket.") and content["socket"] in self._lines:
                await self._obey_socket(kind, content, buffer or b"")
            elif kind == "audio":
                self._epoch = max(self._epoch, content["epoch"])
                self._play(content["item_id"], len(buffer or b"") // 2)
            elif kind == "audio.done":
                self._played_out(content["item_id"])
            elif kind == "flush" and content["epoch"] > self._epoch:
                self._epoch = content["epoch"] - 1
                self.silence("flush")
            async with self._changed:
                self._changed.notify_all()

    async def _obey_socket(self, kind: str, content: dict[str, Any], data: bytes) -> None:
        line = self._lines[content["socket"]]
        if kind == "socket.send":
            line.text.append(data)
            if content["last"]:
                await self._transmit(json.loads(b"".join(line.text)), line)
                line.text.clear()
        elif kind == "socket.hold":
            line.held = content["on"]
        else:
            await line.socket.close()

    async def _open(self, content: dict[str, Any]) -> None:
        number = content["socket"]
        offered = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{content['secret']}")]
        socket = await connect(content["url"], subprotocols=offered, proxy=None, max_size=None)
        line = self._lines[number] = _Line(socket)
        self.send("socket.opened", socket=number)
        try:
            async for frame in socket:
                data = frame.encode() if isinstance(frame, str) else frame
                for start in range(0, len(data), m.PART_BYTES):
                    last = start + m.PART_BYTES >= len(data)
                    part = data[start : start + m.PART_BYTES]
                    self.send("socket.frame", part, socket=number, part=line.parts, last=last)
                    line.parts += 1
                self._hear(json.loads(data))
                async with self._changed:
                    self._changed.notify_all()
        except ConnectionClosed:
            pass
        finally:
            del self._lines[number]
            self.send("socket.closed", socket=number, code=1006, reason="")

    def _hear(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "input_audio_buffer.speech_started":
            self.silence("speech")
        elif kind == "response.created":
            self._begun.add(event["response"]["id"])
        elif kind == "response.output_audio.delta" and event["response_id"] not in self._dead:
            self._play(event["item_id"], len(base64.b64decode(event["delta"])) // 2)
        elif kind == "response.output_audio.done":
            self._played_out(event["item_id"])

    def _play(self, item: str, samples: int) -> None:
        self._received[item] = self._received.get(item, 0) + samples
        self._report("playing", [self._played(item)])

    def _played_out(self, item: str) -> None:
        if item in self._received and self._plays_s is None:
            self._report("idle", [self._played(item, all_of_it=True)])

    def _report(self, state: str, items: list[dict[str, Any]]) -> None:
        self.send("play.state", epoch=self._epoch, state=state, items=items, underruns=0)

    def heard(self, item: str) -> int:
        """Return the number of samples of an item that arrived and were not dropped."""
        return self._received.get(item, 0)

    async def _transmit(self, event: dict[str, Any], line: _Line) -> None:
        self.sent_frames.append(event)
        await line.socket.send(json.dumps(event))
