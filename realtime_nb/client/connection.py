"""One connection: typed events in and out, for whoever wants the wire itself.

Owns the receive loop, delivery (listeners, acknowledgements, readers, handlers), and the end. Must not know turns,
widgets, or which transport moves the frames. Lives on the event loop that it was opened on; every public awaitable may
be awaited from any loop.
"""

from __future__ import annotations

import asyncio
import builtins
import concurrent.futures
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from realtime_nb import errors
from realtime_nb.client import resources
from realtime_nb.client.acks import ACKNOWLEDGED_BY, METADATA_KEY, Acknowledgements
from realtime_nb.client.emitter import Emitter
from realtime_nb.client.ends import POLITE_CODES, CloseEvent, PoliteEnd, ending
from realtime_nb.client.greeting import greeted
from realtime_nb.client.handlers import Handlers, OnHandlerError
from realtime_nb.client.inbox import Inbox
from realtime_nb.client.loops import any_loop, running_loop
from realtime_nb.client.outbox import Outbox
from realtime_nb.client.outgoing import EventIds, as_client_event, sound_bytes
from realtime_nb.client.transport import Connector, Transport, TransportClosed
from realtime_nb.errors import ConfigError, ConnectError, RealtimeError
from realtime_nb.wire.realtime import (
    ErrorDetail,
    ErrorEvent,
    SessionCreated,
    SessionUpdated,
    decode_server,
    encode,
    encode_append,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["CloseEvent", "RealtimeConnection"]

_log = logging.getLogger(__name__)
# The service takes 15 MiB of base64 in one append; a third less is sound.
_APPEND_BYTES = 8 * 2**20


class RealtimeConnection(Emitter):
    """Typed events over one transport.

    Args:
        connector: opens the transport.
        executor: where synchronous handlers run; one worker thread of our own when None.
        on_handler_error: told what a handler raised, and for which event type.
        session_timeout_s: how long the server may take to send `session.created` after the handshake.
        buffer: events kept for `recv` and `async for`; beyond it the oldest are dropped with a warning. Where a
            session runs on the connection, they are kept from the first `recv` on.

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
    ) -> None:
        super().__init__(Handlers(executor, on_handler_error))
        self.session = resources.Session(self)
        self.conversation = resources.Conversation(self)
        self.input_audio_buffer = resources.InputAudioBuffer(self)
        self.output_audio_buffer = resources.OutputAudioBuffer(self)
        self.response = resources.Response(self)
        self.created: SessionCreated | None = None
        self.session_type = "realtime"
        self._connector = connector
        self._session_timeout_s = session_timeout_s
        self._listeners: tuple[Callable[[Any], None], ...] = ()
        self._send_listeners: tuple[Callable[[dict[str, Any]], object], ...] = ()
        self._acks = Acknowledgements()
        self.outbox = Outbox(self)
        self._inbox = Inbox(buffer)
        self._event_id = EventIds()
        self._input_is_pcm = True
        self._transport: Transport | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ended: CloseEvent | None = None
        self._closing = False
        self._expired = False

    def __repr__(self) -> str:
        state = "closed" if self._ended else "open" if self._transport else "not open"
        return f"<RealtimeConnection {self._connector.describe()} {state}>"

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
    def carries_audio(self) -> bool:
        """Whether the transport takes microphone and sound past this process."""
        return self._transport is not None and self._transport.carries_audio

    async def open(self) -> Self:
        """Connect, and wait for the server's `session.created`.

        Raises:
            ConnectError: no connection, or something else than a Realtime server answered; says what to do.
            TimeoutError: a connection, but no `session.created` in time.
        """
        if self._loop is not None:
            raise RealtimeError("this connection was opened before; make a new one")
        self._loop = asyncio.get_running_loop()
        transport = await self._connector.connect()
        self._transport = transport
        try:
            async with asyncio.timeout(self._session_timeout_s):
                await greeted(transport, self._connector.describe(), self._greet)
        except builtins.TimeoutError:
            await self._abandon(transport)
            raise errors.TimeoutError(
                f"{self._connector.describe()} accepted the connection, but sent no session.created within "
                f"{self._session_timeout_s:g} s. Check that it is a Realtime server, and try again."
            ) from None
        except BaseException:
            await self._abandon(transport)
            raise
        self._reader = self._loop.create_task(self._read(transport), name="realtime receive loop")
        return self

    async def _abandon(self, transport: Transport) -> None:
        self._closing = True
        with contextlib.suppress(Exception):
            await transport.close()
        self._finish(TransportClosed(1000, "never opened"))

    def _greet(self, event: Any) -> None:
        if isinstance(event, SessionCreated):
            self.created = event
        self._deliver(event)

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @any_loop
    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection, let the handlers finish, and emit `"close"` once. May be called twice."""
        if self._ended is None:
            with contextlib.suppress(builtins.TimeoutError):
                async with asyncio.timeout(2):
                    await self.outbox.flushed()  # what was decided before the goodbye is said before it
        self._closing = True
        if self._transport is not None and self._ended is None:
            with contextlib.suppress(TransportClosed, OSError):
                await self._transport.close(code, reason)
        reader = self._reader
        if reader is not None and reader is not asyncio.current_task():
            await asyncio.wait([reader], timeout=3)
            reader.cancel()
        self._finish(TransportClosed(code, reason))
        await self._handlers.drain(timeout_s=5)
        self._handlers.shut()

    # Sending

    @any_loop
    async def send(self, event: Any, *, extra: Mapping[str, Any] | None = None, strict: bool = True) -> str:
        """Send one client event, typed or a dict; returns its event id.

        Raises:
            ConfigError: an unknown event or field, or a value out of range; nothing is sent.
            ConnectError: not open yet, or closed.
        """
        raw = as_client_event(event, extra=extra, strict=strict)
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
        """Send an event as it is; `answer` gets its acknowledgement."""
        transport = self._open_transport()
        event_id: str = raw.get("event_id") or self._event_id()
        raw["event_id"] = event_id
        self._acks.sent(raw, answer)
        for listener in self._send_listeners:
            listener(raw)
        try:
            await transport.send(encode(raw))
        except TransportClosed as closed:
            raise self._end_error(closed) from None
        return event_id

    @any_loop
    async def append(self, audio: bytes | bytearray | memoryview | npt.NDArray[np.int16]) -> None:
        """Send sound to the input buffer: the hot path up. Very long sound is split, which the server cannot tell.

        Raises:
            AudioError: empty, half a sample, or not int16.
        """
        transport = self._open_transport()
        view = sound_bytes(audio, pcm16=self._input_is_pcm)
        try:
            for start in range(0, len(view), _APPEND_BYTES):
                await transport.send(encode_append(view[start : start + _APPEND_BYTES], self._event_id()))
        except TransportClosed as closed:
            raise self._end_error(closed) from None

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
            raw["item"]["id"] = raw["item"].get("id") or f"item_{raw['event_id'].removeprefix('evt_')}"
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
            raise errors.TimeoutError(
                f"{self._connector.describe()} did not answer {kind!r} within {timeout:g} s"
            ) from None

    def _open_transport(self) -> Transport:
        if self._ended is not None:
            raise self.end_error()
        if self._transport is None or self.created is None:
            raise ConnectError("the connection is not open yet: `await connection.open()`, or use `async with`")
        return self._transport

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
        self._inbox.wait_for_a_reader()

    async def _read(self, transport: Transport) -> None:
        end = TransportClosed(1006, "the receive loop was stopped")
        recv = transport.recv
        try:
            while True:
                self._deliver(decode_server(await recv()))
        except TransportClosed as closed:
            end = closed
        except OSError as error:
            end = TransportClosed(1006, f"the connection broke off ({type(error).__name__})")
        finally:
            self._finish(end)

    def _deliver(self, event: Any) -> None:
        kind = type(event)
        if kind is SessionUpdated or kind is SessionCreated:
            self._configured(event.session)
        elif kind is ErrorEvent and event.error.code == "session_expired":
            self._expired = True
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:
                _log.exception("a listener raised on %r; the conversation goes on", event.type)
        self._acks.seen(event)
        self._inbox.put(event)
        if not self._handlers.idle:
            self._handlers.emit(event.type, event)

    def _configured(self, session: Any) -> None:
        self.session_type = str(getattr(session, "type", "") or "realtime")
        audio = getattr(session, "audio", None)
        heard = getattr(audio or None, "input", None) or None
        kind = getattr(getattr(heard, "format", None) or None, "type", None)
        self._input_is_pcm = kind not in ("audio/pcmu", "audio/pcma")
        detection = getattr(heard, "turn_detection", False)  # what is not told is not known to be off
        self._acks.all_asked_for = detection is None or getattr(detection, "create_response", None) is False

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

    # The end

    def _finish(self, end: TransportClosed) -> None:
        if self._ended is not None:
            return
        error = self._end_error(end)
        polite = isinstance(error, PoliteEnd)
        self._ended = CloseEvent(code=end.code, reason=end.reason, error=None if polite else error)
        self._acks.fail_all(error)
        self._inbox.close(error)
        if not polite:
            lost = ErrorEvent(error=ErrorDetail(type="connection_error", code="connection_lost", message=str(error)))
            self._handlers.emit("error", lost, wildcard=False)
        self._handlers.emit("close", self._ended, wildcard=False)

    def end_error(self) -> RealtimeError:
        """Why nothing can be sent any more; only after the end."""
        ended = self._ended or CloseEvent(1000, "")
        return self._end_error(TransportClosed(ended.code, ended.reason))

    def _end_error(self, end: TransportClosed) -> RealtimeError:
        polite = self._closing or end.code in POLITE_CODES
        return ending(self._connector.describe(), end, polite=polite, expired=self._expired)


async def _awaited(waiter: concurrent.futures.Future[Any], kind: str, timeout: float | None) -> Any:
    try:
        async with asyncio.timeout(timeout):
            return await asyncio.wrap_future(waiter)
    except builtins.TimeoutError:
        raise errors.TimeoutError(f"no {kind!r} came within {timeout:g} s") from None
