"""The transport under a connection, and its successors.

Owns the receive loop, what happens when a transport ends (the end, or another one), and the planned switch to another.
Must not know events beyond the greeting: what was said and set is restored by its host. Lives on one event loop.

One reader task follows the transports of a lost connection; a planned switch gives the new transport a reader of its
own. Whatever ends while it is not `transport` any more is nobody's business.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol

from realtime_nb import errors
from realtime_nb.client.events.pending_requests import server_error
from realtime_nb.client.reconnect.policy import Reconnect, Reconnected, Reconnecting, heals
from realtime_nb.client.transport.base import Connector, Transport, TransportClosed
from realtime_nb.errors import ConnectError, RealtimeError
from realtime_nb.wire.realtime import ErrorEvent, SessionCreated, decode_server

__all__ = ["TransportHost", "TransportManager"]

State = Literal["new", "open", "reconnecting", "switching", "closed"]


class TransportHost(Protocol):
    """What a line needs of its connection. All of it is called on the loop, and must be quick but for `resume`."""

    def deliver(self, frame_event: Any) -> None:
        """Take an event of the server."""

    def decode(self, frame: bytes | str) -> Any:
        """The event of a frame."""

    def loss(self, end: TransportClosed) -> RealtimeError:
        """What an end is, where nobody wanted it."""

    def on_transport_lost(self, error: RealtimeError, *, planned: bool) -> None:
        """The transport is gone, and another follows; nothing can be sent until `resume` is over."""

    async def resume(self) -> None:
        """The new transport is open: restore what was set and said, and then send what waited."""

    def tell(self, event: Reconnecting | Reconnected) -> None:
        """Let handlers know."""

    def finish(self, end: TransportClosed, error: RealtimeError | None = None) -> None:
        """It is over."""


class TransportManager:
    """Transports, one after the other.

    Args:
        connector: opens them.
        host: the connection.
        reconnect: when to try again; None: the first end is the end.
        session_timeout_s: how long a server may take to greet.

    Attributes:
        transport: the current one.
        state: `"open"` is the only one in which what is sent goes out at once.
        dropped_bytes: sound that was given while there was no connection.
    """

    def __init__(
        self, connector: Connector, host: TransportHost, *, reconnect: Reconnect | None, session_timeout_s: float
    ) -> None:
        self.connector = connector
        self.reconnect = reconnect
        self.transport: Transport | None = None
        self.state: State = "new"
        self.dropped_bytes = 0
        self._host = host
        self._session_timeout_s = session_timeout_s
        self._reader: asyncio.Task[None] | None = None
        self._resuming: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._opened_at = 0.0
        self._lost_at = 0.0
        self._attempt = 0
        self._restless = 0  # attempts since a connection last proved good
        self._ready = asyncio.Event()
        self._one_switch = asyncio.Lock()

    async def open(self) -> None:
        """Connect, and wait for the greeting. Raises `ConnectError` or `TimeoutError`."""
        transport, greeting = await self._establish(self.connector)
        self._adopt(transport, greeting)
        self._reader = asyncio.get_running_loop().create_task(self._read(transport), name="realtime receive loop")

    def opened(self) -> None:
        """What waited has been sent: the line is open for everybody."""
        self.state = "open"
        self._ready.set()

    async def ready(self) -> None:
        """Returns when the line is open, or is over."""
        await self._ready.wait()

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye, and stop reading and trying."""
        self.state = "closed"  # before the goodbye: nobody may take its end for a loss
        if self._resuming is not None:
            self._resuming.cancel()
        if self.transport is not None:
            with contextlib.suppress(TransportClosed, OSError):
                await self.transport.close(code, reason)
        reader = self._reader
        if reader is not None and reader is not asyncio.current_task():
            if self.transport is None:
                reader.cancel()  # it waits for its next attempt
            await asyncio.wait([reader], timeout=3)
            reader.cancel()
        self.over()

    def over(self) -> None:
        """Nothing will come any more."""
        self.state = "closed"
        self._ready.set()

    async def _establish(self, connector: Connector) -> tuple[Transport, list[Any]]:
        """An open transport, and what the server said up to and with `session.created`."""
        transport = await connector.connect()
        greeting: list[Any] = []
        try:
            async with asyncio.timeout(self._session_timeout_s):
                await _greeted(transport, connector.describe(), greeting.append)
        except BaseException as error:
            with contextlib.suppress(Exception):
                await transport.close()
            if isinstance(error, builtins.TimeoutError):
                raise errors.TimeoutError(
                    f"{connector.describe()} accepted the connection, but sent no session.created within "
                    f"{self._session_timeout_s:g} s. Check that it is a Realtime server, and try again."
                ) from None
            raise
        return transport, greeting

    def _adopt(self, transport: Transport, greeting: list[Any]) -> None:
        self.transport = transport
        self._opened_at = asyncio.get_running_loop().time()
        for event in greeting:
            self._host.deliver(event)

    # Receiving

    async def _read(self, transport: Transport) -> None:
        following: Transport | None = transport
        try:
            while following is not None:
                end = await self._receive(following)
                following = await self._after(following, end)
        finally:
            if self.state != "closed" and (self.transport is None or self.transport is following):
                self._host.finish(TransportClosed(1006, "the receive loop was stopped"))

    async def _receive(self, transport: Transport) -> TransportClosed:
        recv, decode, deliver = transport.recv, self._host.decode, self._host.deliver
        try:
            while True:
                deliver(decode(await recv()))
        except TransportClosed as closed:
            return closed
        except OSError as error:
            return TransportClosed(1006, f"the connection broke off ({type(error).__name__})")

    async def _after(self, transport: Transport, end: TransportClosed) -> Transport | None:
        """What comes after a transport: another, or None where that was the end."""
        if transport is not self.transport:
            return None  # it was exchanged for another, which has a reader of its own
        error = self._host.loss(end)
        wanted = end.code == 1000 and not isinstance(error, errors.SessionExpired)
        if self.reconnect is None or self.state == "closed" or wanted or not heals(end):
            self._host.finish(end)
            return None
        if self._resuming is not None:
            self._resuming.cancel()
        if self.state != "reconnecting":
            self._lost_at, self._attempt = asyncio.get_running_loop().time(), 0
        self.transport = None
        self.state = "reconnecting"
        self._ready.clear()
        self._host.on_transport_lost(error, planned=False)
        try:
            following, greeting = await self._again(error)
        except RealtimeError as given_up:
            self._host.finish(end, given_up)
            return None
        self._adopt(following, greeting)
        self._begin_resuming(following, planned=False)
        return following

    # Another transport, because the last was lost

    async def _again(self, lost: RealtimeError) -> tuple[Transport, list[Any]]:
        """Try until a transport is open. Raises the reason why it is given up."""
        policy = self.reconnect or Reconnect()
        if asyncio.get_running_loop().time() - self._opened_at > policy.stable_s:
            self._restless = 0
        problem = lost
        while self._restless < policy.attempts:
            self._restless += 1
            self._attempt += 1
            delay_s = policy.delay_s(self._restless)
            self._host.tell(Reconnecting(self._attempt, delay_s, problem))
            await asyncio.sleep(delay_s)
            try:
                return await self._establish(self.connector)
            except RealtimeError as error:
                problem = error
                if not heals(error):
                    break
        raise _given_up(lost, problem, self._attempt)

    def _open_reader(self) -> asyncio.Task[None]:
        if self.state != "open" or self._reader is None:
            raise ConnectError("the connection was lost while another was being opened")
        return self._reader

    def _begin_resuming(self, transport: Transport, *, planned: bool) -> None:
        work = self._resume(transport, planned=planned)
        self._resuming = asyncio.get_running_loop().create_task(work, name="realtime restoring")

    async def _resume(self, transport: Transport, *, planned: bool) -> None:
        try:
            await self._host.resume()
        except TransportClosed:
            return  # the reader has seen the same end, and tries again
        except Exception as error:
            if transport is self.transport:
                self.over()
                with contextlib.suppress(Exception):
                    await transport.close()
                self._host.finish(
                    TransportClosed(1006, "the conversation could not be restored"),
                    ConnectError(
                        f"the connection came back, but the conversation could not be restored: {error}. "
                        "Start a new session to go on.",
                        retryable=False,
                    ),
                )
            return
        dropped_ms, self.dropped_bytes = self.dropped_bytes / 48, 0
        if not planned:
            self._host.tell(Reconnected(self._attempt, asyncio.get_running_loop().time() - self._lost_at, dropped_ms))

    # Another transport, because somebody wants one

    async def switch(
        self, connector: Connector | None, moment: Callable[[], Awaitable[None]], left: RealtimeError
    ) -> None:
        """Open another transport beside this one, and go on there.

        Args:
            connector: opens it; None: the same as before.
            moment: awaited when the other is open; returns when the switch may happen.
            left: for those whose answers are lost by it.

        Raises:
            ConnectError: the other could not be opened; this one goes on.
        """
        async with self._one_switch:
            await self._switch(connector or self.connector, moment, left)

    async def _switch(self, connector: Connector, moment: Callable[[], Awaitable[None]], left: RealtimeError) -> None:
        transport, greeting = await self._establish(connector)
        try:
            await moment()
            reader = self._open_reader()
        except BaseException:
            with contextlib.suppress(Exception):
                await transport.close()
            raise
        old = self.transport
        self.state = "switching"
        self._ready.clear()
        self.transport = transport  # from here on, what the old reader sees is nobody's business
        reader.cancel()
        self.connector = connector
        self._host.on_transport_lost(left, planned=True)
        self._adopt(transport, greeting)
        loop = asyncio.get_running_loop()
        self._reader = loop.create_task(self._read(transport), name="realtime receive loop")
        if old is not None:
            task = loop.create_task(_leave(old), name="realtime goodbye")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        self._begin_resuming(transport, planned=True)
        await self.ready()


