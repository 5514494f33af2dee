"""Identifiers as the service writes them: a prefix, an underscore, 21 characters.

Owns their form. Must not know what the identifiers name.
"""

from __future__ import annotations

import secrets
import string
import time

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 21


def random_id(prefix: str) -> str:
    """Return a new identifier; unguessable, because client secrets are made by it too."""
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


class SystemEnvironment:
    """Random identifiers and the system's clock; see `state.Environment`."""

    def new_id(self, prefix: str) -> str:
        """Return a random identifier."""
        return random_id(prefix)

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        return time.time()
