"""One process writes to a folder at a time.

Owns the lock, which the system releases with the process, however that ends. Must not know what is written.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import weakref
from pathlib import Path
from typing import IO

from realtime_nb.errors import ConfigError


class FolderLock:
    """The lock of a folder, held from its making until `release`.

    Args:
        folder: that is locked; it exists.

    Raises:
        ConfigError: another run writes to the folder; says which process of which machine.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "lock"
        self._file: IO[bytes] = path.open("a+b")
        try:
            _lock(self._file)
        except OSError:
            self._file.seek(0)
            holder = _holder(self._file.read())
            self._file.close()
            raise ConfigError(
                f"another run writes to {str(folder)!r}{holder}. Wait for it, or take another folder: two runs at once "
                "would mix their trials."
            ) from None
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps({"pid": os.getpid(), "host": platform.node()}).encode())
        self._file.flush()
        _held.add(self)

    def release(self) -> None:
        """Let another process write; may be called twice."""
        self._file.close()


_held: weakref.WeakSet[FolderLock] = weakref.WeakSet()


def _forget_in_fork() -> None:
    # A fork has the lock, too: worker processes that outlive a killed run would keep its folder locked.
    for lock in list(_held):
        lock.release()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_forget_in_fork)


def _holder(data: bytes) -> str:
    try:
        found = json.loads(data)
        return f" (process {found['pid']} on {found['host']})"
    except (ValueError, KeyError, TypeError):
        return ""


if sys.platform == "win32":
    import msvcrt

    # The lock is a byte far behind the text, which others must be able to read.
    _FAR = 1 << 20

    def _lock(file: IO[bytes]) -> None:
        file.seek(_FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
