"""Every HTML output says that its dollar signs are money, and no mathematics (docs/notebook.md 40)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

import realtime_nb as rt
from realtime_nb.lab.results.html import table_html
from realtime_nb.notebook.experiments.retake import Retakes
from realtime_nb.recording import to_html

_SAID = "about $1.48, at most $4.26"


def _branches() -> str:
    widget = rt.RealtimeWidget(backend="local")
    try:
        return widget.branches._repr_html_()
    finally:
        widget.close()


_OUTPUTS: dict[str, Callable[[], str]] = {
    "a conversation": lambda: to_html([]),
    "a plan": lambda: rt.Lab([_SAID], backend="local").plan()._repr_html_(),
    "a lab": lambda: rt.Lab([_SAID], backend="local")._repr_html_(),
    "a table of results": lambda: table_html(_SAID, [_SAID], [[_SAID]], [_SAID]),
    "answers to a turn": lambda: Retakes([])._repr_html_(),
    "branches": _branches,
}


@pytest.mark.parametrize("name", _OUTPUTS)
def test_the_outermost_element_is_left_alone_by_mathjax(name: str) -> None:
    html = re.sub(r"^\s*<style>.*?</style>", "", _OUTPUTS[name](), flags=re.DOTALL)
    outermost = re.match(r"<(\w+)[^>]*>", html)
    assert outermost is not None
    assert re.search(r"class=['\"][^'\"]*\bmathjax_ignore tex2jax_ignore\b", outermost[0])
    assert html.endswith(f"</{outermost[1]}>"), "nothing stands beside it"
