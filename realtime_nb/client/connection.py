"""One connection to a Realtime server: typed events in and out.

Owns what a user types. The parts of a connection, and what a session needs of them, are in `client/connection_core`.
Must not know turns or widgets. Lives on the event loop that it was opened on; every public awaitable may be awaited
from any loop.
"""

from __future__ import annotations

import asyncio
import builtins
import concurrent.futures
import functools
from collections.abc import Awaitable, Coroutine, Generator, Mapping
from concurrent.futures import Executor
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from realtime_nb import errors
from realtime_nb.client import resources
from realtime_nb.client.connection_core import ConnectionCore
from realtime_nb.client.events.event_loop import running_loop
from realtime_nb.client.events.event_names import warn_of_misspelt
from realtime_nb.client.events.handlers import EventHandler, OnHandlerError
from realtime_nb.client.reconnect.policy import Reconnect
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.settings import check_timeout
from realtime_nb.client.transport.base import Connector
from realtime_nb.client.transport.close import CloseEvent, PoliteEnd
from realtime_nb.wire.realtime import AnyServerEvent

if TYPE_CHECKING:
    from realtime_nb.client.events.event_types import On, WaitFor


class RealtimeConnection:
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
        self._core = core = ConnectionCore(
            connector,
            executor=executor,
            on_handler_error=on_handler_error,
            session_timeout_s=session_timeout_s,
            buffer=buffer,
            reconnect=reconnect,
            config=config,
        )
        self.session = resources.SessionResource(core.sender)
        self.conversation = resources.ConversationResource(core.sender)
        self.input_audio_buffer = resources.InputAudioBufferResource(core.sender)
        self.output_audio_buffer = resources.OutputAudioBufferResource(core.sender)
        self.response = resources.ResponseResource(core.sender)

    def __repr__(self) -> str:
        return repr(self._core)

    @property
    def url(self) -> str | None:
        """The server's address, without credentials.

        None before the connection is open, where the backend was given by name.
        """
        return self._core.url

    @property
    def closed(self) -> CloseEvent | None:
        """How the connection ended, with the peer's close code and reason; None while it has not."""
        return self._core.closed

    # Opening and closing

    def __await__(self) -> Generator[Any, None, Self]:
        return self.__aenter__().__await__()

    async def __aenter__(self) -> Self:
        await self._core.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._core.close()

    def close(self, code: int = 1000, reason: str = "") -> Coroutine[Any, Any, None]:
        """End the connection, let the handlers finish, and emit `"close"` once. May be called twice."""
        return self._core.close(code, reason)

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
        return self._core.sender.send(event, extra=extra, strict=strict)

    def request(self, event: Any, timeout: float | None = 30.0) -> Coroutine[Any, Any, Any]:
        """Send an event and return the server's event that acknowledges it.

        An item without an id is given one, and a `response.create` a pair of metadata, so that the answer is known for
        certain. `response.create` is acknowledged by `response.created`, `response.cancel` by that `response.done`.

        Raises:
            ServerError: the server refused it, in the server's words.
            TimeoutError: no answer in time.
            ConfigError: wrong before it was sent, or of a kind that the server never acknowledges.
        """
        return self._core.sender.request(event, check_timeout(timeout))

    # Receiving

    def recv(self) -> Coroutine[Any, Any, AnyServerEvent]:
        """The next server event. Raises `ConnectError` or `SessionExpired` when there will be none."""
        return self._core.recv()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AnyServerEvent:
        """The next event. Ends at a polite close; raises `ConnectError` or `SessionExpired` at any other."""
        core = self._core
        if core.buffer.events:
            event: AnyServerEvent = core.buffer.events.popleft()  # atomic: no hop to the connection's loop is needed
            return event
        try:
            return await core.recv()
        except PoliteEnd:
            raise StopAsyncIteration from None

    # Handlers, and waiting for one event

    if TYPE_CHECKING:
        on: On
        once: On
        wait_for: WaitFor
    else:

        def on(self, kind: str, handler: EventHandler | None = None) -> Any:
            """Call `handler` with every event of type `kind`; also a decorator.

            `"event"` stands for all server events; `"error"` comes also for a lost connection; `"close"` comes once, at
            the end.
            """
            return self._register(kind, handler, once=False)

        def once(self, kind: str, handler: EventHandler | None = None) -> Any:
            """Call `handler` with the next event of type `kind` only; also a decorator."""
            return self._register(kind, handler, once=True)

        def wait_for(self, kind: str, timeout: float | None = None) -> Awaitable[Any]:
            """The next event of a type, from this call on: call it before what causes the event, await it after.

            Raises:
                TimeoutError: it did not come in `timeout` seconds; says what was awaited.
                ConnectError: the connection ended first.
                ConfigError: `timeout` is neither a number above 0 nor None; at the call.
            """
            check_timeout(timeout)
            warn_of_misspelt(kind)
            waiter: concurrent.futures.Future[Any] = concurrent.futures.Future()
            loop, watch = self._core.opened_on, self._core.buffer.watch
            if loop is None or running_loop() is loop:
                watch(kind, waiter)
            else:  # the buffer's futures may be touched on the connection's loop only
                loop.call_soon_threadsafe(watch, kind, waiter)
            return _awaited(waiter, kind, timeout)

    def off(self, kind: str, handler: EventHandler | None = None) -> None:
        """Remove one registration of a handler, the oldest; without a handler, all of `kind`.

        A handler that is not registered is no error, as with Node's emitters: a `once` may have run already.
        """
        self._core.handlers.remove(kind, handler)

    def _register(self, kind: str, handler: EventHandler | None, *, once: bool) -> Any:
        warn_of_misspelt(kind)
        if handler is None:
            return functools.partial(self._register, kind, once=once)
        self._core.handlers.add(kind, handler, once=once)
        return handler


def core_of(connection: RealtimeConnection) -> ConnectionCore:
    """Return the inner side of a connection, for a session that runs on it."""
    return connection._core


async def _awaited(waiter: concurrent.futures.Future[Any], kind: str, timeout: float | None) -> Any:
    try:
        async with asyncio.timeout(timeout):
            return await asyncio.wrap_future(waiter)
    except builtins.TimeoutError:
        raise errors.TimeoutError(f"no {kind!r} came within {timeout:g} s") from None
