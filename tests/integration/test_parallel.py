"""With `-n`, tests run beside each other, and those that are marked `alone` do not: pytest on files of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("xdist", reason="the extra `test` is not installed as it is now")

_ROOT = Path(__file__).parents[2]
_CONFTEST = """
from pathlib import Path
from tests import parallel
parallel._E2E = Path(__file__).parent / "e2e"
from tests.conftest import *
"""
_TESTS = """
import logging, os, pytest, time
from pathlib import Path

pytestmark = [pytest.mark.alone] if {alone} else []

@pytest.mark.parametrize("number", range(8))
def test_is_noted(number):
    logging.getLogger().warning("half a character: \\ud800")
    for what in ("begins", "ends"):
        with Path(__file__).parents[{up}].joinpath("notes").open("a") as notes:
            notes.write(f"{{Path(__file__).stem}} {{os.getpid()}} {{what}}\\n")
        time.sleep(0.05)
"""


def _pytest(folder: Path) -> subprocess.CompletedProcess[str]:
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    return subprocess.run(
        [*command, str(folder)], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )


def test_lone_tests_run_beside_no_other_test_and_end_to_end_tests_in_one_process(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(_CONFTEST)
    (tmp_path / "e2e").mkdir()
    files = {
        "test_a": (0, False),
        "e2e/test_b": (1, False),
        "e2e/test_c": (1, True),
        "e2e/test_f": (1, True),
        "test_d": (0, False),
        "test_e": (0, False),
    }
    for name, (up, alone) in files.items():
        (tmp_path / f"{name}.py").write_text(_TESTS.format(up=up, alone=alone))
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = alone: no test runs beside it\n")
    done = _pytest(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    notes = [line.split() for line in (tmp_path / "notes").read_text().splitlines()]
    lone = [place for place, (file, *_) in enumerate(notes) if file in ("test_c", "test_f")]
    assert len(lone) == 32
    assert lone == list(range(lone[0], lone[0] + 32)), "another test ran between"
    assert len({process for file, process, _ in notes if file in ("test_b", "test_c", "test_f")}) == 1
    rest = [what for file, _, what in notes if file not in ("test_c", "test_f")]
    assert rest != ["begins", "ends"] * 32, "the other tests ran one after the other"
