"""One connection: typed events in and out, for whoever wants the wire itself.

Owns sending, delivery (listeners, acknowledgements, readers, handlers), and the end. Which transport moves the frames,
and which one follows when it is lost, is the line's; what the next session hears of the last, the succession's. Must
not know turns or widgets. Lives on the event loop that it was opened on; every public awaitable may be awaited from any
loop.
"""

from __future__ import annotations

import asyncio
import builtins
import concurrent.futures
import contextlib
import logging
from collections.abc import Awaitable, Callable, Generator, Mapping
from concurrent.futures import Executor
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from realtime_nb import errors
from realtime_nb.client import resources
from realtime_nb.client.events.client_event import EventIds, as_client_event, item_id_for, sound_bytes
from realtime_nb.client.events.event_loop import any_loop, running_loop
from realtime_nb.client.events.handlers import Emitter, Handlers, OnHandlerError
from realtime_nb.client.events.pending_requests import ACKNOWLEDGED_BY, METADATA_KEY, PendingRequests
from realtime_nb.client.events.receive_buffer import ReceiveBuffer
from realtime_nb.client.events.send_queue import SendQueue
from realtime_nb.client.reconnect.policy import Reconnect, Reconnected, Reconnecting, policy_of
from realtime_nb.client.reconnect.resume import Resumption
from realtime_nb.client.reconnect.transport_manager import TransportManager
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.transport.base import Connector, TransportClosed
from realtime_nb.client.transport.close import EXPIRED, LOST, POLITE_CODES, CloseEvent, PoliteEnd, ending, loss
from realtime_nb.errors import ConfigError, ConnectError, RealtimeError
from realtime_nb.wire.realtime import (
    ErrorDetail,
    ErrorEvent,
    ResponseOutputAudioDelta,
    SessionCreated,
    SessionUpdated,
    decode_server,
    encode,
    encode_append,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from realtime_nb.client.reconnect.keeper import Keeper

__all__ = ["CloseEvent", "RealtimeConnection"]

_log = logging.getLogger(__name__)
# The service takes 15 MiB of base64 in one append; a third less is sound.
_APPEND_BYTES = 8 * 2**20


class RealtimeConnection(Emitter):
    """Typed events over one transport, or over one after the other.

    Args:
        connector: opens the transport.
        executor: where synchronous handlers run; one worker thread of our own when None.
        on_handler_error: told what a handler raised, and for which event type.
        session_timeout_s: how long the server may take to send `session.created` after the handshake.
        buffer: events kept for `recv` and `async for`; beyond it the oldest are dropped with a warning. Where a
            session runs on the connection, they are kept from the first `recv` on.
        reconnect: True or a `Reconnect` to go on after the connection was lost, with what was said and set restored in
            a new session: `"reconnecting"` and `"reconnected"` tell of it, a response that was under way ends as
            `failed` with the code `connection_lost`, what is sent meanwhile waits, sound given meanwhile is dropped.
        config: the configuration of a conversation that may have had other connections; None makes a new one.

    It may be sent to and given handlers before it is open: what is sent waits.

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
        self.session = resources.SessionResource(self)
        self.conversation = resources.ConversationResource(self)
        self.input_audio_buffer = resources.InputAudioBufferResource(self)
        self.output_audio_buffer = resources.OutputAudioBufferResource(self)
        self.response = resources.ResponseResource(self)
        self.created: SessionCreated | None = None
        self.config = config or SessionConfig()
        self.config.on_connecting()
        self._line = TransportManager(
            connector, self, reconnect=policy_of(reconnect), session_timeout_s=session_timeout_s
        )
        self._listeners: tuple[Callable[[Any], None], ...] = ()
        self._send_listeners: tuple[Callable[[dict[str, Any]], object], ...] = ()
        self._acks = PendingRequests(keep_all=self._line.reconnect is not None)
        self.outbox = SendQueue(self)
        self._inbox = ReceiveBuffer(buffer)
        self._event_id = EventIds()
        self._succession = Resumption(
            self._line, self._acks, deliver=self.deliver, transmit=self._transmit, new_event_id=self._event_id
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: CloseEvent | None = None
        self._end: RealtimeError | None = None
        self._closing = False
        self._expired = False

    def __repr__(self) -> str:
        state = {"new": "not open", "switching": "reconnecting"}.get(self._line.state, self._line.state)
        return f"<RealtimeConnection {self._where} {'closed' if self._ended else state}>"

    @property
    def _where(self) -> str:
        return self._line.connector.describe()

    # Opening and closing

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that the connection lives on."""
        return self._loop or asyncio.get_running_loop()

    @property
    def closed(self) -> CloseEvent | None:
        """How the connection ended, or None while it has not."""
        return self._ended

    @property
    def session_type(self) -> str:
        """`realtime` or `transcription`."""
        return self.config.session_type

    @property
    def carries_audio(self) -> bool:
        """Whether the transport takes microphone and sound past this process."""
        return self._line.transport is not None and self._line.transport.carries_audio

    async def open(self) -> Self:
        """Connect, wait for the server's `session.created`, and send what waited.

        Raises:
            ConnectError: no connection, or something else than a Realtime server answered; says what to do.
            TimeoutError: a connection, but no `session.created` in time.
        """
        if self._loop is not None:
            raise RealtimeError("this connection was opened before; make a new one")
        self._loop = asyncio.get_running_loop()
        if self._line.reconnect is not None and self._succession.keeper is None:
            # Imported here: a connection that does not reconnect must not pay for it.
            from realtime_nb.client.reconnect.session_snapshot import ConnectionKeeper

            self.keep(ConnectionKeeper(self, self.config))
        try:
            await self._line.open()
        except BaseException as error:
            self._closing = True
            self.finish(TransportClosed(1000, "never opened"), error if isinstance(error, RealtimeError) else None)
            raise
        with contextlib.suppress(TransportClosed):  # the receive loop sees it too, and decides
            await self._succession.send_what_waits()
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        return self.open().__await__()

    @any_loop
    async def ready(self) -> None:
        """Returns when the connection is open, also after a loss.

        Raises:
            ConnectError: it is over, or was never opened.
        """
        if self._loop is None:
            raise ConnectError("the connection is not open yet: `await connection`, or use `async with`")
        await self._line.ready()
        if self._ended is not None:
            raise self.end_error()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @any_loop
    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection, let the handlers finish, and emit `"close"` once. May be called twice."""
        if self._ended is None and self._line.state == "open":
            with contextlib.suppress(builtins.TimeoutError):
                async with asyncio.timeout(2):
                    await self.outbox.flushed()  # what was decided before the goodbye is said before it
        self._closing = True
        if self._ended is None:
            await self._line.close(code, reason)
        self.finish(TransportClosed(code, reason))
        await self._handlers.drain(timeout_s=5)
        self._handlers.shut()

    # Sending

    @any_loop
    async def send(self, event: Any, *, extra: Mapping[str, Any] | None = None, strict: bool = True) -> str:
        """Send one client event, typed or a dict; returns its event id.

        Before the connection is open, and while it is lost, the event waits; it leaves in the order of the calls.

        Raises:
            ConfigError: an unknown event or field, or a value out of range; nothing is sent.
            ConnectError: closed, or too much waits already.
        """
        raw = as_client_event(event, extra=extra, strict=strict)
        if raw["type"] == "session.update":
            self.config.keep_voice(raw["session"])
        return await self.transmit(raw)

    def new_event_id(self) -> str:
        """An id for a client event."""
        return self._event_id()

    def post(self, raw: dict[str, Any]) -> asyncio.Future[Any]:
        """Send a checked event in order with all that was posted before. On the loop only.

        Returns:
            a future with its acknowledgement, or why there is none; nobody has to await it.
        """
        answer: asyncio.Future[Any] = self.loop.create_future()
        answer.add_done_callback(lambda future: future.cancelled() or future.exception())
        self.outbox.put(raw, answer)
        return answer

    def awaits(self, event_id: str | None) -> bool:
        """Whether somebody awaits the answer to a client event, and so hears of its error."""
        return self._acks.awaited(event_id)

    async def transmit(self, raw: dict[str, Any], answer: asyncio.Future[Any] | None = None) -> str:
        """Send an event as it is, or let it wait; `answer` gets its acknowledgement."""
        event_id: str = raw.get("event_id") or self._event_id()
        raw["event_id"] = event_id
        if self._line.state == "open":
            await self._transmit(raw, answer)
        elif self._ended is not None:
            raise self.end_error()
        elif self._line.state == "reconnecting" and raw["type"] == "input_audio_buffer.commit":
            raise ConnectError("the connection is lost, and with it the sound that this commit would make a turn of")
        else:
            self._succession.waiting.put(raw, answer, where=self._where)
        return event_id

    async def _transmit(self, raw: dict[str, Any], answer: asyncio.Future[Any] | None) -> None:
        transport = self._line.transport
        assert transport is not None
        if self._succession.keeper is not None and raw["type"] == "conversation.item.create":
            # Named by us, so that a lost connection leaves no doubt which items the conversation has.
            raw["item"]["id"] = raw["item"].get("id") or item_id_for(raw["event_id"])
        self._acks.add(raw, answer)
        if raw["type"] == "session.update":
            self.config.sent(raw["event_id"], raw["session"])
        for listener in self._send_listeners:
            listener(raw)
        try:
            await transport.send(encode(raw))
        except TransportClosed as closed:
            if self._succession.keeper is None or self._line.reconnect is None:
                raise self._end_error(closed) from None
            # Lost like what was sent a moment before: whether it is said again is decided with the rest.

    @any_loop
    async def append(self, audio: bytes | bytearray | memoryview | npt.NDArray[np.int16]) -> bool:
        """Send sound to the input buffer: the hot path up. Very long sound is split, which the server cannot tell.

        Returns:
            False where it was dropped, because the connection is lost just now: late sound is no part of a
            conversation.

        Raises:
            AudioError: empty, half a sample, or not int16.
        """
        view = sound_bytes(audio, pcm16=self.config.input_is_pcm)
        if self._line.state == "switching":
            await self._line.ready()
        if self._ended is not None:
            raise self.end_error()
        if self._line.state == "reconnecting":
            self._line.dropped_bytes += len(view)
            return False
        waits = self._line.state == "new"
        try:
            for start in range(0, len(view), _APPEND_BYTES):
                frame = encode_append(view[start : start + _APPEND_BYTES], self._event_id())
                transport = self._line.transport
                if waits or transport is None:
                    self._succession.waiting.put(frame, where=self._where)
                else:
                    await transport.send(frame)
        except TransportClosed as closed:
            if self._line.reconnect is None:
                raise self._end_error(closed) from None
            self._line.dropped_bytes += len(view)
            return False
        return True

    @any_loop
    async def request(self, event: Any, timeout: float | None = 30.0) -> Any:
        """Send an event and return the server's event that acknowledges it.

        An item without an id is given one, and a `response.create` a pair of metadata, so that the answer is known for
        certain. `response.create` is acknowledged by `response.created`, `response.cancel` by that `response.done`.

        Raises:
            ServerError: the server refused it, in the server's words.
            TimeoutError: no answer in time.
            ConfigError: wrong before it was sent, or of a kind that the server never acknowledges.
        """
        raw = as_client_event(event)
        kind = raw["type"]
        if kind not in ACKNOWLEDGED_BY:
            raise ConfigError(f"the server acknowledges no {kind!r}; use send()")
        raw["event_id"] = raw.get("event_id") or self._event_id()
        if kind == "conversation.item.create":
            raw["item"]["id"] = raw["item"].get("id") or item_id_for(raw["event_id"])
        if kind == "response.create":
            params = raw["response"] = raw.get("response") or {}
            params["metadata"] = {**(params.get("metadata") or {})}
            params["metadata"].setdefault(METADATA_KEY, raw["event_id"])
        future: asyncio.Future[Any] = self.loop.create_future()
        try:
            async with asyncio.timeout(timeout):
                await self.transmit(raw, future)
                return await future
        except builtins.TimeoutError:
            future.cancel()
            raise errors.TimeoutError(f"{self._where} did not answer {kind!r} within {timeout:g} s") from None

    # Receiving

    def add_listener(self, listener: Callable[[Any], None]) -> Callable[[], None]:
        """Call `listener` with every server event, in the receive loop and before handlers; it must be quick.

        Returns:
            a function that takes it away again.
        """
        self._listeners = (*self._listeners, listener)

        def remove() -> None:
            self._listeners = tuple(known for known in self._listeners if known is not listener)

        return remove

    def add_send_listener(self, listener: Callable[[dict[str, Any]], object]) -> Callable[[], None]:
        """Call `listener` with every client event but sound, as the dict that travels, before it leaves."""
        self._send_listeners = (*self._send_listeners, listener)

        def remove() -> None:
            self._send_listeners = tuple(known for known in self._send_listeners if known is not listener)

        return remove

    def wait_for_a_reader(self) -> None:
        """Keep no events for `recv` until it is called: a session follows them by itself."""
        self._inbox.keep_nothing_until_read()

    decode = staticmethod(decode_server)

    def deliver(self, event: Any) -> None:
        """Hand an event to all who want it: the line's way in."""
        kind = type(event)
        if kind is ResponseOutputAudioDelta:
            self.config.has_spoken = True
        elif kind is SessionUpdated or kind is SessionCreated:
            self._on_echo(event)
        elif kind is ErrorEvent:
            self.config.refused(event.error.event_id)
            self._expired = self._expired or event.error.code == EXPIRED
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:
                _log.exception("a listener raised on %r; the conversation goes on", event.type)
        self._acks.on_event(event)
        self._inbox.put(event)
        if not self._handlers.idle:
            self._handlers.emit(event.type, event)

    def _on_echo(self, event: SessionUpdated | SessionCreated) -> None:
        if isinstance(event, SessionCreated):
            self.created = event
            self.config.created(event.session)
        else:
            self.config.updated(event.session)
        self._acks.all_asked_for = self.config.answers_only_requests

    @any_loop
    async def recv(self) -> Any:
        """The next server event. Raises `ConnectError` or `SessionExpired` when there will be none."""
        return await self._inbox.get()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        """The next event. Ends at a polite close; raises `ConnectError` or `SessionExpired` at any other."""
        if self._inbox.events:
            return self._inbox.events.popleft()
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
        if self._loop is None or running_loop() is self._loop:
            self._inbox.watch(kind, waiter)
        else:
            self._loop.call_soon_threadsafe(self._inbox.watch, kind, waiter)
        return _awaited(waiter, kind, timeout)

    # Going on after a loss

    def keep(self, keeper: Keeper) -> None:
        """Let `keeper` say what was said and set, and restore it on another transport. Before the first one is lost."""
        self._succession.keep(keeper)

    @property
    def reconnects(self) -> bool:
        """Whether it goes on after a loss, and so outlives the session."""
        return self._line.reconnect is not None

    def answered(self, event_id: str) -> None:
        """A `response.create` was answered, as whoever sent it knows: it is not to be said again."""
        self._acks.drop_unawaited(event_id)

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
            RealtimeError: nobody keeps the conversation (`reconnect=False`, and no session).
        """
        if self._succession.keeper is None:
            raise RealtimeError("nothing could be restored: open the connection with reconnect=True to have it kept")
        await self.ready()
        left = ConnectError(f"the session with {self._where} was exchanged for a new one before the answer came")
        await self._line.switch(connector, moment or _at_once, left)
        if self._ended is not None:
            raise self.end_error()

    def on_transport_lost(self, error: RealtimeError, *, planned: bool) -> None:
        """The line has lost its transport, and opens another."""
        self._expired = False
        self.config.on_transport_lost()
        self._succession.on_transport_lost(error, planned=planned)

    async def resume(self) -> None:
        """The line has a new transport: its session hears of what was set and said, and of what waited."""
        await self._succession.resume(lambda: self.config.echo)

    def tell(self, event: Reconnecting | Reconnected) -> None:
        """Tell of `"reconnecting"` and `"reconnected"`."""
        _log.info("%s: %s", self._where, event.type)
        self._inbox.notify_waiters(event)
        self._handlers.emit(event.type, event, wildcard=False)

    # The end

    def finish(self, end: TransportClosed, error: RealtimeError | None = None) -> None:
        """It is over: whoever waits is told, and `"close"` is emitted, once."""
        if self._ended is not None:
            return
        error = error or self._end_error(end)
        polite = isinstance(error, PoliteEnd)
        self._end = error
        self._ended = CloseEvent(code=end.code, reason=end.reason, error=None if polite else error)
        self._line.over()
        self._acks.fail_all(error)
        self._succession.fail(error)
        self._inbox.notify_waiters(self._ended)
        self._inbox.close(error)
        if not polite:
            lost = ErrorEvent(error=ErrorDetail(type="connection_error", code=LOST, message=str(error)))
            self._handlers.emit("error", lost, wildcard=False)
        self._handlers.emit("close", self._ended, wildcard=False)

    def end_error(self) -> RealtimeError:
        """Why nothing can be sent any more; only after the end."""
        return self._end or self._end_error(TransportClosed(1000, ""))

    def loss(self, end: TransportClosed) -> RealtimeError:
        """What an end of the transport is, where somebody tries to go on."""
        return loss(self._where, end, expired=self._expired)

    def _end_error(self, end: TransportClosed) -> RealtimeError:
        polite = self._closing or end.code in POLITE_CODES
        return ending(self._where, end, polite=polite, expired=self._expired)


async def _at_once() -> None:
    """Any moment will do."""


async def _awaited(waiter: concurrent.futures.Future[Any], kind: str, timeout: float | None) -> Any:
    try:
        async with asyncio.timeout(timeout):
            return await asyncio.wrap_future(waiter)
    except builtins.TimeoutError:
        raise errors.TimeoutError(f"no {kind!r} came within {timeout:g} s") from None
