"""Answers about a sweep as values: comparisons, summaries, tails and pass rates, each with a frame and an HTML table.

Owns their forms and how cells become statistics. Must not know files or figures' details.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from realtime_nb.errors import ConfigError
from realtime_nb.lab.extra import pandas
from realtime_nb.lab.statistics import pass_rates, tail
from realtime_nb.lab.statistics.compare import Claims, Comparison, compare, summarise
from realtime_nb.lab.statistics.estimate import THESE_ONLY, Estimate
from realtime_nb.lab.statistics.pass_rates import RateComparison, compare_rates
from realtime_nb.lab.statistics.trials import Trials, as_trials

from .figures.shown_figure import WIDTH_PX
from .html import Cell, Table, table_html, table_text
from .metrics import OWN, Metric
from .sweep_rows import Cells, SweepRows
from .words import estimate_words, p_cell

if TYPE_CHECKING:
    from .figures.shown_figure import ShownFigure

AnyComparison: TypeAlias = "Comparison | RateComparison"


@dataclass(frozen=True, eq=False, repr=False)
class Comparisons(Sequence[AnyComparison]):
    """The values of a setting, each compared with the baseline; a sequence of comparisons.

    Attributes:
        setting: its name.
        metric: the column that was compared.
        baseline: the baseline's name.
        all: the comparisons, in the order of the values.
        sides: by name of the value, the trials; the baseline first. For figures.
        notes: restrictions that readers must see.
    """

    setting: str
    metric: Metric
    baseline: str
    all: tuple[AnyComparison, ...]
    sides: Mapping[str, Trials] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.all)

    def __getitem__(self, which: Any) -> Any:
        """Return a comparison by place, or by the name of the compared value."""
        if not isinstance(which, str):
            return self.all[which]
        for each in self.all:
            if each.variant == which:
                return each
        names = ", ".join(repr(each.variant) for each in self.all)
        raise KeyError(f"{which!r} was not compared with {self.baseline!r}; there are {names}")

    def __iter__(self) -> Iterator[AnyComparison]:
        return iter(self.all)

    @property
    def frame(self) -> Any:
        """A pandas data frame, one line a comparison and row: the row that decides, the mean, the stalls."""
        lines = []
        for each in self.all:
            decided = {"p_holm": each.p_holm, "clear": each.clear, "comparisons": each.comparisons}
            for name, estimate, p in _estimates(each):
                own = decided if estimate is each.decisive else {"p_holm": None, "clear": None, "comparisons": None}
                lines.append(
                    {self.setting: each.variant, "baseline": each.baseline, "metric": each.metric, "row": name}
                    | {"p": p, **own, **estimate_columns(estimate)}
                )
        return pandas().DataFrame(lines).convert_dtypes()

    def plot(self, *, width_px: int = WIDTH_PX) -> ShownFigure:
        """Return a matplotlib figure: every utterance of every value, and the differences with their intervals.

        Args:
            width_px: of the figure.

        Raises:
            ConfigError: matplotlib is not installed.
        """
        from .figures.comparison import comparison_figure

        return comparison_figure(self.setting, self.metric, self.sides, self.all, width_px=width_px)

    def __repr__(self) -> str:
        return "\n".join([*map(repr, self.all), *(f"Note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        head = [self.setting, "row", "difference", "p", "p, corrected", "verdict", "utterances", "trials", "missing"]
        lines: list[Sequence[Cell | str]] = []
        for each in self.all:
            for place, (name, estimate, p) in enumerate(_estimates(each)):
                decides = estimate is each.decisive
                verdict = Cell("clear" if each.clear else "not clear", strong=each.clear) if decides else Cell("")
                lines.append(
                    [
                        Cell(each.variant if not place else "", head=True),
                        name + (" (decides)" if decides and len(_estimates(each)) > 1 else ""),
                        Cell(estimate_words(estimate, signed=True), number=True, strong=decides, title=estimate.method),
                        Cell(p_cell(p), number=True),
                        Cell(p_cell(each.p_holm) if decides else "", number=True),
                        verdict,
                        *(Cell(str(n), number=True) for n in (estimate.n, estimate.n_trials, estimate.n_missing)),
                    ]
                )
        about = f"{self.metric.name} by {self.setting}, against {self.baseline!r}"
        spreads = [
            f"{each.variant}: {each.spread}."
            for each in self.all
            if isinstance(each, Comparison) and each.spread is not None
        ]
        notes = [*scope_notes(each.decisive for each in self.all), *self._dropped_notes(), *spreads]
        return table_html(about, head, lines, [*self.notes, *notes])

    def _dropped_notes(self) -> list[str]:
        return [
            f"{each.variant}: left out, without values on both sides: {', '.join(each.dropped)}."
            for each in self.all
            if each.dropped
        ]


@dataclass(frozen=True, eq=False, repr=False)
class Answers:
    """A table of estimates: one line for each value of a setting and each metric.

    Attributes:
        title: what the table is about.
        setting: the setting whose values the lines are.
        lines: the value's name, the metric's name, and the estimates by the name of their column.
        notes: restrictions that readers must see.
    """

    title: str
    setting: str
    lines: tuple[tuple[str, str, Mapping[str, Estimate | None]], ...]
    notes: tuple[str, ...] = ()

    @property
    def frame(self) -> Any:
        """A pandas data frame, one line for each value and metric; an estimate has columns for value and interval."""
        pd = pandas()
        made = []
        for value, metric, estimates in self.lines:
            line: dict[str, Any] = {self.setting: value, "metric": metric}
            for name, estimate in estimates.items():
                columns = ("", "_low", "_high", "_note")
                found = (None,) * 4 if estimate is None else (*_finite(estimate), estimate.note or None)
                line |= {name + column: each for column, each in zip(columns, found, strict=True)}
            first = next((each for each in estimates.values() if each is not None), None)
            if first is not None:
                line |= {"n": first.n, "n_trials": first.n_trials, "n_missing": first.n_missing}
                line |= {"unit": first.unit, "level": first.level, "scope": first.scope}
            made.append(line)
        return pd.DataFrame(made).convert_dtypes()

    def __getitem__(self, value: str) -> Any:
        """Return the estimates of a value by name; with several metrics, by metric first."""
        found = {metric: estimates for name, metric, estimates in self.lines if name == value}
        if not found:
            names = ", ".join(dict.fromkeys(repr(name) for name, _, _ in self.lines))
            raise KeyError(f"{value!r} is no value of {self.setting} here; there are {names}")
        return next(iter(found.values())) if len({metric for _, metric, _ in self.lines}) == 1 else found

    def __len__(self) -> int:
        return len(self.lines)

    def __repr__(self) -> str:
        return table_text(*self._table())

    def _repr_html_(self) -> str:
        return table_html(*self._table())

    def _table(self) -> Table:
        columns = list(dict.fromkeys(name for _, _, estimates in self.lines for name in estimates))
        several = len({metric for _, metric, _ in self.lines}) > 1
        head = [self.setting, *(["metric"] if several else []), *columns, "utterances", "trials", "missing"]
        lines: list[Sequence[Cell | str]] = []
        before = None
        for value, metric, estimates in self.lines:
            given = [each for each in estimates.values() if each is not None]
            counts = (given[0].n, given[0].n_trials, given[0].n_missing) if given else ("", "", "")
            lines.append(
                [
                    Cell(value if value != before else "", head=True),
                    *([metric] if several else []),
                    *(_estimate_cell(estimates.get(name)) for name in columns),
                    *(Cell(str(count), number=True) for count in counts),
                ]
            )
            before = value
        every = (each for _, _, estimates in self.lines for each in estimates.values() if each is not None)
        return self.title, head, lines, [*self.notes, *scope_notes(every)]


def compared(
    setting: str, metric: Metric, baseline: str, names: Mapping[str, str], cells: Mapping[str, Cells], *, apart: str,
    level: float = 0.95, stall: float | None = None, claims: Claims | None = None, notes: Sequence[str] = (),
) -> Comparisons:  # fmt: skip
    """Compare the cells of a setting's values with those of the baseline.

    Args:
        setting: its name.
        metric: of the cells.
        baseline: the key of the baseline.
        names: of the values, by key.
        cells: of the values, by key.
        apart: the end of the error's sentence where two values have no cell in common.
        level: of the intervals.
        stall: by how much a stall exceeds its utterance's median.
        claims: of a sequential plan.
        notes: for the answer.

    Raises:
        ConfigError: fewer than two values, or one that shares no utterance and other settings with the baseline.
    """
    check_level(level)
    if stall is not None:
        check_stall(stall)
    if len(cells) < 2:
        raise ConfigError(
            f"{setting!r} has only the value {names[baseline]!r} here, so that there is nothing to compare"
        )
    base = trials_of(cells[baseline], f"{setting} {names[baseline]!r}", metric.name)
    sides, silent = {}, []
    for key in names:
        if key not in cells or key == baseline:
            continue
        if any(value is not None for values in cells[key].values() for value in values):
            sides[key] = trials_of(cells[key], f"{setting} {names[key]!r}", metric.name)
        else:
            silent.append(f"{names[key]}: left out, all {sum(map(len, cells[key].values()))} values are missing")
    if not sides:
        raise ConfigError(f"no other value of {setting!r} has a value of {metric.name}: see the column 'error'")
    for key, side in sides.items():
        if not any(cell in base.cells for cell in side.cells):
            values = f"{setting} {names[key]!r} and {names[baseline]!r}"
            raise ConfigError(f"{values} have no utterance with values of {metric.name} in common{apart}")
    given = {names[key]: side for key, side in sides.items()}
    options: dict[str, Any] = {
        "baseline_name": names[baseline],
        "metric": metric.name,
        "level": level,
        "claims": claims,
    }
    found: tuple[AnyComparison, ...]
    if metric.kind == "pass":
        found = compare_rates(base, given, **options)
    else:
        decides = "mean" if metric.kind == "count" else "typical"
        found = compare(base, given, unit=metric.unit, stall=stall, decides=decides, **options)  # type: ignore[arg-type]
    found = tuple(_difference_within_range(each, metric) for each in found)
    return Comparisons(setting, metric, names[baseline], found, {names[baseline]: base, **given}, (*notes, *silent))


def apart_words(sweep: SweepRows, setting: str, metric: Metric) -> str:
    """Return how the error of values without a common cell ends, where a setting was compared."""
    others = ", ".join(sweep.others(setting))
    same = f" with the same {others}" if others else ""
    return f"{same}. Compare whole variants instead: compare('variant', metric={metric.name!r})"


def check_level(level: float) -> None:
    """Refuse a level that no interval has.

    Raises:
        ConfigError: it is not between 0 and 1.
    """
    if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0 < level < 1:
        raise ConfigError(f"level={level!r} must be between 0 and 1: 0.95 for 95 % intervals")


def check_stall(stall: float) -> None:
    """Refuse a limit of stalls that is no positive number.

    Raises:
        ConfigError: as said.
    """
    if isinstance(stall, bool) or not isinstance(stall, (int, float)) or not 0 < stall < math.inf:
        raise ConfigError(f"stall={stall!r} must be a number above 0, in the metric's unit")


def trials_of(cells: Cells, whose: str, metric: str) -> Trials:
    """Return cells as trials.

    Raises:
        ConfigError: every value is missing.
    """
    trials = {cell if len(cell) > 1 else cell[0]: values for cell, values in cells.items()}
    if not any(value is not None for values in trials.values() for value in values):
        count = sum(map(len, trials.values()))
        where = "The column 'error' may say why" if metric in OWN else f"The column {metric + '_missing'!r} says why"
        raise ConfigError(f"{whose} has no value of {metric}: {count} trials, all missing. {where}.")
    return as_trials(trials)


def some_trials(cells: Cells) -> Trials | None:
    """Return cells as trials; None where every value is missing."""
    if not any(value is not None for values in cells.values() for value in values):
        return None
    return trials_of(cells, "", "")


def summary_lines(trials: Trials, metric: Metric, level: float) -> dict[str, Estimate]:
    """Return the estimates of a metric for one value of a setting, by name."""
    if metric.kind == "pass":
        return {"rate": pass_rates.pass_at(trials, level=level)}
    found = summarise(trials, unit=metric.unit, level=level)
    least = metric.least
    if least is None and metric.unit == "ms" and all(cell.min() >= 0 for cell in trials.cells.values()):
        least = 0.0  # a wait is below 0 only where a server answers before the end of speech: here none did
    ends = (least, metric.most)
    return {"typical": _within(found.typical, *ends), "mean": _within(found.mean, *ends)}


def _within(estimate: Estimate, least: float | None, most: float | None) -> Estimate:
    """Return an estimate whose interval ends where the values do that it is about: the truth is within them, too."""
    if math.isinf(estimate.low) or math.isinf(estimate.high):
        return estimate
    low, high = estimate.low, estimate.high
    if least is not None:
        low, high = max(low, least), max(high, least)
    if most is not None:
        low, high = min(low, most), min(high, most)
    return replace(estimate, low=low, high=high)


def _difference_within_range(comparison: AnyComparison, metric: Metric) -> AnyComparison:
    """Return a comparison whose intervals end where differences of the metric's values do."""
    if isinstance(comparison, RateComparison):
        ends = (-1.0, 1.0)
        return replace(
            comparison, shift=_within(comparison.shift, *ends), together=_within(comparison.together, *ends)
        )  # fmt: skip
    if metric.least is None or metric.most is None:  # one value may exceed another by any number
        return comparison
    ends = (metric.least - metric.most, metric.most - metric.least)
    return replace(
        comparison, typical=_within(comparison.typical, *ends), mean=_within(comparison.mean, *ends),
        together=_within(comparison.together, *ends),
    )  # fmt: skip


