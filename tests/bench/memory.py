"""Memory a connection: open and idle, and after a thousand deltas of 4 KB were read from it.

Owns both the comparison and, as `python -m tests.bench.memory ours ADDRESS`, one process that is measured: a client
that was measured before another would lend it its freed memory.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from tests.bench.clients import NAMES, Client, opened
from tests.bench.peer import peer
from tests.bench.table import Line, less

_WARM_UP = 10
_SESSIONS = 400
"""So many that what the process had left over from its start does not show."""
_READERS = 40
_DELTAS = 1000
_STATM = Path("/proc/self/statm")


def resident_kb() -> float:
    """What this process holds in memory, after a collection."""
    gc.collect()
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


def measurable() -> bool:
    """Whether this system says what a process holds."""
    return _STATM.exists()


def lines() -> Iterator[Line]:
    """Yield a line for each state."""
    if not measurable():
        yield Line("memory a connection", "not measured: needs Linux")
        return
    with peer() as address:
        found = {name: _child(name, address) for name in NAMES}
    for what, label in (("idle", "memory a connection, idle"), ("read", f"  after {_DELTAS} deltas")):
        ours, theirs = (found[name][what] for name in NAMES)
        yield Line(label, f"{ours:.0f} KB", f"openai-python {theirs:.0f} KB", less(ours, theirs))


def _child(name: str, address: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.memory", name, address]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


async def _measure(name: str, address: str) -> dict[str, float]:
    async with AsyncExitStack() as stack:

        async def more(number: int) -> list[Client]:
            return [await stack.enter_async_context(opened(name, address)) for _ in range(number)]

        for client in await more(_WARM_UP):
            await _read(client)
        before = resident_kb()
        clients = await more(_SESSIONS)
        idle = resident_kb()
        for client in clients[:_READERS]:
            await _read(client)
        an_idle_one = (idle - before) / _SESSIONS
        return {"idle": an_idle_one, "read": an_idle_one + (resident_kb() - idle) / _READERS}


async def _read(client: Client) -> None:
    await client.ask(kind="audio-4", count=str(_DELTAS))
    while (await client.next()).type != "response.done":
        pass


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_measure(*sys.argv[1:3]))))
