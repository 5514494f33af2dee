"""The rows of a sweep as cells: the values of one metric by utterance, for each value of one setting.

Owns what the unit is, which settings vary, and the names that people read. Must not know statistics, pandas or files.

The unit is the recorded utterance, or the scenario. A degraded recording is the same unit as its clean twin, and the
degradation is one more setting. Settings that vary beside the one asked for make cells of their own within the unit,
so that three voices do not turn ten utterances into thirty.
"""

from __future__ import annotations

import copy
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from typing import Any, TypeAlias

from realtime_nb.errors import ConfigError
from realtime_nb.lab.readable import names_in_table
from realtime_nb.texts import whole_characters

from .metrics import MEASURED, OWN, SETTINGS, Metric, metric_of

Row: TypeAlias = Mapping[str, Any]
Cells: TypeAlias = dict[tuple[str, ...], list["float | None"]]

_MOST_LABELS = 6


OF_WHOLE_ANSWERS = frozenset({"total_ms", "answer_ms", "audio_gaps_ms", "words", "words_per_minute"})
"""Columns that mean something only where an answer came to its end: no failed trial counts in them."""


class SweepRows:
    """The rows of a sweep: one for each user turn of each trial.

    Args:
        rows: as they are kept, or from a data frame, where NaN is a missing value; warm-up trials are left out.
        variants: the names of variants in their order; the rows of a sweep are in random order.

    Attributes:
        rows: those of trials that count, with the columns `failed` and, where recordings were degraded, `degradation`.
        all_settings: the columns that hold settings, whether they vary or not.
    """

    def __init__(self, rows: Iterable[Row], variants: Sequence[str] = ()) -> None:
        kept = [row for row in map(_clean, rows) if not row.get("warmup")]
        labels = {row["utterance_hash"]: str(row["utterance"]) for row in kept if not row.get("twin")}
        for row in kept:
            if row.get("twin"):  # its clean twin need not be among the trials
                labels.setdefault(row["twin"], str(row["utterance"]).partition(" (")[0])
        self._labels = _distinct_labels(labels)
        degraded = any(row.get("twin") for row in kept)
        self.rows: list[dict[str, Any]] = [self._with_own_columns(row, degraded) for row in kept]
        self.all_settings = [name for name in SETTINGS if any(name in row for row in self.rows)]
        self.all_settings += ["degradation"] if degraded else []
        self._places = {name: place for place, name in enumerate(variants)}

    def with_rows(self, rows: Iterable[dict[str, Any]]) -> SweepRows:
        """Return the same trials with other grades or ratings; this object stays as it is.

        Args:
            rows: in the same order; those that did not change are the same dicts, and are not copied.
        """
        made = copy.copy(self)
        for name in list(vars(made)):
            if isinstance(getattr(type(self), name, None), cached_property):
                delattr(made, name)
        made.rows = [row if row is old else _clean(row) for old, row in zip(self.rows, rows, strict=True)]
        return made

    def _with_own_columns(self, row: dict[str, Any], degraded: bool) -> dict[str, Any]:
        row["failed"] = row.get("error") is not None
        if degraded:
            row["degradation"] = _degradation(row, self._labels)
        return row

    @cached_property
    def varied(self) -> tuple[str, ...]:
        """The settings with more than one value."""
        return tuple(name for name in self.all_settings if len({key_of(row.get(name)) for row in self.rows}) > 1)

    @cached_property
    def units(self) -> tuple[str, ...]:
        """The labels of the utterances, clean twins for degraded ones, in the order of the rows."""
        return tuple(dict.fromkeys(map(self.unit, self.rows)))

    def unit(self, row: Row) -> str:
        """Return the label of a row's utterance, that of the clean twin for a degraded one; or of its scenario."""
        if row.get("scenario") is not None:
            return str(row["scenario"])  # each of its turns has a label and a hash of its own
        key = row.get("twin") or row["utterance_hash"]
        return self._labels.get(key) or str(row["utterance"])

    def setting(self, name: str) -> str:
        """Return the name of a setting that can be compared, or refuse it.

        Raises:
            ConfigError: no such setting, or one that does not vary.
        """
        if name == "variant" or name in self.varied:
            return name
        known = ["variant", *self.varied]
        if name in self.all_settings:
            raise ConfigError(
                f"{name!r} has one value in these results, so that there is nothing to compare: {_any_of(known)}"
            )
        near = get_close_matches(str(name), known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"{name!r} is no setting of these results.{hint} {_any_of(known)}")

    def grouping(self, by: str) -> str:
        """Return the name of a setting, `"utterance"` or `"turn"`, or refuse it as `setting` does."""
        return by if by in ("utterance", "turn") else self.setting(by)

    def names(self, setting: str) -> dict[str, str]:
        """Return the values of a setting by their key, as short texts that differ.

        They are in the order of the variants; clean recordings stand before degraded ones, turns and utterances are
        sorted.
        """
        rows = sorted(self.rows, key=lambda row: self._places.get(str(row["variant"]), len(self._places)))
        if setting == "degradation":
            rows.sort(key=lambda row: row["degradation"] != "clean")
        elif setting in ("turn", "utterance"):
            rows.sort(key=lambda row: row.get(setting) or 0 if setting == "turn" else str(row[setting]))
        values = {key_of(row.get(setting)): row.get(setting) for row in rows}
        return dict(zip(values, names_in_table(list(values.values())), strict=True))

    def find(self, setting: str, value: Any) -> str:
        """Return the key of a setting's value that is given as the value itself or by its short name.

        Raises:
            ConfigError: no such value; lists them.
        """
        names = self.names(setting)
        if (key := key_of(value)) in names:
            return key
        for key, name in names.items():
            if name == value or key == key_of(str(value)):
                return key
        raise ConfigError(f"{value!r} is no value of {setting!r} here; it has {', '.join(map(repr, names.values()))}")

    def metric(self, name: str) -> Metric:
        """Return what is known of a column, or of `column=label` for a grader that returns labels.

        Raises:
            ConfigError: no such column, or one that has no numbers.
        """
        column, label = self._column(name)
        if label is not None:
            return Metric(name, "pass")
        if column not in MEASURED and not self._is_grade(column):
            raise ConfigError(f"metric={name!r} is neither measured nor graded. {_any_of(self.numbers)}")
        values = [value for row in self.rows if (value := row.get(column)) is not None]
        if values and all(isinstance(value, str) for value in values):
            labels = dict.fromkeys(values)
            shown = ", ".join(f"'{column}={each}'" for each in list(labels)[:3])
            raise ConfigError(f"metric={name!r} holds labels: compare how often one occurs, such as {shown}")
        for value in values:
            if not isinstance(value, (bool, int, float)):
                kind = type(value).__name__
                raise ConfigError(f"metric={name!r} holds a {kind}, which is no number. {_any_of(self.numbers)}")
        return metric_of(name, is_pass=bool(values) and all(isinstance(value, bool) for value in values))

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """The columns that hold numbers or passes, those of graders included."""
        found: dict[str, bool] = {}
        for row in self.rows:
            for name, value in row.items():
                if value is not None and (name in MEASURED or self._is_grade(name)):
                    found[name] = found.get(name, True) and isinstance(value, (bool, int, float))
        return tuple(name for name, is_number in found.items() if is_number)

    @cached_property
    def shares(self) -> tuple[str, ...]:
        """The labels of graders as metrics, `column=label`; not of a grader that gives a label of its own each time."""
        found: dict[str, dict[str, None]] = {}
        for name in self.grades:
            if name not in self.numbers:
                values = [value for row in self.rows if (value := row.get(name)) is not None]
                if values and all(isinstance(value, str) for value in values):
                    found[name] = dict.fromkeys(values)
        return tuple(f"{name}={each}" for name, of in found.items() if len(of) <= _MOST_LABELS for each in sorted(of))

    @cached_property
    def grades(self) -> tuple[str, ...]:
        """The columns of graders and of ratings, labels included."""
        return tuple(filter(self._is_grade, self.columns))

    def _is_grade(self, name: str) -> bool:
        return name not in OWN and name not in self.all_settings and not name.endswith("_missing")

    @cached_property
    def missing_grades(self) -> dict[str, tuple[int, str]]:
        """For each grader without a grade somewhere: the number of such rows, and their most frequent reason."""
        found: dict[str, Counter[str]] = {}
        for row in self.rows:
            for name, value in row.items():
                if value is not None and name.endswith("_missing") and not row["failed"]:
                    found.setdefault(name.removesuffix("_missing"), Counter())[str(value)] += 1
        return {name: (reasons.total(), reasons.most_common(1)[0][0]) for name, reasons in found.items()}

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """All columns, in the order in which they first occur."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row))

    def cells(self, setting: str, metric: str, *, only: Mapping[str, Any] | None = None) -> dict[str, Cells]:
        """Return the values of a metric by value of a setting, and by utterance and other settings.

        Args:
            setting: a name that `setting` accepts, or `"utterance"`.
            metric: a name that `metric` accepts.
            only: columns and the one value of each that counts.
        """
        column, label = self._column(metric)
        others = self.others(setting)
        rows = [row for row in self.rows if only is None or all(row.get(name) == value for name, value in only.items())]
        found: dict[str, Cells] = {key_of(row.get(setting)): {} for row in rows}
        for row in sorted(rows, key=lambda row: (row.get("repeat") or 0, row.get("place") or 0)):
            cell = (self.unit(row), *(key_of(row.get(name)) for name in others))
            # A refusal ends at once: counted, it would make a variant that always fails the fastest one.
            value = None if row["failed"] and column in OF_WHOLE_ANSWERS else row.get(column)
            found[key_of(row.get(setting))].setdefault(cell, []).append(_number(value, label))
        return found

    def rows_by(self, setting: str) -> dict[str, list[dict[str, Any]]]:
        """Return the rows by key of a setting's value."""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.rows:
            found.setdefault(key_of(row.get(setting)), []).append(row)
        return found

    def others(self, setting: str) -> tuple[str, ...]:
        """Return the columns that vary beside a setting: their combinations are averaged within an utterance.

        Two runs (`"run"`) are compared by the names of their variants.
        """
        several_turns = len({row.get("turn") for row in self.rows}) > 1
        rest = ["turn"] if several_turns and setting != "turn" else []
        if setting in ("variant", "run"):
            rest += [name for name in self.varied if name == "degradation"]
            return ("variant", *rest) if setting == "run" else tuple(rest)
        return tuple([name for name in self.varied if name != setting] + rest)

    def _column(self, metric: str) -> tuple[str, str | None]:
        if not isinstance(metric, str):
            raise ConfigError(f"metric={metric!r} must be the name of a column")
        if metric in self.columns:
            return metric, None
        column, equals, label = metric.partition("=")
        if equals and column in self.grades:
            return column, label
        near = get_close_matches(metric, self.columns, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"metric={metric!r} is no column of these results.{hint} {_any_of(self.numbers)}")


