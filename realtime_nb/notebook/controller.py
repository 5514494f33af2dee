"""From a session to a widget and back: the one place where both are known.

Owns the life of a widget's conversation: connecting, what Python asks for, and what the session tells. What pages ask
for is in `page_actions`, what the traits take in `trait_values`. Must not know the lab, or how a widget looks.

What stands under "From any thread" may be called on any; everything else runs on the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from realtime_nb.client.auth.credentials import ApiKey
from realtime_nb.client.utterance import Askable, as_utterance
from realtime_nb.conversation import AudioReceived, Change, Conversation, ResponseEnded, ResponseStarted, Turn
from realtime_nb.errors import ConnectError, MicrophoneError, RealtimeError
from realtime_nb.notebook import runtime
from realtime_nb.notebook.audio.microphone_queue import MicrophoneQueue
from realtime_nb.notebook.audio.speaker import Speaker
from realtime_nb.notebook.browser.direct_microphone import DirectMicrophone
from realtime_nb.notebook.browser.selection import TransportName, Transports, check_transport
from realtime_nb.notebook.browser.transport import PageSockets
from realtime_nb.notebook.event_log import EventLog
from realtime_nb.notebook.page import messages as m
from realtime_nb.notebook.page.actions import PageActions
from realtime_nb.notebook.page.channel import Channel, Send
from realtime_nb.notebook.page.lease import Pages
from realtime_nb.notebook.page.transcript import Transcript
from realtime_nb.notebook.status import Facts
from realtime_nb.notebook.trait_publisher import Gauges
from realtime_nb.notebook.trait_values import trait_values

if TYPE_CHECKING:
    from realtime_nb.backends import Backend, Endpoint
    from realtime_nb.client.connection import CloseEvent
    from realtime_nb.client.reconnect.policy import Reconnected, Reconnecting
    from realtime_nb.client.session import RealtimeSession
    from realtime_nb.client.session_config import SessionConfig
    from realtime_nb.client.transport.base import Connector

__all__ = ["Controller", "Options"]

_logger = logging.getLogger("realtime_nb")
T = TypeVar("T")


@dataclass(kw_only=True)
class Options:
    """What a conversation is made with and cannot change.

    Attributes:
        backend, model, api_key: as `backends.resolve` takes them. The key stays in this object.
        max_session_minutes, max_cost_usd: where the session ends by itself.
        transport: what the first connection goes through.
    """

    backend: str | Backend = "auto"
    model: str | None = None
    api_key: ApiKey | None = field(default=None, repr=False)
    max_session_minutes: float | None = None
    max_cost_usd: float | None = None
    transport: TransportName = "kernel"


class Controller:
    """A widget's conversation.

    Args:
        send: puts a custom message on the widget's comm.
        write: takes the read-only traits' values; called on the notifier thread, about 25 times a second at most.
        options: what never changes.
        config: the configuration, with the checked settings to begin with.
    """

    def __init__(
        self, *, send: Send, write: Callable[[dict[str, Any]], None], options: Options, config: SessionConfig
    ) -> None:
        self.options = options
        self.config = config
        self.events = EventLog()
        self.microphone = MicrophoneQueue()
        self.microphone_error: MicrophoneError | None = None
        self.endpoint: Endpoint | None = None
        self.session: RealtimeSession | None = None
        self.gauges = Gauges(self._values, write)
        self.actions = PageActions(self)
        self.pages = Pages()
        self.channel = Channel(send, self.actions.deliver)
        self.speaker = Speaker(self.channel, self.pages, self._on_played)
        self.sockets = PageSockets(self.channel, self.pages)
        self.direct = DirectMicrophone(self.sockets, self.microphone)
        self.transports = Transports(self.sockets, self.gauges.dirty, self._kernel_connector, options.transport)
        self.conversation = Conversation()
        self.transcript = Transcript(self.channel, self.pages, self.conversation)
        self._starting: asyncio.Task[None] | None = None
        self._updates: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pumping: asyncio.Task[None] | None = None
        self.handlers: list[tuple[str, Callable[..., Any], bool]] = []
        self._receiving = False
        self._born = time.monotonic()

    # From any thread; `bring`, `soon` and `notify` spare the widget's import the runtime, and with it asyncio

    def receive(self, content: Any, buffers: Any) -> None:
        """Take a page's message: check it here, act on it on the loop."""
        try:
            message = m.decode_page(content, buffers)
        except m.BadMessage as bad:
            self.refuse(bad.what, bad.why)
        else:
            runtime.call_soon(self.channel.receive, message)

    def refuse(self, what: str, why: str) -> None:
        """Say that something a page wrote was not taken, to the log and to the page."""
        _logger.warning("Refused from a page: %s: %s", what, why)
        runtime.call_soon(self.refused, what, why)

    def post(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something that nobody waits for; a failure shows in the card."""
        runtime.call_soon(self.do, work)

    def bring(self, coroutine: Coroutine[Any, Any, T]) -> Awaitable[T]:
        """An awaitable for any loop of what is done on ours."""
        return runtime.bring(coroutine)

    def soon(self, function: Callable[..., object], *args: Any) -> None:
        """Call `function` on the loop, in the order of the calls."""
        runtime.call_soon(function, *args)

    def notify(self, function: Callable[[], None]) -> None:
        """Call `function` where traits are written."""
        runtime.notifier().call(function)

    # Starting and stopping

    async def start(self) -> None:
        """Connect, unless connected; several callers share one attempt."""
        if self.gauges.facts.phase == "open":
            return
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._open())
        await asyncio.shield(self._starting)

    async def started(self) -> None:
        """`start`, and the traits say so."""
        try:
            await self.start()
        finally:
            await self.gauges.settled()

    async def stopped(self) -> None:
        """`stop`, and the traits say so."""
        await self.stop()
        await self.gauges.settled()

    async def resolve(self) -> Endpoint:
        """Find the backend, and start it where it is the local one. In a thread: both take their time."""

        def work() -> Endpoint:
            from realtime_nb.notebook import opening

            return opening.resolve(self.options)

        return await asyncio.to_thread(work)

    async def _open(self) -> None:
        if self.gauges.facts.phase in ("closed", "error"):
            self.microphone.forget()  # said to a conversation that was over: nobody expects an answer now
        self.gauges.facts.phase = "connecting"
        self.gauges.error = None
        self.gauges.dirty()
        try:
            self.endpoint = await self.resolve()
            self.gauges.dirty()
            from realtime_nb.notebook.opening import open_session

            session = await open_session(self.endpoint, self)
        except asyncio.CancelledError:
            self.gauges.facts.phase = "closed"
            self.gauges.dirty()
            raise
        except Exception as error:
            self.fail(error, phase="error")
            raise
        self.session = session
        self.gauges.facts.phase = "open"
        self.carry(session)
        self.gauges.dirty()

    def conversation_for(self, endpoint: Endpoint) -> Conversation:
        """The conversation that goes on; a new one where nothing was said yet."""
        if not self.conversation.turns:
            self.conversation = self.transcript.state = Conversation(free=endpoint.name == "local")
        self.speaker.reset()
        self._receiving = False
        return self.conversation

    def carry(self, session: RealtimeSession) -> None:
        """Let sound and microphone go the way of the transport that the session has now."""
        page = session.connection.carries_audio
        self.sockets.adopt(page=page)
        self.speaker.carried = page
        self.microphone.sent = None
        if self._pumping is not None:
            self._pumping.cancel()
        self._pumping = asyncio.create_task(self._pump(session))

    async def _pump(self, session: RealtimeSession) -> None:
        # Ends with the session: `append` raises once the socket is gone.
        with contextlib.suppress(ConnectError):
            await session.connection.ready()
            if session.connection.carries_audio:
                await self.direct.begin(session)
            await self.microphone.pump(session.append)

    def _stop_pumping(self) -> None:
        self.microphone.sent = None
        if self._pumping is not None:
            self._pumping.cancel()
        self.microphone.forget()

    async def stop(self) -> None:
        """Disconnect; the transcript stays."""
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
        session, self.session = self.session, None
        self.gauges.facts = Facts(phase="closed")
        self.speaker.reset()
        self._stop_pumping()
        self.gauges.dirty()
        if session is not None:
            await session.close()
            await session.connection.close()

    async def dispose(self) -> None:
        """Stop, and let go of everything: the widget is closed."""
        await self.stop()
        for task in (*self._tasks, *self._updates):
            if task is not asyncio.current_task():
                task.cancel()
        self.gauges.close()
        self.actions.close()
        self.channel.close()

    async def use_transport(self, name: str) -> None:
        """Let the page or the kernel hold the connection from now on."""
        wanted = check_transport(name)
        if self.endpoint is not None:
            self.transports.connector(self.endpoint, wanted)  # refuses what is not possible
        session = self.session
        if session is None:
            self.transports.want(wanted)
        elif wanted != self.transports.used:
            await self._renew(session, wanted)
        await self.gauges.settled()

    def _kernel_connector(self, endpoint: Endpoint) -> Connector:
        from realtime_nb.notebook.opening import kernel_connector

        return kernel_connector(endpoint, self.options)

    async def _renew(self, session: RealtimeSession, wanted: TransportName) -> None:
        """Move an open conversation to another transport, between turns."""
        assert self.endpoint is not None
        await session.renew(connector=self.transports.connector(self.endpoint, wanted))
        self.transports.wanted = wanted

    # What Python asks for

    async def ask(self, x: Askable, *, timeout: float) -> Turn:
        """One turn of the user and the answer to it, heard to its end where a page plays."""
        utterance = as_utterance(x)  # before connecting: a missing file should not cost a session
        try:
            session = await self.ready()
            await self.microphone.empty()
            self.clear_error()
            turn = await session.ask(utterance, timeout=timeout)
        except Exception as error:
            self.fail(error)
            raise
        finally:
            await self.gauges.settled()
        return self.conversation.turn(turn.item_id) or turn

    async def send_text(self, text: str) -> None:
        """A typed message; whoever types while the assistant speaks interrupts it."""
        session = await self.ready()
        await session.send_text(text)

    async def commit(self) -> None:
        """End the user's turn by hand and ask for an answer."""
        session = await self.ready()
        await self.microphone.empty()
        await session.commit()

    async def end_turn(self) -> None:
        """The sound stopped coming: whoever was speaking has finished, and no silence will ever say so."""
        await self.microphone.empty()
        if self.session is not None:
            await self.session.commit()

    async def interrupt(self) -> None:
        """Silence, now; what was heard is what the speaker says."""
        if self.session is not None:
            await self.session.interrupt()
            await self.gauges.settled()

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as the user set them last."""
        return self.config.settings

    def change(self, name: str, value: Any) -> None:
        """Keep a checked setting and send it; from any thread, in the order of the calls."""
        runtime.call_soon(self._change, name, value)

    def _change(self, name: str, value: Any) -> None:
        change, session = self.config.change(name, value), self.session
        if session is not None:
            task = asyncio.create_task(self._quietly(lambda: session.send_config(change)))
            self._updates.add(task)
            task.add_done_callback(self._updates.discard)
        self.gauges.dirty()

    def mute(self, muted: bool) -> None:
        """Stop listening, or listen again; the microphone stays the page's."""
        self.microphone.muted = muted
        self.gauges.facts.capturing = self.microphone.capturing
        if muted and self.settings["turn_detection"] is not None:
            self.do(self.end_turn)
        self.gauges.dirty()

    def handle(self, kind: str, handler: Callable[..., Any], *, once: bool) -> None:
        """Register a handler of wire events, now and for every connection to come."""
        self.handlers.append((kind, handler, once))
        if self.session is not None:
            connection = self.session.connection
            (connection.once if once else connection.on)(kind, handler)

    def unhandle(self, kind: str, handler: Callable[..., Any]) -> None:
        """Take a handler away."""
        self.handlers = [known for known in self.handlers if known[:2] != (kind, handler)]
        if self.session is not None:
            self.session.connection.off(kind, handler)

    async def ready(self) -> RealtimeSession:
        """The session, connected, with every setting sent that was set before."""
        if self._updates:
            await asyncio.gather(*self._updates, return_exceptions=True)
        await self.start()
        session = self.session
        if session is None:
            raise ConnectError("The conversation was stopped while it was starting.")
        return session

    # What the session tells

    def on_changes(self, changes: Sequence[Change]) -> None:
        """What the reducer made of an event."""
        for change in changes:
            if isinstance(change, ResponseStarted) and not change.out_of_band:
                self.gauges.facts.answering = True
            elif isinstance(change, ResponseEnded) and not change.out_of_band:
                self.gauges.facts.answering = False
                self._receiving = False
            elif isinstance(change, AudioReceived):
                self._receiving = True
        self.transcript.tell(changes)
        self.gauges.dirty()

    def on_event(self, event: Any) -> None:
        """Every server event, in the receive loop."""
        kind = event.type
        if kind == "input_audio_buffer.speech_started":
            self.gauges.facts.hearing = True
        elif kind in ("input_audio_buffer.speech_stopped", "input_audio_buffer.committed"):
            self.gauges.facts.hearing = False
        elif kind == "session.created" and self.session is not None:
            self.carry(self.session)  # another transport, before anything else comes of it
        elif kind == "error" and event.error.code == "malformed_frame":
            self.gauges.error = event.error.message
        self._log("server", event)
        self.gauges.dirty()

    def on_sent(self, event: dict[str, Any]) -> None:
        """Every client event but sound."""
        self._log("client", event)

    def _log(self, direction: Any, event: Any) -> None:
        record = self.events.add(time.monotonic() - self._born, direction, event)
        if self.pages.watching_events:
            self.channel.send(m.EventMessage(direction=direction, type=record.type, summary=record.summary))

    async def on_reconnecting(self, event: Reconnecting) -> None:
        """The connection was lost, and is opened again: the conversation waits."""
        self.gauges.facts = Facts(phase="reconnecting", capturing=self.microphone.capturing)
        self.gauges.error = f"{event.error} Trying again (attempt {event.attempt})."
        self.gauges.dirty()

    async def on_reconnected(self, event: Reconnected) -> None:
        """The conversation goes on."""
        self.gauges.facts.phase = "open"
        self.clear_error()
        self.gauges.dirty()

    async def on_close(self, event: CloseEvent) -> None:
        """The connection has ended."""
        if self.session is None or self.session.connection.closed is None:
            return
        limit, self.session = self.session.limit_reached, None
        self.gauges.facts = Facts(phase="closed", capturing=self.microphone.capturing)
        self._stop_pumping()
        if event.error is not None:
            self.fail(event.error, phase="error")
        elif limit is not None:
            self.fail(
                RealtimeError(f"The session ended: {limit}. The transcript stays; sending or talking begins a new one.")
            )
        self.gauges.dirty()

    def on_handler_error(self, error: BaseException, kind: str) -> None:
        """On the handler's own thread."""
        told = RealtimeError(f"A handler of {kind!r} raised {type(error).__name__}: {error}")
        runtime.call_soon(self.fail, told)

    def _on_played(self, item_id: str, content_index: int, samples: int, final: bool) -> None:
        if self.session is not None:
            self.session.played(item_id, content_index, samples, final)

    # What the traits show

    def _values(self) -> dict[str, Any]:
        self.transcript.flush()
        self.gauges.facts.sounding = self.speaker.playing or (self._receiving and not len(self.pages))
        return trait_values(self)

    # Failing well

    def refused(self, what: str, why: str) -> None:
        """Tell the pages that something was not taken."""
        self.channel.send(m.RefusedMessage(what=what[:80], why=why[:300]))

    def fail(self, error: BaseException, *, phase: Any = None) -> None:
        """Show what went wrong, and tell `error` handlers of what no wire tells them."""
        self.gauges.error = str(error) or type(error).__name__
        if phase is not None:
            self.gauges.facts = Facts(phase=phase, capturing=self.gauges.facts.capturing)
        for kind, handler, _ in self.handlers:
            if kind == "error" and isinstance(error, MicrophoneError):
                self._spawn(_call(handler, error))
        self.gauges.dirty()

    def clear_error(self) -> None:
        """Somebody goes on: what went wrong before is over."""
        if self.gauges.error is not None:
            self.gauges.error = None
            self.gauges.dirty()

    def do(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run what nobody awaits; its failure shows in the card.

        It is called where it runs: a task that is cancelled before its turn leaves no coroutine behind.
        """
        self._spawn(self._quietly(work))

    async def _quietly(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        except Exception as error:
            _logger.info("A page's wish failed", exc_info=True)
            self.fail(error)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _call(handler: Callable[..., Any], error: MicrophoneError) -> None:
    result = handler(error) if asyncio.iscoroutinefunction(handler) else await asyncio.to_thread(handler, error)
    if asyncio.iscoroutine(result):
        await result
