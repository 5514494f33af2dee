"""From a socket that broke off to a connection that is ready again, beside a first connect in the same run.

The pause before the first attempt is policy, not speed: it is taken off, and said.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from typing import Any

import realtime_nb as rt
from tests.bench.peer import peer
from tests.bench.table import Line

_TIMES = 9
_WHAT = "reconnect to ready"


def lines() -> Iterator[Line]:
    """Yield one line."""
    with peer() as address:
        again, first, waited = asyncio.run(_measure(f"ws://{address}/realtime?model=m"))
    yield Line(
        _WHAT,
        f"{again * 1000:.1f} ms",
        f"first connect {first * 1000:.1f} ms",
        f"{again / first:.2f}",
        f"(waited {waited * 1000:.0f} ms)",
    )


async def _measure(url: str) -> tuple[float, float, float]:
    """Medians in seconds: to ready again, to ready at first, and the pause before the attempt."""
    options: dict[str, Any] = {"proxy": None, "reconnect": True}
    firsts, agains, pauses = [], [], []
    for _ in range(_TIMES):
        started = time.perf_counter()
        async with rt.connect(url=url, **options) as connection:
            firsts.append(time.perf_counter() - started)
            paused_s = 0.0
            ready = connection.wait_for("reconnected", timeout=30)

            async def note(event: object) -> None:
                nonlocal paused_s
                paused_s += float(getattr(event, "delay_s", 0.0))

            connection.on("reconnecting", note)
            lost = time.perf_counter()
            await connection.response.create(metadata={"kind": "die"})
            await ready
            agains.append(time.perf_counter() - lost - paused_s)
            pauses.append(paused_s)
    return statistics.median(agains), statistics.median(firsts), statistics.median(pauses)
