"""How often a variant passes: pass@1, pass@k and pass^k, with intervals.

Owns these rates and their comparison. Must not know graders. pass@k: at least one of k trials passes, the peak. pass^k:
all k pass, the ability to rely on. Both are unbiased estimates from n >= k trials of each utterance (Chen et al. 2021
for pass@k, Yao et al. 2024 for pass^k). Simulated, the intervals cover 0.93 to 0.99.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb, nan
from typing import Literal

import numpy as np

from realtime_nb.errors import ConfigError
from realtime_nb.lab.extra import scipy_stats

from . import holm, proportions, sign_flip
from .compare import Claims, p_words
from .estimate import IN_GENERAL, THESE_ONLY, Estimate
from .trials import FEWEST_UTTERANCES, Floats, Pairs, Trials, Values, as_trials, pair, utterance_of

Kind = Literal["at", "all"]

# The quantile at which a normal distribution leaves less than a float can hold beside 1.
_FARTHEST_Z = 8.0


@dataclass(frozen=True)
class RateComparison:
    """The pass rate of one variant against the baseline's.

    Attributes:
        variant: its name.
        baseline: the baseline's name.
        metric: its name.
        shift: the difference of the pass rates, variant minus baseline; it decides.
        p: the p value of no difference, of this comparison alone.
        p_holm: `p`, corrected for all comparisons made together.
        comparisons: how many these are.
        clear: whether the rates differ, all comparisons considered.
        together: the difference with an interval for all comparisons at once (level 1 - alpha / comparisons).
        rates: the pass rates of the baseline and of the variant.
        dropped: utterances without values in one of the two.
    """

    variant: str
    baseline: str
    metric: str
    shift: Estimate
    p: float
    p_holm: float
    comparisons: int
    clear: bool
    together: Estimate
    rates: tuple[Estimate, Estimate]
    dropped: tuple[str, ...]

    @property
    def decisive(self) -> Estimate:
        """The row that decides."""
        return self.shift

    def __repr__(self) -> str:
        corrected = f", Holm over {self.comparisons}: {p_words(self.p_holm)}" if self.comparisons > 1 else ""
        lines = [
            f"{self.metric}: {self.variant} against {self.baseline}: {'clear' if self.clear else 'not clear'}",
            f"  difference {self.shift} {p_words(self.p)}{corrected}",
            f"  {self.baseline}: {self.rates[0]}",
            f"  {self.variant}: {self.rates[1]}",
            *([f"  left out, without values on both sides: {', '.join(self.dropped)}"] if self.dropped else []),
        ]
        return "\n".join(lines)


def compare_rates(
    baseline: Values | Trials,
    variants: Mapping[str, Values | Trials],
    *,
    baseline_name: str = "baseline",
    metric: str = "passes",
    level: float = 0.95,
    claims: Claims | None = None,
) -> tuple[RateComparison, ...]:
    """Compare the pass rates of variants with one baseline's, paired by utterance and corrected for their number.

    Args:
        baseline: for each utterance, whether each trial passed; None is missing.
        variants: the same of each variant, by name.
        baseline_name: for the repr.
        metric: its name, for the repr.
        level: of the intervals; `1 - level` is the chance of any false claim.
        claims: as in `compare.compare`.

    Raises:
        ConfigError: no variants, no shared utterances, or a value that is no pass.
    """
    if not variants:
        raise ConfigError("there is no variant to compare with the baseline: give at least two values of a setting")
    base = _passes(baseline)
    checked = {name: _passes(values) for name, values in variants.items()}
    shifts = {name: rate_shift(base, trials, level=level) for name, trials in checked.items()}
    p_values = [p for _, p in shifts.values()]
    corrected = holm.adjusted(p_values)
    clear = [p <= 1 - level for p in corrected] if claims is None else claims(p_values)
    strict = 1 - (1 - level) / len(checked)
    return tuple(
        RateComparison(
            name, baseline_name, metric, *shifts[name], p_holm, len(checked), bool(is_clear),
            rate_shift(base, trials, level=strict)[0], (pass_at(base, level=level), pass_at(trials, level=level)),
            pair(base, trials).dropped,
        )
        for (name, trials), p_holm, is_clear in zip(checked.items(), corrected, clear, strict=True)
    )  # fmt: skip


def pass_at(values: Values | Trials, k: int = 1, *, level: float = 0.95) -> Estimate:
    """Estimate how often at least one of `k` trials of an utterance passes."""
    return _rate(values, k, "at", level)


def pass_all(values: Values | Trials, k: int = 1, *, level: float = 0.95) -> Estimate:
    """Estimate how often all of `k` trials of an utterance pass (written pass^k)."""
    return _rate(values, k, "all", level)


def rate_shift(baseline: Values | Trials, variant: Values | Trials, *, level: float = 0.95) -> tuple[Estimate, float]:
    """Estimate the difference of two pass rates, paired by utterance, and the p value of none.

    The interval is the sign-flip test's, so that both agree. Below ten utterances it is Newcombe's, of trials within
    these utterances. Two trials against two are too few for it, so that the p value is that of the exact test, or of
    the level at which the interval would touch 0, whichever is larger; the interval reaches to 0 where it is not below
    1 - `level`.
    """
    pairs = pair(_passes(baseline), _passes(variant))
    if pairs.n < FEWEST_UTTERANCES:
        value, low, high = _within(pairs, float(scipy_stats().norm.ppf((1 + level) / 2)))
        if (p := max(_touching_p(pairs), _exact_p(pairs))) > 1 - level:
            low, high = min(low, 0.0), max(high, 0.0)
        method = "difference of pass rates, Newcombe interval of trials within utterances"
        return _shift(pairs, value, low, high, level, method), p
    d = pairs.mean_shifts()
    value, low, high = (float(x) for x in sign_flip.interval(d, level))
    found = _shift(pairs, value, low, high, level, "difference of pass rates, sign-flip interval")
    return found, float(sign_flip.p_value(d))


def _within(pairs: Pairs, z: float) -> tuple[float, float, float]:
    """Return the difference of the rates on these utterances, and its interval at a normal quantile."""
    sides = []
    for side in (pairs.baseline, pairs.variant):
        sizes = np.array([cell.size for cell in side.cells.values()])
        share = float(side.means().mean())
        effective = 1 / float((side.weights() ** 2 / sizes).sum())
        sides.append((share, *proportions.wilson(share, effective, z)))
    value, low, high = (float(x) for x in proportions.difference(*sides))
    return value, low, high


def _exact_p(pairs: Pairs) -> float:
    """Return the p value of equal rates in each utterance, given how many trials of both sides passed.

    The passes of the variant are then hypergeometric in each utterance, and their sum is compared with the real one
    (Mantel and Haenszel 1959 describe such sums).
    """
    pmf, real = np.ones(1), 0
    for first, second in zip(pairs.baseline.cells.values(), pairs.variant.cells.values(), strict=True):
        passed = int(first.sum() + second.sum())
        of_cell = scipy_stats().hypergeom.pmf(np.arange(second.size + 1), first.size + second.size, passed, second.size)
        pmf = np.convolve(pmf, of_cell)
        real += int(second.sum())
    return float(min(1.0, 2 * min(pmf[: real + 1].sum(), pmf[real:].sum())))


def _touching_p(pairs: Pairs) -> float:
    """Return 1 minus the level at which the interval would touch 0."""

    def covers(z: float) -> bool:
        _, low, high = _within(pairs, z)
        return low <= 0 <= high

    least, most = 0.0, _FARTHEST_Z
    if not covers(most):
        return float(2 * scipy_stats().norm.sf(most))
    while most - least > 1e-6:  # wider at every larger quantile
        middle = (least + most) / 2
        least, most = (least, middle) if covers(middle) else (middle, most)
    return float(2 * scipy_stats().norm.sf(most))


def utterance_rates(trials: Trials, k: int, kind: Kind) -> Floats:
    """Return pass@k or pass^k of each utterance that has `k` trials of every combination of other settings."""
    short = {utterance_of(key) for key, cell in trials.cells.items() if cell.size < k}
    cells = {key: cell for key, cell in trials.cells.items() if utterance_of(key) not in short}
    counts = [(cell.size, round(float(cell.sum()))) for cell in cells.values()]
    if kind == "at":
        rates = np.array([1 - comb(n - passed, k) / comb(n, k) for n, passed in counts])
    else:
        rates = np.array([comb(passed, k) / comb(n, k) for n, passed in counts])
    return Trials(cells, 0, ()).by_utterance(rates)


def _rate(values: Values | Trials, k: int, kind: Kind, level: float) -> Estimate:
    trials = _passes(values)
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise ConfigError(f"k={k!r} must be a whole number of at least 1: it is a number of trials")
    rates = utterance_rates(trials, k, kind)
    most = max(cell.size for cell in trials.cells.values())
    if not rates.size:
        raise ConfigError(f"k={k} needs {k} trials of an utterance, and there are at most {most}: use more repeats")
    name = f"pass@{k}" if kind == "at" else f"pass^{k}"
    few = trials.n < FEWEST_UTTERANCES
    short = trials.n - rates.size
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
    for key, cell in trials.cells.items():
        if (wrong := cell[(cell != 0) & (cell != 1)]).size:
            raise ConfigError(
                f"utterance {utterance_of(key)!r} has the value {wrong[0]:g}: a pass is True or 1, a failure False or 0"
            )
    return trials
