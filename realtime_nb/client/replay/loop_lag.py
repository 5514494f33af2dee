"""How long an event loop was busy with something else while a session was replayed.

Owns one probe a loop, which runs while it is watched. Must not know sessions.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

_WAKE_S = 0.02


class LoopLag:
    """One watch over a loop.

    Attributes:
        worst_ms: how late the loop's latest wake-up of the probe was.
    """

    def __init__(self) -> None:
        self.worst_ms = 0.0


class _Probe:
    """Wakes up again and again, and notes how late."""

    def __init__(self) -> None:
        self.watches: set[LoopLag] = set()
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        while True:
            due = time.perf_counter() + _WAKE_S
            await asyncio.sleep(_WAKE_S)
            late_ms = (time.perf_counter() - due) * 1000
            for watch in self.watches:
                watch.worst_ms = max(watch.worst_ms, late_ms)


_PROBES: WeakKeyDictionary[asyncio.AbstractEventLoop, _Probe] = WeakKeyDictionary()


@contextmanager
def loop_lag() -> Iterator[LoopLag]:
    """Watch the running loop; many watches of one loop share a probe."""
    loop = asyncio.get_running_loop()
    probe = _PROBES.setdefault(loop, _Probe())
    watch = LoopLag()
    probe.watches.add(watch)
    if probe.task is None:
        probe.task = loop.create_task(probe.run(), name="realtime loop probe")
    try:
        yield watch
    finally:
        probe.watches.discard(watch)
        if not probe.watches and probe.task is not None:
            probe.task.cancel()
            probe.task = None
