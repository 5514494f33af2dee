"""A server that costs next to nothing, in a process of its own: it must never be what is measured, nor what is waited
for.

Owns a websocket server that works on bytes: its frames are made once, and frames from clients are counted by their
headers and dropped. Each `session.update` gets the same `session.updated`. The metadata of a client's
`response.create` says what to send:

- `{"kind": "text" | "audio-4" | ..., "count": "N"}`: N deltas as fast as they are taken, then `response.done`;
- `{"kind": "paced", "phase_s": "S"}`: 4 KB of sound after 4 KB, at the pace at which it is heard, without end; the
  event id holds when each was due (`time.monotonic_ns`, which all processes share);
- `{"kind": "die"}`: the connection breaks without a close frame.

Must not know which client is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from tests.bench.frames import CREATED, DONE, PACED_S, UPDATED, delta, websocket_frame

_COMMAND_BYTES = 1000
"""Commands are short and sound is long: what is longer is not looked at."""


@cache
def _frame(kind: str) -> bytes:
    return websocket_frame(delta(kind))


class _Client(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: Any = None
        self._received = b""
        self._greeted = False
        self._writable = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        for task in self._tasks:
            task.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        data = self._received + data
        start = 0
        while (end := self._one(data, start)) > start:
            start = end
        self._received = data[start:]

    def _one(self, data: bytes, start: int) -> int:
        """Take one frame, or the handshake, that begins at `start`; returns where it ends, `start` if not yet here."""
        if not self._greeted:
            return self._greet(data)
        if len(data) < start + 2:
            return start
        size, at = data[start + 1] & 0x7F, start + 2
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(data) < at + width:
                return start
            size, at = int.from_bytes(data[at : at + width], "big"), at + width
        end = at + 4 + size
        if len(data) < end:
            return start
        opcode = data[start] & 0x0F
        if opcode == 1 and size > _COMMAND_BYTES:
            return end
        mask = data[at : at + 4]
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data[at + 4 : end]))
        if opcode == 8:
            self._transport.write(websocket_frame(payload, 8))
            self._transport.close()
        elif opcode == 9:
            self._transport.write(websocket_frame(payload, 10))
        elif opcode == 1:
            self._command(json.loads(payload))
        return end

    def _greet(self, data: bytes) -> int:
        end = data.find(b"\r\n\r\n") + 4
        if end < 4:
            return 0
        headers = dict(line.split(": ", 1) for line in data[: end - 4].decode().split("\r\n")[1:])
        key = next(value for name, value in headers.items() if name.lower() == "sec-websocket-key")
        digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %b\r\n\r\n" % base64.b64encode(digest)
        )
        self._transport.write(websocket_frame(CREATED))
        self._greeted = True
        return end

    def _command(self, event: dict[str, Any]) -> None:
        if event["type"] == "session.update":
            self._transport.write(websocket_frame(UPDATED))
        if event["type"] != "response.create":
            return
        wish = event["response"]["metadata"]
        if wish["kind"] == "die":
            self._transport.abort()
            return
        work = self._pace(float(wish["phase_s"])) if wish["kind"] == "paced" else self._burst(wish)
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _burst(self, wish: dict[str, str]) -> None:
        frame = _frame(wish["kind"])
        for _ in range(int(wish["count"])):
            await self._writable.wait()
            self._transport.write(frame)
        self._transport.write(websocket_frame(DONE))

    async def _pace(self, phase_s: float) -> None:
        before, after = _frame("audio-4").split(b"%020d" % 0)
        due = time.monotonic() + phase_s
        while True:
            # Nothing waits for the client here: one that lags finds its deltas late, as it would anywhere.
            await asyncio.sleep(due - time.monotonic())
            self._transport.write(b"%b%020d%b" % (before, int(due * 1e9), after))
            due += PACED_S


async def _serve(core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Client, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


@contextmanager
def peer(core: int | None = None) -> Iterator[str]:
    """Run the server, on one core if one is given; yields its `127.0.0.1:PORT/v1`."""
    command = [sys.executable, "-m", "tests.bench.peer", *(["--core", str(core)] if core is not None else [])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.communicate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--core", type=int)
    asyncio.run(_serve(parser.parse_args().core))
