"""The ticks of a horizontal axis: as many as their labels leave room for.

Owns their places and the commas of large numbers. Must not know what is drawn. Imports matplotlib when it is called.
"""

from __future__ import annotations

from functools import cache
from typing import Any

_LETTER_PT = 5.6  # of a digit at the labels' 9 points
_GAP_PT = 9.0


def fit_ticks(axis: Any) -> None:
    """Let an axis have fewer ticks where its labels would touch; one with a locator of its own is left alone."""
    from matplotlib.ticker import AutoLocator, ScalarFormatter

    if type(axis.get_major_formatter()) is ScalarFormatter:
        axis.set_major_formatter(_classes()[1]())
    if type(axis.get_major_locator()) is AutoLocator:
        axis.set_major_locator(_classes()[0]())


@cache
def _classes() -> tuple[Any, Any]:
    from matplotlib.ticker import AutoLocator, ScalarFormatter

    class Fitting(AutoLocator):
        """Matplotlib's own locator assumes labels three times as wide as high, and "−20,000" is wider."""

        def tick_values(self, vmin: float, vmax: float) -> Any:
            axis: Any = self.axis
            width_pt = axis.axes.bbox.width * 72 / axis.axes.figure.dpi
            for most in (axis.get_tick_space(), 9, 7, 6, 5, 4, 3, 2):
                self.set_params(nbins=max(1, min(most, 9)))
                ticks = super().tick_values(vmin, vmax)
                labels = axis.get_major_formatter().format_ticks(ticks)
                needed_pt = _LETTER_PT * max(map(len, labels)) + _GAP_PT
                if len(ticks) < 2 or width_pt * (ticks[1] - ticks[0]) >= needed_pt * abs(vmax - vmin):
                    break
            return ticks

    class WithCommas(ScalarFormatter):
        """Writes 20,000, as the texts of the package do."""

        def __call__(self, x: float, pos: int | None = None) -> str:
            text: str = super().__call__(x, pos)
            return f"{x:,.0f}".replace("-", "−") if text.lstrip("-−").isdigit() and abs(x) >= 10_000 else text

    return Fitting, WithCommas
