"""Remedies for what a notebook's kernel does to comm messages.

Owns every use of a private name of ipykernel. Must not know sessions.
"""

from __future__ import annotations

from typing import Any


def keep_comm_on_subshell(comm: Any) -> bool:
    """Make the kernel handle the page's messages while a cell runs; True where the kernel has the hook for it.

    ipykernel 7.4 routes a comm message to the shell that *last published* on that comm: the messages of a widget that
    was made in a cell, or last updated from one, go to the main thread and wait until the cell ends. This sends them
    where the front end wanted them, to its subshell (docs/notebook.md 3). The hook is a private name that other
    versions do not have; a test holds it.
    """
    if comm is None or not hasattr(comm, "_reply_subshell_for"):
        return False
    comm._reply_subshell_for = lambda data, default: default
    return True
