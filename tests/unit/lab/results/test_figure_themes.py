"""Figures in the colours of light and dark pages."""

from __future__ import annotations

import re
from html import unescape
from typing import Any, cast

import pytest

from realtime_nb.lab.results.figures import ink
from realtime_nb.lab.results.results import Results

from .sweeps import rows_of

_TEXTS = [ink.TEXT, ink.QUIET, ink.CLEAR, *ink.SERIES]


def _contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG defines it."""
    lights = []
    for color in (one, other):
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)


@pytest.mark.parametrize("color", _TEXTS)
def test_colors_of_texts_can_be_read_on_pages_of_both_themes(color: str) -> None:
    assert _contrast(color, "#ffffff") >= 4.5 or color in ink.SERIES
    assert _contrast(color, "#ffffff") >= 3  # of bars and lines
    dark = ink.in_theme(color, "dark")
    assert _contrast(dark, "#111111") >= 4.5
    assert _contrast(dark, "#1f1f1f") >= 4.5  # VS Code


def _colors(svg: str) -> set[str]:
    return set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", svg))


def test_dark_figure_has_no_color_of_the_light_one() -> None:
    figure: Any = Results(rows_of({"a": {"voice": "a"}, "b": {"voice": "b"}})).plot("voice")
    light, dark = _colors(figure.svg("light")), _colors(figure.svg("dark"))
    assert light == _colors(figure.svg("light"))
    assert ink.TEXT in light
    assert not light & dark
    assert len(light) == len(dark)


def test_figure_of_a_notebook_has_both_themes_and_its_numbers_in_words() -> None:
    figure: Any = Results(rows_of({"<b>": {"voice": "a"}, "b": {"voice": "b"}})).plot()
    html = figure._repr_html_()
    assert html.count("<img ") == 2
    assert "<b>" not in html
    (alt, _) = re.findall(r'alt="([^"]*)"', html)
    assert unescape(alt).startswith("speech_end_to_first_audible_ms by variant, differences from <b>. b: ")
    # A notebook that is not trusted loses the style: then only the light figure shows, on a white ground.
    assert 'class="rtnb-dark" hidden="hidden"' in html


def test_figure_ignores_the_users_style_and_leaves_it_alone() -> None:
    import matplotlib
    from matplotlib import style

    results = Results(rows_of({"a": {"voice": "a"}, "b": {"voice": "b"}}, utterances=3, repeats=2))
    plain = _colors(cast(Any, results.distribution()).svg())
    with matplotlib.rc_context():
        style.use("dark_background")
        before = dict(matplotlib.rcParams)
        styled = _colors(cast(Any, results.distribution()).svg())
        assert dict(matplotlib.rcParams) == before
    assert styled == plain
