"""Requests of the pane Figures: which figures there are, and one of them.

Owns their checks, and which figures results have. Must not know what figures look like.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from realtime_nb.errors import ConfigError
from realtime_nb.lab.results.metrics import MEASURED

from .source import ResultsSource

if TYPE_CHECKING:
    from realtime_nb.lab.results.figures.shown_figure import ShownFigure

_Reply = tuple[dict[str, Any], Sequence[bytes]]

_NARROWEST_PX, _WIDEST_PX = 200, 2_400
_MOST_NUMBERS = 200  # lines of the table that says a figure's numbers


@dataclass(frozen=True)
class FigureChoice:
    """One kind of figure that results have.

    Attributes:
        kind: its name in requests.
        title: its name for people.
        by: the settings by which it can be drawn, or the recordings; the first one is the usual one.
        metrics: the columns of which it can be drawn, the usual one first; none: it has no choice.
        by_title: the name of the choice of `by` for people.
    """

    kind: str
    title: str
    by: tuple[str, ...]
    metrics: tuple[str, ...] = ()
    by_title: str = "By"


def figure_choices(results: ResultsSource) -> list[FigureChoice]:
    """Return the figures that results have, the one that says most about their sweep first."""
    rows = results.rows
    several = len({row.get("variant") for row in rows}) > 1
    compared = ("variant", *results.settings) if several else ()
    turns = ("turn",) if len({row.get("turn") for row in rows}) > 1 else ()
    by = ("variant", *results.settings, "utterance", *turns)
    numbers, labels = _columns(results)
    found = [
        FigureChoice("comparison", "Comparison", compared, numbers) if compared and numbers else None,
        FigureChoice("distribution", "Distribution", by, (*numbers, *labels)) if numbers or labels else None,
        FigureChoice("waterfall", "Latency step by step", by) if _any(rows, "speech_end_to_response_ms") else None,
        FigureChoice("frontier", "Cut-offs against delay", compared) if compared and _is_spoken(rows) else None,
        FigureChoice("costs", "Cost", by) if _any(rows, "input_tokens") or _any(rows, "cost_usd") else None,
    ]
    recordings = tuple(dict.fromkeys(str(row["utterance"]) for row in rows if row.get("detected_ms")))
    if recordings:
        found.insert(4, FigureChoice("timeline", "Turns of one recording", recordings, by_title="Recording"))
    if "turn_detection" in results.settings:
        found = [*found[3:-1], *found[:3], found[-1]]
    return [each for each in found if each is not None]


def drawn_figure(
    results: ResultsSource, kind: str, by: str | None = None, metric: str | None = None, *, width_px: int
) -> ShownFigure:
    """Return one figure.

    Args:
        results: what it shows.
        kind: of a choice.
        by: a setting; None: the usual one.
        metric: a column; None: the usual one.
        width_px: of the figure.

    Raises:
        ConfigError: it cannot be drawn; says why.
    """
    if kind == "comparison":
        return results.plot(by or "variant", metric=metric, width_px=width_px)
    if kind == "distribution":
        return results.distribution(metric, by or "variant", width_px=width_px)
    if kind == "waterfall":
        return results.waterfall(by or "variant", width_px=width_px)
    if kind == "frontier":
        return results.frontier(by, width_px=width_px)
    if kind == "timeline":
        return results.timeline(by, width_px=width_px)
    if kind == "costs":
        return results.costs(by or "variant", width_px=width_px)
    raise ConfigError(f"figure={kind!r} is none of comparison, distribution, waterfall, frontier, timeline, costs")


def figures(results: ResultsSource, content: Mapping[str, Any]) -> _Reply:
    """Return which figures there are: `{"figures": [{"kind", "title", "by", "by_title", "metrics"}]}`."""
    return {
        "figures": [
            {
                "kind": each.kind,
                "title": each.title,
                "by": list(each.by),
                "by_title": each.by_title,
                "metrics": list(each.metrics),
            }
            for each in figure_choices(results)
        ]
    }, ()


def figure(results: ResultsSource, content: Mapping[str, Any]) -> _Reply:
    """Return one figure as SVG, with its numbers in words and as a table.

    The content of a request is `figure` (a kind), `theme` (`"light"` or `"dark"`), `width` (CSS pixels), and `by` and
    `metric`, which may be missing.
    """
    kind, theme, width = (content.get(name) for name in ("figure", "theme", "width"))
    by, metric = content.get("by") or None, content.get("metric") or None
    for name, value in (("figure", kind), ("by", by or ""), ("metric", metric or "")):
        if not isinstance(value, str):
            raise ConfigError(f"{name}={value!r} must be a text")
    if theme not in ("light", "dark"):
        raise ConfigError(f"theme={theme!r} must be 'light' or 'dark'")
    if isinstance(width, bool) or not isinstance(width, int) or not _NARROWEST_PX <= width <= _WIDEST_PX:
        raise ConfigError(f"width={width!r} must be a whole number from {_NARROWEST_PX} to {_WIDEST_PX}")
    made = drawn_figure(results, str(kind), by, metric, width_px=width)
    lines = list(made.numbers)[:_MOST_NUMBERS]
    head = list(dict.fromkeys(name for line in lines for name in line))
    return {
        "alt": made.alt,
        "head": head,
        "lines": [[_plain(line.get(name)) for name in head] for line in lines],
        "more": len(made.numbers) - len(lines),
    }, (made.svg(theme).encode(),)


def _columns(results: ResultsSource) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns of numbers and truths, the main ones first, and those of labels."""
    numbers: dict[str, None] = dict.fromkeys(results.metrics)
    labels: dict[str, None] = {}
    grades = set(results.grades)
    for row in results.rows:
        for name, value in row.items():
            if value is None or (name not in MEASURED and name not in grades):
                continue
            (labels if isinstance(value, str) else numbers)[name] = None
    return tuple(name for name in numbers if name not in labels), tuple(labels)


def _any(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    return any(row.get(name) is not None for row in rows)


def _is_spoken(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a server's turn detection ended turns: typed ones have no end of speech."""
    return _any(rows, "speech_end_to_stopped_ms") or any(row.get("cut_offs") for row in rows)


def _plain(value: Any) -> Any:
    """Return a number as JSON has it."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
