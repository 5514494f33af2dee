"""The link: which transport a connection has now, whether it can send, and how the connection ended.

Owns these facts for all parts of one connection. Must not know events. Transport, state and end are changed by the
transport manager only; the sender counts dropped sound, and the dispatcher notes an announced time limit. All on the
connection's event loop.
"""

from __future__ import annotations

import asyncio
from typing import Literal, TypeAlias

from realtime_nb import forks
from realtime_nb.audio import RATE_HZ
from realtime_nb.client.transport.base import Connector, Transport, TransportClosed
from realtime_nb.client.transport.close import POLITE_CODES, CloseEvent, ending, loss
from realtime_nb.errors import RealtimeError

LinkState: TypeAlias = Literal["new", "open", "reconnecting", "switching", "closed"]


class Link:
    """The current transport of a connection, its state, and the connection's end.

    Args:
        connector: opens the transports.
        reconnects: whether another transport follows after a loss.

    Attributes:
        transport: the current transport; None before the first one, and after a loss until the next one.
        state: events are sent at once in `"open"` only.
        dropped_bytes: sound that was dropped since the transport was lost.
        closing: whether we ended the connection ourselves.
        proven: whether a response was done on the transport, which resets the count of attempts to reconnect.
        expired: whether the server announced that the session's time is over (docs/protocol.md 7).
        ended: how the connection ended; None while it has not.
    """

    def __init__(self, connector: Connector, *, reconnects: bool) -> None:
        self.connector = connector
        self.reconnects = reconnects
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = forks.process
        self.transport: Transport | None = None
        self.state: LinkState = "new"
        self.dropped_bytes = 0
        self.closing = False
        self.proven = False
        self.expired = False
        self.ended: CloseEvent | None = None
        self._error: RealtimeError | None = None
        self._settled = asyncio.Event()

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop of the connection; None before it is opened.

        Raises:
            RealtimeError: in a forked process, where this loop does not run.
        """
        if self._loop is not None and self._process != forks.process:
            raise forks.inherited(self._process, "This connection")
        return self._loop

    def live_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Keep the loop that opens the connection."""
        self._loop, self._process = loop, forks.process

    @property
    def dropped_ms(self) -> float:
        """Milliseconds of PCM16 sound that were dropped since the transport was lost."""
        return self.dropped_bytes * 1000 / (2 * RATE_HZ)

    @property
    def where(self) -> str:
        """The address, for people."""
        return self.connector.describe()

    def set_state(self, state: LinkState) -> None:
        """Change the state, and wake `settled` where there is nothing left to wait for."""
        self.state = state
        if state in ("open", "closed"):
            self._settled.set()
        else:
            self._settled.clear()

    async def settled(self) -> None:
        """Return once the link is open or closed."""
        await self._settled.wait()

    def end(self, ended: CloseEvent, error: RealtimeError) -> None:
        """Note the end of the connection."""
        self.ended, self._error = ended, error
        self.set_state("closed")

    def loss(self, end: TransportClosed) -> RealtimeError:
        """The error for the end of a transport after which the connection tries to go on."""
        return loss(self.where, end, expired=self.expired)

    def end_error(self, end: TransportClosed | None = None) -> RealtimeError:
        """The error for a call after the connection ended, or after its transport ended by `end`."""
        end = end or TransportClosed(1000, "")
        polite = self.closing or end.code in POLITE_CODES
        return self._error or ending(self.where, end, polite=polite, expired=self.expired)