def tail_lines(trials: Trials, metric: Metric, stall: float | None, level: float) -> dict[str, Estimate | None]:
    """Return the estimates of a metric's tail for one value of a setting, by name."""
    stalls = None if stall is None else tail.stalls(trials, excess=stall, unit=metric.unit, level=level)
    high = {f"p{q}": tail.percentile(trials, q, unit=metric.unit, level=level) for q in (95, 99)}
    return {"stalls": stalls, **high}


def pass_lines(trials: Trials, k: int, level: float) -> dict[str, Estimate | None]:
    """Return pass@1, pass@k and pass^k for one value of a setting, by name."""
    found: dict[str, Estimate | None] = {"pass@1": pass_rates.pass_at(trials, level=level)}
    if k > 1:
        found[f"pass@{k}"] = pass_rates.pass_at(trials, k, level=level)
        found[f"pass^{k}"] = pass_rates.pass_all(trials, k, level=level)
    return found


def scope_notes(estimates: Any) -> list[str]:
    """Return the notes that a table's estimates call for."""
    given = list(estimates)
    few = [each.n for each in given if each.scope == THESE_ONLY]
    notes = []
    if few:
        # A column that few trials have, such as a rating by hand, must not speak for the others.
        some = "Some columns have values for few utterances" if len(few) < len(given) else ""
        count = some or f"{max(few)} utterance{'' if max(few) == 1 else 's'}"
        notes.append(
            f"{count}: {'their ' if some else ''}intervals are about these utterances only. At least ten are needed "
            "for a claim about utterances like them."
        )
    notes += dict.fromkeys(each.note[0].upper() + each.note[1:] + "." for each in given if each.note)
    return notes


def estimate_columns(estimate: Estimate) -> dict[str, Any]:
    """Return an estimate as columns of a frame."""
    value, low, high = _finite(estimate)
    return {
        "value": value, "low": low, "high": high, "unit": estimate.unit, "level": estimate.level, "n": estimate.n,
        "n_trials": estimate.n_trials, "n_missing": estimate.n_missing, "method": estimate.method,
        "scope": estimate.scope, "note": estimate.note or None,
    }  # fmt: skip


def _finite(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high


def _estimates(comparison: AnyComparison) -> list[tuple[str, Estimate, float | None]]:
    if isinstance(comparison, RateComparison):
        return [("pass rate", comparison.shift, comparison.p)]
    found: list[tuple[str, Estimate, float | None]] = [
        ("typical", comparison.typical, comparison.p),
        ("mean", comparison.mean, comparison.p_mean),
    ]
    if comparison.stalls is not None:
        found.append(("stalls", comparison.stalls, None))
    return found


def _estimate_cell(estimate: Estimate | None) -> Cell:
    if estimate is None:
        return Cell("–", number=True)
    return Cell(estimate_words(estimate), number=True, title=estimate.note or estimate.method)
