"""Shows results in a cell: the live card, and below it the static page, of which a reader sees one.

Owns what a cell's outputs hold. Must not know tables or figures. Imports the widget's packages late: results are shown
in terminals, and where anywidget is not installed, too.

A widget's output is not shown where a notebook is opened without its kernel, and no other part of that output is either
(docs/notebook.md 22). So the static page is an output of its own. The card hides it, and it hides the line that says
that the card's widget was not found. Where a person runs the cell, the page is made after it: in the cell it would keep
the kernel from answering the card for seconds.
"""

from __future__ import annotations

import sys
import uuid
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from realtime_nb.recording.no_math import NO_MATH
from realtime_nb.texts import whole_characters

from .late_output import LateOutput
from .page_maker import PageMaker
from .source import ResultsSource
from .static_page import static_html

_VIEW = "application/vnd.jupyter.widget-view+json"
_cards: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

# The renderer of a widget that is not there writes its line into a node without elements.
_STYLE = (
    ".jp-OutputArea-child:has(+ .jp-OutputArea-child .rtnb-static) > .jp-RenderedWidget:not(:has(*)),"
    ".jp-OutputArea-child:has(+ .jp-OutputArea-child .rtnb-static) > .jupyter-widgets:not(:has(*)) {display: none;}"
    "@keyframes rtnb-static-later {from {visibility: hidden;}}"
    ".rtnb-static-later {animation: rtnb-static-later 5s step-end;}"
)
_LATER = (
    '<p class="rtnb-static-later">The results are not here yet: the page that a notebook keeps of them is made some '
    "seconds after the cell has run. In a notebook that was saved before, run the cell again.</p>"
)
_maker = PageMaker()


def show(results: ResultsSource) -> None:
    """Show results in the cell that is running; in a terminal, print them."""
    if not _in_notebook():
        print(results)  # noqa: T201 # what a terminal shows of a value
        return
    import IPython.display

    publish: Any = IPython.display.publish_display_data  # it has no types
    card = _card_of(results)
    if card is None:
        publish(_bundle(*_page(results, "")))
        return
    card.answered.clear()
    publish({_VIEW: {"version_major": 2, "version_minor": 0, "model_id": card.model_id}, "text/plain": ""})
    output = LateOutput.of_running_cell()
    if output is None:
        publish(_bundle(*_page(results, card.key)))
        return
    output.show(*_place(card.key, _LATER, f"Results: {len(results.rows):,} rows"))
    _maker.make_later(output, partial(_page, results, card.key), card.answered)


def _bundle(html: str, text: str) -> dict[str, str]:
    return {"text/html": html, "text/plain": text}


def _page(results: ResultsSource, key: str) -> tuple[str, str]:
    """Return the static page as an output."""
    return _place(key, static_html(results), whole_characters(repr(results)))


def _place(key: str, html: str, text: str) -> tuple[str, str]:
    """Return an output that the card of this key hides, as HTML and as text."""
    return f'<style>{_STYLE}</style><div class="rtnb-static {NO_MATH}" data-rtnb-static="{key}">{html}</div>', text


def rows_changed(results: ResultsSource) -> None:
    """Let the pages that show the card of results ask for the rows again."""
    card = _cards.get(results)
    if card is not None:
        card.rows_changed()


def _in_notebook() -> bool:
    """Whether a front end shows what this process displays."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


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
