"""The addresses at which this process runs servers whose answers cost nothing.

Owns the list of these addresses. Must not know what the servers are. Imports the standard library only.
"""

from __future__ import annotations

import weakref
from typing import Any
from urllib.parse import urlsplit

# Kept weakly: the port of a server that was collected may be another program's, whose answers may cost money.
_places: weakref.WeakKeyDictionary[Any, tuple[str | None, int | None]] = weakref.WeakKeyDictionary()


def add(server: object, url: str) -> None:
    """Note that a free server listens at this address."""
    _places[server] = _place(url)


def discard(server: object) -> None:
    """Note that a server listens no more; one that was never added is ignored."""
    _places.pop(server, None)


def is_free_at(url: str) -> bool:
    """Return whether this process runs a server at this address whose answers cost nothing."""
    try:
        return _place(url) in list(_places.values())
    except ValueError:  # a port that is no number
        return False


def _place(url: str) -> tuple[str | None, int | None]:
    parts = urlsplit(url)
    return parts.hostname, parts.port
