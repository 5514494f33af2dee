"""openai-node as a reference: installed outside the repository, driven round by round from here.

Owns its installation and its process. Must not know what it is compared with.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

_SCRIPT = Path(__file__).with_name("node_peer.mjs")
_FOLDER = Path(tempfile.gettempdir()) / "realtime-nb-bench-node"
"""Kept from run to run, so that npm is asked once."""


class Node:
    """openai-node in a process that measures itself, after as many rounds of warming up as it is given.

    Attributes:
        version: of the SDK.
    """

    def __init__(self, address: str) -> None:
        package = json.loads((_FOLDER / "node_modules/openai/package.json").read_text())
        self.version = str(package["version"])
        command = ["node", "--expose-gc", str(_SCRIPT), str(_FOLDER), address]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def round_us(self, **what: Any) -> float:
        """Microseconds of CPU an event, in one round; see the script for what a round says."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"openai-node ended in the round {what!r}: its own words are above")
        return float(answer)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def why_not() -> str:
    """Install openai-node if need be; returns why it cannot be measured, or nothing."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return "no npm"
    if not (_FOLDER / "node_modules/openai/package.json").exists():
        command = [npm, "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(_FOLDER), "openai", "ws"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"npm could not install it: {done.stderr.strip().splitlines()[-1:]}"
    return ""
