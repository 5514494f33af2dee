"""Grades and ratings given after a run, kept beside it: one JSON line each, the last one for a trial counts.

Owns the two files. Must not know graders, or how trials are kept.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

GRADES = "grades.jsonl"
RATINGS = "ratings.jsonl"


class NotesStore:
    """Lines about trials in a folder.

    Args:
        folder: of the runs; None: nothing is kept.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def add(self, name: str, lines: Sequence[Mapping[str, Any]]) -> None:
        """Append lines to a file, each whole: another process may append at the same time."""
        if self._folder is None:
            return
        data = b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)
        path = self._folder / name
        # A torn last line must not swallow the first new one.
        if path.exists() and path.stat().st_size and not path.read_bytes().endswith(b"\n"):
            data = b"\n" + data
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)

    def read(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the lines of a file that can be read, oldest first."""
        if self._folder is None or not (path := self._folder / name).exists():
            return
        for line in path.read_bytes().splitlines():
            try:
                found = json.loads(line)
            except ValueError:
                continue  # torn by a crash
            if isinstance(found, dict):
                yield found
