"""The inner side of a connection: how its parts are put together, and what a session needs of them.

Owns the parts: `events/sender` sends, `events/dispatcher` hands server events on, `reconnect/transport_manager` opens
and replaces the transport, `reconnect/resume` restores what a lost one took with it. Must not know turns or widgets, or
what a user types (`client/connection`). Lives on the event loop that it was opened on.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

from realtime_nb.client.events.dispatcher import Dispatcher
from realtime_nb.client.events.event_loop import any_loop
from realtime_nb.client.events.handlers import Handlers, OnHandlerError
from realtime_nb.client.events.normalizer import EventNormalizer
from realtime_nb.client.events.pending_requests import PendingRequests
from realtime_nb.client.events.receive_buffer import ReceiveBuffer
from realtime_nb.client.events.sender import Sender
from realtime_nb.client.reconnect.policy import Reconnect, policy_of
from realtime_nb.client.reconnect.resume import Resumption
from realtime_nb.client.reconnect.transport_manager import TransportManager
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.transport.base import AbortableTransport, BilledConnector, Connector
from realtime_nb.client.transport.close import CloseEvent
from realtime_nb.client.transport.link import Link
from realtime_nb.conversation import Billing
from realtime_nb.errors import ConnectError, RealtimeError, ServerError
from realtime_nb.redact import safe_url
from realtime_nb.wire.realtime import AnyServerEvent, SessionCreated

if TYPE_CHECKING:
    from realtime_nb.client.reconnect.keeper import Keeper


class ConnectionCore:
    """The parts of one connection. Arguments as for `RealtimeConnection`.

    Attributes:
        config: the session's configuration, as it was set and as the server echoed it.
        sender: sends client events.
        handlers: the handlers of events.
        buffer: the events that readers get.
        has_session: whether an `rt.RealtimeSession` has set its settings here.
    """

    def __init__(
        self,
        connector: Connector,
        *,
        executor: Executor | None,
        on_handler_error: OnHandlerError | None,
        session_timeout_s: float,
        buffer: int,
        reconnect: bool | Reconnect,
        config: SessionConfig | None,
    ) -> None:
        policy = policy_of(reconnect)
        self.config = config or SessionConfig()
        self.config.on_connecting()
        self.handlers = Handlers(executor, on_handler_error)
        self.buffer = ReceiveBuffer(buffer)
        self._link = Link(connector, reconnects=policy is not None)
        normalizer = EventNormalizer()
        pending = PendingRequests(keep_all=policy is not None)
        self.sender = Sender(self._link, self.config, normalizer, pending)
        self._dispatcher = Dispatcher(self._link, self.config, normalizer, pending, self.buffer, self.handlers)
        self._resumption = Resumption(self.config, pending, self.sender, self._dispatcher)
        self._transports = TransportManager(
            self._link, self._dispatcher, self._resumption, reconnect=policy, session_timeout_s=session_timeout_s
        )
        self._unfollow: list[Callable[[], None]] = []
        self.has_session = False

    def __repr__(self) -> str:
        state = {"new": "not open", "switching": "reconnecting"}.get(self._link.state, self._link.state)
        return f"<RealtimeConnection {self._link.where} {'closed' if self._link.ended else state}>"

    # What it is

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that the connection lives on."""
        return self._link.loop or asyncio.get_running_loop()

    @property
    def opened_on(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that the connection was opened on; None before it is opened."""
        return self._link.loop

    @property
    def url(self) -> str | None:
        """The address without credentials; None while a backend that was given by name is not found yet."""
        where = self._link.where
        return safe_url(where) if "://" in where else None

    @property
    def closed(self) -> CloseEvent | None:
        """How the connection ended, or None while it has not."""
        return self._link.ended

    @property
    def created(self) -> SessionCreated | None:
        """The last `session.created`."""
        return self._dispatcher.created

    @property
    def billing(self) -> Billing | None:
        """How the responses of the server are paid for; None where the connector does not say so."""
        connector = self._link.connector
        return connector.billing if isinstance(connector, BilledConnector) else None

    @property
    def carries_audio(self) -> bool:
        """Whether the transport itself records the microphone and plays sound, as a page's does."""
        return self._link.transport is not None and self._link.transport.carries_audio

    @property
    def reconnects(self) -> bool:
        """Whether the connection goes on after a loss, and so outlives the server's session."""
        return self._link.reconnects

    def end_error(self) -> RealtimeError:
        """Why nothing can be sent any more; only after the end."""
        return self._link.end_error()

    # Opening and closing

    async def open(self) -> None:
        """Connect, wait for the server's `session.created`, and send what waits.

        Raises:
            ConnectError: no connection, or something else than a Realtime server answered; says what to do.
            TimeoutError: a connection, but no `session.created` in time.
        """
        if self._link.loop is not None:
            raise RealtimeError("this connection was opened before; make a new one")
        self._link.live_on(asyncio.get_running_loop())
        if self._link.reconnects and self._resumption.keeper is None:
            # Imported here: a connection that does not reconnect must not pay for it.
            from realtime_nb.client.reconnect.session_snapshot import ConnectionKeeper

            keeper = ConnectionKeeper(self.config)
            self.keep(keeper)
            self._unfollow = [self.add_listener(keeper.on_event), self.add_send_listener(keeper.on_sent)]
        await self._transports.open()

    @any_loop
    async def ready(self) -> None:
        """Return once the connection is open, also after a loss.

        Raises:
            ConnectError: it is over, or was never opened.
        """
        if self._link.loop is None:
            raise ConnectError("the connection is not open yet: `await connection`, or use `async with`")
        await self._link.settled()
        if self._link.ended is not None:
            raise self._link.end_error()

    @any_loop
    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection, let the handlers finish, and emit `"close"` once. May be called twice."""
        if self._link.ended is None and self._link.state == "open":
            with contextlib.suppress(builtins.TimeoutError):
                async with asyncio.timeout(2):
                    await self.sender.flushed()  # events that were decided before the close leave before it
        await self._transports.close(code, reason)
        await self.handlers.drain(timeout_s=5)
        self.handlers.shut()

    async def close_within(self, seconds: float) -> None:
        """End the connection as `close` does, and break it off where that takes longer. On the loop only."""
        closing = asyncio.ensure_future(self.close())
        try:
            await asyncio.wait([closing], timeout=seconds)
        finally:
            if not closing.done():
                if isinstance(self._link.transport, AbortableTransport):
                    self._link.transport.abort()
                closing.cancel()
                await asyncio.wait([closing])

    # Following

    def add_listener(self, listener: Callable[[Any], None]) -> Callable[[], None]:
        """Call `listener` with every server event, in the receive loop and before handlers; it must be quick.

        Returns:
            a function that removes it.
        """
        return self._dispatcher.add_listener(listener)

    def add_send_listener(self, listener: Callable[[dict[str, Any]], object]) -> Callable[[], None]:
        """Call `listener` with every client event but sound, as a dict, before it is sent.

        Returns:
            a function that removes it.
        """
        return self.sender.add_listener(listener)

    def keep_nothing_until_read(self) -> None:
        """Keep no events for `recv` until it is called: a session follows them as a listener."""
        self.buffer.keep_nothing_until_read()

    @any_loop
    async def recv(self) -> AnyServerEvent:
        """The next server event. Raises `ConnectError` or `SessionExpired` when there will be none."""
        event: AnyServerEvent = await self.buffer.get()
        return event

    def announce(self, event: Any) -> bool:
        """Emit an event that is none of the wire; returns whether a handler got it."""
        handled = self.handlers.has(event.type)
        self.handlers.emit(event.type, event, wildcard=False)
        return handled

    def log_unheard(self, error: ServerError, *, has_event: bool = True) -> None:
        """Log an error, once a kind a minute, unless a handler gets its event."""
        self._dispatcher.log_unheard(error, has_event=has_event)

    def abandon_response(self, response_id: str, status: str, code: str, message: str) -> None:
        """End a response for the session that the server does not end. On the loop only."""
        self._dispatcher.abandon_response(response_id, status, code, message)

    # Going on after a loss

    def keep(self, keeper: Keeper) -> None:
        """Let `keeper` restore the conversation on another transport; before the first transport is lost."""
        unfollow, self._unfollow = self._unfollow, []
        for remove in unfollow:
            remove()
        self._resumption.keep(keeper)

    async def renew(
        self, *, connector: Connector | None = None, moment: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Go on in a new session, with what was said and set; returns when it is ready. On the loop only.

        Args:
            connector: opens it, now and from now on; None: the same as before.
            moment: awaited once the new one is open, and returns when the old one can be left; None: at once.

        Raises:
            ConnectError: no new session; the old one goes on.
        """
        await self.ready()
        await self._transports.switch(connector, moment)
        if self._link.ended is not None:
            raise self._link.end_error()
