"""The event types that can be handled or awaited, and the warning about a misspelt one.

Owns the names that are none of the wire. Must not know handlers. An unknown type may be another server's own, so a
warning comes only where a known one is near.
"""

from __future__ import annotations

from difflib import get_close_matches

from realtime_nb.client.caller import warn_caller
from realtime_nb.wire.realtime import SERVER_TYPES

_OURS = ("event", "error", "close", "reconnecting", "reconnected", "mcp_approval_request")
_NEAR = 0.8


def warn_of_misspelt(kind: str) -> None:
    """Warn the caller where no event has this type, and one has nearly."""
    if kind in SERVER_TYPES or kind in _OURS or not isinstance(kind, str):
        return
    near = get_close_matches(kind, [*SERVER_TYPES, *_OURS], n=1, cutoff=_NEAR)
    if near:
        warn_caller(f"no server event has the type {kind[:80]!r}: it never comes. Did you mean {near[0]!r}?")
