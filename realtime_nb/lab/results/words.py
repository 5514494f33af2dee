"""Numbers and estimates as they stand in tables and figures.

Owns how many digits are shown. Must not know HTML.
"""

from __future__ import annotations

import math

from realtime_nb.lab.statistics.estimate import THESE_ONLY, TOO_FEW, Estimate


def number_words(value: float, unit: str = "", *, signed: bool = False) -> str:
    """Return a number with three digits, or whole from 100 on; `?` for none, `∞` for no limit."""
    if math.isnan(value):
        return "?"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if unit == "share":
        shown = f"{100 * value:.0f} %"
    elif unit == "points":
        shown = f"{value:.0f}"
    elif abs(value) >= 100:
        shown = f"{value:,.0f}"
    else:
        shown = f"{value:.3g}" if abs(value) >= 1e-4 or value == 0 else f"{value:.1e}"
    if signed and value > 0:
        shown = f"+{shown}"
    return shown.replace("-", "−")


def estimate_words(estimate: Estimate, *, signed: bool = False, with_unit: bool = True) -> str:
    """Return an estimate with its interval, such as `612 ms [590, 641]`; `–` where it has no value.

    Values that set no limit at all have no interval: one trial of an utterance does not show how trials differ.
    """
    if math.isnan(estimate.value):
        return "–"
    if is_share(estimate) and signed:  # 12 % more is not 12 points more
        unit, scale = "points", 100.0
    else:
        unit, scale = "share" if is_share(estimate) else estimate.unit, 1.0
    value = number_words(scale * estimate.value, unit, signed=signed)
    shown_unit = "" if unit == "share" or not unit or not with_unit else f" {unit}"
    if math.isnan(estimate.low):
        return f"{value}{shown_unit}"
    if estimate.low == -math.inf and estimate.high == math.inf:
        return f"{value}{shown_unit} ({TOO_FEW})"
    low, high = (number_words(scale * end, unit, signed=signed) for end in (estimate.low, estimate.high))
    return f"{value}{shown_unit} [{low}, {high}]"


def interval_words(estimate: Estimate) -> str:
    """Return what an interval is: its level, and whether it is about the utterances of the sweep only."""
    about = f"{100 * estimate.level:.4g} % interval"
    if estimate.scope != THESE_ONLY:
        return about
    return f"{about}, {'this utterance' if estimate.n == 1 else f'these {estimate.n} utterances'} only"


def is_share(estimate: Estimate) -> bool:
    """Return whether an estimate is a share of trials, or a difference of two."""
    return not estimate.unit and any(word in estimate.method for word in ("share", "pass"))


def p_cell(p: float | None) -> str:
    """Return a p value for a cell of a table."""
    if p is None:
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
