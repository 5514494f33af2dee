"""Open the transport of a connection, receive from it, and replace it after a loss or on request.

Owns the receive loop, the wait for `session.created`, the attempts after a loss, the planned switch, and the end of the
connection. Must not know events beyond the first ones of a server; `resume` restores what was set and said. Lives on
one event loop.

One reader task follows all transports of a connection that is lost and opened again; a planned switch gives the new
transport a reader of its own. The end of a transport that is not the link's any more is ignored.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from realtime_nb import errors
from realtime_nb.client.events.dispatcher import Dispatcher
from realtime_nb.client.events.pending_requests import server_error
from realtime_nb.client.reconnect.policy import Reconnect, Reconnected, Reconnecting, is_worth_retrying
from realtime_nb.client.reconnect.resume import Resumption
from realtime_nb.client.transport.base import Connector, Transport, TransportClosed
from realtime_nb.client.transport.close import CloseEvent, PoliteEnd
from realtime_nb.client.transport.link import Link, LinkState
from realtime_nb.client.transport.retry_after import is_rate_limit, said_wait_s
from realtime_nb.errors import ConnectError, RealtimeError
from realtime_nb.wire.realtime import MALFORMED, ErrorEvent, SessionCreated, SessionUpdated, decode_server, encode

_SILENT_S = 2.0
"""How long a server may say nothing after the handshake before it is asked for its greeting."""
_log = logging.getLogger(__name__)


class TransportManager:
    """Keeps a link supplied with a transport until the connection ends.

    Args:
        link, dispatcher, resumption: the connection's own.
        reconnect: when to try again after a loss; None: the first loss is the end.
        session_timeout_s: how long a server may take to send `session.created`.
    """

    def __init__(
        self,
        link: Link,
        dispatcher: Dispatcher,
        resumption: Resumption,
        *,
        reconnect: Reconnect | None,
        session_timeout_s: float,
    ) -> None:
        self._link = link
        self._dispatcher = dispatcher
        self._resumption = resumption
        self._policy = reconnect
        self._session_timeout_s = session_timeout_s
        self._reader: asyncio.Task[None] | None = None
        self._resuming: asyncio.Task[None] | None = None
        self._goodbyes: set[asyncio.Task[None]] = set()
        self._opened_at = 0.0
        self._lost_at = 0.0
        self._attempt = 0
        self._failures = 0  # attempts since a connection last was of use
        self._one_switch = asyncio.Lock()

    # Opening and closing

    async def open(self) -> None:
        """Connect, wait for `session.created`, and send what waits. Raises `ConnectError` or `TimeoutError`."""
        try:
            transport, greeting = await self._establish(self._link.connector)
        except BaseException as error:
            self._link.closing = True
            self._finish(TransportClosed(1000, "never opened"), error if isinstance(error, RealtimeError) else None)
            raise
        self._adopt(transport, greeting)
        self._reader = asyncio.get_running_loop().create_task(self._read(transport), name="realtime receive loop")
        with contextlib.suppress(TransportClosed):  # the reader has seen the same end, and decides
            await self._resumption.resume(restore=False)
            self._link.set_state("open")

    async def close(self, code: int, reason: str) -> None:
        """Close the transport, and stop reading and trying."""
        link = self._link
        link.closing = True
        if link.ended is None:
            link.set_state("closed")  # before the goodbye, so that the reader does not take its end for a loss
            if self._resuming is not None:
                self._resuming.cancel()
            if link.transport is not None:
                with contextlib.suppress(TransportClosed, OSError):
                    await link.transport.close(code, reason)
            reader = self._reader
            if reader is not None and reader is not asyncio.current_task():
                if link.transport is None:
                    reader.cancel()  # it waits for its next attempt
                await asyncio.wait([reader], timeout=3)
                reader.cancel()
        self._finish(TransportClosed(code, reason))

    def _finish(self, end: TransportClosed, error: RealtimeError | None = None) -> None:
        """End the connection, once: fail what waits, and emit `"close"`."""
        link = self._link
        if link.ended is not None:
            return
        error = error or link.end_error(end)
        ended = CloseEvent(code=end.code, reason=end.reason, error=None if isinstance(error, PoliteEnd) else error)
        link.end(ended, error)
        self._resumption.fail(error)
        self._dispatcher.end(ended, error)

    async def _establish(self, connector: Connector) -> tuple[Transport, list[Any]]:
        """Open a transport; return it with the server's events up to and with `session.created`.

        Nothing may be sent before `session.created` (docs/protocol.md 1).
        """
        transport = await connector.connect()
        greeting: list[Any] = []
        try:
            async with asyncio.timeout(self._session_timeout_s):
                await _greet(transport, connector.describe(), greeting)
        except BaseException as error:
            await _leave(transport)
            if isinstance(error, builtins.TimeoutError):
                raise errors.TimeoutError(
                    f"{connector.describe()} accepted the connection, but sent no session.created within "
                    f"{self._session_timeout_s:g} s. Check that it is a Realtime server, and try again."
                ) from None
            raise
        return transport, greeting

    def _adopt(self, transport: Transport, greeting: list[Any]) -> None:
        self._link.transport = transport
        self._opened_at = asyncio.get_running_loop().time()
        for event in greeting:
            self._dispatcher.dispatch(event)

    # Receiving

    async def _read(self, transport: Transport) -> None:
        following: Transport | None = transport
        link = self._link
        try:
            while following is not None:
                end = await self._receive(following)
                following = await self._following(following, end)
        finally:
            if link.state != "closed" and (link.transport is None or link.transport is following):
                self._finish(TransportClosed(1006, "the receive loop was stopped"))

    async def _receive(self, transport: Transport) -> TransportClosed:
        recv, dispatch = transport.recv, self._dispatcher.dispatch
        try:
            while True:
                dispatch(decode_server(await recv()))
        except TransportClosed as closed:
            return closed
        except OSError as error:
            return TransportClosed(1006, f"the connection broke off ({type(error).__name__})")

    async def _following(self, transport: Transport, end: TransportClosed) -> Transport | None:
        """The transport after one that has ended; None where the connection ends, or has gone on already."""
        link = self._link
        if transport is not link.transport:
            return None  # replaced by a switch, whose transport has a reader of its own
        error = link.loss(end)
        wanted = end.code == 1000 and not isinstance(error, errors.SessionExpired)
        if self._policy is None or link.state == "closed" or wanted or not is_worth_retrying(end):
            self._finish(end)
            return None
        if self._resuming is not None:
            self._resuming.cancel()
        if link.state != "reconnecting":
            self._lost_at, self._attempt = asyncio.get_running_loop().time(), 0
        self._lose_transport("reconnecting", error)
        try:
            following, greeting = await self._reconnect(self._policy, error)
        except RealtimeError as given_up:
            self._finish(end, given_up)
            return None
        self._adopt(following, greeting)
        self._begin_resuming(following, planned=False)
        return following

    def _lose_transport(self, state: LinkState, error: RealtimeError, following: Transport | None = None) -> None:
        self._link.transport = following
        self._link.set_state(state)
        self._link.expired = False
        self._resumption.on_transport_lost(error, planned=following is not None)

    # Another transport after a loss

    async def _reconnect(self, policy: Reconnect, lost: RealtimeError) -> tuple[Transport, list[Any]]:
        """Try until a transport is open; raises the error that ends the attempts."""
        if self._link.proven or asyncio.get_running_loop().time() - self._opened_at > policy.stable_s:
            self._failures = 0
        self._link.proven = False
        problem = lost
        while self._failures < policy.attempts:
            self._failures += 1
            self._attempt += 1
            delay_s = policy.delay_s(self._failures)
            self._notify(Reconnecting(self._attempt, delay_s, problem))
            await asyncio.sleep(delay_s)
            try:
                return await self._establish(self._link.connector)
            except RealtimeError as error:
                problem = error
                if not is_worth_retrying(error):
                    break
        raise _given_up(lost, problem, self._attempt)

    def _begin_resuming(self, transport: Transport, *, planned: bool) -> None:
        work = self._resume(transport, planned=planned)
        self._resuming = asyncio.get_running_loop().create_task(work, name="realtime restoring")

    async def _resume(self, transport: Transport, *, planned: bool) -> None:
        link = self._link
        try:
            await self._resumption.resume()
            link.set_state("open")  # no await before this: an event sent now would overtake those that waited
        except TransportClosed:
            return  # the reader has seen the same end, and tries again
        except Exception as error:
            if transport is link.transport:
                link.set_state("closed")
                await _leave(transport)
                self._finish(
                    TransportClosed(1006, "the conversation could not be restored"),
                    ConnectError(
                        f"the connection came back, but the conversation could not be restored: {error}. "
                        "Start a new session to go on.",
                        retryable=False,
                    ),
                )
            return
        dropped_ms, link.dropped_bytes = link.dropped_ms, 0
        if not planned:
            outage_s = asyncio.get_running_loop().time() - self._lost_at
            self._notify(Reconnected(self._attempt, outage_s, dropped_ms))

    def _notify(self, event: Reconnecting | Reconnected) -> None:
        _log.info("%s: %s", self._link.where, event.type)
        self._dispatcher.notify(event)

    # Another transport on request

    async def switch(self, connector: Connector | None, moment: Callable[[], Awaitable[None]] | None) -> None:
        """Open another transport beside the current one, and go on there.

        Args:
            connector: opens it, now and from now on; None: the same as before.
            moment: awaited once the other is open; returns when the switch may happen; None: at once.

        Raises:
            ConnectError: the other could not be opened; the current one goes on.
        """
        async with self._one_switch:
            link = self._link
            connector = connector or link.connector
            transport, greeting = await self._establish(connector)
            try:
                if moment is not None:
                    await moment()
                reader = self._live_reader()
            except BaseException:
                await _leave(transport)
                raise
            old = link.transport
            reader.cancel()
            left = ConnectError(f"the session with {link.where} was exchanged for a new one before the answer came")
            link.connector = connector
            self._lose_transport("switching", left, transport)  # the old reader ignores its end from here on
            self._adopt(transport, greeting)
            loop = asyncio.get_running_loop()
            self._reader = loop.create_task(self._read(transport), name="realtime receive loop")
            if old is not None:
                task = loop.create_task(_leave(old), name="realtime goodbye")
                self._goodbyes.add(task)
                task.add_done_callback(self._goodbyes.discard)
            self._begin_resuming(transport, planned=True)
            await link.settled()

    def _live_reader(self) -> asyncio.Task[None]:
        if self._link.state != "open" or self._reader is None:
            raise ConnectError("the connection was lost while another was being opened")
        return self._reader


async def _leave(transport: Transport) -> None:
    with contextlib.suppress(Exception):
        await transport.close()


async def _greet(transport: Transport, where: str, greeting: list[Any]) -> None:
    """Add the server's first events to `greeting`, up to and with `session.created`.

    A server that says nothing may wait for a `session.update` and answer that one only: it is sent the least that one
    can hold, and its `session.updated` is the greeting then.
    """
    while not (greeting and isinstance(greeting[-1], SessionCreated)):
        first = asyncio.ensure_future(_first_event(transport, where))
        try:
            await asyncio.wait([first], timeout=_SILENT_S)
            if not first.done():
                with contextlib.suppress(TransportClosed):  # `_first_event` says what it means
                    await transport.send(encode({"type": "session.update", "session": {"type": "realtime"}}))
            event = await first
        finally:
            first.cancel()
        if isinstance(event, SessionUpdated):
            event = SessionCreated(session=event.session, event_id=event.event_id)
        greeting.append(event)


async def _first_event(transport: Transport, where: str) -> Any:
    """An event up to `session.created`; raises `ConnectError` where the server closed, refused, or is another kind."""
    try:
        event = decode_server(await transport.recv())
    except TransportClosed as closed:
        reason = f", {closed.reason}" if closed.reason else ""
        raise ConnectError(
            f"{where} closed the connection at once (code {closed.code}{reason}). Check the model and the key, and "
            "the server's own log."
        ) from None
    if not isinstance(event, ErrorEvent):
        return event  # an event before `session.created` is odd, not wrong
    if event.error.code == MALFORMED:
        raise ConnectError(
            f"{where} is a websocket server, but does not speak the Realtime API: {event.error.message} "
            "Check the address (it usually ends in /v1/realtime).",
            retryable=False,
        )
    too_fast = is_rate_limit(event.error.code, event.error.type)
    raise ConnectError(
        f"{where} refused the session: {server_error(event.error)}",
        retryable=too_fast,
        retry_after_s=said_wait_s(event.error.message) if too_fast else None,
    )


def _given_up(lost: RealtimeError, problem: RealtimeError, attempts: int) -> RealtimeError:
    """The error after the last attempt, which says what was lost and why it did not come back."""
    if isinstance(lost, errors.SessionExpired):
        return errors.SessionExpired(f"the session reached its time limit, and could not be renewed: {problem}")
    times = "once" if attempts == 1 else f"{attempts} times"
    return ConnectError(
        f"{lost} Tried {times} to connect again; the last time: {problem}",
        status=getattr(problem, "status", None),
        retryable=is_worth_retrying(problem),
    )
