"""The money of a sweep: reserved before a trial starts, settled when it ends, never exceeded.

Owns what is spent and what is reserved. Must not know prices or trials. May be used from any thread.

A trial's cost is known when it is over. So the most that it can cost is reserved first, and a trial that does not fit
into the rest is not started; what it did not use is free again for others. A trial that can be ended at any time
reserves what it needs to begin, and more (`resize`) before it may cost more.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Literal

from realtime_nb.errors import BudgetError, ConfigError

Fit = Literal["fits", "later", "never"]


@dataclass(frozen=True)
class Reservation:
    """Money set aside for one trial.

    Attributes:
        usd: how much at first.
        number: tells it from another of the same amount.
    """

    usd: float
    number: int


class Budget:
    """The money of one sweep.

    Args:
        limit_usd: the most that may be spent; None is unlimited.
        spent_usd: what an interrupted run has spent already; it counts.

    Raises:
        ConfigError: an amount that is no number of at least 0.
    """

    def __init__(self, limit_usd: float | None, *, spent_usd: float = 0.0) -> None:
        if limit_usd is not None:
            _check("budget_usd", limit_usd)
        _check("spent_usd", spent_usd)
        # Whole nano-dollars: sums of floats in another order could exceed the limit by a rounding error.
        self._limit = None if limit_usd is None else math.floor(limit_usd * 1e9)
        self._spent = math.ceil(spent_usd * 1e9)
        self._reserved: dict[int, int] = {}
        self._next = 0
        self._lock = threading.Lock()

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit."""
        return self._limit is not None

    @property
    def spent_usd(self) -> float:
        """What settled trials have cost."""
        return self._spent / 1e9

    @property
    def reserved_usd(self) -> float:
        """What is set aside for trials under way."""
        with self._lock:
            return sum(self._reserved.values()) / 1e9

    def reserve(self, bound_usd: float, *, spare_usd: float = 0.0) -> Reservation | None:
        """Set the most that a trial can cost aside; None where it does not fit now (`fit` says whether it may later).

        Args:
            bound_usd: how much.
            spare_usd: so much must stay free beside it, for trials under way.

        Raises:
            ConfigError: a bound that is no number of at least 0.
        """
        _check("bound_usd", bound_usd)
        amount = math.ceil(bound_usd * 1e9)
        with self._lock:
            if self._rest() < amount + math.ceil(spare_usd * 1e9):
                return None
            number = self._next
            self._next += 1
            self._reserved[number] = amount
        return Reservation(bound_usd, number)

    def resize(self, reservation: Reservation, usd: float) -> bool:
        """Make a reservation larger or smaller; False where the larger one does not fit, and it stays as it was.

        Raises:
            ConfigError: an amount that is no number of at least 0, or the reservation was settled before.
        """
        _check("usd", usd)
        amount = math.ceil(usd * 1e9)
        with self._lock:
            if reservation.number not in self._reserved:
                raise ConfigError(f"{reservation!r} was settled before")
            if self._rest() < amount - self._reserved[reservation.number]:
                return False
            self._reserved[reservation.number] = amount
        return True

    def reserved_for(self, reservation: Reservation) -> float:
        """Return the amount of a reservation, in US dollars; 0 where it was settled."""
        with self._lock:
            return self._reserved.get(reservation.number, 0) / 1e9

    def _rest(self) -> float:
        """Return what is neither spent nor reserved; the caller holds the lock."""
        if self._limit is None:
            return math.inf
        return self._limit - self._spent - sum(self._reserved.values())

    def fit(self, bound_usd: float) -> Fit:
        """Return whether a trial fits now, may fit when others have settled below their bounds, or never will."""
        amount = math.ceil(bound_usd * 1e9)
        with self._lock:
            if self._limit is None:
                return "fits"
            rest = self._limit - self._spent
            if amount > rest:
                return "never"
            return "fits" if amount <= rest - sum(self._reserved.values()) else "later"

    def settle(self, reservation: Reservation, cost_usd: float | None) -> None:
        """Replace a reservation with the cost of its trial; once only.

        Args:
            reservation: from `reserve`.
            cost_usd: what it cost; None where that is not known, and then all of the reservation counts as spent.

        Raises:
            BudgetError: the cost exceeds what was reserved; it is counted all the same. The bound was wrong.
            ConfigError: the reservation was settled before.
        """
        with self._lock:
            amount = self._reserved.pop(reservation.number, None)
            if amount is None:
                raise ConfigError(f"{reservation!r} was settled before")
            # Rounded up, as the bound: many small costs must not hide what they exceed. The picodollar is the error of
            # sums of floats: a cost equal to its bound must not exceed it.
            cost = amount if cost_usd is None else math.ceil(cost_usd * 1e9 - 1e-3)
            self._spent += cost
        if cost > amount:
            raise BudgetError(
                f"a trial cost ${cost / 1e9:.6f}, and at most ${amount / 1e9:.6f} was expected: the sweep stops, "
                "because the price list or the bound is wrong. Check prices=.",
                limit="budget_usd",
                value=None if self._limit is None else self._limit / 1e9,
                used=self.spent_usd,
            )


def _check(name: str, usd: float) -> None:
    if isinstance(usd, bool) or not isinstance(usd, (int, float)) or not math.isfinite(usd) or usd < 0:
        raise ConfigError(f"{name}={usd!r} must be US dollars: a number, 0 or more")
