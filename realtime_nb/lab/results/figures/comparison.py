"""The figure of a comparison: each utterance of each value, and the differences with their intervals.

Owns what it looks like. Must not know how a comparison was made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from realtime_nb.lab.results.metrics import Metric
from realtime_nb.lab.results.words import estimate_words, interval_words, is_share, number_words
from realtime_nb.lab.statistics.compare import Comparison, typical_value
from realtime_nb.lab.statistics.pass_rates import RateComparison
from realtime_nb.lab.statistics.trials import Trials

from .ink import CLEAR, DOT, DOT_EDGE, PAPER, QUIET, TEXT
from .shown_figure import WIDTH_PX, bare, short_name, shown_figure, wrapped

if TYPE_CHECKING:
    from .shown_figure import ShownFigure

_EACH_ONE = {
    "number": ("median of each utterance", "typical value"),
    "count": ("mean of each utterance", "mean"),
    "pass": ("rate of each utterance", "mean"),
}


def comparison_figure(
    setting: str,
    metric: Metric,
    sides: Mapping[str, Trials],
    comparisons: Sequence[Comparison | RateComparison],
    *,
    width_px: int = WIDTH_PX,
) -> ShownFigure:
    """Return a figure: on the left each utterance of each value, on the right the differences with their intervals.

    Of many comparisons it draws those with the largest differences; its numbers have all.

    Args:
        setting: its name.
        metric: the column that was compared.
        sides: by name of the value, its trials; the baseline first.
        comparisons: of the other values, in the same order.
        width_px: of the figure, in CSS pixels; a narrow one has the differences below.
    """
    narrow = width_px < _NARROW_PX
    drawn = _most_different(comparisons)
    some = f"; drawn: the {len(drawn)} most different of {len(comparisons)}" if len(drawn) < len(comparisons) else ""
    about = _correction(comparisons) + some
    kept = {next(iter(sides)), *(each.variant for each in drawn)}
    sides = {name: trials for name, trials in sides.items() if name in kept}
    each_px = 53.0 * len(sides)
    return shown_figure(
        lambda figure: _draw(figure, metric, sides, drawn, about, width_px),
        title=f"{metric.name} by {setting}",
        alt=_alt(setting, metric, sides, drawn, about),
        height_px=170 + 2 * each_px if narrow else 144 + each_px,
        width_px=width_px,
        numbers=[_line(each) for each in comparisons],
    )


_NARROW_PX = 560


_MOST_DRAWN = 30


def _most_different(comparisons: Sequence[Comparison | RateComparison]) -> Sequence[Comparison | RateComparison]:
    """Return the comparisons with the largest differences, in their order."""
    ranked = sorted(range(len(comparisons)), key=lambda place: -abs(comparisons[place].decisive.value))
    return [comparisons[place] for place in sorted(ranked[:_MOST_DRAWN])]


def _alt(
    setting: str,
    metric: Metric,
    sides: Mapping[str, Trials],
    comparisons: Sequence[Comparison | RateComparison],
    about: str,
) -> str:
    against = next(iter(sides))
    found = [
        f"{each.variant}: {estimate_words(each.decisive, signed=True)}, {'clear' if each.clear else 'not clear'}"
        for each in comparisons
    ]
    return f"{metric.name} by {setting}, differences from {against}{about}. {'; '.join(found)}."


def _correction(comparisons: Sequence[Comparison | RateComparison]) -> str:
    """Return that an interval without 0 may be not clear: each is for itself, and the verdict is for all together."""
    count = len(comparisons)
    return f"; clear: after the correction for {count} comparisons" if count > 1 else ""


def _line(comparison: Comparison | RateComparison) -> dict[str, Any]:
    estimate = comparison.decisive
    return {
        "value": comparison.variant,
        "baseline": comparison.baseline,
        "difference": estimate.value,
        "low": estimate.low if np.isfinite(estimate.low) else None,
        "high": estimate.high if np.isfinite(estimate.high) else None,
        "clear": comparison.clear,
    }


def _draw(
    figure: Any,
    metric: Metric,
    sides: Mapping[str, Trials],
    comparisons: Sequence[Comparison | RateComparison],
    about: str,
    width_px: int,
) -> None:
    rows = len(sides)
    narrow = width_px < _NARROW_PX
    if narrow:
        left, right = figure.subplots(2, 1, sharey=True)
    else:
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.1, 1))
    for place, trials in enumerate(sides.values()):
        _utterances(left, place, trials, is_mean=metric.kind != "number")
    right.axvline(0, color=TEXT, linewidth=0.8, zorder=1)
    for place, each in enumerate(comparisons, start=1):
        _difference(right, place, each)
    right.annotate("baseline", (0, 0), (6, 0), textcoords="offset points", va="center", color=QUIET, fontsize=9)
    left.set_yticks(range(rows), [short_name(name, 18 if narrow else 26) for name in sides])
    left.set_ylim(rows - 0.5, -0.5)
    unit = f", {metric.unit}" if metric.unit else ""
    points = ", points" if metric.kind == "pass" else unit
    dots, line = _EACH_ONE[metric.kind]
    left.set_xlabel(wrapped(f"{dots}{unit}; line: {line}", 0.75 * width_px if narrow else 0.42 * width_px))
    below = f"difference{points}, {interval_words(comparisons[0].decisive)}{about}"
    right.set_xlabel(wrapped(below, 0.75 * width_px if narrow else 0.5 * width_px))
    if metric.kind == "pass":
        left.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
        right.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}".replace("-", "−"))
    for axes in (left, right):
        bare(axes)
        axes.margins(x=0.12)


def _utterances(axes: Any, place: int, trials: Trials, *, is_mean: bool) -> None:
    """Draw each utterance as a dot, a little apart from the others, and the middle of them."""
    values = trials.means() if is_mean else trials.medians()
    # The golden ratio spreads any number of dots evenly, and each utterance has the same height in every row.
    heights = (np.arange(values.size) * 0.618034) % 1 * 0.5 - 0.25
    axes.scatter(values, place + heights, s=20, color=DOT, edgecolors=DOT_EDGE, linewidths=0.5, zorder=2)
    middle = float(values.mean()) if is_mean else typical_value(trials)
    axes.plot([middle, middle], [place - 0.33, place + 0.33], color=TEXT, linewidth=2, zorder=3)


def _difference(axes: Any, place: int, comparison: Comparison | RateComparison) -> None:
    estimate = comparison.decisive
    color = CLEAR if comparison.clear else QUIET
    low, high = estimate.low, estimate.high
    ends = [end for end in (low, high) if np.isfinite(end)]
    if len(ends) == 2:
        axes.plot([low, high], [place, place], color=color, linewidth=2, solid_capstyle="round", zorder=2)
    fill_color = color if comparison.clear else PAPER
    axes.scatter([estimate.value], [place], s=46, color=fill_color, edgecolors=color, linewidths=1.6, zorder=3)
    words = f"{100 * estimate.value:+.0f} points".replace("-", "−") if is_share(estimate) else ""
    words = (words or number_words(estimate.value, signed=True)) + (" clear" if comparison.clear else "")
    words += "" if len(ends) == 2 else " (no interval)"
    axes.annotate(
        words, (estimate.value, place), (0, 7), textcoords="offset points", ha="center", va="bottom", fontsize=9,
        color=color if comparison.clear else TEXT,
    )  # fmt: skip
