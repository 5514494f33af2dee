"""The addresses at which this process runs servers whose answers cost nothing.

Owns the list of these addresses, and what a server states to be. Must not know what the servers are. Imports the
standard library only.
"""

from __future__ import annotations

import weakref
from typing import Any
from urllib.parse import urlsplit

# Kept weakly: the port of a server that was collected may be another program's, whose answers may cost money.
_places: weakref.WeakKeyDictionary[Any, tuple[str | None, int | None]] = weakref.WeakKeyDictionary()
_identities: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


def add(server: object, url: str, identity: str | None = None) -> None:
    """Note that a free server listens at this address.

    Args:
        server: any object that lives as long as it.
        url: of it; the port is another one each time.
        identity: the same for servers that answer alike, so that what one has answered holds for the other.
    """
    _places[server] = _place(url)
    if identity is not None:
        _identities[server] = identity


def identity_at(url: str) -> str | None:
    """Return the identity of the server at an address; None where this process runs none with one."""
    try:
        place = _place(url)
    except ValueError:  # a port that is no number
        return None
    return next((_identities.get(server) for server, known in _places.items() if known == place), None)


def discard(server: object) -> None:
    """Note that a server listens no more; one that was never added is ignored."""
    _places.pop(server, None)
    _identities.pop(server, None)


def is_free_at(url: str) -> bool:
    """Return whether this process runs a server at this address whose answers cost nothing."""
    try:
        return _place(url) in list(_places.values())
    except ValueError:  # a port that is no number
        return False


def _place(url: str) -> tuple[str | None, int | None]:
    parts = urlsplit(url)
    return parts.hostname, parts.port
