"""One connection to a Realtime server: typed events in and out.

Owns the public methods and how the parts of a connection are put together: `events/sender` sends, `events/dispatcher`
hands server events on, `reconnect/transport_manager` opens and replaces the transport, `reconnect/resume` restores what
a lost one took with it. Must not know turns or widgets. Lives on the event loop that it was opened on; every public
awaitable may be awaited from any loop.
"""

from __future__ import annotations

import asyncio
import builtins
import concurrent.futures
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from concurrent.futures import Executor
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from realtime_nb import errors
from realtime_nb.client import resources
from realtime_nb.client.events.dispatcher import Dispatcher
from realtime_nb.client.events.event_loop import any_loop, running_loop
from realtime_nb.client.events.handlers import Emitter, Handlers, OnHandlerError
from realtime_nb.client.events.normalizer import EventNormalizer
from realtime_nb.client.events.pending_requests import PendingRequests
from realtime_nb.client.events.receive_buffer import ReceiveBuffer
from realtime_nb.client.events.sender import Sender
from realtime_nb.client.reconnect.policy import Reconnect, policy_of
from realtime_nb.client.reconnect.resume import Resumption
from realtime_nb.client.reconnect.transport_manager import TransportManager
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.transport.base import Connector
from realtime_nb.client.transport.close import CloseEvent, PoliteEnd
from realtime_nb.client.transport.link import Link
from realtime_nb.errors import ConnectError, RealtimeError, ServerError
from realtime_nb.wire.realtime import SessionCreated

if TYPE_CHECKING:
    from realtime_nb.client.reconnect.keeper import Keeper


