"""Users' editors find the types of events and traits. mypy checks `user_code.py` with the rest of the repository."""

from __future__ import annotations

import json
import subprocess
import sys

from tests import npm

_FILE = "tests/typed/user_code.py"


def test_pyright_finds_the_types_that_a_user_expects() -> None:
    root = npm.FOLDER.parent.parent
    settings = root / "tests/typed/pyrightconfig.json"
    command = [
        npm.node(),
        str(npm.FOLDER / "node_modules/pyright/index.js"),
        "--outputjson",
        "--project",
        str(settings),
    ]
    command += ["--pythonpath", sys.executable]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    assert found["summary"]["filesAnalyzed"] == 1, done.stdout
    assert [(line["range"]["start"]["line"] + 1, line["message"]) for line in found["generalDiagnostics"]] == []
