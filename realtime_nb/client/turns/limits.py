"""The user's own bounds of a session: how long it may last, and what it may cost.

Owns when they are reached, and the words for it. Pure. Must not know how a session ends, or a clock.
"""

from __future__ import annotations

from realtime_nb.client.settings import check_limit
from realtime_nb.conversation.prices import CURRENCY_SIGN


class Limits:
    """Tells once that a session is over, by the first limit that it reaches.

    Args:
        minutes, cost_usd: the limits; None: none.

    Attributes:
        seconds: after which to call `time_is_over`; None: never.
        reached: which limit it was, in words; None while there is time and money.
    """

    def __init__(self, minutes: float | None, cost_usd: float | None) -> None:
        self.reached: str | None = None
        self._minutes = check_limit("max_session_minutes", minutes)
        self._cost_usd = check_limit("max_cost_usd", cost_usd)
        self.seconds = None if minutes is None else 60 * minutes

    def time_is_over(self) -> bool:
        """The time has passed; returns True where that is the first limit to be reached."""
        return self._reach(f"max_session_minutes={self._minutes:g} is over")

    def spent(self, cost_usd: float | None) -> bool:
        """Compare the cost so far, None where a price is not known; returns True where the limit is reached now."""
        if self._cost_usd is None or cost_usd is None or cost_usd <= self._cost_usd:
            return False
        return self._reach(f"it cost {CURRENCY_SIGN}{cost_usd:.2g}, more than max_cost_usd={self._cost_usd:g}")

    def _reach(self, why: str) -> bool:
        first, self.reached = self.reached is None, self.reached or why
        return first
