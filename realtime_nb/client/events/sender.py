"""Check client events, give them ids, and send them in the order of the calls, or let them wait for a transport.

Owns everything between a call that sends and the transport: the check, event and item ids, the writer task for events
decided in synchronous code, and the queue of events that wait while the link is not open. Must not know which transport
it is, or what a lost transport left unanswered (`reconnect/resume`).
"""

from __future__ import annotations

import asyncio
import builtins
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from realtime_nb import errors
from realtime_nb.client.events.client_event import EVENT_ID, as_client_event, event_ids, item_id_for, sound_bytes
from realtime_nb.client.events.event_loop import any_loop
from realtime_nb.client.events.normalizer import EventNormalizer
from realtime_nb.client.events.pending_requests import (
    ACKNOWLEDGED_BY,
    METADATA_KEY,
    PendingRequests,
    server_error,
)
from realtime_nb.client.events.send_queue import OfflineQueue, QueuedEvent
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.transport.base import Transport, TransportClosed
from realtime_nb.client.transport.link import Link
from realtime_nb.errors import AudioError, ConfigError, ConnectError, RealtimeError
from realtime_nb.wire.realtime import ErrorDetail, encode, encode_append

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


_log = logging.getLogger(__name__)
# The service takes 15 MiB in one append (docs/protocol.md 13): base64 of 8 MiB is 11 MiB.
_APPEND_BYTES = 8 * 2**20


class ResponseGate(Protocol):
    """Decides about each `response.create` at the moment before it is sent."""

    def may_leave(self, event_id: str) -> bool:
        """Whether the server's present session has the question of this request; False drops the event."""


