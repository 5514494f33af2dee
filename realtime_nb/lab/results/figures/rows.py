"""What figures with one row for each value of a setting have in common.

Owns the height of rows, their names, and how many are drawn. Must not know what a row shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, TypeVar

from .ink import TEXT
from .shown_figure import short_name, wrapped

NARROW_PX = 560
MOST_ROWS = 40

_Row = TypeVar("_Row")


def first_rows(rows: Mapping[str, _Row]) -> tuple[dict[str, _Row], str]:
    """Return the rows that are drawn, by name, and a note on those that are not; empty for none."""
    more = len(rows) - MOST_ROWS
    return dict(islice(rows.items(), MOST_ROWS)), f"; {more} more are not drawn" if more > 0 else ""


def name_rows(axes: Any, names: Mapping[str, Any], width_px: int) -> None:
    """Give axes a row for each name, the first one at the top."""
    narrow = width_px < NARROW_PX
    axes.set_yticks(range(len(names)), [short_name(name, 18 if narrow else 26) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)


def write_below(axes: Any, text: str, names: Mapping[str, Any], width_px: float) -> None:
    """Write the label of the axis below, in lines as long as the axes are wide beside the names of their rows."""
    columns = 18 if width_px < NARROW_PX else 26
    names_px = 7 * max((min(len(name), columns) for name in names), default=0)
    axes.set_xlabel(wrapped(text, width_px - names_px))


def key_below(figure: Any, colors: Mapping[str, str], width_px: int) -> None:
    """Write below the axes which colour stands for what."""
    from matplotlib.patches import Patch

    figure.legend(
        [Patch(facecolor=color, linewidth=0) for color in colors.values()], list(colors), loc="outside lower left",
        ncols=max(1, width_px // KEY_COLUMN_PX), frameon=False, fontsize=8.5, labelcolor=TEXT, handlelength=1,
        handleheight=1, columnspacing=1.5,
    )  # fmt: skip


KEY_COLUMN_PX = 190


def key_height_px(entries: int, width_px: int) -> float:
    """Return the height that `key_below` takes."""
    return 14 + 19 * -(-entries // max(1, width_px // KEY_COLUMN_PX))
