"""What importing costs, each in fresh interpreters, medians; and the first connection to a local backend."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import realtime_nb as rt
from tests.bench.table import Line

_RUNS = 9
_TIMER = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
_STATEMENTS = {
    "connect": "import realtime_nb as rt; rt.connect",
    "openai": "import openai; openai.AsyncOpenAI",
    "widget": "import realtime_nb as rt; rt.RealtimeWidget",
    "anywidget": "import anywidget; anywidget.AnyWidget",
}


def lines() -> Iterator[Line]:
    """Yield the lines of importing and of the first connection."""
    took = _seconds()
    yield _line("import up to rt.connect", took["connect"], "openai", took["openai"], "0.25 and 0.25 s")
    yield _line("import up to rt.RealtimeWidget", took["widget"], "anywidget", took["anywidget"], "1.3")
    yield Line("first connect, backend started", f"{asyncio.run(_first_connect()):.2f} s")


def _line(what: str, ours: float, name: str, theirs: float, target: str) -> Line:
    return Line(what, f"{ours:.3f} s", f"{name} {theirs:.3f} s", f"{ours / theirs:.2f}", target)


def _seconds() -> dict[str, float]:
    """Return the median of each; they take turns, so that a busy moment is shared."""
    taken: dict[str, list[float]] = {name: [] for name in _STATEMENTS}
    for number in range(_RUNS + 1):
        for name, statement in _STATEMENTS.items():
            command = [sys.executable, "-c", _TIMER.format(statement)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            if number:
                taken[name].append(float(done.stdout))
    return {name: statistics.median(values) for name, values in taken.items()}


async def _first_connect() -> float:
    """Return the seconds from nothing to an open session with a local backend that must be started."""
    started = time.perf_counter()
    async with rt.connect(backend="local"):
        return time.perf_counter() - started
