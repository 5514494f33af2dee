"""How often a variant passes: pass@1, pass@k and pass^k, with intervals.

Owns these rates. Must not know graders. pass@k: at least one of k trials passes, the peak. pass^k: all k pass, the
ability to rely on. Both are unbiased estimates from n >= k trials of each utterance (Chen et al. 2021 for pass@k, Yao
et al. 2024 for pass^k). Simulated, the intervals cover 0.93
to 0.99.
"""

from __future__ import annotations

from math import comb, nan
from typing import Literal

import numpy as np

from realtime_nb.errors import ConfigError

from . import proportions, sign_flip, student
from .estimate import IN_GENERAL, THESE_ONLY, Estimate
from .needs import scipy_stats
from .trials import FEWEST_UTTERANCES, Floats, Pairs, Trials, Values, as_trials, pair

Kind = Literal["at", "all"]


def pass_at(values: Values | Trials, k: int = 1, *, level: float = 0.95) -> Estimate:
    """Estimate how often at least one of `k` trials of an utterance passes."""
    return _rate(values, k, "at", level)


def pass_all(values: Values | Trials, k: int = 1, *, level: float = 0.95) -> Estimate:
    """Estimate how often all of `k` trials of an utterance pass (written pass^k)."""
    return _rate(values, k, "all", level)


def rate_shift(baseline: Values | Trials, variant: Values | Trials, *, level: float = 0.95) -> tuple[Estimate, float]:
    """Estimate the difference of two pass rates, paired by utterance, and the p value of none.

    The interval is the sign-flip test's, so that both agree.
    """
    pairs = pair(_passes(baseline), _passes(variant))
    if pairs.n < FEWEST_UTTERANCES:
        value, low, high, p = student.interval_within(pairs, level)
        return _shift(pairs, value, low, high, level, "difference of pass rates, Welch within utterances"), p
    d = pairs.mean_shifts()
    value, low, high = (float(x) for x in sign_flip.interval(d, level))
    found = _shift(pairs, value, low, high, level, "difference of pass rates, sign-flip interval")
    return found, float(sign_flip.p_value(d))


def utterance_rates(trials: Trials, k: int, kind: Kind) -> Floats:
    """Return pass@k or pass^k of each utterance with at least `k` trials."""
    counts = [(cell.size, round(float(cell.sum()))) for cell in trials.cells.values() if cell.size >= k]
    if kind == "at":
        return np.array([1 - comb(n - passed, k) / comb(n, k) for n, passed in counts])
    return np.array([comb(passed, k) / comb(n, k) for n, passed in counts])


def _rate(values: Values | Trials, k: int, kind: Kind, level: float) -> Estimate:
    trials = _passes(values)
    if k < 1:
        raise ConfigError(f"k={k!r} must be at least 1: it is a number of trials")
    rates = utterance_rates(trials, k, kind)
    most = max(cell.size for cell in trials.cells.values())
    if not rates.size:
        raise ConfigError(f"k={k} needs {k} trials of an utterance, and there are at most {most}: use more repeats")
    name = f"pass@{k}" if kind == "at" else f"pass^{k}"
    few = len(trials.cells) < FEWEST_UTTERANCES
    short = len(trials.cells) - rates.size
    notes = [f"{short} utterances with fewer than {k} trials left out"] if short else []
    if not few:
        value, low, high = (float(x) for x in proportions.interval(rates, trials.n_trials // k, level))
        method = f"{name}, {proportions.METHOD}"
    elif k == 1:
        value = float(rates.mean())
        z = scipy_stats().norm.ppf((1 + level) / 2)
        low, high = (float(x) for x in proportions.wilson(value, trials.n_trials, z))
        method = f"{name}, Wilson interval of trials"
    else:
        value, low, high = float(rates.mean()), nan, nan
        method = name
        notes.append(f"no interval below {FEWEST_UTTERANCES} utterances")
    return Estimate(
        value, low, high, level, "", rates.size, trials.n_trials, trials.missing, method,
        THESE_ONLY if few else IN_GENERAL, "; ".join(notes),
    )  # fmt: skip


def _shift(pairs: Pairs, value: float, low: float, high: float, level: float, method: str) -> Estimate:
    scope = THESE_ONLY if pairs.n < FEWEST_UTTERANCES else IN_GENERAL
    low, high = max(low, -1.0), min(high, 1.0)
    return Estimate(value, low, high, level, "", pairs.n, pairs.n_trials, pairs.n_missing, method, scope)


def _passes(values: Values | Trials) -> Trials:
    trials = as_trials(values)
    for utterance, cell in trials.cells.items():
        if (wrong := cell[(cell != 0) & (cell != 1)]).size:
            raise ConfigError(
                f"utterance {utterance!r} has the value {wrong[0]:g}: a pass is True or 1, a failure False or 0"
            )
    return trials
