"""The figure of latencies step by step: where the wait for an answer is spent.

Owns what it looks like. Must not know rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from realtime_nb.lab.results.latency_steps import STEPS, LatencySteps, columns_of
from realtime_nb.lab.results.words import number_words

from .ink import PAPER, SERIES, TEXT
from .rows import first_rows, key_below, key_height_px, name_rows, write_below
from .shown_figure import WIDTH_PX, bare, shown_figure

if TYPE_CHECKING:
    from .shown_figure import ShownFigure

_COLORS = dict(zip(STEPS, SERIES, strict=False))


def waterfall_figure(setting: str, steps: Sequence[LatencySteps], *, width_px: int = WIDTH_PX) -> ShownFigure:
    """Return a figure: for each value of a setting a bar from the end of speech, divided at each step.

    Args:
        setting: its name.
        steps: one for each value.
        width_px: of the figure, in CSS pixels.
    """
    rows, more = first_rows({each.name: each for each in steps})
    columns = columns_of(list(rows.values()))
    said = [
        f"{each.name}: " + ", ".join(f"{STEPS[column]} at {number_words(at)} ms" for column, at in each.at_ms.items())
        for each in rows.values()
    ]
    return shown_figure(
        lambda figure: _draw(figure, rows, columns, more, width_px),
        title=f"latency step by step, by {setting}",
        alt=f"Median latency after the end of speech, step by step, by {setting}. {'; '.join(said)}{more}.",
        height_px=104 + 44 * len(rows) + key_height_px(len(columns), width_px),
        width_px=width_px,
        numbers=[{"value": each.name, **each.at_ms, "trials": each.trials} for each in steps],
    )


def _draw(figure: Any, rows: Mapping[str, LatencySteps], columns: Sequence[str], more: str, width_px: int) -> None:
    axes = figure.subplots()
    longest = max(max(each.at_ms.values()) for each in rows.values()) or 1.0
    for place, each in enumerate(rows.values()):
        ends = list(each.at_ms.items())
        for (_, start), (column, end) in pairwise([("", 0.0), *ends]):
            axes.barh(
                [place], [end - start], left=start, height=0.56, color=_COLORS[column], edgecolor=PAPER, linewidth=1
            )  # fmt: skip
        last = ends[-1][1]
        axes.annotate(
            f"{number_words(last)} ms", (last, place), (5, 0), textcoords="offset points", va="center", fontsize=9,
            color=TEXT,
        )  # fmt: skip
    trials = [each.trials for each in rows.values()]
    lacking = sum(each.others for each in rows.values())
    counted = f"{min(trials)} trials" if min(trials) == max(trials) else f"{min(trials)} to {max(trials)} trials"
    left_out = f", {lacking} with a step missing left out" if lacking else ""
    write_below(axes, f"ms after the end of speech; median of {counted}{left_out}{more}", rows, width_px)
    axes.set_xlim(0, longest * (1.12 if width_px >= 640 else 1.3))
    name_rows(axes, rows, width_px)
    bare(axes)
    key_below(figure, {f"until {STEPS[column]}": _COLORS[column] for column in columns}, width_px)
