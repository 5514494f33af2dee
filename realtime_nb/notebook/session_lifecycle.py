"""The life of a widget's session: connecting, following it, reconnecting, another transport, and its end.

Owns the open session, and the background tasks and their errors. Must not know what a page's message means, or how a
widget looks. Runs on the loop only.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from realtime_nb.conversation import Change, Conversation
from realtime_nb.errors import BudgetError, ConnectError, MicrophoneError, RealtimeError, ServerError
from realtime_nb.notebook import runtime
from realtime_nb.notebook.audio.page_sound import PageSound
from realtime_nb.notebook.browser.selection import TransportName, Transports, check_transport
from realtime_nb.notebook.event_log import EventLog
from realtime_nb.notebook.page.transcript import Transcript
from realtime_nb.notebook.parking import Parking
from realtime_nb.notebook.session_state import Phase, SessionState
from realtime_nb.notebook.trait_publisher import TraitPublisher
from realtime_nb.notebook.user_handlers import UserHandlers
from realtime_nb.wire.realtime import MALFORMED

if TYPE_CHECKING:
    from realtime_nb.backends import Endpoint
    from realtime_nb.client.reconnect.policy import Reconnected, Reconnecting
    from realtime_nb.client.session import RealtimeSession
    from realtime_nb.client.transport.base import Connector
    from realtime_nb.client.transport.close import CloseEvent
    from realtime_nb.client.turns.limits import LimitName

_logger = logging.getLogger("realtime_nb")
_LOOK_S = 1.0
_CUT_S = 2.0
Work = Callable[[], Coroutine[Any, Any, None]]


class SessionLifecycle:
    """Opens a widget's session, follows it and ends it.

    Args:
        state: the session, its configuration and what it is doing.
        transports: what carries the next connection.
        sound: the user's and the assistant's.
        events: keeps the newest wire events.
        transcript: sends the conversation to the pages.
        traits: show what changed.
        parking: says when the session is unused.

    Attributes:
        handlers: of the user, for the wire events of each connection.
    """

    def __init__(
        self,
        state: SessionState,
        transports: Transports,
        sound: PageSound,
        events: EventLog,
        transcript: Transcript,
        traits: TraitPublisher,
        parking: Parking,
    ) -> None:
        self.handlers = UserHandlers()
        self._state = state
        self._transports = transports
        self._sound = sound
        self._events = events
        self._transcript = transcript
        self._traits = traits
        self._parking = parking
        self._watcher: object = None  # the local server keeps it weakly
        self._looking: asyncio.TimerHandle | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._starting: asyncio.Task[None] | None = None
        self._updates: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    # Starting and stopping

    async def start(self) -> None:
        """Connect, unless connected; several callers share one attempt.

        Raises:
            BudgetError: a limit is reached.
        """
        self._state.check_not_closed()
        self._state.limits.check()
        session = self._state.session
        if session is not None and session.closing:
            await self._leave()  # the limit for which it closes was raised meanwhile
        if self._state.phase == "open":
            return
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._open())
        try:
            await asyncio.shield(self._starting)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise ConnectError("The conversation was stopped while it was starting.") from None

    async def ready(self) -> RealtimeSession:
        """Return the session, connected, after every setting was sent that was set before."""
        if self._updates:
            await asyncio.gather(*self._updates, return_exceptions=True)
        await self.start()
        if self._state.session is None:
            raise ConnectError("The conversation was stopped while it was starting.")
        return self._state.session

    async def prepare(self) -> None:
        """Find the backend, and start the local one, before the person has read the card."""
        endpoint = await self._resolve()
        self._use(self._state.endpoint or endpoint)
        self._traits.changed()

    async def endpoint(self) -> Endpoint:
        """Return the backend of the conversation, which is found now where it is not known yet."""
        if self._state.endpoint is None:
            await self.prepare()
        assert self._state.endpoint is not None
        return self._state.endpoint

    async def stop(self) -> None:
        """Disconnect; the transcript stays."""
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
        self._sound.speaker.reset()
        await self._leave()

    async def _leave(self) -> None:
        session = self._forget("closed")
        if session is not None:
            await _end(session)

    def reset(self, conversation: Conversation) -> None:
        """Begin `conversation`, with the same settings and limits; the one before it ends at once.

        Whatever is called after it belongs to the new conversation. A microphone that is on stays on, and the new
        session begins with it.
        """
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
        self._starting = None
        for update in self._updates:
            update.cancel()  # of the session that ends; the settings themselves stay
        self._sound.speaker.reset()
        session = self._forget("idle")
        if session is not None:
            self._close_behind(_end(session))
        self._state.conversation = conversation
        self._state.error = None
        self._transcript.restart(self._sound.speaker.epoch)
        if self._sound.microphone.page is not None:
            self.do(self.start)
        self._traits.changed()

    async def dispose(self) -> None:
        """Disconnect for good, and cancel all tasks: the widget is closed."""
        await self.stop()
        if self._leaving is not None:
            await asyncio.wait([self._leaving])
        if self._closing:
            await asyncio.wait(self._closing)
        for task in (*self._tasks, *self._updates):
            if task is not asyncio.current_task():
                task.cancel()

    def _forget(self, phase: Phase) -> RealtimeSession | None:
        """Have no session from now on; return the one that is to be closed."""
        session, self._state.session = self._state.session, None
        self._state.leave_open(phase)
        self._state.parked = None
        self._sound.stop()
        self._traits.changed()
        if self._looking is not None:
            self._looking.cancel()
        return session

    # Parking

    def _look(self) -> None:
        """Park the session when it is unused; looks once a second, which costs less than to note each event."""
        if self._looking is not None:
            self._looking.cancel()
        session, loop = self._state.session, asyncio.get_running_loop()
        if session is None:
            return
        why = self._parking.due(session, self._events.sent, loop.time())
        if why is not None:
            self._park(why)
        else:
            self._looking = loop.call_later(_LOOK_S, self._look)

    def _park(self, why: str) -> None:
        """Close the session, and keep what was said: the next gesture or `ask` opens another that continues it."""
        if self._state.phase == "reconnecting":
            self._state.error = None  # the attempts end here
        answering = self._state.answering or self._sound.speaker.playing
        session = self._forget("idle")
        self._state.parked = f"The session is parked. {why} It continues when you talk, type or ask."
        _logger.info("%s", self._state.parked)
        if session is not None:
            self._leaving = asyncio.create_task(self._close_parked(session, answering=answering))

    async def _close_parked(self, session: RealtimeSession, *, answering: bool) -> None:
        if answering:  # the turn is cut at what was heard, as after any interruption
            with contextlib.suppress(RealtimeError, TimeoutError):
                async with asyncio.timeout(_CUT_S):
                    await session.interrupt()
            self._sound.speaker.reset()  # an answer that waits for a gesture is kept until the next session begins
        await session.close()
        self._close_behind(session.connection.close())

    def _close_behind(self, work: Coroutine[Any, Any, None]) -> None:
        """Close what is left of a session: a server that does not answer must not delay the next one."""
        closing = asyncio.create_task(work)
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    # The limits

    def change_limit(self, name: LimitName, value: float | None) -> None:
        """Set a limit to a checked value; a higher one, or None, lets the conversation go on."""
        limits = self._state.limits
        before = limits.reached
        limits.change(name, value)
        if before is not None and limits.reached is None:
            if self._state.error == str(before):
                self._state.error = None
            if self._state.session is not None and not self._state.session.closing:
                self._sound.follow(self._state.session)  # its microphone was stopped
        self._traits.changed()

    async def _resolve(self) -> Endpoint:
        def work() -> Endpoint:  # in a thread: loading the client and starting the local backend take their time
            from realtime_nb.notebook import opening

            return opening.resolve(self._state.options)

        return await asyncio.to_thread(work)

    def _use(self, endpoint: Endpoint) -> Endpoint:
        """Keep an endpoint, and show what its local server reports from now on."""
        self._state.endpoint = endpoint
        if endpoint.server is not None:
            from realtime_nb.local.process import Watcher, watch_reports

            traits = self._traits  # not `self`: a widget is freed without the garbage collector
            self._watcher = Watcher(lambda: runtime.call_soon(traits.changed))
            watch_reports(endpoint.server, self._watcher)
        return endpoint

    async def _open(self) -> None:
        if self._state.phase in ("closed", "error"):
            self._sound.microphone.clear()  # said to a conversation that has ended
        self._state.leave_open("connecting")
        self._state.error = self._state.parked = None
        self._parking.used()
        self._traits.changed()
        try:
            if self._leaving is not None:
                await asyncio.wait([self._leaving])  # the parked session and the new one have one conversation
            endpoint = self._use(await self._resolve())
            self._traits.changed()
            self._refuse_unknown_price(endpoint)
            session = await self._open_session_where_possible(endpoint)
            self._state.session, self._state.phase = session, "open"
            self._sound.follow(session)
            self._look()
        except asyncio.CancelledError:
            self._state.leave_open("closed")
            raise
        except Exception as error:
            self.fail(error, phase="error")
            raise
        finally:
            self._traits.changed()

    async def _open_session_where_possible(self, endpoint: Endpoint) -> RealtimeSession:
        """Open a session; over the kernel's socket where a page cannot play the server's format of sound."""
        try:
            return await self._open_session(endpoint, self._connector(endpoint))
        except ServerError as error:
            if error.code != "audio_format" or self._transports.used == "kernel":
                raise
            why = "The server has sound in a format that a page does not play."
        return await self._open_session(endpoint, self._connector(endpoint, "kernel", why))

    async def _open_session(self, endpoint: Endpoint, connector: Connector) -> RealtimeSession:
        """Open a connection with all listeners in place before its first event, and start a session over it."""
        from realtime_nb.notebook import opening

        connection = opening.new_connection(connector, self._state.config, self._on_handler_error)
        core = opening.core(connection)
        self.handlers.follow(core.handlers)
        core.add_listener(self._on_event)
        core.add_send_listener(self._on_sent)
        connection.on("reconnecting", self._on_reconnecting)
        connection.on("reconnected", self._on_reconnected)
        connection.on("close", self._on_close)
        await connection
        try:
            state = self._state
            state.conversation.billing = endpoint.billing
            self._sound.speaker.reset()
            session = opening.new_session(
                connection, state.options, state.limits, self._sound.speaker, state.conversation
            )
            session.on_error = self._on_session_error
            session.subscribe(self._on_changes)
            return await session.start()
        except BaseException:
            await connection.close()
            raise

    def _refuse_unknown_price(self, endpoint: Endpoint) -> None:
        """Raise `ConfigError` before connecting, where the cost is limited and the named model has no price.

        Where the address names no model, the session checks the one that the server names.
        """
        billing = endpoint.billing
        if billing.prices is not None or billing.model is not None:
            self._state.limits.price_by(billing, None)

    async def use_transport(self, name: str) -> None:
        """Let the page or the kernel hold the connection from now on; an open session moves between turns."""
        wanted = check_transport(name)
        endpoint, session = self._state.endpoint, self._state.session
        connector = None if endpoint is None else self._connector(endpoint, wanted)  # refuses what is not possible
        if session is None:
            self._transports.choose(wanted)
        elif wanted != self._transports.used:
            await session.renew(connector=connector)
            self._transports.wanted = wanted

    def _connector(self, endpoint: Endpoint, wanted: TransportName | None = None, why: str | None = None) -> Connector:
        from realtime_nb.notebook import opening

        kernel = opening.kernel_connector(endpoint, self._state.options)
        return self._transports.connector(endpoint, kernel, wanted, why)

    # The user's side

    async def send_text(self, text: str) -> None:
        """Send a typed message; it interrupts the assistant."""
        await (await self.ready()).send_text(text)

    async def listen(self) -> None:
        """Prepare for the microphone that a page has opened."""
        if self._state.limits.reached is not None:
            self._sound.stop_microphone()
            self._state.limits.check()
        session = self._state.session
        if session is None:
            await self.start()  # frames wait meanwhile, and a new session has no input to clear
        elif self._state.config.settings["turn_detection"] is None:
            if self._sound.page_sends:
                session.note_input_cleared()  # the page has cleared the buffer before its first frame
            else:
                await session.clear()

    async def commit(self) -> None:
        """End the user's turn by hand and ask for an answer."""
        session = await self.ready()
        await self._sound.microphone.drained()
        await session.commit()

    def end_detected_turn(self) -> None:
        """End the user's turn because the microphone is off: the server will hear no silence that ends it."""
        if self._state.config.settings["turn_detection"] is not None:
            self.do(self._end_turn)

    async def _end_turn(self) -> None:
        await self._sound.microphone.drained()
        if self._state.session is not None and self._state.limits.reached is None:
            await self._state.session.commit()

    async def drop_input(self) -> None:
        """Discard what the microphone has sent of a turn that has not ended."""
        await self._sound.microphone.drained()
        if self._state.session is not None:
            await self._state.session.clear()

    # Settings

    def change(self, values: Mapping[str, Any], fields: Mapping[str, Any] | None = None) -> None:
        """Keep checked settings and further fields of the session, and send them to the server in one update."""
        change, session = self._state.config.change(values, fields), self._state.session
        if session is not None:
            task = asyncio.create_task(session.send_config(change))
            self._updates.add(task)
            task.add_done_callback(self._on_updated)
        self._traits.changed()

    def change_model(self, model: str | None) -> None:
        """Take another model: an open session goes on in a new one between turns, the next session begins with it."""
        self._state.options.model = model
        if self._state.session is None:
            self._state.endpoint = None  # it names the model before this one
        else:
            task = asyncio.create_task(self._renew_with_model(self._state.session))
            self._updates.add(task)
            task.add_done_callback(self._on_updated)
        self._traits.changed()

    async def _renew_with_model(self, session: RealtimeSession) -> None:
        endpoint = await self._resolve()
        self._refuse_unknown_price(endpoint)
        await session.renew(connector=self._connector(endpoint))
        self._use(endpoint)
        self._state.conversation.billing = endpoint.billing

    def _on_updated(self, task: asyncio.Task[None]) -> None:
        self._updates.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    # What the session and its connection report

    def _on_changes(self, changes: Sequence[Change]) -> None:
        self._state.on_changes(changes)
        self._transcript.on_changes(changes)
        self._traits.changed()

    def _on_event(self, event: Any) -> None:
        if event.type == "session.created" and self._state.session is not None:
            self._sound.follow(self._state.session)  # another transport: before any other event counts
        elif event.type == "error" and event.error.code == MALFORMED:
            self._state.error = event.error.message
        self._events.add("server", event)
        self._traits.changed()

    def _on_sent(self, event: dict[str, Any]) -> None:
        self._events.add("client", event)

    async def _on_reconnecting(self, event: Reconnecting) -> None:
        self._state.leave_open("reconnecting")
        self._state.error = f"{event.error} Trying again (attempt {event.attempt})."
        self._traits.changed()

    async def _on_reconnected(self, event: Reconnected) -> None:
        self._sound.microphone.dropped_ms += event.dropped_audio_ms
        self._state.phase, self._state.error = "open", None
        self._traits.changed()

    async def _on_close(self, event: CloseEvent) -> None:
        session = self._state.session
        if session is None or session.connection.closed is None:
            return
        self._state.session = None
        self._state.leave_open("closed")
        self._sound.stop()
        if event.error is not None:
            self.fail(event.error, phase="error")
        elif self._state.limits.reached is not None:
            self.fail(self._state.limits.reached)
        self._traits.changed()

    def _on_session_error(self, error: Exception) -> None:
        if isinstance(error, BudgetError):
            self._sound.stop_microphone()
        self.fail(error)

    def _on_handler_error(self, error: BaseException, kind: str) -> None:
        # On the handler's own thread.
        failure = RealtimeError(f"A handler of {kind!r} raised {type(error).__name__}: {error}")
        runtime.call_soon(self.fail, failure)

    # Errors, and tasks that are not awaited

    def fail(self, error: BaseException, *, phase: Phase | None = None) -> None:
        """Show an error in the card; pass it to `error` handlers where no wire event does, which is a microphone's."""
        self._state.error = str(error) or type(error).__name__
        if phase is not None:
            self._state.leave_open(phase)
        if isinstance(error, MicrophoneError):
            for coroutine, context in self.handlers.calls_for(error):
                self._spawn(coroutine, context)
        self._traits.changed()

    def clear_error(self) -> None:
        """Show no error any more: the person goes on."""
        self._state.error = None
        self._traits.changed()

    def do(self, work: Work) -> None:
        """Run `work` in a task; its failure shows in the card.

        `work` is called within the task: one that is cancelled before it runs leaves no coroutine behind.
        """
        self._spawn(self._show_failure(work))

    async def _show_failure(self, work: Work) -> None:
        try:
            await work()
        except Exception as error:
            _logger.info("A request of a page or a setting failed", exc_info=True)
            self.fail(error)

    def _spawn(self, coroutine: Coroutine[Any, Any, None], context: contextvars.Context | None = None) -> None:
        task = asyncio.get_running_loop().create_task(coroutine, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _end(session: RealtimeSession) -> None:
    await session.close()
    await session.connection.close()
