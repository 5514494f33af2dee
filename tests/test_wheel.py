"""Build and install the wheel without Node on the PATH, and check its contents, its import and its command."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def nowhere(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment with an empty PATH (so without Node) and no PYTHONPATH (so without the source tree)."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**inherited, "PATH": str(tmp_path_factory.mktemp("empty"))}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, nowhere: dict[str, str]) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(_ROOT)]
    subprocess.run(command, env=nowhere, check=True)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory, nowhere: dict[str, str]) -> Path:
    """Return the Python of an environment that holds the wheel, and our own dependencies by reference."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=True, symlinks=True)
    bin_folder = Path(sysconfig.get_path("scripts", "venv", vars={"base": str(folder)}))
    command = [str(bin_folder / "python"), "-m", "pip", "install", "-q", "--no-deps", str(wheel)]
    subprocess.run(command, env=nowhere, check=True)
    # As a plain folder, whose own .pth files (our editable install among them) are not read.
    purelib = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(folder)}))
    (purelib / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return bin_folder / "python"


def _run(*command: str | Path, env: dict[str, str], cwd: Path) -> str:
    done = subprocess.run(command, env=env, cwd=cwd, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_wheel_holds_bundle_tutorials_and_licence_and_no_development_files(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "realtime_nb/static/widget.js",
        "realtime_nb/static/widget.css",
        "realtime_nb/static/recorder.js",
        "realtime_nb/static/recorder.css",
        "realtime_nb/static/results.js",
        "realtime_nb/static/results.css",
        "realtime_nb/notebooks/01_first_conversation.ipynb",
        "realtime_nb/py.typed",
    } <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    top = {name.partition("/")[0] for name in names}
    assert top == {"realtime_nb", *(each for each in top if each.endswith(".dist-info"))}
    assert not [name for name in names if "node_modules" in name or name.endswith((".ts", ".map", ".pyc"))]


def test_installed_wheel_imports_and_makes_a_widget(python: Path, nowhere: dict[str, str], tmp_path: Path) -> None:
    code = "import realtime_nb as rt; w = rt.RealtimeWidget(); print(rt.__file__, w.status); w.close()"
    where, status = _run(python, "-c", code, env=nowhere, cwd=tmp_path).split()
    assert Path(where).is_relative_to(python.parent.parent)
    assert status == "idle"


def test_installed_command_finds_the_tutorials(python: Path, nowhere: dict[str, str], tmp_path: Path) -> None:
    code = "import pathlib; from realtime_nb import tutorials; print(tutorials.copy_tutorials(pathlib.Path()).first)"
    first = _run(python, "-c", code, env=nowhere, cwd=tmp_path).strip()
    assert first == "01_first_conversation.ipynb"
    assert (tmp_path / first).exists()
    assert "demo" in _run(python.parent / "realtime-nb", "--help", env=nowhere, cwd=tmp_path)
