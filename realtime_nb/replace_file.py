"""Writes a file so that a failure leaves the old one: beside it first, then in its place.

Owns how a file is replaced. Must not know what is written.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from os import PathLike
from pathlib import Path


def replace_file(path: str | PathLike[str], data: bytes) -> None:
    """Writes `data` to a file beside `path`, and renames it to `path` when it is whole and on the disk.

    A link is followed, and the file keeps its permissions. What is no file, such as a pipe, is written to directly.

    Raises:
        OSError: it cannot be written; `path` is as it was.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
    beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.tmp")
    with beside.open("xb") as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # a full disk may be noticed only here
            if target.exists():
                with contextlib.suppress(OSError):  # a file system without permissions
                    beside.chmod(target.stat().st_mode & 0o7777)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
    try:
        beside.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
