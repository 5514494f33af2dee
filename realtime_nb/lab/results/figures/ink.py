"""The colours of figures, each for a light and for a dark page.

Owns the colours. Must not know what is drawn with them, or matplotlib.

A figure is drawn in the light colours. Each of them stands in the SVG as its own hexadecimal text, so that the dark
figure is the same SVG with other texts: no colour may be used for two purposes that differ in the dark.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Theme: TypeAlias = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")

TEXT, QUIET, LINE, GRID, PAPER = "#24292e", "#5f6773", "#c9ccd1", "#eceef0", "#ffffff"
CLEAR, DOT, DOT_EDGE = "#0b6e99", "#8fb3c7", "#fefefe"
SERIES = ("#0072b3", "#d45f00", "#00805f", "#b5568f", "#8a6d00", "#5a5fc7", "#3b8fa8", "#9c4a3c")
"""Colours of series: those of Okabe and Ito, darkened until text in them can be read on white."""

_DARK = {
    TEXT: "#e4e7ea", QUIET: "#a7afb9", LINE: "#4d535b", GRID: "#2b2f35", PAPER: "#111111",
    CLEAR: "#56b9e0", DOT: "#4f7d95", DOT_EDGE: "#121212",
    **dict(zip(
        SERIES,
        ("#58b4e9", "#f0953f", "#35c29b", "#dd8fbf", "#d9bb3c", "#9da2f5", "#7cc7dc", "#d98878"),
        strict=True,
    )),
}  # fmt: skip


def in_theme(svg: str, theme: Theme) -> str:
    """Return an SVG that was drawn in the light colours in those of a theme.

    Args:
        svg: the text of the file.
        theme: of the page that shows it.
    """
    if theme == "light":
        return svg
    for light, dark in _DARK.items():
        svg = svg.replace(light, dark)
    # Matplotlib states no fill for black, in which callers may have added texts: the root's one is inherited.
    return svg.replace("<svg ", f'<svg fill="{_DARK[TEXT]}" ', 1)
