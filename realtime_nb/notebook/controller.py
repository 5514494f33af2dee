"""The controller between a widget and its session: builds the parts, and moves calls and page messages onto the loop.

Owns how the parts are put together. Must not know how a widget looks. Methods under "From any thread" may be called on
any thread; everything else runs on the loop.
"""

from __future__ import annotations

import builtins
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from realtime_nb import errors, forks
from realtime_nb.client.utterance import Utterance
from realtime_nb.conversation import Conversation, Turn
from realtime_nb.notebook import runtime
from realtime_nb.notebook.audio.page_sound import PageSound
from realtime_nb.notebook.browser.selection import Transports
from realtime_nb.notebook.event_log import EventLog
from realtime_nb.notebook.experiments.kept import Kept
from realtime_nb.notebook.experiments.page_requests import ExperimentRequests
from realtime_nb.notebook.experiments.retake import Retakes
from realtime_nb.notebook.experiments.settings import side_of
from realtime_nb.notebook.experiments.turn_experiments import TurnExperiments
from realtime_nb.notebook.health import HealthMonitor
from realtime_nb.notebook.opening_question import OpeningQuestion, SpeakingOrder
from realtime_nb.notebook.options import Options
from realtime_nb.notebook.page import messages as m
from realtime_nb.notebook.page.actions import PageActions
from realtime_nb.notebook.page.channel import Channel, PageInbox, Send
from realtime_nb.notebook.page.lease import SoundLease
from realtime_nb.notebook.page.pages import Pages
from realtime_nb.notebook.page.transcript import Transcript
from realtime_nb.notebook.parking import Parking
from realtime_nb.notebook.session_lifecycle import SessionLifecycle
from realtime_nb.notebook.session_state import CLOSED, SessionState
from realtime_nb.notebook.trait_publisher import TraitPublisher

if TYPE_CHECKING:
    import asyncio

    from realtime_nb.client.session_config import SessionConfig

_logger = logging.getLogger("realtime_nb")
T = TypeVar("T")


