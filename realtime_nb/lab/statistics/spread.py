"""Where the uncertainty of a typical shift comes from, and what more utterances or more repeats would buy.

Owns the split of the variance into utterances and trials, and the numbers needed to see a difference. Must not know
metrics. Imports scipy when it is called. From three repeats on, all of it is robust to stalls, as the typical shift
itself is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite, pi, sqrt
from typing import Literal, TypeAlias

import numpy as np

from realtime_nb.errors import ConfigError
from realtime_nb.lab.extra import scipy_stats

from . import signed_rank
from .estimate import shown
from .trials import FEWEST_UTTERANCES, Pairs, Trials, Values, pair

Of: TypeAlias = Literal["medians", "means"]

# The variance of the median of r normal values, times r; for many it is pi / 2.
_MEDIAN_VARIANCE = {1: 1.0, 2: 1.0, 3: 1.3460, 4: 1.1928, 5: 1.4342, 6: 1.2878, 7: 1.4729, 8: 1.3448, 9: 1.4947}
_MOST_UTTERANCES = 100_000
_MOST_REPEATS = 1_000


@dataclass(frozen=True)
class TrialsNeeded:
    """How much would show a difference.

    Attributes:
        difference: in `unit`.
        unit: such as `"ms"`.
        utterances: how many.
        repeats: of each utterance, by each variant.
        trials: of both variants together, on all combinations of other settings.
        power: how often the difference would then be seen.
    """

    difference: float
    unit: str
    utterances: int
    repeats: int
    trials: int
    power: float

    def __repr__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        rest = round(self.trials / (2 * self.utterances * self.repeats))
        others = f" x {rest} combinations of other settings" if rest > 1 else ""
        return (
            f"{self.trials} trials ({self.utterances} utterances x {self.repeats} repeats x 2 variants{others}) show a "
            f"difference of {shown(self.difference)}{unit} {_often(self.power)} of the time"
        )


@dataclass(frozen=True)
class Spread:
    """The two sources of uncertainty of a shift between two variants.

    Attributes:
        sd_utterance: the standard deviation of the variant's effect from utterance to utterance; only more utterances
            average it out.
        sd_trial: the standard deviation of the difference of two single trials of one utterance; more repeats average
            it out, too.
        unit: of both.
        n: the number of utterances that they were estimated from.
        repeats: the mean number of trials of an utterance by one variant.
        level: of the intervals that are predicted.
        combinations: how many combinations of other settings each utterance was tried with, each `repeats` times.
        of: what is compared: `"medians"` of an utterance's trials, or `"means"`, of passes and counts.
    """

    sd_utterance: float
    sd_trial: float
    unit: str
    n: int
    repeats: float
    level: float = 0.95
    combinations: float = 1.0
    of: Of = "medians"

    def standard_error(self, utterances: int, repeats: int) -> float:
        """Return the standard error of the typical shift with so many utterances and repeats."""
        trial = self.sd_trial**2 * _variance(self.of, repeats) / (repeats * self.combinations)
        return sqrt((self.sd_utterance**2 + trial) / utterances)

    def half_width(self, utterances: int, repeats: int) -> float:
        """Return half the expected width of the interval with so many utterances and repeats."""
        quantile = scipy_stats().t.ppf((1 + self.level) / 2, utterances - 1)
        return float(quantile) * self.standard_error(utterances, repeats)

    def power(self, difference: float, utterances: int, repeats: int) -> float:
        """Return how often a shift of `difference` would be told from none."""
        stats = scipy_stats()
        quantile = stats.t.ppf((1 + self.level) / 2, utterances - 1)
        error = self.standard_error(utterances, repeats)
        if error == 0:
            return 1.0
        return float(stats.nct.sf(quantile, utterances - 1, abs(difference) / error))

    def needed(
        self, difference: float, *, utterances: int | None = None, repeats: int | None = None, power: float = 0.8
    ) -> TrialsNeeded:
        """Return what shows a shift of `difference` with the given power.

        Args:
            difference: in the metric's unit.
            utterances: so many, and the repeats that they need; not together with `repeats`.
            repeats: so many of each utterance, and the utterances that they need; None: as many as were measured.
            power: how often it shall be seen.

        Raises:
            ConfigError: a difference of 0, both numbers given, fewer than 10 utterances, or a difference that no
                number of trials within reason would show.
        """
        for name, value in (("utterances", utterances), ("repeats", repeats)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ConfigError(f"{name}={value!r} must be a whole number of at least 1")
        for name, number in (("difference", difference), ("power", power)):
            if isinstance(number, bool) or not isinstance(number, (int, float)) or not isfinite(number):
                raise ConfigError(f"{name}={number!r} must be a number")
        if not 0 < power < 1:
            raise ConfigError(f"power={power!r} must be between 0 and 1: 0.8 is 80 % of the time")
        if difference == 0:
            raise ConfigError("difference=0 cannot be seen with any number of trials: give the smallest that matters")
        if utterances is not None and repeats is not None:
            raise ConfigError("give utterances= or repeats=, not both: the other number is the answer")
        if utterances is None:
            r = repeats or max(1, round(self.repeats))
            n = _smallest(lambda n: self.power(difference, n, r) >= power, FEWEST_UTTERANCES, _MOST_UTTERANCES)
            if n is None:
                raise ConfigError(
                    f"a difference of {difference:g} {self.unit} needs over {_MOST_UTTERANCES} utterances"
                )
        else:
            if (n := utterances) < FEWEST_UTTERANCES:
                raise ConfigError(f"utterances={n} must be at least {FEWEST_UTTERANCES} for a claim beyond them")
            found = _smallest(lambda r: self.power(difference, n, r) >= power, 1, _MOST_REPEATS)
            if found is None:
                raise ConfigError(
                    f"no number of repeats shows a difference of {difference:g} {self.unit} with {n} utterances: the "
                    f"effect differs too much between them (sd {shown(self.sd_utterance)}). Use more utterances."
                )
            r = found
        trials = round(2 * n * r * self.combinations)
        return TrialsNeeded(difference, self.unit, n, r, trials, self.power(difference, n, r))

    def __repr__(self) -> str:
        n, repeats = self.n, max(1, round(self.repeats))
        unit = f" {self.unit}" if self.unit else ""
        return (
            f"effect from utterance to utterance sd {shown(self.sd_utterance)}{unit}, from trial to trial sd "
            f"{shown(self.sd_trial)}{unit}. The interval is about ±{shown(self.half_width(n, repeats))}{unit}; with "
            f"twice the repeats ±{shown(self.half_width(n, 2 * repeats))}{unit}, with twice the utterances "
            f"±{shown(self.half_width(2 * n, repeats))}{unit}{self._stalls()}"
        )

    def _stalls(self) -> str:
        # The median of two trials is their mean: a stall moves it, and looks like an effect of that utterance.
        if self.of != "medians" or self.repeats >= 3 or self.sd_utterance <= self.sd_trial:
            return ""
        note = "With fewer than three repeats, stalls count as a difference between utterances"
        return f". {note}: more repeats may buy more"


def spread(
    baseline: Values | Trials, variant: Values | Trials, *, unit: str = "", level: float = 0.95, of: Of = "medians"
) -> Spread:  # fmt: skip
    """Split the uncertainty of a shift.

    The spread of trials comes from the distances between trials of one utterance and variant; the rest of the width
    of the Hodges-Lehmann interval is the spread of the effect over utterances. Of means, both come from variances.

    Raises:
        ConfigError: fewer than 10 utterances, or no utterance with two trials of one variant.
    """
    pairs = pair(baseline, variant)
    if pairs.n < FEWEST_UTTERANCES:
        raise ConfigError(
            f"{pairs.n} utterances do not show how much utterances differ: take at least {FEWEST_UTTERANCES}"
        )
    distances = np.concatenate((pairs.baseline.distances(), pairs.variant.distances()))
    if not distances.size:
        raise ConfigError("repeats=1 does not show how much trials of one utterance differ: take at least 2")
    # Two trials differ by the standard deviation of a trial times sqrt(2), and so do those of two variants.
    if of == "means":
        sd_trial = sqrt(2 * _within_variance(pairs))
        total = float(pairs.mean_shifts().var(ddof=1))
    else:
        sd_trial = 1.4826 * float(np.median(distances))
        _, low, high = signed_rank.interval(pairs.median_shifts(), level)
        half = float(high - low) / 2
        total = (half * sqrt(pairs.n) / float(scipy_stats().t.ppf((1 + level) / 2, pairs.n - 1))) ** 2
    sizes = [np.array([cell.size for cell in side.cells.values()]) for side in (pairs.baseline, pairs.variant)]
    weights = pairs.baseline.weights()  # both sides hold the same cells
    of_utterances = sum(
        pairs.n * float(sum(w**2 * _variance(of, int(size)) / size for w, size in zip(weights, side, strict=True)))
        for side in sizes
    )
    # `sd_trial` is of a difference: half of its variance is of each side.
    by_trials = sd_trial**2 / 2 * of_utterances
    repeats, combinations = float(np.mean(np.concatenate(sizes))), len(weights) / pairs.n
    return Spread(sqrt(max(0.0, total - by_trials)), sd_trial, unit, pairs.n, repeats, level, combinations, of)


def _often(share: float) -> str:
    """Return a share of sweeps in words; never "100 %", which no number of trials promises."""
    return "more than 99 %" if share > 0.99 else f"{100 * share:.0f} %"


def _within_variance(pairs: Pairs) -> float:
    """Return the variance of trials around the mean of their cell."""
    cells = [*pairs.baseline.cells.values(), *pairs.variant.cells.values()]
    squares = sum(float(((cell - cell.mean()) ** 2).sum()) for cell in cells)
    return squares / sum(cell.size - 1 for cell in cells)


def _variance(of: Of, repeats: int) -> float:
    """Return the variance of the middle of `repeats` normal values, times `repeats`."""
    if of == "means":
        return 1.0
    return _MEDIAN_VARIANCE.get(repeats, pi / 2 * (1 - 0.5 / repeats))


def _smallest(enough: Callable[[int], bool], least: int, most: int) -> int | None:
    """Return the smallest number from `least` to `most` that is enough, or None; more never stops being enough."""
    if not enough(most):
        return None
    while least < most:
        middle = (least + most) // 2
        if enough(middle):
            most = middle
        else:
            least = middle + 1
    return least
