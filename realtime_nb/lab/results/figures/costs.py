"""The figure of costs: money and tokens of a user turn.

Owns what it looks like. Must not know rows or prices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from realtime_nb.lab.results.words import number_words
from realtime_nb.lab.statistics.estimate import Estimate

from .ink import CLEAR, PAPER, QUIET, SERIES, TEXT
from .rows import NARROW_PX, first_rows, key_below, key_height_px, name_rows, write_below
from .shown_figure import WIDTH_PX, bare, shown_figure

if TYPE_CHECKING:
    from .shown_figure import ShownFigure

KINDS = {
    "input_text_tokens": "text in",
    "input_audio_tokens": "sound in",
    "input_image_tokens": "pictures in",
    "output_text_tokens": "text out",
    "output_audio_tokens": "sound out",
    "other_tokens": "of no stated kind",
}
"""The columns of tokens, and their names."""

_COLORS = dict(zip(KINDS, (*SERIES[:5], QUIET), strict=True))
_THOUSAND = 1_000


@dataclass(frozen=True)
class TurnCost:
    """What a user turn costs with one value of a setting.

    Attributes:
        usd: the mean; None where no price is known.
        tokens: the mean number, by column of `KINDS`.
        unknown: so many trials have no known cost.
    """

    usd: Estimate | None
    tokens: Mapping[str, float]
    unknown: int


def costs_figure(setting: str, costs: Mapping[str, TurnCost], *, width_px: int = WIDTH_PX) -> ShownFigure:
    """Return a figure: on the left what a thousand user turns cost, on the right the tokens of one by kind.

    Args:
        setting: its name.
        costs: by name of the value.
        width_px: of the figure, in CSS pixels; a narrow one has the tokens below.
    """
    rows, more = first_rows(costs)
    kinds = [kind for kind in KINDS if any(each.tokens.get(kind) for each in rows.values())]
    known = any(each.usd is not None and each.usd.value for each in rows.values())
    why = "" if known else _why_no_money(rows)
    panels = known + bool(kinds) if known or kinds else 1
    stacked = panels if width_px < NARROW_PX else 1
    return shown_figure(
        lambda figure: _draw(figure, rows, kinds, known, why + more, width_px),
        title=f"cost of a user turn, by {setting}",
        alt=f"Cost of a user turn, by {setting}. {'; '.join(map(_said, rows, rows.values()))}{more}.",
        height_px=90 + stacked * (44 * len(rows) + 50) + key_height_px(len(kinds), width_px),
        width_px=width_px,
        numbers=[_line(name, each) for name, each in costs.items()],
    )


def _why_no_money(rows: Mapping[str, TurnCost]) -> str:
    return "the prices are unknown" if all(each.usd is None for each in rows.values()) else "these trials cost nothing"


def _said(name: str, cost: TurnCost) -> str:
    money = "unknown" if cost.usd is None else f"{number_words(_THOUSAND * cost.usd.value)} USD a thousand turns"
    tokens = ", ".join(f"{number_words(cost.tokens[kind])} tokens {KINDS[kind]}" for kind in KINDS if cost.tokens[kind])
    return f"{name}: {money}{', ' if tokens else ''}{tokens}"


def _line(name: str, cost: TurnCost) -> dict[str, Any]:
    usd = cost.usd
    ends = [None, None, None] if usd is None else [usd.value, usd.low, usd.high]
    finite = [end if end is not None and np.isfinite(end) else None for end in ends]
    return {
        "value": name, "usd_a_turn": finite[0], "usd_low": finite[1], "usd_high": finite[2], "unknown": cost.unknown,
        **cost.tokens,
    }  # fmt: skip


def _draw(figure: Any, rows: Mapping[str, TurnCost], kinds: list[str], known: bool, note: str, width_px: int) -> None:
    panels = max(1, known + bool(kinds))
    narrow = width_px < NARROW_PX
    made = figure.subplots(*((panels, 1) if narrow else (1, panels)), sharey=True, squeeze=False).ravel()
    tokens = made[-1]
    panel_px = width_px if panels == 1 or narrow else 0.55 * width_px
    if known:
        _draw_money(made[0], rows)
        write_below(made[0], f"USD a thousand user turns; bars: 95 % interval of the mean{note}", rows, panel_px)
    if kinds or not known:
        _draw_tokens(tokens, rows, kinds)
        about = "" if known or not note else f"; {note}"
        write_below(tokens, f"tokens a user turn{about}", rows, panel_px)
    for axes in made:
        bare(axes)
    name_rows(made[0], rows, width_px)
    if kinds:
        key_below(figure, {KINDS[kind]: _COLORS[kind] for kind in kinds}, width_px)


def _draw_money(axes: Any, rows: Mapping[str, TurnCost]) -> None:
    for place, each in enumerate(rows.values()):
        if each.usd is None:
            axes.annotate(
                "unknown", (0, place), (4, 0), textcoords="offset points", va="center", color=QUIET, fontsize=9
            )
            continue
        value, low, high = (_THOUSAND * end for end in (each.usd.value, each.usd.low, each.usd.high))
        axes.barh([place], [value], height=0.5, color=CLEAR)
        if np.isfinite(low) and np.isfinite(high):
            axes.plot([max(low, 0), high], [place, place], color=TEXT, linewidth=1.4)
        _write(axes, number_words(value), (max(value, high if np.isfinite(high) else value), place), TEXT)
    axes.set_xlim(left=0)
    axes.margins(x=0.2)


def _write(axes: Any, text: str, at: tuple[float, float], color: str) -> None:
    axes.annotate(text, at, (5, 0), textcoords="offset points", va="center", color=color, fontsize=9)


def _draw_tokens(axes: Any, rows: Mapping[str, TurnCost], kinds: list[str]) -> None:
    for place, each in enumerate(rows.values()):
        left = 0.0
        for kind in kinds:
            axes.barh(
                [place], [each.tokens[kind]], left=left, height=0.5, color=_COLORS[kind], edgecolor=PAPER, linewidth=1
            )  # fmt: skip
            left += each.tokens[kind]
    axes.set_xlim(left=0)