class RealtimeConnection(Emitter):
    """A connection to a Realtime server, over one transport or, after a loss, over the next.

    Events may be sent and handlers registered before it is open: the events wait.

    Args:
        connector: opens the transport.
        executor: runs synchronous handlers; None: one worker thread of the connection.
        on_handler_error: called with an exception that a handler raised, and the event's type.
        session_timeout_s: how long the server may take to send `session.created` after the handshake.
        buffer: events kept for `recv` and `async for`; beyond it the oldest are dropped with a warning. Where a
            session runs on the connection, they are kept from the first `recv` on.
        reconnect: True or a `Reconnect` to go on after the connection was lost, with what was said and set restored in
            a new session. `"reconnecting"` and `"reconnected"` announce it, a response that was under way ends as
            `failed` with the code `connection_lost`, events sent meanwhile wait, and sound given meanwhile is dropped.
        config: the configuration of a conversation that may have had other connections; None makes a new one.

    Attributes:
        config: the session's configuration, as it was set and as the server echoed it.
        sender: sends client events, for the parts of a session.

    Example:
        >>> async with rt.connect(backend="local") as conn:  # doctest: +SKIP
        ...     await conn.conversation.item.create(item=rt.user_message("Hello"))
        ...     await conn.response.create(output_modalities=["text"])
        ...     done = await conn.wait_for("response.done", timeout=30)
    """

    def __init__(
        self,
        connector: Connector,
        *,
        executor: Executor | None = None,
        on_handler_error: OnHandlerError | None = None,
        session_timeout_s: float = 15.0,
        buffer: int = 4096,
        reconnect: bool | Reconnect = False,
        config: SessionConfig | None = None,
    ) -> None:
        super().__init__(Handlers(executor, on_handler_error))
        policy = policy_of(reconnect)
        self.config = config or SessionConfig()
        self.config.on_connecting()
        self._link = Link(connector, reconnects=policy is not None)
        self._buffer = ReceiveBuffer(buffer)
        normalizer = EventNormalizer()
        pending = PendingRequests(keep_all=policy is not None)
        self.sender = Sender(self._link, self.config, normalizer, pending)
        self._dispatcher = Dispatcher(self._link, self.config, normalizer, pending, self._buffer, self._handlers)
        self._resumption = Resumption(self.config, pending, self.sender, self._dispatcher)
        self._transports = TransportManager(
            self._link, self._dispatcher, self._resumption, reconnect=policy, session_timeout_s=session_timeout_s
        )
        self._unfollow: list[Callable[[], None]] = []
        self.session = resources.SessionResource(self.sender)
        self.conversation = resources.ConversationResource(self.sender)
        self.input_audio_buffer = resources.InputAudioBufferResource(self.sender)
        self.output_audio_buffer = resources.OutputAudioBufferResource(self.sender)
        self.response = resources.ResponseResource(self.sender)

    def __repr__(self) -> str:
        state = {"new": "not open", "switching": "reconnecting"}.get(self._link.state, self._link.state)
        return f"<RealtimeConnection {self._link.where} {'closed' if self._link.ended else state}>"

    # Opening and closing

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that the connection lives on."""
        return self._link.loop or asyncio.get_running_loop()

    @property
    def closed(self) -> CloseEvent | None:
        """How the connection ended, or None while it has not."""
        return self._link.ended

    @property
    def created(self) -> SessionCreated | None:
        """The last `session.created`."""
        return self._dispatcher.created

    @property
    def carries_audio(self) -> bool:
        """Whether the transport itself records the microphone and plays sound, as a page's does."""
        return self._link.transport is not None and self._link.transport.carries_audio

    async def open(self) -> Self:
        """Connect, wait for the server's `session.created`, and send what waits.

        Raises:
            ConnectError: no connection, or something else than a Realtime server answered; says what to do.
            TimeoutError: a connection, but no `session.created` in time.
        """
        if self._link.loop is not None:
            raise RealtimeError("this connection was opened before; make a new one")
        self._link.loop = asyncio.get_running_loop()
        if self._link.reconnects and self._resumption.keeper is None:
            # Imported here: a connection that does not reconnect must not pay for it.
            from realtime_nb.client.reconnect.session_snapshot import ConnectionKeeper

            keeper = ConnectionKeeper(self.config)
            self.keep(keeper)
            self._unfollow = [self.add_listener(keeper.on_event), self.add_send_listener(keeper.on_sent)]
        await self._transports.open()
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        return self.open().__await__()

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

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @any_loop
    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection, let the handlers finish, and emit `"close"` once. May be called twice."""
        if self._link.ended is None and self._link.state == "open":
            with contextlib.suppress(builtins.TimeoutError):
                async with asyncio.timeout(2):
                    await self.sender.flushed()  # events that were decided before the close leave before it
        await self._transports.close(code, reason)
        await self._handlers.drain(timeout_s=5)
        self._handlers.shut()

    # Sending

    def send(
        self, event: Any, *, extra: Mapping[str, Any] | None = None, strict: bool = True
    ) -> Coroutine[Any, Any, str]:
        """Send one client event, typed or a dict; returns its event id.

        Before the connection is open, and while it is lost, the event waits; it leaves in the order of the calls.

        Raises:
            ConfigError: an unknown event or field, or a value out of range; nothing is sent.
            ConnectError: closed, or too much waits already.
        """
        return self.sender.send(event, extra=extra, strict=strict)

    def request(self, event: Any, timeout: float | None = 30.0) -> Coroutine[Any, Any, Any]:
        """Send an event and return the server's event that acknowledges it.

        An item without an id is given one, and a `response.create` a pair of metadata, so that the answer is known for
        certain. `response.create` is acknowledged by `response.created`, `response.cancel` by that `response.done`.

        Raises:
            ServerError: the server refused it, in the server's words.
            TimeoutError: no answer in time.
            ConfigError: wrong before it was sent, or of a kind that the server never acknowledges.
        """
        return self.sender.request(event, timeout)

    # Receiving

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
        self._buffer.keep_nothing_until_read()

    @any_loop
    async def recv(self) -> Any:
        """The next server event. Raises `ConnectError` or `SessionExpired` when there will be none."""
        return await self._buffer.get()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        """The next event. Ends at a polite close; raises `ConnectError` or `SessionExpired` at any other."""
        if self._buffer.events:
            return self._buffer.events.popleft()  # atomic, so no hop to the connection's loop is needed
        try:
            return await self.recv()
        except PoliteEnd:
            raise StopAsyncIteration from None

    def wait_for(self, kind: str, timeout: float | None = None) -> Awaitable[Any]:
        """The next event of a type, from this call on: call it before what causes the event, await it after.

        Raises:
            TimeoutError: it did not come in `timeout` seconds; says what was awaited.
            ConnectError: the connection ended first.
        """
        waiter: concurrent.futures.Future[Any] = concurrent.futures.Future()
        loop = self._link.loop
        if loop is None or running_loop() is loop:
            self._buffer.watch(kind, waiter)
        else:  # the buffer's futures may be touched on the connection's loop only
            loop.call_soon_threadsafe(self._buffer.watch, kind, waiter)
        return _awaited(waiter, kind, timeout)

    # Going on after a loss

    def log_unheard(self, error: ServerError, *, has_event: bool = True) -> None:
        """Log an error, once a kind a minute, unless a handler gets its event."""
        self._dispatcher.log_unheard(error, has_event=has_event)

    def abandon_response(self, response_id: str, status: str, code: str, message: str) -> None:
        """End a response for the session that the server does not end. On the loop only."""
        self._dispatcher.abandon_response(response_id, status, code, message)

    def keep(self, keeper: Keeper) -> None:
        """Let `keeper` restore the conversation on another transport; before the first transport is lost."""
        unfollow, self._unfollow = self._unfollow, []
        for remove in unfollow:
            remove()
        self._resumption.keep(keeper)

    @property
    def reconnects(self) -> bool:
        """Whether the connection goes on after a loss, and so outlives the server's session."""
        return self._link.reconnects

    @any_loop
    async def renew(
        self, *, connector: Connector | None = None, moment: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Go on in a new session, with what was said and set; returns when it is ready.

        Args:
            connector: opens it, now and from now on; None: the same as before.
            moment: awaited once the new one is open, and returns when the old one can be left; None: at once.

        Raises:
            ConnectError: no new session; the old one goes on.
            RealtimeError: the conversation is not kept (`reconnect=False`, and no session).
        """
        if self._resumption.keeper is None:
            raise RealtimeError("nothing could be restored: open the connection with reconnect=True to have it kept")
        await self.ready()
        await self._transports.switch(connector, moment)
        if self._link.ended is not None:
            raise self._link.end_error()

    def end_error(self) -> RealtimeError:
        """Why nothing can be sent any more; only after the end."""
        return self._link.end_error()


async def _awaited(waiter: concurrent.futures.Future[Any], kind: str, timeout: float | None) -> Any:
    try:
        async with asyncio.timeout(timeout):
            return await asyncio.wrap_future(waiter)
    except builtins.TimeoutError:
        raise errors.TimeoutError(f"no {kind!r} came within {timeout:g} s") from None
