"""Measures the delay of audio in many sessions at real-time pace, in one process on one core.

Each session receives 4 kB deltas at the pace at which they are played, and appends 40 ms of microphone audio 25 times a
second. Owns one trial: `python -m tests.bench.crowd ours ADDRESS 100 --core 0` prints one JSON object. Must not know
the search for the largest number of sessions.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import time
from contextlib import AsyncExitStack

from tests.bench.clients import Client, opened
from tests.bench.frames import PACED_S

_MIC_S = 0.04
_MIC = bytes(1920)
_SETTLES_S = 1.0
_OPENED_AT_A_TIME = 25


class _Crowd:
    """The state shared by all sessions of a trial: the time to stop, and the delay of each event in ms."""

    def __init__(self, seconds: float) -> None:
        now = time.monotonic()
        self.counts_from = now + _SETTLES_S
        self.ends_at = self.counts_from + seconds
        self.late_ms: list[float] = []

    def happened(self, due: float) -> bool:
        """Note that something due then happens now; returns whether the trial goes on."""
        now = time.monotonic()
        if due >= self.counts_from:
            self.late_ms.append((now - due) * 1000)
        return now < self.ends_at


async def _listen(client: Client, crowd: _Crowd, phase_s: float) -> None:
    await client.ask(kind="paced", phase_s=str(phase_s))
    while True:
        event = await client.next()
        if not crowd.happened(int(event.event_id.removeprefix("event_")) / 1e9):
            return


async def _speak(client: Client, crowd: _Crowd, phase_s: float) -> None:
    due = time.monotonic() + phase_s
    while True:
        await asyncio.sleep(due - time.monotonic())
        await client.append(_MIC)
        if not crowd.happened(due):
            return
        due += _MIC_S


async def trial(name: str, address: str, sessions: int, seconds: float) -> dict[str, float]:
    """Run it; returns `p99_ms` (how late), and `core` (how much of one was busy).

    The 99th percentile is of what was due in the last half: a backlog that grows shows there.
    """
    async with AsyncExitStack() as stack:
        clients: list[Client] = []
        while len(clients) < sessions:
            more = min(_OPENED_AT_A_TIME, sessions - len(clients))
            clients += await asyncio.gather(
                *(stack.enter_async_context(opened(name, address)) for _ in range(more)),
            )
        gc.collect()
        crowd = _Crowd(seconds)
        cpu, wall = time.process_time(), time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number, client in enumerate(clients):
                # Spread over the pace, as people are.
                group.create_task(_listen(client, crowd, PACED_S * number / sessions))
                group.create_task(_speak(client, crowd, _MIC_S * number / sessions))
        core = (time.process_time() - cpu) / (time.monotonic() - wall)
        late = crowd.late_ms[len(crowd.late_ms) // 2 :]
        late.sort()
        print(json.dumps({"p99_ms": late[int(len(late) * 0.99)], "core": core}), flush=True)
        # Hundreds of polite goodbyes are not measured: the process just ends.
        os._exit(0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("address")
    parser.add_argument("sessions", type=int)
    parser.add_argument("--core", type=int)
    parser.add_argument("--seconds", type=float, default=4.0)
    given = parser.parse_args()
    if given.core is not None:
        os.sched_setaffinity(0, {given.core})
    asyncio.run(trial(given.name, given.address, given.sessions, given.seconds))
