"""Programs of others that run on Node, for tests: openai-agents-js and pyright.

Owns their installation beside this file, in `node_modules`, which `npm ci` makes at the first use.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.parallel import locked

FOLDER = Path(__file__).parent
_INSTALLED = FOLDER / "node_modules" / ".package-lock.json"  # npm writes it last


def node() -> str:
    """The path of Node, with the packages installed; skips the test where that is impossible, unless CI requires it."""
    found, npm = shutil.which("node"), shutil.which("npm")
    why = "node or npm is missing" if found is None or npm is None else ""
    if found is not None and npm is not None:
        with locked("npm"):  # tests of two workers may need it at the same time
            why = _install(npm)
    if why and os.environ.get("REALTIME_NB_E2E") == "required":
        pytest.fail(why)
    if why:
        pytest.skip(why)
    assert found is not None
    return found


def _install(npm: str) -> str:
    """Install the packages where they are missing; return why that failed, or an empty string."""
    if _INSTALLED.exists():
        return ""
    command = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    return f"npm ci failed: {done.stderr[-400:]}" if done.returncode else ""
