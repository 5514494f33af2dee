"""Shows results in a cell: the live card, and below it the static page, of which a reader sees one.

Owns what a cell's outputs hold. Must not know tables or figures. Imports the widget's packages late: results are shown
in terminals, and where anywidget is not installed, too.

A widget's output is not shown where a notebook is opened without its kernel, and no other part of that output is either
(docs/notebook.md 22). So the static page is an output of its own. The card hides it, and it hides the line that says
that the card's widget was not found.
"""

from __future__ import annotations

import sys
import uuid
from typing import Any
from weakref import WeakKeyDictionary

from realtime_nb.recording.no_math import NO_MATH
from realtime_nb.texts import whole_characters

from .source import ResultsSource
from .static_page import static_html

_VIEW = "application/vnd.jupyter.widget-view+json"
_cards: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

# The renderer of a widget that is not there writes its line into a node without elements.
_HIDE_NO_WIDGET = (
    ".jp-OutputArea-child:has(+ .jp-OutputArea-child .rtnb-static) > .jp-RenderedWidget:not(:has(*)),"
    ".jp-OutputArea-child:has(+ .jp-OutputArea-child .rtnb-static) > .jupyter-widgets:not(:has(*)) {display: none;}"
)


def show(results: ResultsSource) -> None:
    """Show results in the cell that is running; in a terminal, print them."""
    if not _in_notebook():
        print(results)  # noqa: T201 # what a terminal shows of a value
        return
    import IPython.display

    publish: Any = IPython.display.publish_display_data  # it has no types
    card = _card_of(results)
    if card is not None:
        bundle = {_VIEW: {"version_major": 2, "version_minor": 0, "model_id": card.model_id}, "text/plain": ""}
        publish(bundle)
        if _page_waits():
            card.wait_for_page()  # the page below takes a second or two to make
    place = f'<div class="rtnb-static {NO_MATH}" data-rtnb-static="{"" if card is None else card.key}">'
    page = f"<style>{_HIDE_NO_WIDGET}</style>{place}{static_html(results)}</div>"
    publish({"text/html": page, "text/plain": whole_characters(repr(results))})


def _in_notebook() -> bool:
    """Whether a front end shows what this process displays."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def _page_waits() -> bool:
    """Whether a person runs the cell in a page: front ends name the cell, and programs that run notebooks do not."""
    parent: Any = getattr(sys.modules["IPython"].get_ipython(), "get_parent", dict)()
    return "cellId" in (parent.get("metadata") or ())


def _card_of(results: ResultsSource) -> Any:
    """Return the card of results, one for all cells that show them; None where the widget's packages are missing."""
    card = _cards.get(results)
    if card is None or card.comm is None:
        try:
            from .card import ResultsCard
        except ImportError:
            return None
        card = ResultsCard(results, key=uuid.uuid4().hex)
        _cards[results] = card
    return card
