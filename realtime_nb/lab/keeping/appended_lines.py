"""JSON Lines files to which lines are only added, also by several processes at a time.

Owns how a line is added whole, and how a file with a torn line is read. Must not know what the lines mean.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any


def append_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Append lines to a file, each whole: another process may append at the same time. They are on the disk then."""
    data = b"".join(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n" for line in lines)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        if os.fstat(handle).st_size:
            os.lseek(handle, -1, os.SEEK_END)
            if os.read(handle, 1) != b"\n":
                data = b"\n" + data  # a torn last line must not swallow the first new one
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file that can be read, oldest first; none where there is no file."""
    if not path.exists():
        return
    for line in path.read_bytes().splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue  # torn by a crash, or written by something else
        if isinstance(found, dict):
            yield found
