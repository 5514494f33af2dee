"""Answers questions about a sweep: a summary, comparisons, tails, pass rates, spreads, and another run as the baseline.

Owns which cells of the sweep and which options the statistics get, and the notes of an answer. The arguments are those
of the method of `Results` that each function is named after. Must not know the forms of answers, files or figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from realtime_nb.errors import ConfigError
from realtime_nb.lab.statistics import spread as spreads
from realtime_nb.lab.statistics import tail as tails
from realtime_nb.lab.statistics.spread import Spread
from realtime_nb.lab.statistics.trials import Trials

from . import answers
from .cautions import cautions, missing_grades
from .early_stop import EarlyStop
from .metrics import SETTINGS, Metric
from .shown_metrics import chosen_metric, main_metrics
from .sweep_rows import SweepRows, key_of
from .words import number_words


def summary(sweep: SweepRows, by: str, metric: str | Sequence[str] | None, level: float) -> answers.Answers:
    """Return typical values with their intervals; see `Results.summary`."""
    answers.check_level(level)
    setting = sweep.grouping(by)
    if metric is None:
        metrics = main_metrics(sweep)
    else:
        metrics = [sweep.metric(name) for name in ([metric] if isinstance(metric, str) else metric)]
    names = sweep.names(setting)
    lines = []
    cells = {each.name: sweep.cells(setting, each.name) for each in metrics}
    for key, name in names.items():
        for each in metrics:
            if (trials := answers.some_trials(cells[each.name][key])) is not None:
                lines.append((name, each.name, answers.summary_lines(trials, each, level)))
    shown = metrics[0].name if len(metrics) == 1 else "summary"
    notes = (*missing_grades(sweep), *cautions(sweep))
    return answers.Answers(f"{shown} by {setting}", setting, tuple(lines), notes)


def compare(
    sweep: SweepRows, setting: str, metric: str | None, *, baseline: Any, level: float | None, stall: float | None,
    turn: int | None, early: tuple[EarlyStop, int] | None,
) -> answers.Comparisons:  # fmt: skip
    """Return the values of a setting compared with a baseline; see `Results.compare`.

    `early` is the plan of a sweep that may stop early, and the rounds that it ran.
    """
    name = sweep.setting(setting)
    found = chosen_metric(sweep, metric)
    names = sweep.names(name)
    base = next(iter(names)) if baseline is None else sweep.find(name, baseline)
    only = {} if turn is None else {"turn": turn}
    options: dict[str, Any] = {"level": 0.95 if level is None else level}
    notes = list(cautions(sweep))
    if turn is not None and all(row.get("turn") != turn for row in sweep.rows):
        raise ConfigError(f"turn={turn!r} was not run: the user turns of these trials count from 0")
    cells = sweep.cells(name, found.name, only=only)
    if early is not None and level is None and early[0].asks(name, found.name):
        plan, done = early
        complete = SweepRows(row for row in sweep.rows if (row.get("repeat") or 0) < done)
        cells = complete.cells(name, found.name, only=only)
        options = plan.options_after(done)
        notes.append(plan.note(done))
    options |= {"stall": stall, "notes": notes, "apart": answers.apart_words(sweep, name, found)}
    return answers.compared(name, found, base, names, cells, **options)


def tail(sweep: SweepRows, by: str, metric: str | None, stall: float | None, level: float) -> answers.Answers:
    """Return the share of stalls and high percentiles; see `Results.tail`."""
    setting, found = sweep.setting(by), chosen_metric(sweep, metric)
    answers.check_level(level)
    if stall is not None:
        answers.check_stall(stall)
    if found.kind == "pass":
        raise ConfigError(f"metric={found.name!r} is a pass or a failure, which has no tail: use pass_rates()")
    trials = _by_name(sweep, setting, found)
    limit = tails.default_excess(*trials.values()) if stall is None else stall
    lines = [(name, found.name, answers.tail_lines(each, found, limit, level)) for name, each in trials.items()]
    notes = list(cautions(sweep))
    if limit is not None:
        words = f"{number_words(limit)} {found.unit}".rstrip()
        notes.insert(0, f"A stall is over {words} above the median of its utterance.")
    else:
        notes.insert(0, "Fewer than three repeats do not show which trial is a stall: say stall=.")
    return answers.Answers(f"tail of {found.name} by {setting}", setting, tuple(lines), tuple(notes))


def pass_rates(sweep: SweepRows, metric: str, by: str, k: int | None, level: float) -> answers.Answers:
    """Return how often trials pass; see `Results.pass_rates`."""
    setting, found = sweep.setting(by), chosen_metric(sweep, metric)
    answers.check_level(level)
    if found.kind != "pass":
        raise ConfigError(f"metric={metric!r} holds no passes: it needs a column of True and False")
    trials = _by_name(sweep, setting, found)
    if k is None:
        sizes = [cell.size for each in trials.values() for cell in each.cells.values()]
        k = max(min(sizes), min(2, max(sizes)))
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise ConfigError(f"k={k!r} must be a whole number of at least 1: it is a number of trials")
    lines = [(name, found.name, answers.pass_lines(each, k, level)) for name, each in trials.items()]
    return answers.Answers(f"pass rates of {found.name} by {setting}", setting, tuple(lines), cautions(sweep))


def spread(sweep: SweepRows, setting: str, metric: str | None, baseline: Any, level: float) -> dict[str, Spread]:
    """Return where the width of each comparison comes from; see `Results.spread`."""
    name, found = sweep.setting(setting), chosen_metric(sweep, metric)
    answers.check_level(level)
    sides = dict(_by_name(sweep, name, found))
    names = sweep.names(name)
    base = names[next(iter(names)) if baseline is None else sweep.find(name, baseline)]
    if base not in sides:
        raise ConfigError(f"{setting} {base!r} has no value of {found.name}: see the column 'error'")
    first = sides.pop(base)
    if not sides:
        raise ConfigError(f"no other value of {name!r} than {base!r} has a value of {found.name}")
    of: spreads.Of = "medians" if found.kind == "number" else "means"
    return {name: spreads.spread(first, each, unit=found.unit, level=level, of=of) for name, each in sides.items()}


def against(sweep: SweepRows, earlier: SweepRows, metric: str | None, variant: str | None) -> answers.Comparisons:
    """Return a sweep compared with an earlier one; see `Results.against`."""
    found = chosen_metric(sweep, metric)
    both = [{**row, "run": name} for run, name in ((earlier, "before"), (sweep, "now")) for row in run.rows]
    if variant is not None:
        known = {str(row["variant"]) for row in both}
        if variant not in known:
            raise ConfigError(f"variant={variant!r} was not run; there are {', '.join(map(repr, sorted(known)))}")
        both = [row for row in both if row["variant"] == variant]
    cells = SweepRows(both).cells("run", found.name)
    names = {key_of(name): name for name in ("before", "now")}
    if set(cells) != set(names):
        raise ConfigError(f"variant={variant!r} was run in one of the two only")
    notes = ["The runs were made at different times: a difference may be the server's.", *_changed(both)]
    apart = " for the same variant: they ran other utterances, or variants of other names"
    return answers.compared("run", found, key_of("before"), names, cells, apart=apart, notes=notes)


def _by_name(sweep: SweepRows, setting: str, metric: Metric) -> dict[str, Trials]:
    cells = sweep.cells(setting, metric.name)
    names = sweep.names(setting)
    found = {names[key]: trials for key in names if (trials := answers.some_trials(cells[key])) is not None}
    if not found:
        raise ConfigError(f"metric={metric.name!r} is missing in all trials; the column 'error' says why")
    return found


def _changed(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return notes on the settings in which variants of one name differ between two runs."""
    notes = []
    for variant in dict.fromkeys(str(row["variant"]) for row in rows):
        sides: dict[str, dict[str, set[str]]] = {}
        for row in rows:
            if row["variant"] == variant:
                for name in SETTINGS:
                    sides.setdefault(name, {}).setdefault(row["run"], set()).add(key_of(row.get(name)))
        differ = [name for name, values in sides.items() if len(values) == 2 and values["before"] != values["now"]]
        if differ:
            notes.append(f"The variant {variant!r} differs between the runs in {', '.join(differ)}.")
    return notes