async def _leave(transport: Transport) -> None:
    with contextlib.suppress(Exception):
        await transport.close()


def _given_up(lost: RealtimeError, problem: RealtimeError, attempts: int) -> RealtimeError:
    """The end of trying, in words that tell of both: what was lost, and why it did not come back."""
    if isinstance(lost, errors.SessionExpired):
        return errors.SessionExpired(f"the session reached its time limit, and could not be renewed: {problem}")
    times = "once" if attempts == 1 else f"{attempts} times"
    return ConnectError(
        f"{lost} Tried {times} to connect again; the last time: {problem}",
        status=getattr(problem, "status", None),
        retryable=heals(problem),
    )


async def _greeted(transport: Transport, where: str, deliver: Callable[[Any], None]) -> None:
    """Deliver events up to and with `session.created`.

    Raises:
        ConnectError: the server closed, refused, or speaks something else; says what to do.
    """
    while True:
        try:
            event = decode_server(await transport.recv())
        except TransportClosed as closed:
            reason = f", {closed.reason}" if closed.reason else ""
            raise ConnectError(
                f"{where} closed the connection at once (code {closed.code}{reason}). Check the model and the key, and "
                "the server's own log."
            ) from None
        if isinstance(event, ErrorEvent):
            raise _refused(event, where)
        deliver(event)  # a server that says something else first is odd, not wrong
        if isinstance(event, SessionCreated):
            return


def _refused(event: ErrorEvent, where: str) -> ConnectError:
    if event.error.code == "malformed_frame":
        return ConnectError(
            f"{where} is a websocket server, but does not speak the Realtime API: {event.error.message} "
            "Check the address (it usually ends in /v1/realtime).",
            retryable=False,
        )
    return ConnectError(f"{where} refused the session: {server_error(event.error)}", retryable=False)