def key_of(value: Any) -> str:
    """Return a value as a text that is equal for equal values only."""
    return json.dumps(value, sort_keys=True, default=str)


def _number(value: Any, label: str | None) -> float | None:
    if value is None:
        return None
    if label is not None:
        return float(str(value) == label)
    try:
        number = float(value)
    except OverflowError:
        return None
    return None if math.isnan(number) else number


def _any_of(names: Iterable[str]) -> str:
    return f"Use one of {', '.join(names)}."


def _distinct_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels by hash; two recordings with one label get the beginnings of their hashes, too."""
    given = list(labels.values())
    return {key: label if given.count(label) == 1 else f"{label} [{key[:6]}]" for key, label in labels.items()}


def _degradation(row: Row, labels: Mapping[str, str]) -> str:
    """Return how a recording was degraded: its label less that of its clean twin."""
    if not row.get("twin"):
        return "clean"
    label, clean = str(row["utterance"]), labels.get(row["twin"])
    if clean is not None and label.startswith(clean + " ("):
        return label[len(clean) + 1 :].removeprefix("(").removesuffix(")")
    return label


def _clean(row: Row) -> dict[str, Any]:
    """Return a copy whose texts can be encoded, and in which a missing value is None: pandas writes NaN.

    Raises:
        ConfigError: an infinite number.
    """
    made: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, str):
            made[name] = whole_characters(value)
        elif isinstance(value, float) and not math.isfinite(value):
            if math.isinf(value):
                where = f"trial {row.get('trial_id')!r} has {value!r} in the column {name!r}"
                raise ConfigError(f"{where}: give None for a missing value")
            made[name] = None
        else:
            made[name] = value
    return made
