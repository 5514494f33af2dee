"""Ranks variants by votes on pairs of their answers: Bradley-Terry strengths with intervals.

Owns the ranking and its intervals. Must not know trials, listeners or files.

The strengths are fitted by the package choix. A tie is half a vote for each side. Half a vote more for each side of
every pair keeps the strength of a variant finite that won every time. What people read is the share of votes that a
variant would get against an average other one: 50 % is no preference.

- From ten utterances on, intervals come from leaving out one utterance after the other (jackknife, Student's t): votes
  on one utterance resemble each other. A percentile bootstrap over utterances is too narrow here: simulated, nominal
  95 % intervals held the truth in 34 to 96 % of cells (see `tests/bench/listening_calibration.py`).
- They are never narrower than the model's own standard error, scaled for ties. Where one variant won every vote, all
  utterances agree, and leaving one out changes nothing.
- Below ten utterances the model's standard error alone is used: it speaks of these utterances only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_nb.errors import ConfigError
from realtime_nb.lab.extra import needed, scipy_stats
from realtime_nb.lab.statistics import holm
from realtime_nb.lab.statistics.estimate import IN_GENERAL, THESE_ONLY, Estimate
from realtime_nb.lab.statistics.trials import FEWEST_UTTERANCES

Floats = NDArray[np.float64]

METHOD = "Bradley-Terry, share of votes against an average other"
_PRIOR = 0.5  # votes for each side of every pair
_LEAST_DISPERSION = 0.05
_FEW_VOTES = 10  # of one variant: below, the table says so


@dataclass(frozen=True)
class Ballot:
    """One vote on two answers to the same utterance.

    Attributes:
        unit: the utterance.
        first, second: the names of what is ranked.
        score: 1 where the first was preferred, 0 where the second was, 0.5 for no difference.
    """

    unit: str
    first: str
    second: str
    score: float


@dataclass(frozen=True)
class Ranked:
    """One variant's place.

    Attributes:
        name: of the variant, or the value of a setting.
        place: from 1, by strength.
        places: the first and the last place that the votes allow, all comparisons considered.
        preferred: the share of votes that it would get against an average other one, in [0, 1].
        wins: how often it was preferred.
        ties: how often listeners heard no difference.
        losses: how often the other one was preferred.
    """

    name: str
    place: int
    places: tuple[int, int]
    preferred: Estimate
    wins: int
    ties: int
    losses: int

    @property
    def few(self) -> bool:
        """Whether its votes are so few that its place says little."""
        return self.wins + self.ties + self.losses < _FEW_VOTES


@dataclass(frozen=True)
class PairVerdict:
    """Two variants against each other, by the fitted strengths.

    Attributes:
        better, worse: their names, by strength.
        p: the p value of equal strengths, of this pair alone.
        p_holm: corrected for all pairs.
        clear: whether they differ, all pairs considered.
    """

    better: str
    worse: str
    p: float
    p_holm: float
    clear: bool


@dataclass(frozen=True)
class Ranking:
    """Variants by preference, the most preferred first.

    Attributes:
        all: one each.
        pairs: every two of them.
        connected: whether the votes link all of them; otherwise some places rest on no comparison.
    """

    all: tuple[Ranked, ...]
    pairs: tuple[PairVerdict, ...]
    connected: bool


def rank(ballots: Sequence[Ballot], level: float = 0.95) -> Ranking:
    """Rank what the ballots compare.

    Args:
        ballots: of all listeners.
        level: of the intervals; `1 - level` is the chance of any false verdict about a pair.

    Raises:
        ConfigError: no ballot, or choix or scipy is not installed.
    """
    if not ballots:
        raise ConfigError("there are no votes to rank")
    names = list(dict.fromkeys(name for each in ballots for name in (each.first, each.second)))
    units = list(dict.fromkeys(each.unit for each in ballots))
    wins, tied = _counts(ballots, names, units)
    total: Floats = wins.sum(axis=0)
    strengths = _fitted(total)
    in_general = len(units) >= FEWEST_UTTERANCES
    left_out = np.stack([_fitted(total - each, strengths) for each in wins]) if in_general else None
    spread = _Spread(total, tied, strengths, left_out, level)

    shares = _shares(strengths)
    estimates = []
    for place, share in enumerate(shares):
        votes = round(float(total[place].sum() + total[:, place].sum()))
        low, high = spread.interval(place, float(share))
        scope = IN_GENERAL if in_general else THESE_ONLY
        estimates.append(Estimate(float(share), low, high, level, "", len(units), votes, 0, METHOD, scope))

    pairs = _verdicts(names, strengths, spread, 1 - level)
    order = sorted(range(len(names)), key=lambda i: (-strengths[i], i))
    ranked = []
    for place, i in enumerate(order, 1):
        above = sum(each.clear and each.worse == names[i] for each in pairs)
        below = sum(each.clear and each.better == names[i] for each in pairs)
        mine = [each for each in ballots if names[i] in (each.first, each.second)]
        ties = sum(each.score == 0.5 for each in mine)
        won = sum(each.score == (1.0 if each.first == names[i] else 0.0) for each in mine)
        places = (1 + above, len(names) - below)
        ranked.append(Ranked(names[i], place, places, estimates[i], won, ties, len(mine) - won - ties))
    return Ranking(tuple(ranked), pairs, _is_connected(total))


def _counts(ballots: Sequence[Ballot], names: Sequence[str], units: Sequence[str]) -> tuple[Floats, int]:
    """Return the votes of each utterance for row over column, shape (units, names, names), and the number of ties."""
    place = {name: i for i, name in enumerate(names)}
    unit = {name: i for i, name in enumerate(units)}
    wins = np.zeros((len(units), len(names), len(names)))
    for each in ballots:
        u, first, second = unit[each.unit], place[each.first], place[each.second]
        wins[u, first, second] += each.score
        wins[u, second, first] += 1 - each.score
    return wins, sum(each.score == 0.5 for each in ballots)


def _fitted(wins: Floats, near: Floats | None = None) -> Floats:
    """Return the strengths, logarithmic, with mean 0."""
    choix: Any = needed("choix", "the ranking of votes needs")
    prior = np.full(wins.shape, _PRIOR)
    np.fill_diagonal(prior, 0.0)
    found: Floats = np.asarray(choix.ilsr_pairwise_dense(wins + prior, initial_params=near, max_iter=10_000))
    centred: Floats = found - found.mean()
    return centred


def _beats(strengths: Floats) -> Floats:
    """Return the chance that row is preferred to column; 0 on the diagonal."""
    found: Floats = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
    np.fill_diagonal(found, 0.0)
    return found


def _shares(strengths: Floats) -> Floats:
    found: Floats = _beats(strengths).sum(axis=1) / (len(strengths) - 1)
    return found


class _Spread:
    """How far the strengths may be off: from utterances that are left out, and from the model itself."""

    def __init__(self, wins: Floats, tied: int, strengths: Floats, left_out: Floats | None, level: float) -> None:
        self._left_out = left_out
        self._count = 0 if left_out is None else len(left_out)
        beats = _beats(strengths)
        off_diagonal = ~np.eye(len(strengths), dtype=bool)
        counts = (wins + wins.T + 2 * _PRIOR) * off_diagonal
        self._slopes: Floats = beats * (1 - beats) * off_diagonal
        information = counts * self._slopes
        hessian = np.diag(information.sum(axis=1)) - information
        votes = float((wins + wins.T).sum()) / 2
        # A tie is half a vote for each side: its variance is less than that of a vote by a quarter.
        typical = float(information.sum() / counts.sum())
        dispersion = max(_LEAST_DISPERSION, 1 - tied / (votes + 2) / 4 / typical)
        self._covariance: Floats = np.asarray(np.linalg.pinv(hessian) * dispersion, np.float64)
        stats = scipy_stats()
        upper = (1 + level) / 2
        self._quantile = float(stats.t.ppf(upper, self._count - 1) if self._count else stats.norm.ppf(upper))

    def interval(self, place: int, share: float) -> tuple[float, float]:
        """Return the interval of one variant's share."""
        slopes = -self._slopes[place] / (len(self._slopes) - 1)
        slopes[place] = -slopes.sum()
        logits = None
        if self._left_out is not None:
            each = np.array([_shares(strengths)[place] for strengths in self._left_out])
            logits = np.log(each / (1 - each))
        variance = float(slopes @ self._covariance @ slopes) / (share * (1 - share)) ** 2
        half = self._quantile * self._error(variance, logits)
        middle = math.log(share / (1 - share))
        return 1 / (1 + math.exp(half - middle)), 1 / (1 + math.exp(-half - middle))

    def p_value(self, first: int, second: int, difference: float) -> float:
        """Return the p value of equal strengths."""
        contrast = np.zeros(len(self._covariance))
        contrast[first], contrast[second] = 1.0, -1.0
        left_out = None if self._left_out is None else self._left_out @ contrast
        error = self._error(float(contrast @ self._covariance @ contrast), left_out)
        stats = scipy_stats()
        value = abs(difference) / error
        return float(2 * (stats.t.sf(value, self._count - 1) if self._count else stats.norm.sf(value)))

    def _error(self, of_model: float, left_out: Floats | None) -> float:
        if left_out is None:
            return math.sqrt(of_model)
        jackknife = (self._count - 1) / self._count * float(((left_out - left_out.mean()) ** 2).sum())
        return math.sqrt(max(jackknife, of_model))


def _verdicts(
    names: Sequence[str], strengths: Floats, spread: _Spread, alpha: float
) -> tuple[PairVerdict, ...]:  # fmt: skip
    pairs = [(i, j) if strengths[i] >= strengths[j] else (j, i) for i, j in combinations(range(len(names)), 2)]
    p_values = [spread.p_value(i, j, float(strengths[i] - strengths[j])) for i, j in pairs]
    return tuple(
        PairVerdict(names[i], names[j], p, corrected, corrected <= alpha)
        for (i, j), p, corrected in zip(pairs, p_values, holm.adjusted(p_values), strict=True)
    )


def _is_connected(wins: Floats) -> bool:
    reached, new = set[int](), {0}
    while new:
        reached |= new
        new = {j for i in new for j in range(len(wins)) if wins[i, j] + wins[j, i] > 0} - reached
    return len(reached) == len(wins)
