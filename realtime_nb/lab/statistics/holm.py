"""Holm's correction of p values for several comparisons.

Owns the correction. Must not know what is compared. See Holm 1979, "A simple sequentially rejective multiple test
procedure": the chance of any false claim is at most alpha, whatever the dependence between the comparisons.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def adjusted(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the p values, corrected: claim those that are at most alpha. In the order given."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * (p.size - np.arange(p.size)))
    out = np.empty_like(p)
    out[order] = np.minimum(steps, 1.0)
    return tuple(out.tolist())