class Controller:
    """The parts of one widget's conversation, and the ways to them from any thread.

    Args:
        send: puts a custom message on the widget's comm.
        write: sets the read-only traits; called on the notifier thread, about 25 times a second at most.
        options: those that are no settings.
        config: the configuration, with the checked settings to begin with.
        conversation: what was said before; None: nothing.
        branch: opens or closes a fork as a page asks for; called on the notifier thread.
    """

    def __init__(
        self,
        *,
        send: Send,
        write: Callable[[dict[str, Any]], None],
        options: Options,
        config: SessionConfig,
        conversation: Conversation | None = None,
        branch: Callable[[m.Fork | m.BranchClose], None] | None = None,
    ) -> None:
        self.state = SessionState(options, config, conversation)
        self.pages = Pages()
        self.channel = Channel(send)
        self.events = EventLog(self.channel, self.pages)
        self.sound = PageSound(self.channel, self.pages)
        self.monitor = HealthMonitor(self.sound, self.channel, self.pages, self.events, self.state)
        self.parking = Parking(self.pages, self.sound.microphone, options.idle_minutes)
        transports = Transports(self.sound.sockets, options.transport)
        self.kept = Kept()
        self._transcript = transcript = Transcript(self.channel, self.pages, self.state, self.kept)
        self.traits = TraitPublisher(write, self.state, transports, self.pages, self.sound, self.monitor, transcript)
        self.lifecycle = SessionLifecycle(
            self.state, transports, self.sound, self.events, transcript, self.traits, self.parking
        )
        self.experiments = TurnExperiments(self.state, self.lifecycle)
        self._lease = SoundLease(self.pages, self.channel, self.sound, self.traits)
        actions = PageActions(
            self.state,
            self.lifecycle,
            self._lease,
            self.pages,
            self.channel,
            transcript,
            self.sound,
            self.traits,
            self.parking,
            ExperimentRequests(
                self.state, self.kept, self.experiments, transcript, self.channel, self.pages, self.traits
            ),
            lambda request: self.notify(partial(branch, request)) if branch is not None else None,
        )
        self._inbox = PageInbox(actions, self.pages, self.channel)
        self._opening_question = OpeningQuestion()
        self._speaking_order = SpeakingOrder()
        self._disposing: asyncio.Task[None] | None = None
        self._made_in = forks.process

    # From any thread; `bring`, `soon` and `notify` spare the widget's import the runtime, and with it asyncio

    def receive(self, content: Any, buffers: Any) -> None:
        """Check a page's message here, and act on it on the loop.

        The kernel calls this on its main thread or on a subshell that all widgets share: it must return at once
        (docs/notebook.md 3).
        """
        try:
            message = m.decode_page(content, buffers)
        except m.BadMessage as bad:
            self.refuse(bad.what, bad.why)
        else:
            runtime.call_soon(self._receive, message)

    def _receive(self, message: m.PageMessage) -> None:
        if not self.state.closed:  # a message that was on its way must not begin timers or a session again
            self._inbox.receive(message)

    def refuse(self, what: str, why: str) -> None:
        """Report to the log and to the pages that something a page wrote was refused."""
        _logger.warning("Refused from a page: %s: %s", what, why)
        runtime.call_soon(self.channel.refuse, what, why)

    def bring(self, coroutine: Coroutine[Any, Any, T]) -> Awaitable[T]:
        """Run a coroutine on our loop; awaitable from any loop."""
        if self._made_in != forks.process:
            coroutine.close()
            raise self._inherited()
        return runtime.bring(coroutine)

    def soon(self, function: Callable[..., object], *args: Any) -> None:
        """Call `function` on the loop, in the order of the calls."""
        if self._made_in != forks.process:
            raise self._inherited()
        runtime.call_soon(function, *args)

    def finalize(self, function: Callable[[], object]) -> None:
        """Call `function` on the loop; without a lock, for a `__del__`."""
        if self._made_in == forks.process:  # the parent closes what is its own
            runtime.finalize(function)

    def notify(self, function: Callable[[], None]) -> None:
        """Call `function` on the notifier thread, where traits are written."""
        runtime.notifier().call(function)

    def change(self, values: Mapping[str, Any], fields: Mapping[str, Any] | None = None) -> None:
        """Keep settings and further fields of the session, and send them in one update, in the order of the calls."""
        if self._made_in != forks.process:
            raise self._inherited()
        runtime.loop().call_soon_threadsafe(self.lifecycle.change, values, fields)

    def change_model(self, model: str | None) -> None:
        """Go on with another model, in the order of the calls."""
        self.soon(self.lifecycle.change_model, model)

    def show_kept(self, item_id: str) -> None:
        """Show in the pages whether a turn is kept, in the order of the calls."""
        self.soon(self._show_kept, item_id)

    def _show_kept(self, item_id: str) -> None:
        self._transcript.mark(item_id)
        self.traits.changed()

    def reset(self, conversation: Conversation) -> None:
        """Begin another conversation, in the order of the calls."""
        self.soon(self._opening_question.cancel)
        self.soon(self.lifecycle.reset, conversation)

    def begin_as_fork(self, parent: Controller, question: Utterance, timeout: float) -> None:
        """Count against the limits of the conversation that this one came from, and ask its question again."""
        self.soon(self._begin_as_fork, parent, question, timeout)

    def _begin_as_fork(self, parent: Controller, question: Utterance, timeout: float) -> None:
        self.state.limits.share(parent.state.limits)
        self._speaking_order = parent._speaking_order
        pages, speaker = parent.pages, parent.sound.speaker

        async def ask() -> Turn:
            with self.parking.call():
                return await self._ask(question, timeout)

        self._opening_question.begin(self._speaking_order.take_turn(lambda: len(pages) > 0, speaker.drained, ask))

    def _inherited(self) -> errors.RealtimeError:
        return forks.inherited(self._made_in, "This widget")

    # What the widget asks for

    async def start(self) -> None:
        """Connect; afterwards the traits show it."""
        try:
            with self.parking.call():
                await self.lifecycle.start()
        finally:
            await self.traits.settled()

    async def stop(self) -> None:
        """Disconnect; afterwards the traits show it."""
        self._opening_question.cancel()
        self.experiments.cancel_all()
        await self.lifecycle.stop()
        await self.traits.settled()

    async def use_transport(self, name: str) -> None:
        """Let the page or the kernel hold the connection from now on."""
        await self.lifecycle.use_transport(name)
        await self.traits.settled()

    async def ask(self, utterance: Utterance, *, timeout: float | None) -> Turn:
        """Say one thing and return the answer, heard to its end where a page plays."""
        with self.parking.call():
            return await self._ask(utterance, timeout, self._opening_question)

    async def first_answer(self) -> Turn:
        """Return the answer to the question with which this fork began."""
        return await self._opening_question.answer()

    async def _ask(self, utterance: Utterance, timeout: float | None, behind: OpeningQuestion | None = None) -> Turn:
        try:
            import asyncio  # importing the widget must not load it

            began = time.monotonic()
            try:
                async with asyncio.timeout(timeout):  # it bounds connecting and the microphone's queue, too
                    if behind is not None:
                        await behind.over()
                    session = await self.lifecycle.ready()
                    await self.sound.microphone.drained()
            except builtins.TimeoutError:
                raise errors.TimeoutError(
                    f"no answer to {utterance.label!r} within {timeout:g} s: waited for the connection"
                ) from None
            self.lifecycle.clear_error()
            left_s = None if timeout is None else max(0.001, timeout - (time.monotonic() - began))
            turn = await session.ask(utterance, timeout=left_s)
        except Exception as error:
            if self.state.closed:
                raise errors.RealtimeError(f"The widget was closed before the answer came. {CLOSED}") from None
            self.lifecycle.fail(error)
            raise
        finally:
            await self.traits.settled()
        return self.state.conversation.turn(turn.item_id) or turn

    async def ask_again(
        self,
        utterance: Utterance,
        asked: Sequence[Any],
        *,
        item_id: str | None,
        history: Iterable[Any],
        timeout: float,
        whole: bool,
    ) -> Retakes:
        """Ask a user turn again, once for each of `asked`; see `begin` and `results` of `TurnExperiments`."""
        config, options = self.state.config, self.state.options
        sides = [side_of(each, config.settings, config.further, options.backend, options.model) for each in asked]
        experiment = self.experiments.begin(utterance, sides, item_id=item_id, history=history, timeout_s=timeout)
        failure: Exception | None = None
        try:
            await self.experiments.finish(experiment)
        except errors.RealtimeError as error:
            failure = error
        finally:
            await self.traits.settled()
        try:
            return Retakes(self.experiments.results(experiment, whole=whole))
        except errors.RealtimeError as error:
            if self.state.closed:
                raise errors.RealtimeError(f"The widget was closed before the answer came. {CLOSED}") from None
            raise (failure or error) from None

    async def interrupt(self) -> None:
        """Silence the assistant now; the conversation is cut at what was heard."""
        if self.state.session is not None:
            await self.state.session.interrupt()
            await self.traits.settled()

    def mute(self, muted: bool) -> None:
        """Stop listening, or listen again; the page keeps its microphone open."""
        self.sound.microphone.muted = muted
        if muted:
            self.lifecycle.end_detected_turn()
        self.traits.changed()

    def close(self) -> None:
        """Close for good: refuse everything from now on, and disconnect behind. From any thread."""
        if not self.state.closed:
            self.state.closed = True
            if self._made_in == forks.process:  # the parent closes its own connection
                runtime.call_soon(self._begin_disposing)

    def _begin_disposing(self) -> None:
        self._disposing = runtime.loop().create_task(self._dispose())  # the loop keeps no task alive

    async def _dispose(self) -> None:
        """Disconnect, and stop all timers and tasks: what is left of the widget can be freed."""
        self._inbox.close()
        self._lease.close()
        self._opening_question.cancel()
        try:
            await self.experiments.close()
            await self.lifecycle.dispose()
        finally:
            self.traits.close()
