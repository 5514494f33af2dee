"""`RealtimeSession`: one conversation over a connection, as a widget or a script uses it.

Owns what a user can ask for. What events do is in `turns/event_router`, and each rule in the module of its part, in
`turns/`. Must not know widgets, comms, or which backend answers. Lives on the connection's event loop; every public
awaitable may be awaited from any loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from realtime_nb.client.auth.credentials import without_credentials
from realtime_nb.client.connection import RealtimeConnection, core_of
from realtime_nb.client.events.event_loop import any_loop, on_loop
from realtime_nb.client.frozen import frozen
from realtime_nb.client.pending_answer import PendingAnswer
from realtime_nb.client.reconnect.renewal import Renewal
from realtime_nb.client.settings import check_seconds, check_setting, check_timeout
from realtime_nb.client.transport.base import Connector
from realtime_nb.client.turns.ask import Questions
from realtime_nb.client.turns.audio_sink import AudioSink, NullSink, PlayedItem, PlayingState
from realtime_nb.client.turns.conversation_feed import ConversationFeed
from realtime_nb.client.turns.event_router import EventRouter
from realtime_nb.client.turns.input_audio import Pcm
from realtime_nb.client.turns.limits import LimitName, Limits
from realtime_nb.client.turns.mcp_approvals import McpApprovalRequest
from realtime_nb.client.turns.question import SaidQuestion, type_question
from realtime_nb.client.utterance import Askable, Utterance, as_utterance
from realtime_nb.conversation import Change, Conversation, Turn
from realtime_nb.errors import ConfigError, ConnectError, RealtimeError
from realtime_nb.tools import Tool
from realtime_nb.wire.realtime import McpTool


class RealtimeSession:
    """One conversation over an open connection.

    It outlives a session of the service. Where the connection was opened with `reconnect=`, a lost one is opened again,
    and a new session begins between turns before the service's time limit; configuration and items are restored in it.

    Args:
        connection: open.
        config: settings by name (`voice=`, `turn_detection=`, ...) and fields of the wire's session; sent by `start`.
        tools: functions that the model may call, and MCP servers whose tools the service calls by itself.
        sink: plays the assistant's sound.
        extra: further fields of the wire's session, sent by `start` as they are, also those that this version does not
            know; the server refuses what it does not know either.
        conversation: what was said in sessions before this one, to go on from; `start` restores it on the server. None
            begins a new one.
        clock: seconds; for latencies.
        wall: seconds since 1970; for the time of day of a turn, and the time limit that the service announces.
        max_session_minutes, max_cost_usd: limits of the time from `start` on, and of the conversation's cost, in US
            dollars. Once one is reached, `ask` and everything else that costs raises `BudgetError`, the microphone's
            sound is refused, tools are answered without a continuation, and no lost connection is opened again; the
            response under way may end. Set the attribute of the same name to a higher value, or None, to go on. The
            cost is an estimate from the server's account of its usage and the model's prices; a response that the
            server reports no usage for counts like the dearest one so far, and where there is none, the limit counts
            as reached. For a model whose prices are not known, pass `prices=rt.Prices(...)` to `rt.Backend`.
        limits: totals that this session shares with others of its owner, instead of limits of its own. The session
            then closes its connection between turns when one is reached.
        response_idle_s: seconds that a response may send nothing while another request waits for it, no tool runs and
            none of its sound is playing; then it is cancelled, and given up where the server does not answer that.

    Attributes:
        conversation: the state; read it on the connection's loop, or take the immutable `turns` from any thread.

    Raises:
        ConfigError: a bad setting or limit; or `max_cost_usd` with a model of unknown price, before anything is sent.

    Example:
        >>> async with rt.connect(backend="local") as conn, RealtimeSession(conn, {"output": "text"}) as session:
        ...     turn = await session.ask("Hello")  # doctest: +SKIP
    """

    def __init__(
        self,
        connection: RealtimeConnection,
        config: Mapping[str, Any] | None = None,
        *,
        tools: Iterable[Tool | McpTool | Mapping[str, Any] | Callable[..., Any]] = (),
        sink: AudioSink | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        conversation: Conversation | None = None,
        extra: Mapping[str, Any] | None = None,
        max_session_minutes: float | None = None,
        max_cost_usd: float | None = None,
        limits: Limits | None = None,
        response_idle_s: float = 30.0,
    ) -> None:
        self.conversation = conversation if conversation is not None else Conversation()
        self._connection = connection
        self._core = core = core_of(connection)
        self._config = core.config
        if core.has_session:
            raise ConfigError(
                "this connection has had an rt.RealtimeSession already, whose settings the server keeps. Change them "
                "with `await session.update(...)`, or open another connection for another session."
            )
        given = {**(config or {})}
        if tools := check_setting("tools", tools):
            given["tools"] = (*given.get("tools", ()), *tools)
        self._config.set(given, extra)
        if core.billing is not None:
            self.conversation.billing = core.billing
        usage = self.conversation.usage
        self._limits = limits or Limits(max_session_minutes, max_cost_usd, usage=usage)
        if core.created is not None:
            model = getattr(core.created.session, "model", None)
            self._limits.price_by(self.conversation.billing, model if isinstance(model, str) else None)
        self._shown: tuple[Any, Any] = (None, None)
        self._feed = ConversationFeed(self.conversation, clock, wall)
        sink = sink if sink is not None else NullSink()
        self._playback: PlayingState = sink
        self._router = router = EventRouter(
            core,
            self._feed,
            sink,
            sink,
            self._limits,
            Renewal(wall),
            check_seconds("response_idle_s", response_idle_s),
            ends_at_limit=limits is not None,
        )
        self._responses = router.responses
        self._interruption = router.interruption
        self._input_audio = router.input_audio
        self._questions = Questions(
            core,
            self._feed,
            router.responses,
            router.calls,
            router.input_audio,
            router.updates,
            sink,
            router.snapshot,
        )
        core.has_session = True
        on_loop(core.loop, router.follow)  # on its loop, so that no event comes between

    # What it is

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that the session lives on."""
        return self._core.loop

    @property
    def connection(self) -> RealtimeConnection:
        """The connection underneath."""
        return self._connection

    @property
    def page_has_sound(self) -> bool:
        """Whether the transport itself records the microphone and plays sound, as a page's does."""
        return self._core.carries_audio

    @any_loop
    async def ready(self) -> None:
        """Return once the connection is open, also after a loss. Raises `ConnectError` where it is over."""
        await self._core.ready()

    @property
    def effective(self) -> Mapping[str, Any]:
        """The configuration as the server echoed it, as builtins that cannot be changed."""
        echo = self._config.effective
        if self._shown[0] is not echo:  # a widget reads it 25 times a second
            self._shown = (echo, frozen(without_credentials(echo)))
        shown: Mapping[str, Any] = self._shown[1]
        return shown

    @property
    def response_active(self) -> bool:
        """Whether a response of the conversation runs, or a request for one was sent."""
        return self._responses.active

    @property
    def response_signs(self) -> int:
        """How many events of responses have arrived: while the count grows, an answer comes."""
        return self._responses.signs_of_life

    @property
    def tools_running(self) -> bool:
        """Whether a tool of ours runs."""
        return bool(self._router.calls.pending())

    @property
    def epoch(self) -> int:
        """The number of interruptions so far; sound of an earlier epoch is never played again."""
        return self._interruption.epoch

    @property
    def user_speaking(self) -> bool:
        """Whether the server hears speech right now."""
        return self._input_audio.speaking

    @property
    def microphone_held(self) -> bool:
        """Whether `append` drops sound, because recorded sound is asked."""
        return self._input_audio.held

    @property
    def limit_reached(self) -> str | None:
        """The user's limit that is reached, in words; None where none is."""
        return str(self._limits.reached) if self._limits.reached is not None else None

    @property
    def closing(self) -> bool:
        """Whether the session closes its connection because of a limit."""
        return self._router.closing

    @property
    def max_session_minutes(self) -> float | None:
        """How long the session may be open, in minutes; may be raised at any time, also once it is reached."""
        return self._limits.minutes

    @max_session_minutes.setter
    def max_session_minutes(self, value: float | None) -> None:
        self._set_limit("max_session_minutes", value)

    @property
    def max_cost_usd(self) -> float | None:
        """What the conversation may cost, in US dollars; may be raised at any time, also once it is reached."""
        return self._limits.cost_usd

    @max_cost_usd.setter
    def max_cost_usd(self, value: float | None) -> None:
        self._set_limit("max_cost_usd", value)

    def _set_limit(self, name: LimitName, value: float | None) -> None:
        checked = self._limits.checked(name, value)
        on_loop(self.loop, lambda: self._limits.change(name, checked))

    @property
    def on_error(self) -> Callable[[Any], None] | None:
        """Called on the loop with errors that reach no caller.

        These are each `ServerError` that is neither an expected race nor awaited by a caller, and the `BudgetError` of
        a limit, once, when it is reached.
        """
        return self._router.on_error

    @on_error.setter
    def on_error(self, listener: Callable[[Any], None] | None) -> None:
        self._router.on_error = listener

    def subscribe(self, listener: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        """Call `listener` on the loop with the changes of each event, never with none.

        Returns:
            a function that removes it.
        """
        return self._feed.subscribe(listener)

    # Beginning and end

    @any_loop
    async def start(self) -> Self:
        """Send the first configuration, wait for the server's echo, and restore the conversation so far.

        Raises:
            ServerError, ConfigError: the configuration is refused; with the code `"audio_format"`, a page has the
                connection and the server has sound in a format that the page cannot play.
        """
        self._router.start_time_limit()
        sent = dict(self._config.settings)
        await self.send_config(self._config.whole())
        if self._router.format_error is not None:
            raise self._router.format_error
        self._router.started = True
        if self.conversation.order:
            await self._router.snapshot.replay(self._post)
        while late := {name: value for name, value in self._config.settings.items() if sent.get(name) is not value}:
            name, sent[name] = late.popitem()  # a widget's setting changed meanwhile, and had no session to go to
            await self.send_config(self._config.change({name: sent[name]}))
        return self

    async def _post(self, raw: dict[str, Any] | bytes) -> asyncio.Future[Any]:
        assert isinstance(raw, dict)
        return self._core.sender.post(raw)

    @any_loop
    async def close(self) -> None:
        """Stop tools and waiting callers. The connection stays open: its opener closes it."""
        self._router.unfollow()
        self._router.end(ConnectError("the session was closed before the answer came"), reason=None)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # Another session underneath

    @any_loop
    async def renew(self, *, connector: Connector | None = None) -> None:
        """Go on in a new session of the service, between turns; configuration and items are restored in it.

        Args:
            connector: opens it, now and after a loss; None: the same as before.

        Raises:
            ConnectError: no new session; the old one goes on.
        """
        await self._router.renew(connector)

    async def between_turns(self) -> None:
        """Return when neither side speaks, no answer is awaited and no sound is played."""
        await self._router.between_turns()

    async def _renew_with(self, session: Mapping[str, Any]) -> None:
        snapshot = self._router.snapshot
        snapshot.change_next(session)
        try:
            await self.renew()
        finally:
            snapshot.change_next({})
        if snapshot.refused is not None:
            raise snapshot.refused

    # Configuration

    @any_loop
    async def update(self, /, **settings: Any) -> Mapping[str, Any]:
        """Change settings, and return the server's echo of the whole configuration.

        Raises:
            ConfigError: an unknown or bad setting; nothing is sent.
            ServerError: the server refused it.
            ConnectError: another voice needs a new session once the old one has spoken, and none could be opened.
        """
        await self.send_config(self._config.set(settings))
        return self.effective

    async def send_config(self, session: dict[str, Any]) -> None:
        """Send a change that `SessionConfig` has kept, with the errors of `update`. On the loop only."""
        if not await self._router.updates.send(session):
            await self._renew_with(session)

    # The user's side

    @any_loop
    async def append(self, pcm: Pcm) -> None:
        """Send the microphone's sound; it is dropped while recorded sound is asked.

        Raises:
            BudgetError: a limit is reached.
        """
        await self._input_audio.from_microphone(pcm)

    def note_input(self, pcm: bytes) -> None:
        """Count sound that a page has sent by itself. On the loop only."""
        self._input_audio.on_appended(pcm)

    def note_input_cleared(self) -> None:
        """Count no sound that was appended before: a page has cleared the input buffer by itself. On the loop only."""
        self._input_audio.on_clear_sent()

    def on_microphone_held(self, listener: Callable[[bool], None] | None) -> None:
        """Call `listener` with True when a page that sends the microphone's sound must stop, and with False after it.

        One listener; None removes it. On the loop only.
        """
        self._input_audio.on_held = listener

    @any_loop
    async def commit(self) -> bool:
        """End the user's turn by hand and ask for the answer (push to talk; docs/protocol.md 15).

        Returns:
            False where there was no turn to end: less than 100 ms of sound, or, under turn detection, a moment when the
            server hears no speech and has ended the turn already.

        Raises:
            BudgetError: a limit is reached.
        """
        self._limits.check()
        detected = self._config.turn_detection is not None
        if (detected and not self._input_audio.speaking) or not self._input_audio.is_a_turn:
            if not detected:
                await self.clear()
            return False
        self._input_audio.speaking = False
        await self._input_audio.finish()
        accepted = self._core.sender.post({"type": "input_audio_buffer.commit"})
        request = self._responses.create({}, question=SaidQuestion(accepted, self._router.snapshot))
        if detected:
            self._router.crossable_commit = request
        try:
            await accepted
        except RealtimeError:
            self._responses.cancel(request)
            raise
        return True

    async def flushed(self) -> None:
        """Return when every event so far has been handed to the transport."""
        await self._core.sender.flushed()

    @any_loop
    async def clear(self) -> None:
        """Discard what was appended and not committed."""
        await self._connection.input_audio_buffer.clear()

    @any_loop
    async def send_text(self, text: str) -> None:
        """Send a typed turn and ask for an answer; it interrupts the assistant, as speech would.

        Raises:
            BudgetError: a limit is reached; nothing is sent.
        """
        self._limits.check()
        utterance = Utterance(text=text)
        if self._responses.active or self._playback.playing:
            await self.interrupt()
        said = type_question(self._core.sender, utterance, self._router.snapshot)
        self._responses.create({}, question=said)
        await said.accepted

    def ask(self, x: Askable, timeout: float | None = 60.0) -> PendingAnswer:
        """Say one thing and return the answer, after its tools are done and its sound is played.

        Args:
            x: text; a `Path` or the name of a sound file; int16 or float samples at 24 kHz; the bytes of a WAV file; an
                `AudioClip`; a `Turn`, whose sound is said, or else its text; or an `Utterance`.
            timeout: seconds until the answer is complete, not counting its playback; None for no limit.

        Raises:
            TimeoutError: no answer in time; names what was awaited. The response is cancelled.
            ServerError: the server refused, or the response failed, in the server's words.
            FileNotFoundError, AudioError: there is no such sound file, or it cannot be read; at the call.
            ConfigError: nothing of these, or a wrong timeout; at the call.
            BudgetError: a limit is reached; nothing is sent. Also where it is reached while tools run, after which the
                model would have gone on.
        """
        utterance = as_utterance(x)
        check_timeout(timeout)
        return PendingAnswer(str(utterance.label), lambda: self._ask(utterance, timeout))

    @any_loop
    async def _ask(self, utterance: Utterance, timeout: float | None) -> Turn:
        self._limits.check()
        return await self._questions.ask(utterance, timeout)

    @any_loop
    async def approve(self, request_id: str, approve: bool = True, reason: str | None = None) -> None:
        """Answer an `"mcp_approval_request"` event: let the service call a tool of an MCP server, or refuse it.

        Args:
            request_id: the event's `id`; `approvals` has the requests that wait.
            approve: False refuses.
            reason: for the model.

        Raises:
            ConfigError: no such request waits. ServerError: the server refused the answer.
        """
        await self._router.approvals.answer(request_id, approve, reason)

    @property
    def approvals(self) -> tuple[McpApprovalRequest, ...]:
        """The requests of MCP servers that wait for `approve`, oldest first."""
        return self._router.approvals.pending

    # Interruption

    @any_loop
    async def interrupt(self, played: Mapping[tuple[str, int], int] | None = None) -> None:
        """Stop speaking: silence, cancel the response, and cut the conversation at what was heard.

        Args:
            played: samples played of each part, where a page fell silent by itself and reported it; None asks the sink.
        """
        dead = self._responses.active_id
        self._responses.drop_automatic()
        self._responses.cancel()
        heard = None if played is None else [PlayedItem(*key, samples) for key, samples in played.items()]
        # Not awaited itself: a cancelled caller must not stop the cut, nor the end of the session cancel the caller.
        await asyncio.wait([self._router.spawn(self._interruption.stop(dead, heard))])

    def played(self, item_id: str, content_index: int, samples: int, final: bool = False) -> None:
        """Note the sink's report that `samples` of a part have left the speaker. On the loop only."""
        self._interruption.on_played(item_id, content_index, samples, final=final)

    def not_played(self, item_id: str) -> None:
        """Note that the sink waits with an item's sound, for a gesture of the user. On the loop only."""
        self._interruption.on_not_played(item_id)
