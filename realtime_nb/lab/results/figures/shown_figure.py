"""A matplotlib figure that notebooks show without pyplot, in the colours of their theme.

Owns the forms of a figure: SVG for a light and a dark page, PNG, HTML; and what all figures have in common. Must not
know what is drawn. Imports matplotlib when it is called, and no pyplot: a figure of pyplot is shown again at the end of
its cell.
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from html import escape
from textwrap import fill
from typing import TYPE_CHECKING, Any

from realtime_nb.lab.extra import needed, pandas

from .ink import GRID, LINE, PAPER, QUIET, TEXT, THEMES, Theme, in_theme
from .ticks import fit_ticks

WIDTH_PX = 880
"""The width of a figure where none is asked for."""

_CSS_PX = 96  # a CSS pixel is a 96th of an inch
_NARROWEST_PX, _WIDEST_PX = 300, 2_400
_FONTS = (
    "DejaVu Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans SC", "Hiragino Sans", "PingFang SC", "Yu Gothic",
    "Microsoft YaHei", "Malgun Gothic", "Noto Sans Arabic", "Noto Sans Devanagari", "Arial Unicode MS",
)  # fmt: skip

# The dark figure is hidden, and the light one has a white ground, where a notebook that is not trusted loses the style.
# JupyterLab's sanitizer takes away an attribute without a value: hence hidden="hidden".
_STYLE = """<style>
.rtnb-figure {overflow-x: auto;}
.rtnb-figure img {max-width: max(100%, 560px); height: auto; background: none !important;}
[data-jp-theme-light="false"] .rtnb-figure img.rtnb-light, body.vscode-dark .rtnb-figure img.rtnb-light
  {display: none;}
[data-jp-theme-light="false"] .rtnb-figure img.rtnb-dark, body.vscode-dark .rtnb-figure img.rtnb-dark
  {display: inline !important;}
</style>"""


class _Shown:
    """What figures of results have beside what matplotlib's have; mixed into its class when the first one is drawn.

    Attributes:
        alt: what it shows, in words with numbers.
        numbers: that it shows, by column.
    """

    alt: str
    numbers: Sequence[Mapping[str, Any]]

    @property
    def frame(self) -> Any:
        """The numbers that the figure shows, as a pandas data frame."""
        return pandas().DataFrame(list(self.numbers)).convert_dtypes()

    def svg(self: Any, theme: Theme = "light") -> str:
        """Return the figure as an SVG file without a ground, in the colours of a light or a dark page."""
        buffer = io.StringIO()
        self.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        text = buffer.getvalue()
        return in_theme(text[text.index("<svg ") :], theme)

    def __repr__(self) -> str:
        """Return the figure in words: a terminal shows no picture."""
        return f"<figure: {getattr(self, 'alt', '')}>"

    def _repr_html_(self: Any) -> str:
        drawn = self.svg("light")
        light, dark = (b64encode(in_theme(drawn, theme).encode()).decode() for theme in THEMES)
        alt, width = escape(self.alt), round(self.get_size_inches()[0] * _CSS_PX)
        start = f'width="{width}" alt="{alt}" src="data:image/svg+xml;base64,'
        return (
            f'{_STYLE}<div class="rtnb-figure" tabindex="0">'
            f'<img class="rtnb-light" style="background: #ffffff" {start}{light}">'
            f'<img class="rtnb-dark" hidden="hidden" {start}{dark}"></div>'
        )

    def _repr_png_(self: Any) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()


if TYPE_CHECKING:
    from matplotlib.figure import Figure

    class ShownFigure(_Shown, Figure):
        """A matplotlib figure of results, as type checkers see it."""


@cache
def _figure_class() -> Any:
    return type("ShownFigure", (_Shown, needed("matplotlib.figure", "figures need").Figure), {})


def shown_figure(
    draw: Callable[[Any], None], *, title: str, alt: str, height_px: float, width_px: int = WIDTH_PX,
    numbers: Sequence[Mapping[str, Any]] = (),
) -> ShownFigure:  # fmt: skip
    """Return a figure.

    Args:
        draw: draws into the figure.
        title: at its head.
        alt: what it shows, in words with numbers.
        height_px: its height in CSS pixels.
        width_px: its width in CSS pixels; kept within 300 and 2,400.
        numbers: the numbers that it shows, by column.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    made = _figure_class()
    from matplotlib.text import Text

    width_px = min(max(width_px, _NARROWEST_PX), _WIDEST_PX)
    figure: ShownFigure = made(figsize=(width_px / _CSS_PX, height_px / _CSS_PX), layout="constrained", facecolor=PAPER)
    figure.alt, figure.numbers = alt, numbers
    figure.suptitle(plain_text(wrapped(title, 0.8 * width_px)), x=0.01, ha="left", fontsize=11, color=TEXT)
    draw(figure)
    # Each text by itself, and no rc_context: a figure may be drawn on a thread, and the context would undo what a cell
    # sets in the meantime.
    for text in figure.findobj(Text):
        text.set_fontfamily(_fonts())
    return figure


@cache
def _fonts() -> list[str]:
    """Return the installed families; letters that the first one lacks come from the others."""
    from matplotlib.font_manager import get_font_names

    installed = set(get_font_names())
    return [name for name in _FONTS if name in installed] or ["sans-serif"]


def plain_text(text: str) -> str:
    """Return a text that matplotlib shows as it is: between two dollar signs it would read formulas."""
    return text.replace("$", r"\$")


def wrapped(text: str, width_px: float) -> str:
    """Return a text in lines that fit below an axis in a figure of this width."""
    return fill(text, max(24, round(width_px / 7.5)))


def short_name(text: str, columns: int = 26) -> str:
    """Return a name for an axis, in two lines of `columns` characters at most."""
    return plain_text(fill(text, columns, max_lines=2, placeholder="…"))


def bare(axes: Any, *, grid: str = "x") -> None:
    """Take away the frame of axes but for the line below, and give them their colours and a quiet grid."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
    axes.set_facecolor("none")  # a style of the user's may be dark
    axes.tick_params(colors=TEXT, labelsize=9, length=0, labelfontfamily=_fonts())
    axes.tick_params(which="minor", length=0)
    fit_ticks(axes.xaxis)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set(color=TEXT, fontsize=9)
        axis.get_offset_text().set_color(QUIET)
    axes.grid(axis=grid, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
