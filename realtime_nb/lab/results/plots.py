"""The figures of a sweep by kind: which rows they take, and what is refused.

Owns the way from rows to what a figure draws. Must not know what figures look like; each is imported when it is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from realtime_nb.errors import ConfigError
from realtime_nb.lab.grading.trial_view import TrialView

from . import answers
from .find_rows import rows_of_utterance
from .frontier import delay_metric, frontier_points
from .latency_steps import latency_steps
from .metrics import Metric
from .shown_metrics import chosen_metric
from .sweep_rows import Cells, SweepRows, key_of
from .timeline import timeline_line

if TYPE_CHECKING:
    from .figures.costs import TurnCost
    from .figures.shown_figure import ShownFigure

_KINDS = ("input_text_tokens", "input_audio_tokens", "input_image_tokens", "output_text_tokens", "output_audio_tokens")


def distribution(sweep: SweepRows, setting: str, column: str | None, width_px: int) -> ShownFigure:
    """Return the figure of how trials spread; see `Results.distribution`."""
    from .figures import distribution as drawn

    names = sweep.names(setting)
    if column is not None and (labels := _labels(sweep, setting, column)):
        return drawn.shares_figure(setting, column, _named(names, labels, column), width_px=width_px)
    metric = chosen_metric(sweep, column)
    cells = sweep.cells(setting, metric.name)
    if metric.kind == "pass":
        found = {key: answers.some_trials(each) for key, each in cells.items()}
        rates = {
            key: answers.summary_lines(trials, metric, 0.95)["rate"] for key, trials in found.items() if trials
        }  # fmt: skip
        return drawn.rates_figure(setting, metric, _named(names, rates, metric.name), width_px=width_px)
    values = {key: _values(each) for key, each in cells.items()}
    if metric.kind == "count":
        counts = {key: [int(value) for value in each] for key, each in values.items()}
        return drawn.shares_figure(setting, metric.name, _named(names, counts, metric.name), width_px=width_px)
    return drawn.numbers_figure(setting, metric, _named(names, values, metric.name), width_px=width_px)


def waterfall(sweep: SweepRows, setting: str, width_px: int) -> ShownFigure:
    """Return the figure of latencies step by step; see `Results.waterfall`."""
    from .figures.waterfall import waterfall_figure

    return waterfall_figure(setting, latency_steps(sweep, setting), width_px=width_px)


def frontier(sweep: SweepRows, by: str | None, column: str | None, width_px: int) -> ShownFigure:
    """Return the figure of cut-offs against delay; see `Results.frontier`."""
    from .figures.frontier import frontier_figure

    if by is None:
        by = "turn_detection" if "turn_detection" in sweep.varied and len(sweep.varied) > 1 else "variant"
    setting = sweep.setting(by)
    delay = sweep.metric(delay_metric(sweep) if column is None else column)
    if delay.unit != "ms":
        raise ConfigError(f"delay={column!r} must be a column of milliseconds, such as {delay_metric(sweep)!r}")
    points, without = frontier_points(sweep, setting, delay.name)
    return frontier_figure(setting, delay, points, without, width_px=width_px)


def costs(sweep: SweepRows, setting: str, width_px: int) -> ShownFigure:
    """Return the figure of what a user turn costs; see `Results.costs`."""
    from .figures.costs import costs_figure

    cells = sweep.cells(setting, "cost_usd")
    found: dict[str, TurnCost] = {}
    by_value = sweep.rows_by(setting)
    for key, name in sweep.names(setting).items():
        found[name] = _turn_cost(cells.get(key) or {}, by_value[key])
    return costs_figure(setting, found, width_px=width_px)


def timeline(
    sweep: SweepRows, view: Callable[[Mapping[str, Any]], TrialView], utterance: Any, repeat: int, width_px: int
) -> ShownFigure:
    """Return the figure of one recording beside what each variant made of it; see `Results.timeline`.

    `view` returns the trial of a row.
    """
    from .figures.timeline import timeline_figure

    rows = rows_of_utterance(sweep, utterance, repeat)
    lines, speech = [], None
    for name, row in rows.items():
        trace = view(row).trace
        if trace is not None:
            lines.append(timeline_line(name, row, trace))
            speech = trace.speech or speech
    label = str(next(iter(rows.values()))["utterance"])
    if not lines:
        raise ConfigError(f"no events were kept of the trials of {label!r}, and a timeline is drawn from them")
    if speech is None:
        raise ConfigError(f"{label!r} was typed: there is no speech for a server to detect. See waterfall()")
    clip = view(next(iter(rows.values()))).user_audio
    return timeline_figure(label, clip, speech, lines, width_px=width_px)


def _turn_cost(cells: Cells, rows: Sequence[Mapping[str, Any]]) -> TurnCost:
    from .figures.costs import TurnCost

    trials = answers.some_trials(cells)
    usd = None if trials is None else answers.summary_lines(trials, Metric("cost_usd", unit="USD"), 0.95)["mean"]
    counted = [row for row in rows if row.get("input_tokens") is not None]
    tokens = {kind: _mean(counted, kind) for kind in _KINDS}
    whole = _mean(counted, "input_tokens") + _mean(counted, "output_tokens")
    tokens["other_tokens"] = max(0.0, whole - sum(tokens.values()))
    return TurnCost(usd, tokens, sum(row.get("cost_usd") is None for row in rows))


def _mean(rows: Sequence[Mapping[str, Any]], column: str) -> float:
    return sum(row.get(column) or 0 for row in rows) / len(rows) if rows else 0.0


def _labels(sweep: SweepRows, setting: str, column: str) -> dict[str, list[str]]:
    """Return the labels of a grader's column by value of a setting; none where the column holds no labels."""
    if column not in sweep.grades:
        return {}
    found: dict[str, list[str]] = {}
    for row in sweep.rows:
        if (value := row.get(column)) is not None:
            if not isinstance(value, str):
                return {}
            found.setdefault(key_of(row.get(setting)), []).append(" ".join(value.split()) or "empty")
    return found


def _values(cells: Cells) -> list[float]:
    return [value for values in cells.values() for value in values if value is not None]


def _named(names: Mapping[str, str], found: Mapping[str, Any], column: str) -> dict[str, Any]:
    """Return what was found by name of the value instead of its key; values without any are left out."""
    named = {name: found[key] for key, name in names.items() if found.get(key)}
    if not named:
        raise ConfigError(f"metric={column!r} is missing in all trials; the column 'error' says why")
    return named
