"""Compares variants with a baseline, and summarises one variant: the lab's answers.

Owns which method answers which question, and the words for it. Must not know metrics, files or plots. The utterance is
the unit: trials of one utterance resemble each other, and to count them as independent makes intervals too narrow.

- The *typical shift* decides: Hodges-Lehmann of the utterances' medians, which stalls hardly move, with the signed-rank
  test that agrees with its interval.
- The *mean* stands beside it with its own test and interval: it is what adds up over a day, stalls included.
- The *tail* has a row of its own: the share of stalls.
- A count that is 0 in most trials (cut-offs) has medians of 0: there the mean decides, and the caller says so.
- Below ten utterances all three speak of these utterances only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from realtime_nb.errors import ConfigError
from realtime_nb.lab.extra import scipy_stats

from . import holm, rank_sum, sign_flip, signed_rank, student, tail
from .estimate import IN_GENERAL, THESE_ONLY, Estimate
from .spread import Spread, spread
from .trials import FEWEST_UTTERANCES, Floats, Pairs, Trials, Values, as_trials, pair

Decides: TypeAlias = Literal["typical", "mean"]
Claims: TypeAlias = Callable[[Sequence[float]], Sequence[bool]]


@dataclass(frozen=True)
class Comparison:
    """One variant against the baseline.

    Attributes:
        variant: its name.
        baseline: the baseline's name.
        metric: its name.
        typical: the typical shift, variant minus baseline; it decides, unless `decides` is `"mean"`.
        p: the p value of no typical shift, of this comparison alone.
        p_holm: the p value of the row that decides, corrected for all comparisons made together.
        comparisons: how many these are.
        clear: whether the row that decides differs from none, all comparisons considered.
        together: that row with an interval for all comparisons at once (level 1 - alpha / comparisons).
        mean: the shift of the mean.
        p_mean: the p value of no shift of the mean, uncorrected.
        stalls: the difference of the shares of stalls; None where repeats do not show which trial is one.
        spread: what the width comes from; None below ten utterances and with one repeat.
        dropped: utterances without values in one of the two.
        decides: the row that decides: `"typical"`, or `"mean"` for counts that are 0 in most trials.
    """

    variant: str
    baseline: str
    metric: str
    typical: Estimate
    p: float
    p_holm: float
    comparisons: int
    clear: bool
    together: Estimate
    mean: Estimate
    p_mean: float
    stalls: Estimate | None
    spread: Spread | None
    dropped: tuple[str, ...]
    decides: Decides = "typical"

    @property
    def decisive(self) -> Estimate:
        """The row that decides."""
        return self.typical if self.decides == "typical" else self.mean

    def __repr__(self) -> str:
        verdict = "clear" if self.clear else "not clear"
        corrected = f", Holm over {self.comparisons}: {p_words(self.p_holm)}" if self.comparisons > 1 else ""
        typical, mean = (corrected, "") if self.decides == "typical" else ("", f"{corrected}; the mean decides")
        lines = [
            f"{self.metric}: {self.variant} against {self.baseline}: {verdict}",
            f"  typical {self.typical} {p_words(self.p)}{typical}",
            f"  mean    {self.mean} {p_words(self.p_mean)}{mean}",
            *([f"  stalls  {self.stalls}"] if self.stalls is not None else []),
            *([f"  {self.spread}"] if self.spread is not None else []),
            *([f"  left out, without values on both sides: {', '.join(self.dropped)}"] if self.dropped else []),
        ]
        return "\n".join(lines)


def compare(
    baseline: Values | Trials,
    variants: Mapping[str, Values | Trials],
    *,
    baseline_name: str = "baseline",
    metric: str = "value",
    unit: str = "",
    stall: float | None = None,
    level: float = 0.95,
    decides: Decides = "typical",
    claims: Claims | None = None,
) -> tuple[Comparison, ...]:
    """Compare variants with one baseline, paired by utterance and corrected for their number.

    Args:
        baseline: for each utterance, the values of its trials; None and NaN are missing.
        variants: the same of each variant, by name.
        baseline_name: for the repr.
        metric: its name, for the repr.
        unit: of the values, such as `"ms"`.
        stall: by how much a stall exceeds the median of its utterance; None: 4 robust standard deviations of the
            trials of all variants.
        level: of the intervals; `1 - level` is the chance of any false claim.
        decides: the row that decides: `"mean"` for counts that are 0 in most trials.
        claims: from the p values, in the order of `variants`, which comparisons are clear: that of a sequential plan.
            None: those whose p value, corrected by Holm, is at most `1 - level`.

    Raises:
        ConfigError: no variants, no shared utterances, or a value that is no finite number.
    """
    if not variants:
        raise ConfigError("there is no variant to compare with the baseline: give at least two values of a setting")
    checked = {name: as_trials(values) for name, values in variants.items()}
    base = as_trials(baseline)
    excess = tail.default_excess(base, *checked.values()) if stall is None else stall
    pairs = {name: pair(base, trials) for name, trials in checked.items()}
    shifts = [_shifts(each, unit, level) for each in pairs.values()]
    p_values = [p if decides == "typical" else p_mean for _, p, _, p_mean in shifts]
    corrected = holm.adjusted(p_values)
    clear = [p <= 1 - level for p in corrected] if claims is None else claims(p_values)
    strict = 1 - (1 - level) / len(pairs)
    found = []
    for (name, each), shift, p_holm, is_clear in zip(pairs.items(), shifts, corrected, clear, strict=True):
        typical, p, mean, p_mean = shift
        together = _typical(each, unit, strict) if decides == "typical" else _mean(each, unit, strict)[0]
        found.append(
            Comparison(
                name, baseline_name, metric, typical, p, p_holm, len(pairs), bool(is_clear), together, mean, p_mean,
                _stalls(each, excess, unit, level), _spread(each, unit, level), each.dropped, decides,
            )
        )  # fmt: skip
    return tuple(found)


def _shifts(pairs: Pairs, unit: str, level: float) -> tuple[Estimate, float, Estimate, float]:
    return _typical(pairs, unit, level), _typical_p(pairs), *_mean(pairs, unit, level)


def _typical(pairs: Pairs, unit: str, level: float) -> Estimate:
    if pairs.n < FEWEST_UTTERANCES:
        return _of_pairs(pairs, rank_sum.interval(pairs, level), unit, level, rank_sum.METHOD)
    return _of_pairs(pairs, signed_rank.interval(pairs.median_shifts(), level), unit, level, signed_rank.METHOD)


def _typical_p(pairs: Pairs) -> float:
    if pairs.n < FEWEST_UTTERANCES:
        return rank_sum.p_value(pairs)
    return float(signed_rank.p_value(pairs.median_shifts()))


def _mean(pairs: Pairs, unit: str, level: float) -> tuple[Estimate, float]:
    if pairs.n < FEWEST_UTTERANCES:
        value, low, high, p = student.interval_within(pairs, level)
        return _of_pairs(pairs, (value, low, high), unit, level, "mean of utterance means, Welch within utterances"), p
    d = pairs.mean_shifts()
    return _of_pairs(pairs, sign_flip.interval(d, level), unit, level, sign_flip.METHOD), float(sign_flip.p_value(d))


def _of_pairs(pairs: Pairs, found: tuple[Any, Any, Any], unit: str, level: float, method: str) -> Estimate:
    counts = (pairs.n, pairs.n_trials, pairs.n_missing)
    return _estimate(counts, found, unit, level, method, "too few trials for an interval of this level")


def _of_one(trials: Trials, found: tuple[Any, Any, Any], unit: str, level: float, method: str) -> Estimate:
    counts = (trials.n, trials.n_trials, trials.missing)
    return _estimate(counts, found, unit, level, method, "too few trials for an interval")


def _estimate(
    counts: tuple[int, int, int],
    found: tuple[Any, Any, Any],
    unit: str,
    level: float,
    method: str,
    without_interval: str,
) -> Estimate:
    value, low, high = (float(x) for x in found)
    about = THESE_ONLY if counts[0] < FEWEST_UTTERANCES else IN_GENERAL
    note = without_interval if np.isinf(low) else ""
    return Estimate(value, low, high, level, unit, *counts, method, about, note)


def _stalls(pairs: Pairs, excess: float | None, unit: str, level: float) -> Estimate | None:
    sizes = [cell.size for side in (pairs.baseline, pairs.variant) for cell in side.cells.values()]
    if excess is None or max(sizes) < 3:
        return None
    return tail.stall_shift(pairs.baseline, pairs.variant, excess=excess, unit=unit, level=level)


def _spread(pairs: Pairs, unit: str, level: float) -> Spread | None:
    sizes = [cell.size for side in (pairs.baseline, pairs.variant) for cell in side.cells.values()]
    if pairs.n < FEWEST_UTTERANCES or max(sizes) < 2:
        return None
    return spread(pairs.baseline, pairs.variant, unit=unit, level=level)


@dataclass(frozen=True)
class Summary:
    """What one variant's trials say about one metric.

    Attributes:
        typical: the typical value of an utterance, see `typical_value`.
        mean: the mean of the utterances' means.
        p95: the 95th percentile of trials; no value below 20 trials.
        p99: the 99th percentile of trials; no value below 100 trials.
        stalls: the share of stalls; None where repeats do not show which trial is one.
    """

    typical: Estimate
    mean: Estimate
    p95: Estimate
    p99: Estimate
    stalls: Estimate | None

    def __repr__(self) -> str:
        rows = {"typical": self.typical, "mean": self.mean, "p95": self.p95, "p99": self.p99, "stalls": self.stalls}
        return "\n".join(f"{name:8}{row}" for name, row in rows.items() if row is not None)


def summarise(values: Values | Trials, *, unit: str = "", stall: float | None = None, level: float = 0.95) -> Summary:
    """Summarise the trials of one variant.

    Args:
        values: for each utterance, the values of its trials; None and NaN are missing.
        unit: of the values.
        stall: by how much a stall exceeds the median of its utterance; None: 4 robust standard deviations.
        level: of the intervals.

    Raises:
        ConfigError: no values, or one that is no finite number.
    """
    trials = as_trials(values)
    excess = tail.default_excess(trials) if stall is None else stall
    if trials.n < FEWEST_UTTERANCES:
        typical = _of_one(trials, _these_typical(trials, level), unit, level, "mean of medians, t within utterances")
        mean = _of_one(trials, _these_mean(trials, level), unit, level, "mean of utterance means, t within utterances")
    else:
        typical = _of_one(trials, signed_rank.interval(trials.medians(), level), unit, level, signed_rank.METHOD)
        mean = _of_one(trials, student.interval(trials.means(), level), unit, level, student.METHOD)
    p95, p99 = (tail.percentile(trials, q, unit=unit, level=level) for q in (95, 99))
    stalls = None if excess is None else tail.stalls(trials, excess=excess, unit=unit, level=level)
    return Summary(typical, mean, p95, p99, stalls)


def typical_value(trials: Trials) -> float:
    """Return the typical value of an utterance: the number that tables and figures show for one variant.

    From ten utterances on it is the Hodges-Lehmann estimate of the utterances' medians, which stands for utterances
    like them. Below ten it is the mean of the utterances' medians: these utterances are all that it speaks of, and each
    of them counts.
    """
    medians = trials.medians()
    return float(medians.mean() if trials.n < FEWEST_UTTERANCES else np.median(signed_rank.pair_averages(medians)))


def _these_mean(trials: Trials, level: float) -> tuple[float, float, float]:
    return _around(float(trials.means().mean()), _variance(trials), trials, level)


def _these_typical(trials: Trials, level: float) -> tuple[float, float, float]:
    """Return the typical value of these utterances, with an interval that stalls do not widen from three trials on."""
    robust = 0.0
    if _degrees(trials):
        robust = (1.4826 * float(np.median(trials.distances()))) ** 2 / 2
    # The error of a median is that of a mean times sqrt(pi / 2). The median of two trials is their mean, which a stall
    # moves: its error is that of a mean, or the interval would leave out both the stall and the rest.
    variances = np.where(_sizes(trials) < 3, _variance(trials), robust * np.pi / 2)
    return _around(typical_value(trials), variances, trials, level)


def _sizes(trials: Trials) -> Floats:
    return np.array([float(cell.size) for cell in trials.cells.values()])


def _variance(trials: Trials) -> float:
    """Return the variance of single trials around the mean of their cell."""
    squares = sum(float(((cell - cell.mean()) ** 2).sum()) for cell in trials.cells.values())
    return squares / max(1, _degrees(trials))


def _degrees(trials: Trials) -> int:
    return sum(cell.size - 1 for cell in trials.cells.values())


def _around(value: float, variances: float | Floats, trials: Trials, level: float) -> tuple[float, float, float]:
    """Return a mean of cells with its interval, from the variance of single trials in each cell."""
    if not (degrees := _degrees(trials)):
        return value, -np.inf, np.inf
    variance = float((variances * trials.weights() ** 2 / _sizes(trials)).sum())
    half = float(scipy_stats().t.ppf((1 + level) / 2, degrees) * np.sqrt(variance))
    return value, value - half, value + half


def p_words(p: float) -> str:
    """Return a p value as it stands in a report."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
