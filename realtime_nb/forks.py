"""Tell a forked process from its parent: objects made before the fork have their threads and sockets in the parent.

Owns the process's number and the error for such an object. Must not know the objects. Without the check, a call on an
inherited object would wait for ever for a thread that only the parent has, or write into the parent's socket.
"""

from __future__ import annotations

import os

from realtime_nb.errors import RealtimeError

process = os.getpid()
"""This process's number, for an object to keep and to compare with: cheaper than a call for each frame of sound."""


def inherited(made_in: int, what: str) -> RealtimeError:
    """Return the error for the use of an object that was made before the fork.

    Args:
        made_in: the value of `process` when the object was made.
        what: names the object, for people.
    """
    return RealtimeError(
        f"{what} belongs to process {made_in}; this is process {process}, a fork of it, which has neither its threads "
        "nor its connection. Make a new one in this process, or use it in that one."
    )


def _forked() -> None:
    global process
    process = os.getpid()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_forked)
