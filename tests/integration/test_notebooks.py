"""The tutorial notebooks run from top to bottom without a browser, and are stored without outputs."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from realtime_nb.tutorials import tutorials_folder
from tests.chat_server import ChatServer

_NOTEBOOKS = sorted(tutorials_folder().glob("*.ipynb"))
_MODELS = tutorials_folder() / "07_models_and_backends.ipynb"
_IDS = [path.stem for path in _NOTEBOOKS]


def _cells(path: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return cells


@pytest.mark.parametrize("path", _NOTEBOOKS, ids=_IDS)
def test_runs_from_top_to_bottom(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(path, tmp_path, monkeypatch)


def _run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a notebook and return what its cells print and show."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "\n".join(output.get("text") or str(output.get("data", {}).get("text/plain", "")) for output in outputs)


def test_backends_that_are_not_set_up_are_named_and_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = _run(_MODELS, tmp_path, monkeypatch)
    for missing in ("REALTIME_NB_CHAT_URL and REALTIME_NB_CHAT_MODEL", "OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT"):
        assert f"not set up here: {missing}" in shown
    assert re.findall(r"^ +(practice|own server) \|", shown, flags=re.MULTILINE) == ["practice"] * 2 + ["own server"]


def test_local_models_answer_where_they_are_set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer() as chat:
        monkeypatch.setenv("REALTIME_NB_CHAT_URL", chat.url)
        monkeypatch.setenv("REALTIME_NB_CHAT_MODEL", "test-model")
        shown = _run(_MODELS, tmp_path, monkeypatch)
        instructions = [request.messages[0]["content"] for request in chat.chats]
    assert len(set(instructions)) == 2, "the same question, with two instructions"
    for role in ("pirate", "professor"):
        assert re.search(rf"local models \| +{role} \| cost 0\.0 \| You said: Why is the sea salty", shown)


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
