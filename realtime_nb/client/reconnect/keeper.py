"""The protocol of the object that restores a conversation when a connection gets another transport.

Owns what a connection asks of it. Must not know its two implementations (`session_snapshot` for a plain connection,
`handover` for a session).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

from realtime_nb.conversation import Conversation
from realtime_nb.errors import RealtimeError

SendAhead: TypeAlias = Callable[[dict[str, Any] | bytes], Awaitable[asyncio.Future[Any]]]
"""Sends an event on the new transport before any event that waits; the future gets its acknowledgement."""


class Keeper(Protocol):
    """Remembers a conversation, and restores it in a new session. Called on the connection's loop."""

    @property
    def conversation(self) -> Conversation:
        """The conversation so far."""

    def on_transport_lost(self, error: RealtimeError, *, planned: bool) -> None:
        """End what was under way on the old transport; `planned` where it is replaced on purpose."""

    async def restore(self, send: SendAhead) -> None:
        """Send configuration and items to the new session; raises where it does not take the configuration."""
