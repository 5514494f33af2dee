"""The user's own bounds of a session: how long it may last, and what it may cost.

Owns when they are reached. Must not know how a session ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from realtime_nb.client.settings import check_limit

__all__ = ["Limits"]


class Limits:
    """Ends a session once, by the first limit that is reached.

    Args:
        minutes, cost_usd: the limits; None: none.
        end: ends the session; is told why.

    Attributes:
        reached: which limit it was, in words; None while there is time and money.
    """

    def __init__(
        self, minutes: float | None, cost_usd: float | None, end: Callable[[str], Coroutine[Any, Any, None]]
    ) -> None:
        self.reached: str | None = None
        self._minutes = check_limit("max_session_minutes", minutes)
        self._cost_usd = check_limit("max_cost_usd", cost_usd)
        self._end = end
        self._timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    def began(self) -> None:
        """Time counts from now."""
        if self._minutes is not None and self._timer is None:
            why = f"max_session_minutes={self._minutes:g} is over"
            self._timer = asyncio.get_running_loop().call_later(60 * self._minutes, self._reach, why)

    def spent(self, cost_usd: float | None) -> None:
        """So much in all; None where a price is not known."""
        if self._cost_usd is not None and cost_usd is not None and cost_usd > self._cost_usd:
            self._reach(f"it cost ${cost_usd:.2g}, more than max_cost_usd={self._cost_usd:g}")

    def stop(self) -> None:
        """The session has ended by other means."""
        if self._timer is not None:
            self._timer.cancel()

    def _reach(self, why: str) -> None:
        if self._ending is None:
            self.reached = why
            self._ending = asyncio.get_running_loop().create_task(self._end(why), name="realtime limit")
