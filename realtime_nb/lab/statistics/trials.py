"""The values of trials by utterance, checked: the input of every method in this folder.

Owns which values count as missing, and which utterances two variants share. Must not know metrics, variants or files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_nb.errors import ConfigError

Floats: TypeAlias = NDArray[np.float64]
Values: TypeAlias = Mapping[Any, Sequence[float | bool | None]]
"""The values of each utterance's trials, by its name; or of each combination of other settings, by a tuple of the
utterance's name and any further texts. The unit is the utterance all the same: its combinations are averaged."""

FEWEST_UTTERANCES = 10
"""Below so many utterances a result speaks of these utterances only. With fewer, no rank test of utterances can be
strict enough for several comparisons, and the spread between utterances is hardly known."""


@dataclass(frozen=True, eq=False)
class Trials:
    """The values of one metric and one variant, by utterance.

    Attributes:
        cells: for each utterance with a value, its values in the order of the trials; shape `(repeats,)` each. With
            several settings, for each utterance and combination of the other settings.
        missing: the number of trials without a value (None or NaN).
        silent: the utterances of which every trial is missing.
    """

    cells: Mapping[Any, Floats]
    missing: int
    silent: tuple[str, ...]

    @cached_property
    def utterances(self) -> tuple[str, ...]:
        """The utterances with values, in the order of `cells`."""
        return tuple(dict.fromkeys(map(utterance_of, self.cells)))

    @property
    def n(self) -> int:
        """The number of utterances with values."""
        return len(self.utterances)

    @property
    def n_trials(self) -> int:
        """The number of values."""
        return sum(cell.size for cell in self.cells.values())

    def by_utterance(self, of_cells: Floats) -> Floats:
        """Return the mean of a number of each cell over the cells of each utterance; shape `(utterances,)`."""
        if len(self.cells) == self.n:
            return of_cells
        return np.bincount(self._places, of_cells) / np.bincount(self._places)

    def weights(self) -> Floats:
        """Return the weight of each cell in the mean of utterances; shape `(cells,)`, sum 1."""
        return 1 / (self.n * np.bincount(self._places)[self._places])

    def medians(self) -> Floats:
        """Return the median of each utterance (of several cells: their mean); shape `(utterances,)`."""
        return self.by_utterance(self._medians)

    def means(self) -> Floats:
        """Return the mean of each utterance; shape `(utterances,)`."""
        return self.by_utterance(self._means)

    def around_medians(self) -> list[Floats]:
        """Return each value less the median of its cell, in the order of `cells`."""
        return [cell - middle for cell, middle in zip(self.cells.values(), self._medians, strict=True)]

    def distances(self) -> Floats:
        """Return the distances between all pairs of values of one cell; shape `(pairs,)`."""
        found = [np.zeros(0)]
        for stacked in self._of_one_size().values():
            first, second = np.triu_indices(stacked.shape[1], 1)
            found.append(np.abs(stacked[:, first] - stacked[:, second]).ravel())
        return np.concatenate(found)

    @cached_property
    def _places(self) -> NDArray[np.intp]:
        """The place of each cell's utterance in `utterances`."""
        at = {name: place for place, name in enumerate(self.utterances)}
        return np.array([at[utterance_of(key)] for key in self.cells], dtype=np.intp)

    @cached_property
    def _medians(self) -> Floats:
        return self._each(np.median)

    @cached_property
    def _means(self) -> Floats:
        return self._each(np.mean)

    def _each(self, function: Callable[..., Floats]) -> Floats:
        """Return `function` of each cell's values: one call for all of one size, because a call costs 50 us."""
        found = {}
        for size, stacked in self._of_one_size().items():
            found[size] = iter(function(stacked, axis=1))
        return np.array([next(found[cell.size]) for cell in self.cells.values()])

    def _of_one_size(self) -> dict[int, Floats]:
        by_size: dict[int, list[Floats]] = {}
        for cell in self.cells.values():
            by_size.setdefault(cell.size, []).append(cell)
        return {size: np.stack(cells) for size, cells in by_size.items()}


@dataclass(frozen=True, eq=False)
class Pairs:
    """Two variants on the utterances that have values in both.

    Attributes:
        baseline: the values of the baseline.
        variant: the values of the variant; the same cells in the same order.
        dropped: the utterances that lack values in one of the two.
    """

    baseline: Trials
    variant: Trials
    dropped: tuple[str, ...]

    @property
    def n(self) -> int:
        """The number of utterances."""
        return self.baseline.n

    @property
    def n_trials(self) -> int:
        """The number of values on both sides."""
        return self.baseline.n_trials + self.variant.n_trials

    @property
    def n_missing(self) -> int:
        """The number of missing values on both sides, those of dropped utterances included."""
        return self.baseline.missing + self.variant.missing

    def median_shifts(self) -> Floats:
        """Return the variant's median minus the baseline's, by utterance."""
        return self.variant.medians() - self.baseline.medians()

    def mean_shifts(self) -> Floats:
        """Return the variant's mean minus the baseline's, by utterance."""
        return self.variant.means() - self.baseline.means()


def as_trials(values: Values | Trials) -> Trials:
    """Return the values of trials, checked; None and NaN are missing.

    Raises:
        ConfigError: a value that is no finite number, or no value at all.
    """
    if isinstance(values, Trials):
        return values
    cells: dict[Any, Floats] = {}
    missing = 0
    every = dict.fromkeys(map(utterance_of, values))
    for key, given in values.items():
        cell = [number for value in given if (number := _number(value, utterance_of(key))) is not None]
        missing += len(given) - len(cell)
        if cell:
            cells[key] = np.array(cell)
    if not cells:
        raise ConfigError(
            f"there are no values: {len(every)} utterances with {missing} trials, all missing. The error column of "
            "the results says why each trial has none."
        )
    heard = set(map(utterance_of, cells))
    return Trials(cells, missing, tuple(name for name in every if name not in heard))


def utterance_of(key: str | tuple[str, ...]) -> str:
    """Return the utterance of a cell's key."""
    return key if isinstance(key, str) else key[0]


def pair(baseline: Values | Trials, variant: Values | Trials) -> Pairs:
    """Return two variants on the utterances that they share.

    Raises:
        ConfigError: no utterance has values in both.
    """
    first, second = as_trials(baseline), as_trials(variant)
    shared = [key for key in first.cells if key in second.cells]
    if not shared:
        raise ConfigError(
            "the two variants share no utterance with values, so that nothing can be paired: run both on the same "
            "utterances"
        )
    paired = set(map(utterance_of, shared))
    every = dict.fromkeys([*first.utterances, *first.silent, *second.utterances, *second.silent])
    dropped = tuple(utterance for utterance in every if utterance not in paired)
    return Pairs(_only(first, shared), _only(second, shared), dropped)


def _only(trials: Trials, keys: Sequence[Any]) -> Trials:
    return Trials({key: trials.cells[key] for key in keys}, trials.missing, trials.silent)


def _number(value: Any, utterance: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, str):
        raise ConfigError(f"utterance {utterance!r} has the value {value!r}, which is text: give numbers")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ConfigError(
            f"utterance {utterance!r} has the value {value!r}, which is no number: give a number, a bool or None"
        ) from None
    if math.isinf(number):
        raise ConfigError(f"utterance {utterance!r} has the value {value!r}: give None for a trial without a value")
    return None if math.isnan(number) else number
