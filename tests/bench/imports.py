"""What importing costs, each in fresh interpreters, medians; and the first connection to a local backend."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time

import realtime_nb as rt

_RUNS = 9
_TIMER = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
_STATEMENTS = {
    "connect": "import realtime_nb as rt; rt.connect",
    "openai": "import openai; openai.AsyncOpenAI",
    "widget": "import realtime_nb as rt; rt.RealtimeWidget",
    "anywidget": "import anywidget; anywidget.AnyWidget",
}


def seconds() -> dict[str, float]:
    """Return the median of each; they take turns, so that a busy moment is shared."""
    taken: dict[str, list[float]] = {name: [] for name in _STATEMENTS}
    for number in range(_RUNS + 1):
        for name, statement in _STATEMENTS.items():
            command = [sys.executable, "-c", _TIMER.format(statement)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            if number:
                taken[name].append(float(done.stdout))
    return {name: statistics.median(values) for name, values in taken.items()}


async def first_connect() -> float:
    """Return the seconds from nothing to an open session with a local backend that must be started."""
    started = time.perf_counter()
    async with rt.connect(backend="local"):
        return time.perf_counter() - started


def first_connect_s() -> float:
    """Return the same, for a caller without a loop."""
    return asyncio.run(first_connect())
