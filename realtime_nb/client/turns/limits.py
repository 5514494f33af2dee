"""The user's limits of a session: its duration and its cost.

Owns when a limit is reached, and the words for it. Pure. Must not know how a session ends, or a clock.
"""

from __future__ import annotations

from realtime_nb.client.settings import check_limit
from realtime_nb.conversation.prices import CURRENCY_SIGN


class Limits:
    """Compares a session with its limits; the first one that is reached ends it.

    Args:
        minutes, cost_usd: the limits; None means no limit.

    Attributes:
        seconds: the delay after which to call `time_is_over`; None without a time limit.
        reached: the limit that was reached, in words; None before that.
    """

    def __init__(self, minutes: float | None, cost_usd: float | None) -> None:
        self.reached: str | None = None
        self._minutes = check_limit("max_session_minutes", minutes)
        self._cost_usd = check_limit("max_cost_usd", cost_usd)
        self.seconds = None if minutes is None else 60 * minutes

    def time_is_over(self) -> bool:
        """Note that the time has passed; returns True where this is the first limit to be reached."""
        return self._reach(f"max_session_minutes={self._minutes:g} is over")

    def spent(self, cost_usd: float | None) -> bool:
        """Compare the cost so far, None where a price is not known; returns True where the limit is reached now."""
        if self._cost_usd is None or cost_usd is None or cost_usd <= self._cost_usd:
            return False
        return self._reach(f"it cost {CURRENCY_SIGN}{cost_usd:.2g}, more than max_cost_usd={self._cost_usd:g}")

    def _reach(self, why: str) -> bool:
        first, self.reached = self.reached is None, self.reached or why
        return first
