"""The widget where no page shows it: in a script, under papermill, and in nbconvert's exports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.kernels import folder_with

_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 120
_CELLS = (
    "import realtime_nb as rt",
    "w = rt.RealtimeWidget(backend='local')\nw",
    "question = 'Hello!'",
    "turn = await w.ask(question)\nprint(turn.text)",
    "print(rt.run(w.ask('Count to three.')).text)",
    "await w.freeze()",
)
_SCRIPTS = {
    "rt.run": """
        import realtime_nb as rt
        w = rt.RealtimeWidget(backend="local")
        turn = rt.run(w.ask("What is two plus two?"))
        print(turn.text, len(turn.audio.samples) > 2400, w.status)
    """,
    "asyncio.run": """
        import asyncio
        import realtime_nb as rt

        async def main():
            w = rt.RealtimeWidget(backend="local")
            turn = await w.ask("What is two plus two?")
            print(turn.text, len(turn.audio.samples) > 2400, w.status)

        asyncio.run(main())
    """,
    "two event loops": """
        import asyncio
        import realtime_nb as rt

        w = rt.RealtimeWidget(backend="local")

        async def main():
            return await w.ask("What is two plus two?")

        asyncio.run(main())
        turn = asyncio.run(main())
        print(turn.text, len(turn.audio.samples) > 2400, w.status)
    """,
}


def _environment(*first: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (_ROOT, *first)))}


def _run(folder: Path, *command: str, first: tuple[Path, ...] = ()) -> subprocess.CompletedProcess[str]:
    environment = _environment(*first) | {
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done


@pytest.fixture
def source(tmp_path: Path) -> Path:
    cells = [nbformat.v4.new_code_cell(cell) for cell in _CELLS]  # type: ignore[no-untyped-call]
    cells[2].metadata["tags"] = ["parameters"]
    book = nbformat.v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = tmp_path / "talk.ipynb"
    nbformat.write(book, path)  # type: ignore[no-untyped-call]
    return path


def _outputs(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [output for cell in cells if cell["cell_type"] == "code" for output in cell["outputs"]]


def _printed(path: Path) -> str:
    return "".join("".join(output["text"]) for output in _outputs(path) if output["output_type"] == "stream")


@pytest.mark.parametrize("kind", _SCRIPTS)
def test_a_script_asks_and_ends_without_a_word_of_error(kind: str, tmp_path: Path) -> None:
    lines = _SCRIPTS[kind].strip("\n").splitlines()
    script = tmp_path / "ask.py"
    script.write_text("\n".join(line[8:] for line in lines))
    done = _run(tmp_path, "-W", "error::ResourceWarning", str(script))
    assert done.stdout.split("\n")[0].endswith("4. True idle")
    assert done.stderr == ""


def test_papermill_runs_a_notebook_with_a_card_and_a_parameter(source: Path, tmp_path: Path) -> None:
    folder = folder_with("papermill", "papermill>=2.6", "tenacity", "entrypoints", "tqdm")
    target = tmp_path / "done.ipynb"
    command = ("-m", "papermill", "--no-progress-bar", str(source), str(target), "-p", "question", "Count to two.")
    _run(tmp_path, *command, first=(folder,))
    assert _printed(target) == "1, 2.\n1, 2, 3.\n"
    frozen = [output["data"]["text/plain"] for output in _outputs(target) if output["output_type"] == "display_data"]
    assert len(frozen) == 1
    assert "".join(frozen[0]).count("\n") == 3


def test_nbconvert_runs_a_notebook_and_exports_the_conversation_without_a_live_card(
    source: Path, tmp_path: Path
) -> None:
    _run(tmp_path, "-m", "nbconvert", "--to", "html", "--execute", str(source), "--output", "done.html")
    html = (tmp_path / "done.html").read_text(encoding="utf-8")
    assert 'class="rtnb-frozen ' in html
    assert "1, 2, 3." in html
    state = html.split('<script type="application/vnd.jupyter.widget-state+json">')[1].split("</script>")[0]
    cards = [
        model["state"]
        for model in json.loads(state)["state"].values()
        if model["state"].get("_anywidget_id", "").endswith("RealtimeWidget")
    ]
    assert len(cards) == 1
    assert "Count to three." not in json.dumps(cards), "a conversation is saved where freeze() puts it only"
