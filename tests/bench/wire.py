"""CPU per message, ours beside openai-python and openai-node: without a socket, and over a real loopback socket.

All sides do the same work: an audio delta ends as bytes of PCM, an append begins with them. They take turns, round by
round; the server is in another process, and sends as fast as it is taken. The first round of each warms up;
openai-node, which compiles as it runs, has several.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.asyncio.client import connect as socket_connect

import realtime_nb as rt
from realtime_nb.wire.realtime import ResponseOutputAudioDelta, decode_server, encode_append
from tests.bench.frames import AUDIO_SIZES, delta
from tests.bench.node import Node, why_not
from tests.bench.peer import peer
from tests.bench.table import Line, less

Work = Callable[["Case"], Awaitable[None]]
_ROUNDS = 5
_NODE_WARM_UP = 10


@dataclass(frozen=True)
class Case:
    """One kind of message: `append` is what goes up, anything else what comes down."""

    what: str
    kind: str
    count: int
    target: str
    pcm: bytes = b""


_CASES = [
    *(
        Case(f"audio delta of {size} KB", f"audio-{size}", 2000 if size == 4 else 400, "8x; node 1x")
        for size in AUDIO_SIZES
    ),
    Case("text delta", "text", 2000, "12x"),
    *(Case(f"append of {ms} ms", "append", 1000, "12x", bytes(48 * ms)) for ms in (20, 100)),
]


class _NoSocket:
    """Takes and gives frames without a system call: what is left is the SDK's own work."""

    def __init__(self) -> None:
        self.frame = b""

    async def recv(self, decode: bool = False) -> bytes:
        return self.frame

    async def send(self, data: str | bytes) -> None:
        assert data


def lines() -> Iterator[Line]:
    """Yield a line for each kind of message, first without a socket."""
    with peer() as address:
        trouble = why_not()
        node = None if trouble else Node(address)
        yield Line("CPU an event", "ours (bare socket)", _reference("openai-python", node, trouble))
        try:
            for measured in (_codec(node), _connection(address, node)):
                yield from asyncio.run(measured)
        finally:
            if node is not None:
                node.close()


def _reference(python: str, node: Node | None, trouble: str) -> str:
    return f"{python}; " + (f"openai-node {node.version}" if node else f"node not measured: {trouble}")


async def _codec(node: Node | None) -> list[Line]:
    fake: Any = _NoSocket()
    theirs = AsyncRealtimeConnection(fake)
    frames = {case.kind: delta(case.kind) for case in _CASES if not case.pcm}

    async def our_work(case: Case) -> None:
        if case.pcm:
            for _ in range(case.count):
                assert encode_append(case.pcm, None)
            return
        data = frames[case.kind]
        for _ in range(case.count):
            event = decode_server(data)
            if type(event) is ResponseOutputAudioDelta:
                assert event.audio

    async def their_work(case: Case) -> None:
        if case.pcm:
            for _ in range(case.count):
                await theirs.input_audio_buffer.append(audio=base64.b64encode(case.pcm).decode())
            return
        fake.frame = frames[case.kind]
        for _ in range(case.count):
            event: Any = await theirs.recv()
            if event.type == "response.output_audio.delta":
                assert base64.b64decode(event.delta)

    return [await _compare(case, "codec", [our_work, their_work], node, frames.get(case.kind)) for case in _CASES]


async def _connection(address: str, node: Node | None) -> list[Line]:
    client = AsyncOpenAI(api_key="none", base_url=f"http://{address}", websocket_base_url=f"ws://{address}")
    url = f"ws://{address}/realtime?model=m"
    async with (
        rt.connect(url=url, proxy=None) as ours,
        client.realtime.connect(model="m") as theirs,
        socket_connect(url, compression=None, max_size=None, proxy=None) as bare,
    ):
        # The SDK leaves it to its caller to read `session.created`; ours has done so.
        await theirs.recv()
        await bare.recv()

        async def our_work(case: Case) -> None:
            if case.pcm:
                for _ in range(case.count):
                    await ours.input_audio_buffer.append(case.pcm)
                return
            await ours.response.create(metadata=_wish(case))
            async for event in ours:
                if type(event) is ResponseOutputAudioDelta:
                    assert event.audio
                elif event.type == "response.done":
                    return

        async def their_work(case: Case) -> None:
            if case.pcm:
                for _ in range(case.count):
                    await theirs.input_audio_buffer.append(audio=base64.b64encode(case.pcm).decode())
                return
            await theirs.response.create(response={"metadata": _wish(case)})
            async for event in theirs:
                if event.type == "response.output_audio.delta":
                    assert base64.b64decode(event.delta)
                elif event.type == "response.done":
                    return

        async def bare_work(case: Case) -> None:
            if case.pcm:
                appended = encode_append(case.pcm, None)
                for _ in range(case.count):
                    await bare.send(appended, text=True)
                return
            await bare.send(json.dumps({"type": "response.create", "response": {"metadata": _wish(case)}}))
            for _ in range(case.count + 1):
                await bare.recv(decode=False)

        return [await _compare(case, "connection", [our_work, their_work, bare_work], node) for case in _CASES]


def _wish(case: Case) -> dict[str, str]:
    return {"kind": case.kind, "count": str(case.count)}


async def _compare(case: Case, where: str, runners: list[Work], node: Node | None, frame: bytes | None = None) -> Line:
    """Measure ours, theirs and, over a socket, what the socket library itself takes: the ceiling of the ratio."""
    rounds = {
        "work": "append" if case.pcm else "receive",
        "kind": case.kind,
        "count": case.count,
        "bytes": len(case.pcm),
        "socket": where == "connection",
        "frame": frame.decode() if frame else "",
    }
    if node is not None:
        for _ in range(_NODE_WARM_UP):
            node.round_us(**rounds)
    spent: list[list[float]] = [[] for _ in runners]
    node_spent: list[float] = []
    for number in range(_ROUNDS + 1):
        for work, kept in zip(runners, spent, strict=True):
            gc.collect()
            started = time.process_time()
            await work(case)
            if number:
                kept.append((time.process_time() - started) / case.count * 1e6)
        if node is not None:
            node_spent.append(node.round_us(**rounds))
    ours, theirs, *bare = (statistics.median(kept) for kept in spent)
    of_node = statistics.median(node_spent) if node_spent else 0.0
    return Line(
        f"  {case.what}, {where}",
        f"{ours:.1f} us" + (f" ({bare[0]:.1f})" if bare else ""),
        f"{theirs:.1f} us" + (f"; node {of_node:.1f} us" if of_node else ""),
        less(ours, theirs) + (f"; {of_node / ours:.1f}x" if of_node else ""),
        case.target,
    )
