"""The parts of a session, and which of them gets which event, in which order.

Owns the dispatch of server and client events, the pause between turns, and the end of a session. Each rule stands in
the module of its part. Must not know what a user asks for; `client/session.py` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec

from realtime_nb.audio.stream_format import is_usual
from realtime_nb.client.connection_core import ConnectionCore
from realtime_nb.client.events.handlers import Registration
from realtime_nb.client.events.pending_requests import server_error
from realtime_nb.client.reconnect.handover import SessionKeeper
from realtime_nb.client.reconnect.renewal import Renewal
from realtime_nb.client.reconnect.session_snapshot import SessionSnapshot
from realtime_nb.client.transport.base import Connector
from realtime_nb.client.transport.close import EXPIRED, CloseEvent
from realtime_nb.client.turns.audio_sink import Playback, SoundOutput
from realtime_nb.client.turns.config_updates import ConfigUpdates
from realtime_nb.client.turns.conversation_feed import ConversationFeed
from realtime_nb.client.turns.input_audio import InputAudio
from realtime_nb.client.turns.interruption import Interruption
from realtime_nb.client.turns.limits import Limits
from realtime_nb.client.turns.mcp_approvals import McpApprovalRequest, McpApprovals
from realtime_nb.client.turns.response_queue import ResponseQueue, ResponseRequest
from realtime_nb.client.turns.response_watch import ResponseWatch
from realtime_nb.client.turns.tool_runner import ToolRunner
from realtime_nb.conversation import AudioLost, Change, ClientItem, ConnectionEnded, ResponseStarted, UsageChanged
from realtime_nb.errors import BudgetError, ServerError
from realtime_nb.wire.realtime import (
    SERVER_TYPES,
    ConversationItemAdded,
    ConversationItemCreated,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemInputAudioTranscriptionCompleted,
    ErrorDetail,
    ErrorEvent,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    Item,
    ResponseCreated,
    ResponseDone,
    ResponseOutputAudioDelta,
    ResponseOutputItemDone,
    SessionCreated,
    SessionUpdated,
)

_log = logging.getLogger(__name__)
_ECHOES = frozenset({ConversationItemAdded, ConversationItemDone, ConversationItemCreated})
_OF_RESPONSES = frozenset(kind for name, kind in SERVER_TYPES.items() if name.startswith("response."))
_POLL_S = 0.1
_POLITE_S = 60.0
"""How long a limit waits for a pause between turns."""


class EventRouter:
    """Builds the parts of a session and passes events to them. On the session's loop only, but for the constructor.

    Args:
        connection: sends and receives.
        feed: the way into the conversation.
        output: plays the assistant's sound.
        playback: the same player's sound, which an interruption ends.
        limits: the user's bounds. One that is reached stops all that costs, until it is raised.
        ends_at_limit: whether the session closes its connection between turns once a limit is reached, because its
            owner opens another when the limit is raised.
        renewal: begins a new session before the service ends the old one.
        response_idle_s: how long a response may be silent while another request waits for it.

    Attributes:
        on_error: called with each error of the server that is neither an expected race nor awaited by a caller, and
            with the `BudgetError` of a limit when it is reached.
        over: whether the session has ended.
        closing: whether the connection is being closed because of a limit.
        crossable_commit: the request for the answer to the last commit that was sent under turn detection.
    """

    def __init__(
        self,
        connection: ConnectionCore,
        feed: ConversationFeed,
        output: SoundOutput,
        playback: Playback,
        limits: Limits,
        renewal: Renewal,
        response_idle_s: float,
        *,
        ends_at_limit: bool,
    ) -> None:
        config, sender = connection.config, connection.sender
        self.on_error: Callable[[Any], None] | None = None
        self.over = False
        self.closing = False
        self.feed = feed
        self.responses = ResponseQueue(sender, config)
        self.updates = ConfigUpdates(config, sender, self.responses)
        self.interruption = Interruption(config, self.responses, output, playback, sender, feed)
        self.calls = ToolRunner(config, sender, self.responses, feed)
        self.approvals = McpApprovals(self.calls, sender, self.responses)
        self.input_audio = InputAudio(sender, feed, config)
        self.snapshot = SessionSnapshot(config, feed.conversation)
        self._watch = ResponseWatch(self.responses, self.calls, playback, connection, response_idle_s)
        self._playback = playback
        self._connection = connection
        self._config = config
        self._limits = limits
        self._ends_at_limit = ends_at_limit
        self._stopped = False
        self._counting = False
        self._renewal = renewal
        self._tasks: set[asyncio.Task[Any]] = set()
        self._formats: tuple[Any, Any] = ((None, None), (None, None))
        self._time_limit: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
        self._refusing: asyncio.Task[None] | None = None
        self.started = False
        self.format_error: ServerError | None = None
        self.crossable_commit: ResponseRequest | None = None
        self._unfollow: list[Callable[[], None]] = []
        self._at_end: list[Registration] = []
        feed.subscribe(self.interruption.on_changes)

    def follow(self) -> None:
        """Begin to follow the connection, with the greeting that it has received already."""
        connection = self._connection
        connection.keep(
            SessionKeeper(
                feed=self.feed,
                snapshot=self.snapshot,
                config=self._config,
                responses=self.responses,
                calls=self.calls,
                approvals=self.approvals,
                interruption=self.interruption,
                input_audio=self.input_audio,
                sender=connection.sender,
            )
        )
        self._unfollow += [connection.add_listener(self._on_event), connection.add_send_listener(self._on_sent)]
        self._unfollow.append(self._limits.subscribe(self._on_limits))
        handlers = connection.handlers
        self._at_end = [
            handlers.add("close", self._on_close),
            handlers.add("reconnecting", self._on_reconnecting),
        ]
        connection.sender.gate = self.responses
        connection.keep_nothing_until_read()
        self.spawn(self._watch.run())
        if connection.created is not None:
            self._on_event(connection.created)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work of the session in a task, which ends with the session."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # The end

    def unfollow(self) -> None:
        """Follow the connection no longer."""
        for unfollow in self._unfollow:
            unfollow()
        for registration in self._at_end:
            self._connection.handlers.discard(registration)
        if self._connection.sender.gate is self.responses:
            self._connection.sender.gate = None

    def end(self, error: Exception, reason: str | None) -> None:
        """End what waits for an answer: turns must not be in progress for ever, nor callers wait."""
        if self.over:
            return
        self.over = True
        self._renewal.stop()
        if self._time_limit is not None:
            self._time_limit.cancel()
        changes = self.feed.reduce(ConnectionEnded(reason))
        self._count_usage(changes)
        self.feed.publish(changes)
        if self._counting:
            self._limits.on_session_closed(asyncio.get_running_loop().time())
        self.calls.stop()
        self.responses.fail_all(error)
        for task in self._tasks:
            task.cancel()

    async def _on_close(self, event: CloseEvent) -> None:
        self.end(event.error or self._connection.end_error(), reason=str(event.error) if event.error else None)

    # The limits

    def start_time_limit(self) -> None:
        """Count the time of this session for the user's limit from now on."""
        if not self._counting and not self.over:
            self._counting = True
            self._limits.on_session_opened(asyncio.get_running_loop().time())
            self._on_limits()

    def _on_limits(self) -> None:
        """Follow the limits: one was reached, raised or changed."""
        if self.over:
            return
        reached = self._limits.reached
        if reached is not None and not self._stopped:
            self._stop_at_limit(reached)
        elif reached is not None:
            self.responses.refuse(reached)  # one limit was raised, and another is reached: the words change
            self.input_audio.refuse(reached)
        elif self._stopped:
            self._go_on()
        self._set_time_limit()

    def _set_time_limit(self) -> None:
        if self._time_limit is not None:
            self._time_limit.cancel()
            self._time_limit = None
        loop = asyncio.get_running_loop()
        left_s = self._limits.seconds_left(loop.time())
        if left_s is not None and self._counting and not self._stopped:
            self._time_limit = loop.call_later(left_s, self._on_time_limit)

    def _on_time_limit(self) -> None:
        self._limits.count_time(asyncio.get_running_loop().time())
        self._set_time_limit()  # none where that has stopped the session; a timer may also be a little early

    def _stop_at_limit(self, error: BudgetError) -> None:
        """Send nothing more that the server would answer. The response under way may end, and its sound be played."""
        self._stopped = True
        self.responses.refuse(error)
        self.input_audio.refuse(error)
        self._report(error)
        if self._ends_at_limit:
            # Not one of `_tasks`: those are cancelled by the end that this task brings about.
            work = self._end_politely(f"{error.limit}={error.value:g} is reached")
            self._ending = asyncio.get_running_loop().create_task(work, name="realtime limit")
        elif self._config.server_answers:
            self.updates.put_off_turn_detection()

    def _go_on(self) -> None:
        """Accept questions and sound again: the limit was raised."""
        self._stopped = False
        if self._ending is not None and not self.closing:
            self._ending.cancel()
        self.responses.refuse(None)
        self.input_audio.refuse(None)
        if not self._ends_at_limit:
            self.updates.resume_turn_detection()

    async def _end_politely(self, why: str) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_POLITE_S):
                await self.between_turns()
        self.closing = True
        if not self.over:
            await self._connection.close(1000, why)

    async def _on_reconnecting(self, event: Any) -> None:
        if self._limits.reached is not None and not self.over:
            self.closing = True  # instead of a new session; in a task, because the close waits for this handler
            work = self._connection.close(1000, "a limit is reached")
            self._ending = asyncio.get_running_loop().create_task(work, name="realtime limit")

    def _count_usage(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if isinstance(change, UsageChanged):
                self._limits.add(change.usage)

    # A pause

    async def renew(self, connector: Connector | None = None) -> None:
        """Go on in a new session, between turns; raises `BudgetError` where a limit is reached."""
        self._limits.check()
        await self._connection.renew(connector=connector, moment=self.between_turns)

    async def between_turns(self) -> None:
        """Return when neither side speaks, no answer is awaited and no sound is played."""
        while not self._quiet:  # noqa: ASYNC110 - it is made of many things, some of which announce no change
            await asyncio.sleep(_POLL_S)

    @property
    def _quiet(self) -> bool:
        store = self.feed.conversation.store
        # Once a limit is reached, speech gets no answer.
        taking = not self._stopped and (
            self.input_audio.speaking or (self._config.server_answers and store.unanswered is not None)
        )
        return not (
            not self.responses.quiet
            or taking
            or self.input_audio.asking
            or self.calls.pending()
            or self._playback.playing
            or store.waiting
        )

    # Events

    def _on_event(self, event: Any) -> None:
        """Handle a server event, in the receive loop: it must return at once, and so never awaits."""
        kind = type(event)
        if kind in _OF_RESPONSES:
            self.responses.note_sign_of_life()
        if kind is ResponseOutputAudioDelta:
            if not self.interruption.is_dead(event.response_id):  # else it was on its way (docs/protocol.md 33)
                changes = self.feed.reduce(event)
                if changes and type(changes[-1]) is AudioLost:
                    self._report(ServerError(f"sound of the answer is lost: {changes[-1].reason}", code="audio_lost"))
                self.feed.publish(changes)
            return
        if kind in _ECHOES and self.snapshot.is_echo(event.item):
            return  # a new session echoes the items that restored it: as text, where there was sound
        if kind in _ECHOES:
            event = self.snapshot.in_place(event)
        elif kind is ErrorEvent and (again := self._connection.sender.retry_without_id(event.error)) is not None:
            self.responses.on_item_sent_again(again)
            return
        changes = self.feed.reduce(event)
        for news in self.approvals.on_event(event):
            self._announce(news)
        if kind is ResponseCreated:
            self._on_response_created(event, changes)
        elif kind is ResponseOutputItemDone:
            if not self.responses.is_out_of_band(event.response_id):
                self.calls.on_item_done(event.response_id, event.item)
        elif kind is ResponseDone:
            self._count_usage(changes)  # before its tools ask for a continuation, which a limit may forbid
            self._on_response_done(event)
        elif kind is ConversationItemInputAudioTranscriptionCompleted:
            self._count_usage(changes)
        elif kind is InputAudioBufferSpeechStarted:
            self.input_audio.speaking = True
            stop = self.interruption.on_speech_started(carries_audio=self._connection.carries_audio)
            if stop is not None:
                self.spawn(stop)
        elif kind is InputAudioBufferSpeechStopped:
            self.input_audio.speaking = False
        elif kind is InputAudioBufferCommitted:
            if self._config.turn_detection is not None:
                self.input_audio.on_server_commit()
        elif kind is SessionCreated:
            self._renewal.schedule(event.session.expires_at, self.renew)
        elif kind is ErrorEvent:
            self._on_server_error(event)
        if kind is SessionUpdated:  # every session sends an update first
            self._check_formats()
        self.feed.publish(changes)

    def _check_formats(self) -> None:
        """Say where sound cannot be exchanged in the formats of the server's echo; once for each format."""
        config = self._config
        said = config.input_format, config.output_format
        if said == self._formats:
            return
        self._formats = said
        if (problem := self.input_audio.problem()) is not None:
            self._report(ServerError(str(problem), code="audio_format"))
        elif self._connection.carries_audio and not all(is_usual(*form) for form in said):
            why = (
                f"the server has sound as {said[0][0]!r} and {said[1][0]!r}, and a page that holds the connection "
                "sends and plays 24 kHz PCM only. Use transport='kernel', which converts it."
            )
            self.format_error = ServerError(why, code="audio_format")
            if self.started:
                self._report(self.format_error)
                # At once: the page plays by itself, and would play noise.
                work = self._connection.close(1000, "another audio format")
                self._refusing = asyncio.get_running_loop().create_task(work, name="realtime audio format")

    def _on_response_created(self, event: ResponseCreated, changes: list[Change]) -> None:
        known = next((change.out_of_band for change in changes if isinstance(change, ResponseStarted)), False)
        self.responses.on_created(event.response, out_of_band=known)
        if (answered := self.responses.answered_by(event.response.id)) is not None:
            self._connection.sender.mark_answered(answered)
        if self.responses.cancelling(event.response.id):
            self.interruption.kill(event.response.id or "")  # it was interrupted before it existed
        elif self._stopped and self.responses.answered_by(event.response.id) is None and not known:
            self.responses.cancel()  # the server began it by itself, after a limit was reached

    def _on_response_done(self, event: ResponseDone) -> None:
        out_of_band = self.responses.is_out_of_band(event.response.id)
        if not out_of_band:
            self.calls.on_response_done(event.response)
        self.responses.on_done(event.response, out_of_band=out_of_band)
        if self.responses.is_void(event.response.id):
            self._forget(event.response.id or "")

    def _forget(self, response_id: str) -> None:
        """Delete the items of a response that answers no question, here and in the server's conversation."""
        record = self.feed.conversation.store.responses.get(response_id)
        for item_id in list(record.items) if record is not None else ():
            self.feed.add_event(ConversationItemDeleted(item_id=item_id))
            self._connection.sender.post({"type": "conversation.item.delete", "item_id": item_id})

    def _on_server_error(self, event: ErrorEvent) -> None:
        sender = self._connection.sender
        expected = (
            self.responses.on_error(event.error, about_response=sender.is_about_response(event.error))
            or self.interruption.is_our_truncation(event.error.event_id)
            or self._is_crossed_commit(event.error)
            or (event.error.code == EXPIRED and self._connection.reconnects)  # the new session is shown as a turn
        )
        if not expected and not sender.awaits(event.error.event_id):
            self._report(server_error(event.error), has_event=True)

    def _is_crossed_commit(self, detail: ErrorDetail) -> bool:
        """Return whether the server ended the user's turn while our commit was on its way: an expected race.

        The server's `committed` counted as the answer to our commit. Where the server answers its turns by itself, the
        response that followed our commit would answer this one a second time.
        """
        request = self.crossable_commit
        if request is None or request.done.done() or detail.code != "input_audio_buffer_commit_empty":
            return False
        self.crossable_commit = None
        # With an id it is the server's own answer, where that one cannot be told from an answer to our request.
        if self._config.server_answers and request.response_id is None:
            self.responses.cancel(request)
        return True

    def _report(self, error: ServerError | BudgetError, *, has_event: bool = False) -> None:
        if self.on_error is not None:
            try:
                self.on_error(error)
            except Exception:
                _log.exception("on_error raised; the conversation goes on")
        elif isinstance(error, ServerError):
            self._connection.log_unheard(error, has_event=has_event)
        else:
            _log.warning("%s", error)

    def _announce(self, news: McpApprovalRequest | ServerError) -> None:
        if isinstance(news, ServerError):
            self._report(news)
        elif not self._connection.announce(news):
            _log.warning(
                "%s: %s waits for approval, and no handler is registered: `await session.approve(%r)`, or register one "
                "with on('mcp_approval_request', ...)",
                news.server_label,
                news.name,
                news.id,
            )

    def _on_sent(self, raw: dict[str, Any]) -> None:
        """Note a client event that leaves on the connection, also one that a user sends by hand."""
        kind = raw["type"]
        if kind == "conversation.item.create":
            self.approvals.on_sent(raw["item"])
            if raw["item"].get("id"):
                item = msgspec.convert(raw["item"], Item)
                self.feed.add(ClientItem(item, raw.get("previous_item_id"), raw["event_id"]))
        elif kind == "input_audio_buffer.commit":
            self.input_audio.on_commit_sent()
        elif kind == "input_audio_buffer.clear":
            self.input_audio.on_clear_sent()
