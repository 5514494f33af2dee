"""The figure of cut-offs against delay, with the frontier.

Owns what it looks like, and where the names of points stand. Must not know how points are computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from realtime_nb.lab.results.frontier import FrontierPoint
from realtime_nb.lab.results.metrics import Metric
from realtime_nb.lab.results.words import interval_words, number_words
from realtime_nb.lab.statistics.estimate import TOO_FEW

from .ink import CLEAR, PAPER, QUIET, TEXT
from .shown_figure import WIDTH_PX, bare, plain_text, shown_figure, wrapped

if TYPE_CHECKING:
    from .shown_figure import ShownFigure

_MOST_NAMES = 8  # beyond, or in a narrow figure, the points have numbers, and the names stand below
_NARROW_PX = 560
_KEY_LINE_PX = 19
_KEY_COLUMN_PX = 290


def frontier_figure(
    setting: str, delay: Metric, points: Sequence[FrontierPoint], without: Sequence[str], *, width_px: int = WIDTH_PX
) -> ShownFigure:
    """Return a figure: a point for each value of a setting, delay to the right, cut-offs upwards.

    Of many values the frontier and the nearest to it have intervals and names; its numbers have all.

    Args:
        setting: its name.
        delay: the column of delays.
        points: shortest delay first, those of the frontier marked.
        without: the names of values that have no delay.
        width_px: of the figure, in CSS pixels.
    """
    numbered = len(points) > _MOST_NAMES or width_px < _NARROW_PX
    named = _nearest(points)
    rest = [each for each in points if each not in named]
    columns = max(1, width_px // _KEY_COLUMN_PX)
    key_px = _KEY_LINE_PX * (-(-len(named) // columns) + 1) if numbered else 0
    return shown_figure(
        lambda figure: _draw(figure, delay, named, rest, without, columns if numbered else 0, width_px),
        title=f"cut-offs against delay, by {setting}",
        alt=_alt(setting, delay, named, rest, without),
        height_px=min(460, 240 + 0.2 * width_px) + key_px,
        width_px=width_px,
        numbers=[each.line() for each in points],
    )


_MOST_POINTS = 30  # with a name and intervals


def _nearest(points: Sequence[FrontierPoint]) -> list[FrontierPoint]:
    """Return the points of the frontier, and of the others those with the best places in both numbers; in order."""
    by_cuts = sorted(range(len(points)), key=lambda place: points[place].cut_offs.value)
    places = {place: rank + place for rank, place in enumerate(by_cuts)}  # points are in the order of delays
    ranked = sorted(places, key=lambda place: (not points[place].best, places[place]))
    return [points[place] for place in sorted(ranked[:_MOST_POINTS])]


def _rest_words(rest: Sequence[FrontierPoint]) -> str:
    return f"; small dots: {len(rest)} more, see the numbers" if rest else ""


def _alt(
    setting: str, delay: Metric, points: Sequence[FrontierPoint], rest: Sequence[FrontierPoint], without: Sequence[str]
) -> str:
    said = [
        f"{each.name}: {number_words(each.delay.value)} ms, {number_words(each.cut_offs.value)} cut-offs a turn"
        + (", on the frontier" if each.best else "")
        for each in points
    ]
    lost = f" Without a delay: {', '.join(without)}." if without else ""
    return f"Cut-offs a turn against {delay.name}, by {setting}. {'; '.join(said)}{_rest_words(rest)}.{lost}"


def _draw(
    figure: Any, delay: Metric, points: Sequence[FrontierPoint], rest: Sequence[FrontierPoint],
    without: Sequence[str], columns: int, width_px: int,
) -> None:  # fmt: skip
    axes = figure.subplots()
    steps = np.array(sorted((_place(each) for each in (*points, *rest) if each.best), key=lambda place: place[0]))
    # A horizontal step: between two points, more delay buys nothing until the next one.
    axes.step(steps[:, 0], steps[:, 1], where="post", color=CLEAR, linewidth=1.4, alpha=0.6, zorder=2)
    top = max((each.cut_offs.value for each in rest), default=0.0)
    if rest:
        axes.scatter(*np.array([_place(each) for each in rest]).T, s=9, color=QUIET, linewidths=0, zorder=1)
    for number, each in enumerate(points, 1):
        x, y = _place(each)
        across = _reach(each.delay.low, x, each.delay.high)
        up = _reach(each.cut_offs.low, y, each.cut_offs.high)
        up[0] = np.minimum(up[0], y)  # there are no fewer than none
        top = max(top, y + float(up[1, 0]))
        color = CLEAR if each.best else QUIET
        axes.errorbar(x, y, xerr=across, yerr=up, fmt="none", ecolor=color, elinewidth=1.2, alpha=0.45, zorder=1)
        size = 150 if columns else 52
        axes.scatter([x], [y], s=size, color=color if each.best else PAPER, edgecolors=color, linewidths=1.6, zorder=3)
        if columns:
            ink = PAPER if each.best else QUIET
            axes.annotate(str(number), (x, y), ha="center", va="center_baseline", fontsize=7.5, color=ink, zorder=4)
    estimates = [estimate for each in points for estimate in (each.delay, each.cut_offs)]
    bars = next((f"bars: {interval_words(each)}" for each in estimates if np.isfinite([each.low, each.high]).all()), "")
    lost = f"; without a delay: {', '.join(without)}" if without else ""
    axes.set_xlabel(wrapped(f"typical {delay.name}, ms; {bars or TOO_FEW}{_rest_words(rest)}{lost}", width_px))
    axes.set_ylabel("cut-offs a turn")
    bare(axes, grid="both")
    axes.margins(x=0.14)
    axes.set_ylim(-0.09 * top or -0.09, 1.12 * top or 1.0)
    if columns:
        _key(figure, points, columns)
    else:
        _name(figure, axes, points)


def _key(figure: Any, points: Sequence[FrontierPoint], columns: int) -> None:
    """Write the numbers of the points and their names below."""
    from matplotlib.lines import Line2D

    names = [plain_text(f"{number}  {each.name}") for number, each in enumerate(points, 1)]
    legend = figure.legend(
        [Line2D([], [], linestyle="none") for _ in points], names, loc="outside lower left", ncols=columns,
        frameon=False, fontsize=8.5, handlelength=0, handletextpad=0, columnspacing=2,
    )  # fmt: skip
    for text, each in zip(legend.get_texts(), points, strict=True):
        text.set(color=CLEAR if each.best else QUIET)


def _reach(low: float, value: float, high: float) -> Any:
    """Return how far an interval reaches to both sides, for `errorbar`; 0 where it has no end."""
    ends = [value - low if np.isfinite(low) else 0.0, high - value if np.isfinite(high) else 0.0]
    return np.maximum(np.array(ends).reshape(2, 1), 0)


def _place(point: FrontierPoint) -> tuple[float, float]:
    return point.delay.value, point.cut_offs.value


# Where a name may stand beside its point: x and y in points, and the alignments.
_SIDES = (
    (9, 4, "left", "bottom"), (9, -4, "left", "top"), (-9, 4, "right", "bottom"), (-9, -4, "right", "top"),
    (0, 10, "center", "bottom"), (0, -10, "center", "top"), (9, 16, "left", "bottom"), (9, -16, "left", "top"),
    (-9, 16, "right", "bottom"), (-9, -16, "right", "top"),
)  # fmt: skip


def _name(figure: Any, axes: Any, points: Sequence[FrontierPoint]) -> None:
    """Write the names beside their points, each where it covers the least of what is there already."""
    figure.draw_without_rendering()  # lays the axes out: names must not change the layout afterwards
    frame = axes.get_window_extent()
    dots = np.array([axes.transData.transform(_place(each)) for each in points])
    taken: list[Any] = []
    for each in points:
        made = axes.annotate(
            plain_text(each.name), _place(each), (0, 0), textcoords="offset points", fontsize=9, zorder=4,
            color=TEXT if each.best else QUIET, in_layout=False, annotation_clip=False,
        )  # fmt: skip
        costs = []
        for place, side in enumerate(_SIDES):
            box = _moved(made, side)
            over = sum(_shared(box, other) for other in taken)
            over += 300.0 * sum(box.padded(3).contains(*dot) for dot in dots)
            outside = max(frame.x0 - box.x0, 0) + max(box.x1 - frame.x1, 0) + max(box.y1 - frame.y1, 0)
            costs.append((over + 50.0 * outside + place, side))
        taken.append(_moved(made, min(costs)[1]))


def _moved(annotation: Any, side: tuple[int, int, str, str]) -> Any:
    annotation.xyann = side[:2]
    annotation.set(ha=side[2], va=side[3])
    return annotation.get_window_extent()


def _shared(one: Any, other: Any) -> float:
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    up = min(one.y1, other.y1) - max(one.y0, other.y0)
    return float(max(across, 0.0) * max(up, 0.0))
