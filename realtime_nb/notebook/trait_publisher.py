"""What the read-only traits show.

Owns when they are written: coalesced, about 25 times a second, on the notifier thread. Must not know what they mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from realtime_nb.notebook import runtime
from realtime_nb.notebook.status import Facts

__all__ = ["Gauges"]

_FLUSH_S = 0.04


class Gauges:
    """Writes values when they are dirty.

    Args:
        values: computes them, on the loop.
        write: takes them, on the notifier thread.

    Attributes:
        facts: what the status is made of.
        error: what the card shows, or None.
    """

    def __init__(self, values: Callable[[], dict[str, Any]], write: Callable[[dict[str, Any]], None]) -> None:
        self._values = values
        self._write = write
        self._waiting: asyncio.TimerHandle | None = None
        self._closed = False
        self.facts = Facts()
        self.error: str | None = None

    def dirty(self) -> None:
        """Something changed; the traits follow in a moment."""
        if self._waiting is None and not self._closed:
            self._waiting = asyncio.get_running_loop().call_later(_FLUSH_S, self.flush)

    def flush(self) -> None:
        """Hand the values over now."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        values = self._values()
        runtime.notifier().post(self, lambda: self._write(values))

    async def settled(self) -> None:
        """Wait until the traits show what is known now, or an observer holds them up."""
        self.flush()
        await runtime.notifier().settled()

    def close(self) -> None:
        """Write no more by itself."""
        self._closed = True
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
