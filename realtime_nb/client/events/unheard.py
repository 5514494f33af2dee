"""Logs errors of the server that reach no handler, no waiting caller and no card.

Owns how often: once a kind a minute, so that a server in trouble does not fill a notebook's log. Must not know sockets.
"""

from __future__ import annotations

import logging
import time

from realtime_nb.errors import ServerError

_log = logging.getLogger("realtime_nb")
_AGAIN_S = 60.0
_KINDS = 256


class UnheardErrors:
    """Errors of one connection, logged as warnings."""

    def __init__(self) -> None:
        self._logged: dict[str, float] = {}

    def log(self, error: ServerError) -> None:
        """Log an error, unless one of its kind was logged within the last minute."""
        kind, now = error.code or str(error), time.monotonic()
        if now - self._logged.get(kind, -_AGAIN_S) < _AGAIN_S:
            return
        if len(self._logged) >= _KINDS:
            self._logged.clear()
        self._logged[kind] = now
        code = f" ({error.code})" if error.code else ""
        _log.warning("The server reported an error%s: %s Register on('error', ...) to handle it.", code, error)
