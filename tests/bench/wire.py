"""CPU per message, ours beside openai-python: without a socket, and over a real loopback socket.

Both sides do the same work: an audio delta ends as bytes of PCM, an append begins with them. They take turns, round by
round, in one process; the server is in another.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.asyncio.client import connect as socket_connect

import realtime_nb as rt
from realtime_nb.wire.realtime import ResponseOutputAudioDelta, decode_server, encode_append
from tests.bench.peer import frame

Row = tuple[str, float, float, float]
"""What, ours in us, theirs in us, and the socket library's own part of ours (0: there is no socket)."""
Work = Callable[[str], Awaitable[None]]
_ROUNDS = 7
_COUNT = 2000
_PCM = bytes(960)  # 20 ms


class _NoSocket:
    """Takes and gives frames without a system call: what is left is the SDK's own work."""

    def __init__(self) -> None:
        self.frame = b""

    async def recv(self, decode: bool = False) -> bytes:
        return self.frame

    async def send(self, data: str | bytes) -> None:
        assert data


def rows() -> Iterator[Row]:
    """Yield a row for each kind of message, first without a socket."""
    yield from asyncio.run(_codec())
    yield from asyncio.run(_socket())


async def _codec() -> list[Row]:
    fake: Any = _NoSocket()
    theirs = AsyncRealtimeConnection(fake)
    frames = {kind: frame(kind) for kind in ("audio", "text")}

    async def our_receive(kind: str) -> None:
        data = frames[kind]
        for _ in range(_COUNT):
            event = decode_server(data)
            if type(event) is ResponseOutputAudioDelta:
                assert event.audio

    async def their_receive(kind: str) -> None:
        fake.frame = frames[kind]
        for _ in range(_COUNT):
            event: Any = await theirs.recv()
            if event.type == "response.output_audio.delta":
                assert base64.b64decode(event.delta)

    async def our_append(kind: str) -> None:
        for _ in range(_COUNT):
            assert encode_append(_PCM, None)

    async def their_append(kind: str) -> None:
        for _ in range(_COUNT):
            await theirs.input_audio_buffer.append(audio=base64.b64encode(_PCM).decode())

    return [
        await _compare("audio delta of 4 KB, codec", our_receive, their_receive, "audio"),
        await _compare("text delta, codec", our_receive, their_receive, "text"),
        await _compare("append of 20 ms, codec", our_append, their_append, ""),
    ]


async def _socket() -> list[Row]:
    with _peer() as port:
        address = f"127.0.0.1:{port}/v1"
        client = AsyncOpenAI(api_key="none", base_url=f"http://{address}", websocket_base_url=f"ws://{address}")
        async with (
            rt.connect(url=f"ws://{address}/realtime?model=m", proxy=None) as ours,
            client.realtime.connect(model="m") as theirs,
            socket_connect(f"ws://{address}/realtime", compression=None, max_size=None, proxy=None) as bare,
        ):
            # The SDK leaves it to its caller to read `session.created`; ours has done so.
            await theirs.recv()
            await bare.recv()

            async def our_receive(kind: str) -> None:
                await ours.response.create(metadata={"kind": kind, "count": str(_COUNT)})
                async for event in ours:
                    if type(event) is ResponseOutputAudioDelta:
                        assert event.audio
                    elif event.type == "response.done":
                        return

            async def their_receive(kind: str) -> None:
                await theirs.response.create(response={"metadata": {"kind": kind, "count": str(_COUNT)}})
                async for event in theirs:
                    if event.type == "response.output_audio.delta":
                        assert base64.b64decode(event.delta)
                    elif event.type == "response.done":
                        return

            async def our_append(kind: str) -> None:
                for _ in range(_COUNT):
                    await ours.input_audio_buffer.append(_PCM)

            async def their_append(kind: str) -> None:
                for _ in range(_COUNT):
                    await theirs.input_audio_buffer.append(audio=base64.b64encode(_PCM).decode())

            async def bare_receive(kind: str) -> None:
                wish = {"response": {"metadata": {"kind": kind, "count": str(_COUNT)}}}
                await bare.send(json.dumps({"type": "response.create", **wish}))
                for _ in range(_COUNT + 1):
                    await bare.recv(decode=False)

            async def bare_append(kind: str) -> None:
                appended = encode_append(_PCM, None)
                for _ in range(_COUNT):
                    await bare.send(appended, text=True)

            return [
                await _compare("audio delta of 4 KB, connection", our_receive, their_receive, "audio", bare_receive),
                await _compare("text delta, connection", our_receive, their_receive, "text", bare_receive),
                await _compare("append of 20 ms, connection", our_append, their_append, "", bare_append),
            ]


async def _compare(what: str, ours: Work, theirs: Work, kind: str, bare: Work | None = None) -> Row:
    runners = [ours, theirs] if bare is None else [ours, theirs, bare]
    spent: list[list[float]] = [[] for _ in runners]
    for number in range(_ROUNDS + 1):
        for work, kept in zip(runners, spent, strict=True):
            gc.collect()
            started = time.process_time()
            await work(kind)
            if number:  # the first round warms up
                kept.append((time.process_time() - started) / _COUNT * 1e6)
    medians = [statistics.median(kept) for kept in spent]
    return what, medians[0], medians[1], medians[2] if bare is not None else 0.0


@contextmanager
def _peer() -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.peer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.communicate()
