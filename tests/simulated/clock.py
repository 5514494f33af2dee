"""An event loop with simulated time: when nothing is ready, the clock jumps to the next timer.

Owns the clock. A simulated day takes as long as its events take to process, and every run is the same. Must not be used
with threads, because time would jump while they work.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

EPOCH = 1_767_225_600
"""When simulated time begins: 2026-01-01, as a service's `expires_at` counts."""

_T = TypeVar("_T")


class _Jumping(selectors.SelectSelector):
    """A selector that never waits: it advances the clock by the timeout instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events and timeout is None:
            raise RuntimeError("nothing is ready and no timer is set: the loop would wait for ever")
        if not events and timeout is not None:
            self.now += max(timeout, 0.0)
        return events


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own, which begins at 0."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def wall() -> float:
    """Return the simulated time in seconds since 1970."""
    return EPOCH + asyncio.get_running_loop().time()


def simulate(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end in simulated time."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(main)
