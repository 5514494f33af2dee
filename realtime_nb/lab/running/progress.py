"""How far a sweep is: a value for a progress bar.

Owns the numbers and the estimate of the time left. Must not know how they are shown.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SweepProgress:
    """How far a sweep is. Warm-up trials are not counted.

    Attributes:
        total: trials of the plan.
        done: that have ended or were there before.
        cached: those of them that were there before.
        failed: those of them that ended with an error.
        running: sessions under way, warm-up trials included.
        retries: attempts that failed and were repeated.
        spent_usd: what was spent, earlier runs of the same trials included.
        elapsed_s: since the sweep began.
        left_s: how long the rest will probably take; None while nothing has ended.
    """

    total: int
    done: int
    cached: int
    failed: int
    running: int
    retries: int
    spent_usd: float
    elapsed_s: float

    @property
    def left_s(self) -> float | None:
        """How long the rest will probably take."""
        ran = self.done - self.cached
        rest = self.total - self.done
        if not rest:
            return 0.0
        return self.elapsed_s / ran * rest if ran else None
