"""The tutorial notebooks run from top to bottom without a browser, and are stored without outputs."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from realtime_nb.tutorials import tutorials_folder

_NOTEBOOKS = sorted(tutorials_folder().glob("*.ipynb"))
_IDS = [path.stem for path in _NOTEBOOKS]


def _cells(path: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return cells


@pytest.mark.parametrize("path", _NOTEBOOKS, ids=_IDS)
def test_runs_from_top_to_bottom(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()


@pytest.mark.parametrize("path", _NOTEBOOKS, ids=_IDS)
def test_stores_no_output(path: Path) -> None:
    code = [cell for cell in _cells(path) if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.parametrize("path", _NOTEBOOKS, ids=_IDS)
def test_no_blocking_cell_follows_the_cell_of_a_widget(path: Path) -> None:
    """Under "run all", a card is drawn only when the cell after it has ended (docs/notebook.md 23)."""
    code = ["".join(cell["source"]) for cell in _cells(path) if cell["cell_type"] == "code"]
    widgets = {
        line.split(" = rt.RealtimeWidget")[0] for each in code for line in each.splitlines() if "Widget(" in line
    }
    for cell, following in itertools.pairwise(code):
        if cell.splitlines()[-1] in widgets:
            assert "await" not in following
            assert "rt.run" not in following
