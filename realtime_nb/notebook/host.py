"""What the kernel underneath does to comms, and the remedies.

Owns every touch of a private name of ipykernel. Must not know sessions.
"""

from __future__ import annotations

from typing import Any


def keep_comm_on_subshell(comm: Any) -> bool:
    """Let the page's messages be served while a cell runs; True where the kernel needed and took the remedy.

    ipykernel 7.4 routes an incoming comm message to the shell that *last published* on that comm: a widget made in a
    cell, or last updated from one, would be served by the main thread and wait for the cell. Answering with the
    route that the front end asked for (its subshell) keeps the microphone flowing. A private name: absent elsewhere,
    and pinned by a test.
    """
    if comm is None or not hasattr(comm, "_reply_subshell_for"):
        return False
    comm._reply_subshell_for = lambda data, default: default
    return True
