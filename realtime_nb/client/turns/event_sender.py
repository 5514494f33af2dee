"""How a part of a session sends client events.

Owns the protocol, which a connection's `Sender` implements. Must not know events.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol


class EventSender(Protocol):
    """Sends client events in the order in which they were decided. Called on the connection's loop."""

    def put(self, raw: dict[str, Any]) -> None:
        """Send an event; the session reports the server's error about it."""

    def post(self, raw: dict[str, Any]) -> asyncio.Future[Any]:
        """Send an event; the future gets its acknowledgement, or the server's error, which is not reported then."""

    def new_event_id(self) -> str:
        """An id for a client event."""
