"""What `realtime-nb serve` holds after twelve rounds of sixty sessions that each sent a second of sound."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np

from realtime_nb.local import LocalServer
from tests.bench.table import Line
from tests.integration.raw_client import raw_client

_ROUNDS, _SESSIONS = 12, 60


def lines() -> Iterator[Line]:
    """Yield one line: the server's memory after the last round, beside its memory after the first."""
    if not Path("/proc/self/statm").exists():
        yield Line("memory of a server", "not measured: needs Linux")
        return
    first, last = asyncio.run(_measure())
    what = f"memory of a server, {_ROUNDS} rounds of {_SESSIONS}"
    yield Line(what, f"{last:.0f} MB", f"after the first round {first:.0f} MB", f"{last / first:.2f}x", "1.3x")


async def _measure() -> tuple[float, float]:
    async with LocalServer() as server:
        assert server._process is not None
        sizes = []
        for _ in range(_ROUNDS):
            await _round(server.url)
            sizes.append(_resident_mb(server._process.pid))
        return sizes[0], sizes[-1]


async def _round(url: str) -> None:
    sound = (np.random.default_rng(1).standard_normal(24_000) * 200).astype(np.int16)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(raw_client(url)) for _ in range(_SESSIONS)]
        for client in clients:
            await client.append(sound)
        for client in clients:
            await client.update(output_modalities=["text"])


def _resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
