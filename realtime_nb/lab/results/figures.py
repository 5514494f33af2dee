"""One matplotlib figure for a comparison.

Owns what it looks like. Must not know how a comparison was made. Imports matplotlib when it is called, and no pyplot: a
figure of pyplot is shown a second time at the end of its cell.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np

from realtime_nb.lab.extra import needed
from realtime_nb.lab.statistics.compare import Comparison
from realtime_nb.lab.statistics.estimate import THESE_ONLY, Estimate
from realtime_nb.lab.statistics.pass_rates import RateComparison
from realtime_nb.lab.statistics.trials import Trials

from .metrics import Metric
from .words import is_share, number_words

_CLEAR, _UNCLEAR, _DOT, _TEXT, _LINE = "#0b6e99", "#8a8f98", "#9fb8c6", "#333333", "#c9ccd1"
_FONTS = (
    "DejaVu Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans SC", "Hiragino Sans", "PingFang SC", "Yu Gothic",
    "Microsoft YaHei", "Malgun Gothic", "Noto Sans Arabic", "Noto Sans Devanagari", "Arial Unicode MS",
)  # fmt: skip
_NAME_WIDTH = 26  # characters of a line


def _matplotlib() -> Any:
    """Return a figure class that notebooks show without pyplot."""
    figure: Any = needed("matplotlib.figure", "figures need").Figure

    class ShownFigure(figure):  # type: ignore[misc]
        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", dpi=110)
            return buffer.getvalue()

    return ShownFigure


def comparison_figure(
    setting: str, metric: Metric, sides: Mapping[str, Trials], comparisons: Sequence[Comparison | RateComparison]
) -> Any:
    """Return a figure: on the left each utterance of each value, on the right the differences with their intervals.

    Args:
        setting: its name.
        metric: the column that was compared.
        sides: by name of the value, its trials; the baseline first.
        comparisons: of the other values, in the same order.
    """
    figure_class = _matplotlib()
    import matplotlib
    from matplotlib.font_manager import get_font_names

    installed = set(get_font_names())
    # A text takes its family when it is made; letters that the first one lacks come from the others.
    with matplotlib.rc_context({"font.family": [name for name in _FONTS if name in installed] or ["sans-serif"]}):
        return _drawn(figure_class, setting, metric, sides, comparisons)


def _drawn(
    figure_class: Any,
    setting: str,
    metric: Metric,
    sides: Mapping[str, Trials],
    comparisons: Sequence[Comparison | RateComparison],
) -> Any:
    rows = len(sides)
    figure = figure_class(figsize=(9.2, 1.5 + 0.55 * rows), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.1, 1))
    for place, trials in enumerate(sides.values()):
        _utterances(left, place, trials, is_mean=metric.kind != "number")
    right.axvline(0, color=_TEXT, linewidth=0.8, zorder=1)
    for place, each in enumerate(comparisons, start=1):
        _difference(right, place, each)
    right.annotate("baseline", (0, 0), (6, 0), textcoords="offset points", va="center", color=_UNCLEAR, fontsize=9)
    left.set_yticks(range(rows), [_plain_text(fill(name, _NAME_WIDTH, max_lines=2, placeholder="…")) for name in sides])
    left.set_ylim(rows - 0.5, -0.5)
    unit = f", {metric.unit}" if metric.unit else ""
    points = ", points" if metric.kind == "pass" else unit
    each_one = {
        "number": "median of each utterance",
        "count": "mean of each utterance",
        "pass": "rate of each utterance",
    }
    left.set_xlabel(each_one[metric.kind] + unit)
    right.set_xlabel(f"difference{points}, {_scope(comparisons[0].decisive)}")
    title = _plain_text(f"{metric.name} by {setting}")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=_TEXT)
    if metric.kind == "pass":
        left.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
        right.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}".replace("-", "−"))
    for axes in (left, right):
        _bare(axes)
    return figure


def _utterances(axes: Any, place: int, trials: Trials, *, is_mean: bool) -> None:
    """Draw each utterance as a dot, a little apart from the others, and the middle of them."""
    values = trials.means() if is_mean else trials.medians()
    # The golden ratio spreads any number of dots evenly, and each utterance has the same height in every row.
    heights = (np.arange(values.size) * 0.618034) % 1 * 0.5 - 0.25
    axes.scatter(values, place + heights, s=20, color=_DOT, edgecolors="white", linewidths=0.5, zorder=2)
    middle = float(values.mean() if is_mean else np.median(values))
    axes.plot([middle, middle], [place - 0.33, place + 0.33], color=_TEXT, linewidth=2, zorder=3)


def _difference(axes: Any, place: int, comparison: Comparison | RateComparison) -> None:
    estimate = comparison.decisive
    color = _CLEAR if comparison.clear else _UNCLEAR
    low, high = estimate.low, estimate.high
    ends = [end for end in (low, high) if np.isfinite(end)]
    if len(ends) == 2:
        axes.plot([low, high], [place, place], color=color, linewidth=2, solid_capstyle="round", zorder=2)
    fill_color = color if comparison.clear else "white"
    axes.scatter([estimate.value], [place], s=46, color=fill_color, edgecolors=color, linewidths=1.6, zorder=3)
    words = f"{100 * estimate.value:+.0f} points".replace("-", "−") if is_share(estimate) else ""
    words = (words or number_words(estimate.value, signed=True)) + (" clear" if comparison.clear else "")
    words += "" if len(ends) == 2 else " (no interval)"
    axes.annotate(
        words, (estimate.value, place), (0, 7), textcoords="offset points", ha="center", va="bottom", fontsize=9,
        color=color if comparison.clear else _TEXT,
    )  # fmt: skip


def _scope(estimate: Estimate) -> str:
    about = f"{100 * estimate.level:.4g} % interval"
    return f"{about}, these {estimate.n} utterances only" if estimate.scope == THESE_ONLY else about


def _plain_text(text: str) -> str:
    """Return a text that matplotlib shows as it is: between two dollar signs it would read formulas."""
    return text.replace("$", r"\$")


def _bare(axes: Any) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_LINE)
    axes.tick_params(colors=_TEXT, labelsize=9, length=0)
    axes.xaxis.label.set(color=_TEXT, fontsize=9)
    axes.grid(axis="x", color="#eceef0", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0.12)
