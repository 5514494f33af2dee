"""Identifiers as the service writes them: a prefix, an underscore, 21 characters.

Owns `IdMaker`. Must not know what the identifiers name.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable

__all__ = ["IdMaker", "random_id"]

IdMaker = Callable[[str], str]
"""From a prefix (`"event"`, `"item"`, `"resp"`) to an identifier that was never given out before."""

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 21


def random_id(prefix: str) -> str:
    """Return a new identifier; unguessable, because client secrets are made by it too."""
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
