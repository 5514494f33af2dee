"""The figure of a distribution: how the trials of each value of a setting spread.

Owns what it looks like, for numbers, counts, passes and labels. Must not know rows or statistics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from realtime_nb.lab.results.metrics import Metric
from realtime_nb.lab.results.words import number_words
from realtime_nb.lab.statistics.estimate import Estimate

from .ink import CLEAR, DOT, PAPER, QUIET, SERIES, TEXT
from .rows import first_rows, key_below, key_height_px, name_rows, write_below
from .shown_figure import WIDTH_PX, bare, plain_text, shown_figure

if TYPE_CHECKING:
    from .shown_figure import ShownFigure

_ALL_DOTS = 200  # trials of a row; of more, only those far out are drawn
_FEWEST_FOR_DENSITY = 20
_ROW_PX, _HEAD_PX = 58, 110
_WIDE_RANGE = 8.0  # times the median: an axis with a longer tail is logarithmic
_OTHERS = "others"


def numbers_figure(
    setting: str, metric: Metric, values: Mapping[str, Sequence[float]], *, width_px: int = WIDTH_PX
) -> ShownFigure:
    """Return a figure of numbers: for each value its density, its trials, its median and its middle half.

    Args:
        setting: its name.
        metric: the column.
        values: by name of the value, the numbers of its trials; none is empty.
        width_px: of the figure, in CSS pixels.
    """
    every = {name: np.sort(np.asarray(each, float)) for name, each in values.items()}
    rows, more = first_rows(every)
    unit = f" {metric.unit}" if metric.unit else ""
    lines = [_spread_line(name, each) for name, each in every.items()]
    said = [
        f"{line['value']}: median {number_words(line['median'])}{unit}, middle half {number_words(line['p25'])} to "
        f"{number_words(line['p75'])}, highest {number_words(line['highest'])}, {line['trials']} trials"
        for line in lines[: len(rows)]
    ]
    return shown_figure(
        lambda figure: _draw_numbers(figure, metric, rows, more, width_px),
        title=f"distribution of {metric.name} by {setting}",
        alt=f"Distribution of {metric.name} by {setting}. {'; '.join(said)}{more}.",
        height_px=_HEAD_PX + _ROW_PX * len(rows),
        width_px=width_px,
        numbers=lines,
    )


def rates_figure(
    setting: str, metric: Metric, rates: Mapping[str, Estimate], *, width_px: int = WIDTH_PX
) -> ShownFigure:
    """Return a figure of passes: for each value of a setting its rate with the interval.

    Args:
        setting: its name.
        metric: the column.
        rates: by name of the value, shares of trials.
        width_px: of the figure, in CSS pixels.
    """
    rows, more = first_rows(rates)
    said = [
        f"{name}: {number_words(each.value, 'share')} of {each.n_trials} trials, interval "
        f"{number_words(each.low, 'share')} to {number_words(each.high, 'share')}"
        for name, each in rows.items()
    ]
    return shown_figure(
        lambda figure: _draw_rates(figure, metric, rows, more, width_px),
        title=f"rate of {metric.name} by {setting}",
        alt=f"Rate of {metric.name} by {setting}. {'; '.join(said)}{more}.",
        height_px=_HEAD_PX + 40 * len(rows),
        width_px=width_px,
        numbers=[
            {"value": name, "rate": each.value, "low": each.low, "high": each.high, "trials": each.n_trials}
            for name, each in rates.items()
        ],
    )


def shares_figure(
    setting: str, name: str, values: Mapping[str, Sequence[str | int]], *, width_px: int = WIDTH_PX
) -> ShownFigure:
    """Return a figure of labels or counts: for each value of a setting, how often each one occurred.

    Args:
        setting: its name.
        name: of the column.
        values: by name of the value, the labels or counts of its trials; none is empty.
        width_px: of the figure, in CSS pixels.
    """
    every = {row: Counter(each) for row, each in values.items()}
    labels, others = _labels(every)
    every_count = {row: _in_labels(each, labels, others) for row, each in every.items()}
    counts, more = first_rows(every_count)
    lines = [
        {"value": row, name: label, "trials": n, "share": n / sum(each.values())}
        for row, each in every_count.items()
        for label, n in each.items()
    ]
    said = [
        f"{row}: "
        + ", ".join(f"{line[name]} in {number_words(line['share'], 'share')}" for line in lines if line["value"] == row)
        for row in counts
    ]
    keys = [*labels, *([_OTHERS] if others else [])]
    return shown_figure(
        lambda figure: _draw_shares(figure, name, counts, keys, more, width_px),
        title=f"{name} by {setting}",
        alt=f"Shares of {name} by {setting}. {'; '.join(said)}{more}.",
        height_px=_HEAD_PX + 40 * len(counts) + key_height_px(len(keys), width_px),
        width_px=width_px,
        numbers=lines,
    )


def _spread_line(name: str, values: Any) -> dict[str, Any]:
    low, middle, high, tail = np.percentile(values, (25, 50, 75, 95))
    return {
        "value": name, "trials": values.size, "lowest": float(values[0]), "p25": float(low), "median": float(middle),
        "p75": float(high), "p95": float(tail) if values.size >= 20 else None, "highest": float(values[-1]),
    }  # fmt: skip


def _draw_numbers(figure: Any, metric: Metric, rows: Mapping[str, Any], more: str, width_px: int) -> None:
    axes = figure.subplots()
    lowest, highest = min(each[0] for each in rows.values()), max(each[-1] for each in rows.values())
    middle = float(np.median(np.concatenate(list(rows.values()))))
    is_log = lowest > 0 and highest > _WIDE_RANGE * middle
    if is_log:
        axes.set_xscale("log", subs=())
        axes.xaxis.get_major_locator().set_params(subs=(1, 2, 5) if highest < 300 * lowest else (1,))
        axes.xaxis.set_major_formatter(lambda value, _: number_words(value))
    for place, values in enumerate(rows.values()):
        _row(axes, place, values, is_log=is_log)
    unit = f", {metric.unit}" if metric.unit else ""
    scale = ", logarithmic" if is_log else ""
    write_below(axes, f"{metric.name}{unit}{scale}; line: median, bar: middle half of the trials{more}", rows, width_px)
    name_rows(axes, rows, width_px)
    bare(axes)
    if not is_log:
        axes.margins(x=0.04)


def _row(axes: Any, place: int, values: Any, *, is_log: bool) -> None:
    at, density = _density(np.log(values) if is_log else values)
    if density is not None:
        shape = place - 0.42 * density / density.max()
        axes.fill_between(np.exp(at) if is_log else at, place, shape, color=DOT, alpha=0.45, linewidth=0, zorder=1)
    low, middle, high = np.percentile(values, (25, 50, 75))
    axes.plot([low, high], [place, place], color=CLEAR, linewidth=5, solid_capstyle="butt", alpha=0.9, zorder=3)
    axes.plot([middle, middle], [place - 0.16, place + 0.16], color=TEXT, linewidth=2, zorder=4)
    if values.size > _ALL_DOTS:
        far = 2.5 * (high - low)
        values = values[(values < low - far) | (values > high + far)]
    # The golden ratio spreads any number of dots evenly.
    heights = place + 0.1 + (np.arange(values.size) * 0.618034) % 1 * 0.26
    axes.scatter(values, heights, s=12, color=CLEAR, alpha=0.55, linewidths=0, zorder=2, rasterized=values.size > 2_000)


def _density(values: Any) -> tuple[Any, Any]:
    """Return the density of numbers on a grid; None where they are too few, or all the same."""
    spread = min(float(values.std()), float(np.subtract(*np.percentile(values, (75, 25)))) / 1.349 or np.inf)
    if values.size < _FEWEST_FOR_DENSITY or spread <= 0:
        return values, None
    width = 0.9 * spread * values.size**-0.2
    at = np.linspace(values[0], values[-1], 256)
    # From a fine histogram: the time does not grow with the number of trials.
    counts, edges = np.histogram(values, bins=512)
    centers = (edges[:-1] + edges[1:]) / 2
    return at, (np.exp(-0.5 * ((at[:, None] - centers) / width) ** 2) * counts).sum(axis=1)


def _draw_rates(figure: Any, metric: Metric, rates: Mapping[str, Estimate], more: str, width_px: int) -> None:
    axes = figure.subplots()
    for place, each in enumerate(rates.values()):
        axes.plot([each.low, each.high], [place, place], color=CLEAR, linewidth=2, zorder=2)
        axes.scatter([each.value], [place], s=46, color=CLEAR, edgecolors=CLEAR, zorder=3)
        axes.annotate(
            number_words(each.value, "share"), (each.value, place), (0, 7), textcoords="offset points", ha="center",
            va="bottom", fontsize=9, color=TEXT,
        )  # fmt: skip
    axes.set_xlim(-0.03, 1.03)
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    write_below(axes, f"share of trials with {metric.name}; bars: 95 % interval{more}", rates, width_px)
    name_rows(axes, rates, width_px)
    bare(axes)


def _labels(rows: Mapping[str, Counter[Any]]) -> tuple[list[Any], bool]:
    """Return the labels that have a colour, and whether there are others; counts are sorted."""
    found: Counter[Any] = Counter()
    for each in rows.values():
        found.update(each)
    if all(isinstance(label, (int, float)) for label in found):
        ordered = sorted(found)
    else:
        ordered = [label for label, _ in found.most_common()]
    most = len(SERIES)
    return (ordered, False) if len(ordered) <= most else (ordered[: most - 1], True)


def _in_labels(counts: Counter[Any], labels: Sequence[Any], others: bool) -> dict[Any, int]:
    found = {label: counts[label] for label in labels if counts[label]}
    if others and (rest := sum(counts.values()) - sum(found.values())):
        found[_OTHERS] = rest
    return found


def _draw_shares(
    figure: Any, name: str, rows: Mapping[str, Mapping[Any, int]], labels: Sequence[Any], more: str, width_px: int
) -> None:
    axes = figure.subplots()
    colors = dict(zip(labels, SERIES, strict=False))
    if 0 in colors:  # of counts: quiet, because it is the good case
        colors = {0: DOT, **dict(zip(labels[1:], SERIES[1:], strict=False))}
    if _OTHERS in colors:
        colors[_OTHERS] = QUIET
    for place, counts in enumerate(rows.values()):
        left, total = 0.0, sum(counts.values())
        for label, count in counts.items():
            share = count / total
            axes.barh([place], [share], left=left, height=0.6, color=colors[label], edgecolor=PAPER, linewidth=1)
            left += share
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    write_below(axes, f"share of trials{more}", rows, width_px)
    name_rows(axes, rows, width_px)
    bare(axes)
    key_below(figure, {plain_text(f"{name} {label}"[:32]): color for label, color in colors.items()}, width_px)
