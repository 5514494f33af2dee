"""The local servers of this process: one for each set of models, started at first use, stopped when the process ends.

Owns which server belongs to which models. Must not know sessions or what a backend's name means.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import threading

from realtime_nb.local.models import ModelOptions
from realtime_nb.local.process import LocalServer

_MOST = 8
"""Each server is a process with models of its own; a sweep over many models must not fill the memory."""

# The least recently used first. The key None is the practice backend.
servers: dict[ModelOptions | None, LocalServer] = {}
lock = threading.Lock()


def running(models: ModelOptions | None) -> LocalServer:
    """Return the server for these models, or for the practice backend; starts it where it does not run.

    Args:
        models: with their keys resolved, so that another key means another server.

    Raises:
        ConfigError, ConnectError: it does not start.
    """
    with lock:
        server = servers.pop(models, None)
        if server is None or not server.running:
            while len(servers) >= _MOST:
                _close(servers.pop(next(iter(servers))))
            server = LocalServer(token=secrets.token_urlsafe(24), models=models).start()
        servers[models] = server
        return server


@atexit.register
def stop_all() -> None:
    """Stop the servers of this process; the next use starts another."""
    with lock:
        while servers:
            _close(servers.popitem()[1])


def _close(server: LocalServer) -> None:
    with contextlib.suppress(Exception):
        server.close()


def _forked() -> None:
    # The servers are the parent's. Another thread may have held the lock: it would never be released.
    global lock
    lock = threading.Lock()
    inherited = list(servers.values())
    servers.clear()
    for server in inherited:
        server.close()  # lets go of the parent's pipe


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_forked)
