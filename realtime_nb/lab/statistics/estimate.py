"""One number with its interval, and how both were found.

Owns the form of an estimate and its repr. Must not know how it is computed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Scope = Literal["utterances like these", "these utterances only"]

IN_GENERAL: Scope = "utterances like these"
THESE_ONLY: Scope = "these utterances only"
TOO_FEW = "too few trials for an interval"


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes:
        value: the estimate, in `unit`; NaN where none can be given, and `note` says why.
        low: the lower end of the interval; `-inf` where the data set no lower limit.
        high: the upper end; `inf` where the data set no upper limit.
        level: how often such an interval covers the truth, such as 0.95.
        unit: such as `"ms"`; empty for a number without one.
        n: the number of utterances.
        n_trials: the number of values; on both sides for a difference.
        n_missing: the number of trials without a value.
        method: the name of the method.
        scope: what the interval is about: `"utterances like these"`, or `"these utterances only"` (few utterances:
            another choice of utterances may give another answer).
        note: a restriction that readers must see, or an empty string.
    """

    value: float
    low: float
    high: float
    level: float
    unit: str
    n: int
    n_trials: int
    n_missing: int
    method: str
    scope: Scope = IN_GENERAL
    note: str = ""

    def covers(self, value: float) -> bool:
        """Return whether the interval, its ends included, holds `value`."""
        return self.low <= value <= self.high

    def __repr__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        about = [f"{100 * self.level:.4g} %", self.method, f"{self.n} utterances"]
        about += [f"{self.n_trials} trials", *([f"{self.n_missing} missing"] if self.n_missing else [])]
        about += [self.scope] if self.scope == THESE_ONLY else []
        note = f" - {self.note}" if self.note else ""
        limits = f"[{shown(self.low)}, {shown(self.high)}]"
        if self.low == -math.inf and self.high == math.inf:
            limits = f"[{TOO_FEW}]"
        return f"{shown(self.value)}{unit} {limits} ({', '.join(about)}){note}"


def shown(value: float) -> str:
    """Return a number with three digits or, for larger ones, without decimals; `?` for none."""
    if math.isnan(value):
        return "?"
    return f"{value:.0f}" if 1000 <= abs(value) < math.inf else f"{value:.3g}"
