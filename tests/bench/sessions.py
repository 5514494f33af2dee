"""How many sessions one core carries at real-time pace, ours and openai-python's.

Owns the search. A number is carried if 99 of 100 events, deltas and appends, are less than 100 ms late. The clients
have one core and the server another; where there is only one, nothing is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from tests.bench.clients import NAMES
from tests.bench.peer import peer
from tests.bench.table import Line

_LATE_MS = 100.0
_FEWEST, _MOST, _STEP = 20, 500, 20
_TRIES = 2
_SATURATED = 0.9
"""A trial that fails with less of its core than this was disturbed by another process, and is made again."""


def lines() -> Iterator[Line]:
    """Yield a line with both numbers, and what each session costs."""
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        yield Line("sessions a core at real-time pace", "not measured: needs Linux and two cores")
        return
    server_core, client_core = sorted(os.sched_getaffinity(0))[:2]
    with peer(server_core) as address:
        found = {name: _most(name, address, client_core) for name in NAMES}
    ours, theirs = (found[name] for name in NAMES)
    yield Line(
        "sessions a core at real-time pace",
        _many(ours[0]),
        f"openai-python {_many(theirs[0])}",
        f"{ours[0] / max(theirs[0], 1):.1f}x more",
        "200",
    )
    yield Line(
        "  of a core, a session",
        f"{ours[1]:.2%}",
        f"openai-python {theirs[1]:.2%}",
        f"{theirs[1] / ours[1]:.1f}x less",
    )


def _many(sessions: int) -> str:
    return f"{sessions} or more" if sessions >= _MOST else f"fewer than {_FEWEST}" if not sessions else str(sessions)


def _most(name: str, address: str, core: int) -> tuple[int, float]:
    """The largest number that is carried, to a step, and the part of a core that each session then takes."""
    carried, share = 0, 0.0
    low, high = _FEWEST // _STEP, _MOST // _STEP
    while low <= high:
        middle = (low + high) // 2
        result = _trial(name, address, middle * _STEP, core)
        if result["p99_ms"] < _LATE_MS:
            carried, share, low = middle * _STEP, result["core"] / (middle * _STEP), middle + 1
        else:
            high = middle - 1
            share = share or result["core"] / (middle * _STEP)
    return carried, share


def _trial(name: str, address: str, sessions: int, core: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.crowd", name, address, str(sessions), "--core", str(core)]
    result: dict[str, float] = {}
    for _ in range(_TRIES):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{sessions} sessions of {name} could not be opened: {done.stderr[-2000:]}")
        result = json.loads(done.stdout)
        if result["p99_ms"] < _LATE_MS or result["core"] > _SATURATED:
            break
    return result