class Sender:
    """The sending side of a connection.

    A `response.create` may wait for a transport, and be sent again after a loss. Whether it still has a question that
    the server can answer is therefore decided by `gate`, when nothing but the frame's way is left before it.


    Args:
        link, config, normalizer, pending: the connection's own.

    Attributes:
        new_event_id: makes ids for client events.
        gate: asked before each `response.create` leaves; None: all of them do.
    """

    def __init__(
        self, link: Link, config: SessionConfig, normalizer: EventNormalizer, pending: PendingRequests
    ) -> None:
        self.new_event_id = event_ids()
        self._link = link
        self._config = config
        self._normalizer = normalizer
        self._pending = pending
        self._offline = OfflineQueue()
        self._listeners: tuple[Callable[[dict[str, Any]], object], ...] = ()
        self._queue: deque[tuple[dict[str, Any], asyncio.Future[Any] | None]] = deque()
        self._writer: asyncio.Task[None] | None = None
        self.gate: ResponseGate | None = None
        self._again: dict[str, Transport | None] = {}  # events of refused items, with the transport to send them on

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the connection."""
        return self._link.loop or asyncio.get_running_loop()

    @property
    def session_type(self) -> str:
        """`"realtime"` or `"transcription"`."""
        return self._config.session_type

    @property
    def dropped_s(self) -> float:
        """Seconds of PCM16 sound that were dropped since the transport was lost."""
        return self._link.dropped_ms / 1000

    def add_listener(self, listener: Callable[[dict[str, Any]], object]) -> Callable[[], None]:
        """Call `listener` with every client event but sound, before it is sent; returns a function that removes it."""
        self._listeners = (*self._listeners, listener)

        def remove() -> None:
            self._listeners = tuple(known for known in self._listeners if known is not listener)

        return remove

    # Sending

    @any_loop
    async def send(self, event: Any, *, extra: Mapping[str, Any] | None = None, strict: bool = True) -> str:
        """Check and send one event; returns its id (`RealtimeConnection.send`)."""
        raw = as_client_event(event, extra=extra, strict=strict)
        if raw["type"] == "session.update":
            self._config.keep_voice(raw["session"])
        return await self._send_or_queue(raw)

    @any_loop
    async def request(self, event: Any, timeout: float | None = 30.0) -> Any:
        """Send an event, and return its acknowledgement (`RealtimeConnection.request`)."""
        raw = as_client_event(event)
        kind = raw["type"]
        if kind not in ACKNOWLEDGED_BY:
            raise ConfigError(f"the server acknowledges no {kind!r}; use send()")
        raw["event_id"] = raw.get("event_id") or self.new_event_id()
        if kind == "conversation.item.create":
            _name_item(raw)
        if kind == "response.create":
            params = raw["response"] = raw.get("response") or {}
            params["metadata"] = {METADATA_KEY: raw["event_id"], **(params.get("metadata") or {})}
        future: asyncio.Future[Any] = self.loop.create_future()
        try:
            async with asyncio.timeout(timeout):
                await self._send_or_queue(raw, future)
                return await future
        except builtins.TimeoutError:
            future.cancel()
            raise errors.TimeoutError(f"{self._link.where} did not answer {kind!r} within {timeout:g} s") from None

    @any_loop
    async def append(self, audio: bytes | bytearray | memoryview | npt.NDArray[np.int16]) -> bool:
        """Send sound to the input buffer: the hot path of the microphone.

        Returns:
            False where it was dropped, because the connection is lost.

        Raises:
            AudioError: empty, half a sample, or not int16.
        """
        if not self._config.input_is_usual and not isinstance(audio, bytes | bytearray | memoryview):
            kind, rate_hz = self._config.input_format
            raise AudioError(
                f"the server takes sound as {kind!r} at {rate_hz or 'its usual'} Hz, and an array is PCM16 at 24000 "
                "Hz: append bytes in that format, or let an rt.RealtimeSession convert them."
            )
        view = sound_bytes(audio, pcm16=self._config.input_is_pcm)
        link = self._link
        waits = False
        if link.state != "open":
            if link.state == "switching":
                await link.settled()
            if link.ended is not None:
                raise link.end_error()
            if link.state == "reconnecting":
                link.dropped_bytes += len(view)  # late sound is no part of a conversation (docs/protocol.md 8)
                return False
            waits = link.state == "new"
        try:
            for start in range(0, len(view), _APPEND_BYTES):
                frame = encode_append(view[start : start + _APPEND_BYTES], self.new_event_id())
                transport = link.transport
                if waits or transport is None:
                    self._offline.put(frame, where=link.where)
                else:
                    await transport.send(frame)
        except TransportClosed as closed:
            if not link.reconnects:
                raise link.end_error(closed) from None
            link.dropped_bytes += len(view)
            return False
        return True

    async def append_encoded(self, frame: bytes) -> None:
        """Send a frame that `encode_append` made before, on an open connection that does not reconnect.

        Raises:
            ConnectError: the connection has ended.
        """
        transport = self._link.transport
        if transport is None or self._link.state != "open":
            raise self._link.end_error()
        try:
            await transport.send(frame)
        except TransportClosed as closed:
            raise self._link.end_error(closed) from None

    def put(self, raw: dict[str, Any], answer: asyncio.Future[Any] | None = None) -> None:
        """Queue a checked event from synchronous code on the loop; it is sent after all that was queued before.

        Args:
            raw: the event.
            answer: gets its acknowledgement, or the error that prevented it.
        """
        self._queue.append((raw, answer))
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write(), name="realtime sender")

    def post(self, raw: dict[str, Any]) -> asyncio.Future[Any]:
        """Queue an event as `put` does, and return a future of its acknowledgement, which need not be awaited."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_mark_retrieved)
        self.put(raw, answer)
        return answer

    async def flushed(self) -> None:
        """Return once every queued event was handed to the transport, or waits for one."""
        if self._writer is not None:
            await asyncio.wait([self._writer])

    def awaits(self, event_id: str | None) -> bool:
        """Whether a caller awaits the answer to a client event, and so gets its error."""
        return self._pending.awaited(event_id)

    def retry_without_id(self, detail: ErrorDetail) -> str | None:
        """Send an item again without our id, where the server refuses the id; returns that id.

        The server then names its items itself, also those that follow, and the normalizer keeps our names for them.
        """
        refused = self._pending.take_with_refused_id(detail)
        if refused is None:
            return None
        if self._link.state == "open":
            refused.event = {**refused.event, "event_id": self.new_event_id()}
            self._pending.put_back(refused)
            self._again[refused.event["event_id"]] = self._link.transport
            self.put(refused.event, refused.future)
        else:
            refused.fail(server_error(detail))  # an item that is being restored: `session_snapshot` sends it again
        name: str = refused.event["item"]["id"]
        return name

    def is_about_response(self, detail: ErrorDetail) -> bool:
        """Whether an error that names no client event answers a `response.create` (docs/protocol.md 19)."""
        return self._pending.may_be_about(detail, "response.create")

    def mark_answered(self, event_id: str) -> None:
        """Note that a `response.create` was answered, so that it is not sent again after a loss."""
        self._pending.drop_unawaited(event_id)

    async def _write(self) -> None:
        try:
            while self._queue:
                raw, answer = self._queue.popleft()
                try:
                    await self._send_or_queue(raw, answer)
                except Exception as error:
                    if answer is not None and not answer.done():
                        answer.set_exception(error)
                    elif isinstance(error, RealtimeError):
                        _log.info("%r was not sent: the connection is closed", raw["type"])
                    else:
                        _log.exception("%r was not sent", raw["type"])
        finally:
            self._writer = None

    async def _send_or_queue(self, raw: dict[str, Any], answer: asyncio.Future[Any] | None = None) -> str:
        event_id: str = raw.get("event_id") or self.new_event_id()
        raw["event_id"] = event_id  # errors of the server name it (docs/protocol.md 40)
        if not EVENT_ID.fullmatch(event_id):
            self._normalizer.leaves(event_id)
        link = self._link
        if event_id in self._again and (self._again.pop(event_id) is not link.transport or link.state != "open"):
            return event_id  # lost meanwhile: the item is restored with the rest of the conversation
        if link.state == "open" and link.transport is not None:
            await self._transmit(link.transport, raw, answer)
        elif link.ended is not None:
            raise link.end_error()
        elif link.state == "reconnecting" and raw["type"] == "input_audio_buffer.commit":
            raise ConnectError("the connection is lost, and with it the sound that this commit would make a turn of")
        else:
            self._offline.put(raw, answer, where=link.where)
        return event_id

    async def _transmit(self, transport: Transport, raw: dict[str, Any], answer: asyncio.Future[Any] | None) -> None:
        kind = raw["type"]
        if kind == "conversation.item.create" and self._pending.keep_all:
            _name_item(raw)  # by us, so that a loss leaves no doubt which items the conversation has
        elif kind == "response.create" and self.gate is not None and not self.gate.may_leave(raw["event_id"]):
            return
        names_things = kind != "session.update"
        try:  # before anything is noted: an event that cannot be encoded was never sent
            frame = encode(self._outward(raw) if names_things else raw)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise ConfigError(f"{kind!r} cannot be sent: {error}") from None
        self._pending.add(raw, answer)
        if names_things:
            self._normalizer.sent(raw)
        else:
            self._config.sent(raw["event_id"], raw["session"])
        for listener in self._listeners:
            listener(raw)
        try:
            await transport.send(frame)
        except TransportClosed as closed:
            if not self._link.reconnects:
                raise self._link.end_error(closed) from None
            # Lost like the events right before it: `reconnect/resume` decides which of them are sent again.

    def _outward(self, raw: dict[str, Any]) -> dict[str, Any]:
        """A client event with the server's ids, and without an id for a new item where the server refuses ids."""
        changed = self._normalizer.outward(raw)
        if self._pending.ids_refused and raw["type"] == "conversation.item.create":
            item = {key: value for key, value in changed["item"].items() if key != "id"}
            changed = {**changed, "item": item}
        return changed

    # Around a lost transport

    async def send_ahead(self, raw: dict[str, Any] | bytes) -> asyncio.Future[Any]:
        """Send an event on the current transport before all that waits; the future gets its acknowledgement.

        Raises:
            TransportClosed: the transport is lost as well.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_mark_retrieved)
        transport = self._link.transport
        if transport is None:
            raise TransportClosed(1006, "lost again")
        if isinstance(raw, bytes):
            await transport.send(raw)
        else:
            raw["event_id"] = raw.get("event_id") or self.new_event_id()
            frame = encode(self._outward(raw))
            self._normalizer.sent(raw)
            self._pending.add(raw, answer)
            await transport.send(frame)
        return answer

    async def send_offline(self) -> None:
        """Send what waits, in its order; the caller then opens the link without an `await` in between.

        Raises:
            TransportClosed: the transport is lost as well; the rest waits on.
        """
        transport = self._link.transport
        while True:
            if transport is None or transport is not self._link.transport:
                raise TransportClosed(1006, "lost again")
            if not len(self._offline):
                return
            queued = self._offline.pop()
            if isinstance(queued.event, bytes):
                await transport.send(queued.event)
            else:
                await self._transmit(transport, queued.event, queued.answer)

    def send_again(self, events: list[QueuedEvent]) -> None:
        """Put events that were lost with the transport before all that waits."""
        self._offline.put_first(events)

    def fail(self, error: Exception) -> None:
        """Fail the answers of all events that wait: no transport will follow."""
        self._offline.fail(error)


def _name_item(raw: dict[str, Any]) -> None:
    raw["item"]["id"] = raw["item"].get("id") or item_id_for(raw["event_id"])


def _mark_retrieved(answer: asyncio.Future[Any]) -> None:
    """Retrieve an error that may have no caller, so that asyncio does not warn of it."""
    if not answer.cancelled():
        answer.exception()
