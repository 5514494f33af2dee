"""Results show themselves wherever they are displayed: in a kernel, without anywidget, as HTML, in a terminal."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert.exporters import HTMLExporter

VIEW = "application/vnd.jupyter.widget-view+json"
MAKE = """
import realtime_nb as rt
rows = [
    dict(trial_id=f"{n}", utterance="What time is it?", utterance_hash="h", variant=("brief", "long")[n % 2],
         error=None, text="<script>alert(1)</script>", total_ms=900.0 + n)
    for n in range(4)
]
clip = rt.AudioClip(bytes(4800), 24_000)
"""
WITHOUT_ANYWIDGET = """
import sys
sys.modules["anywidget"] = None
del sys.modules["realtime_nb.lab.view.card"]
rt.Results(rows)
"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    cells = [MAKE, "results = rt.Results(rows, audio=lambda row: clip)\nresults", WITHOUT_ANYWIDGET]
    v4: Any = nbformat.v4  # it has no types
    book = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells])
    folder = str(tmp_path_factory.mktemp("display"))
    NotebookClient(book, timeout=120, resources={"metadata": {"path": folder}}).execute()
    return book


def test_kernel_shows_the_card_and_then_the_page_for_readers_without_it(executed: Any) -> None:
    card, page = executed.cells[1].outputs
    assert VIEW in card.data
    assert card.data["text/plain"] == ""
    key = executed.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"][card.data[VIEW]["model_id"]][
        "state"
    ]["key"]
    assert f'data-rtnb-static="{key}"' in page.data["text/html"]
    assert "4 trials" in page.data["text/plain"]
    # The run is over with its last cell: nothing may be missing that would be made later.
    for part in ("<table", '<img class="rtnb-light"', "<audio controls"):
        assert part in page.data["text/html"]


def test_kernel_without_anywidget_shows_the_page_alone(executed: Any) -> None:
    (page,) = executed.cells[2].outputs
    assert "brief" in page.data["text/html"]


def test_notebook_as_html_holds_the_page_and_runs_nothing_of_a_transcript(executed: Any) -> None:
    exporter: Any = HTMLExporter  # it has no types
    html, _ = exporter().from_notebook_node(executed)
    assert html.count("What time is it?") >= 2
    assert "<script>alert(1)" not in html


def test_terminal_prints_the_table() -> None:
    script = f"{MAKE}\nrt.Results(rows)._ipython_display_()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "4 trials" in done.stdout
    assert "brief" in done.stdout
