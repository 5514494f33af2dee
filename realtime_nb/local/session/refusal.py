"""The error for a client event that the session refuses.

Owns its default code. Must not know events.
"""

from __future__ import annotations

from realtime_nb.wire.realtime import WireError


def refusal(message: str, param: str | None = None, code: str = "invalid_value") -> WireError:
    """Return the error to raise; the session answers the client's event with it and stays open."""
    return WireError(message, code=code, param=param)
