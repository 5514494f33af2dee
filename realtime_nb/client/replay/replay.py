"""`replay`: one conversation of recorded user turns, from its opening to its record.

Owns how a session is opened and closed, which turn follows which, and the record. `simulated_user.py` says a turn,
`turn_end.py` judges when it is over. The other parts of a session are those of `client/turns/event_router`, so that
tools, interruption and sequencing are the same as in a conversation with a person. Must not know which backend answers,
or what is measured on the record.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from realtime_nb.client.auth.credentials import without_credentials
from realtime_nb.client.connection_core import ConnectionCore
from realtime_nb.client.reconnect.renewal import Renewal
from realtime_nb.client.replay.allowance import Allowance, SpendingGuard
from realtime_nb.client.replay.clock import now_s
from realtime_nb.client.replay.failure import ReplayFailure
from realtime_nb.client.replay.loop_lag import LoopLag, loop_lag
from realtime_nb.client.replay.options import ReplayOptions
from realtime_nb.client.replay.pacer import ReplayMicrophone
from realtime_nb.client.replay.player import SimulatedPlayer
from realtime_nb.client.replay.scenario import BargeIn, Scenario
from realtime_nb.client.replay.session_end import POLL_S, SessionEnd, failure_of
from realtime_nb.client.replay.simulated_user import SimulatedUser
from realtime_nb.client.replay.spending import Spending, out_of_money
from realtime_nb.client.replay.trace import ReplayRecord
from realtime_nb.client.replay.turn_end import TurnEnd, too_many_responses
from realtime_nb.client.replay.turn_log import TurnLog
from realtime_nb.client.replay.user_turns import UserTurn, check_turns, is_typed, prepare, unprepared, utterance_of
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.settings import overlay
from realtime_nb.client.transport.base import Connector
from realtime_nb.client.transport.close import CloseEvent
from realtime_nb.client.transport.retry_after import is_rate_limit
from realtime_nb.client.turns.audio_sink import AudioSink, NullSink
from realtime_nb.client.turns.conversation_feed import ConversationFeed
from realtime_nb.client.turns.event_router import EventRouter
from realtime_nb.client.turns.limits import Limits
from realtime_nb.client.utterance import Askable, as_utterance
from realtime_nb.client.variant import Variant
from realtime_nb.conversation import Conversation
from realtime_nb.errors import BudgetError, ConfigError, RealtimeError, ServerError
from realtime_nb.wire.realtime import RateLimitsUpdated, ResponseCreated, ResponseDone

_TRANSCRIPT_S = 3.0
_GOODBYE_S = 1.0
_MANUAL: Mapping[str, Any] = {"audio": {"input": {"turn_detection": None}}}


async def replay(
    said: Askable | Scenario,
    variant: Variant,
    connector: Connector,
    options: ReplayOptions | None = None,
    *,
    guard: SpendingGuard | None = None,
    conversation: Conversation | None = None,
    limits: Limits | None = None,
) -> ReplayRecord:
    """Say recorded or typed user turns in a session of their own, and record what came back.

    A recording is sent at the pace at which it was spoken, and digital silence after it until the answer is done. A
    variant without turn detection is sent as `pacing="manual_commit"` says, and its trace says so.

    Args:
        said: what is said: what `ask` takes, or a scenario.
        variant: the settings of the session.
        connector: opens it.
        options: pace and limits; None: those of `ReplayOptions()`.
        guard: grants what the session may cost beyond `allowance.first_use`; where it refuses, the session ends before
            the server can bill more. None: there is no limit of money.
        conversation: what was said before; the session begins with it, and what is said is added to it. None: nothing.
        limits: of its owner; the session counts towards them, and ends when one is reached.

    Returns:
        the record, whatever happened: `error` says why a session failed, and the turns have what came before that.

    Raises:
        ConfigError: the session makes no sense, or the backend is not configured; before anything is opened.
    """
    options = options or ReplayOptions()
    turns: tuple[Any, ...] = tuple(said.turns) if isinstance(said, Scenario) else (as_utterance(said),)
    return await _ReplayedSession(turns, variant, connector, options, guard, conversation, limits).run()


class _ReplayedSession:
    """One session. Arguments as for `replay`."""

    def __init__(
        self,
        turns: Sequence[UserTurn],
        variant: Variant,
        connector: Connector,
        options: ReplayOptions,
        guard: SpendingGuard | None,
        conversation: Conversation | None,
        limits: Limits | None,
    ) -> None:
        self._turns = turns
        self._conversation = conversation if conversation is not None else Conversation()
        self._limits = limits
        self._options = options
        detection = ((variant.payload.get("audio") or {}).get("input") or {}).get("turn_detection")
        self._by_hand = options.pacing != "realtime" or detection is None
        check_turns(turns, variant, options, detection)
        config = SessionConfig()
        spoken = any(not is_typed(turn) for turn in turns)
        manual = self._by_hand and spoken
        config.set(variant.whole, overlay(variant.session or {}, _MANUAL) if manual else variant.session)
        self._detection: Mapping[str, Any] = detection or {}
        self._allowance = Allowance(
            guard,
            [utterance_of(turn) for turn in turns],
            automatic=not self._by_hand and spoken,
            tools=bool(variant.whole["tools"]),
        )
        self._log = TurnLog(now_s)
        self._player = SimulatedPlayer(now_s, lambda: self._log.arrived_s)
        self._core = ConnectionCore(
            connector,
            executor=None,
            on_handler_error=None,
            session_timeout_s=options.open_timeout_s,
            buffer=64,
            reconnect=False,
            config=config,
        )
        self._end = SessionEnd(options.limit_s)
        self._failure: ReplayFailure | None = None
        self._rate_limits: RateLimitsUpdated | None = None
        self._is_settled = False
        # Once the connection is open:
        self._router: EventRouter
        self._spending: Spending
        self._turn_end: TurnEnd
        self._microphone: ReplayMicrophone
        self._user: SimulatedUser

    async def run(self) -> ReplayRecord:
        """Open the session, say the turns, close it, and return the record."""
        started_at = time.time()
        with loop_lag() as lag:
            try:
                await self._open()
                await self._say_all()
            except ReplayFailure as failure:
                self._failure = failure
                if failure.by_budget:
                    await self._let_answer_end()
            except ConfigError as error:
                if self._core.created is None:
                    raise
                self._failure = ReplayFailure.of(error)
            except Exception as error:
                self._failure = failure_of(error)
            finally:
                await self._close()
        return self._record(started_at, lag)

    # Opening and closing

    async def _open(self) -> None:
        core, config, options = self._core, self._core.config, self._options
        if new := unprepared(self._turns):  # in a thread: it takes milliseconds, which other sessions would be late by
            await asyncio.to_thread(prepare, new)
        core.add_listener(self._on_event)  # before the session's own parts: the stamp is the arrival
        try:
            async with asyncio.timeout(options.open_timeout_s) as limit:
                await core.open()
                sink: AudioSink = NullSink() if self._is_fast else self._player
                self._check_price()
                feed = ConversationFeed(self._conversation, time.monotonic, time.time)
                self._router = EventRouter(
                    core,
                    feed,
                    sink,
                    sink,
                    self._limits if self._limits is not None else Limits(),
                    Renewal(lambda: math.inf),  # never: a replay is one session
                    options.limit_s,
                    ends_at_limit=False,
                )
                self._spending = Spending(
                    self._allowance,
                    self._log,
                    self._end,
                    self._router.responses,
                    self._turns,
                    self._detection,
                    by_hand=self._by_hand,
                )
                self._turn_end = TurnEnd(
                    self._router, config, self._log, self._end, self._spending, options.max_responses
                )
                core.add_listener(self._on_response)  # before the session's own parts, too
                self._router.on_error = self._on_error
                self._router.follow()
                core.handlers.add("close", self._on_close)
                if self._limits is not None:
                    self._router.start_time_limit()
                await self._router.updates.send(config.whole())
                await self._restore()
        except builtins.TimeoutError as error:
            if limit.expired():
                raise ReplayFailure(
                    f"the session did not open within {options.open_timeout_s:g} s (open_timeout_s)", retryable=True
                ) from None
            raise ReplayFailure.of(error) from None
        if config.answers_only_requests:  # the server detects no turns, whatever it was asked for
            self._by_hand = self._spending.by_hand = True
        self._log.convert_from(config.output_format)
        self._microphone = ReplayMicrophone(
            core.sender.append_encoded, now_s, config.input_format, self._spending.may_send_silence
        )
        self._user = SimulatedUser(
            core,
            self._router,
            self._microphone,
            self._player,
            self._log,
            self._end,
            self._turn_end,
            self._spending,
            pacing=options.pacing,
            detection=self._detection,
            by_hand=self._by_hand,
        )

    def _check_price(self) -> None:
        """Let the conversation count what responses cost; raises `ConfigError` for a limit without a known price."""
        if self._limits is None or self._core.billing is None:
            return
        self._conversation.billing = self._core.billing
        model = getattr(getattr(self._core.created, "session", None), "model", None)
        self._limits.check_price(self._core.billing, model if isinstance(model, str) else None)

    async def _restore(self) -> None:
        """Send what was said before to the session."""
        if not self._conversation.order:
            return
        snapshot = self._router.snapshot
        await snapshot.replay(self._post)
        self._conversation.store.unanswered = None  # the turns before this one get no answer any more
        if missing := list(snapshot.missing.values()):
            raise ReplayFailure(f"the server did not take {len(missing)} of the turns before this one: {missing[0]}")

    async def _post(self, raw: dict[str, Any] | bytes) -> asyncio.Future[Any]:
        assert isinstance(raw, dict)
        return self._core.sender.post(raw)

    async def _let_answer_end(self) -> None:
        """Wait for the answer that runs, so that its cost is known; nothing that was said can be answered after it."""
        with contextlib.suppress(RealtimeError, OSError):
            await self._microphone.stop()
            self._router.responses.refuse(RealtimeError(out_of_money().error))
            # Its acknowledgement shows that the server has read all sound, and may begin no answer any more.
            cleared = self._core.sender.post({"type": "input_audio_buffer.clear"})
            cleared.add_done_callback(lambda _: self._end.news.set())
            await self._end.until(
                lambda: self._end.is_closed or (cleared.done() and self._router.responses.quiet), self._options.limit_s
            )
            known = cleared.done() and not cleared.cancelled() and cleared.exception() is None
            self._is_settled = known and not self._end.is_closed and self._spending.is_settled

    async def _close(self) -> None:
        if hasattr(self, "_microphone"):
            await self._microphone.stop()
        if hasattr(self, "_router"):
            self._router.unfollow()
            self._router.end(RealtimeError("the replay is over"), reason=None)
        await self._core.close_within(_GOODBYE_S)

    def _record(self, started_at: float, lag: LoopLag) -> ReplayRecord:
        failure, log = self._failure, self._log
        microphone = getattr(self, "_microphone", None)
        may_be_billed = hasattr(self, "_user") and self._user.may_be_answered
        echo: Any = dict(without_credentials(self._core.config.effective))
        model = echo.get("model") or getattr(getattr(self._core.created, "session", None), "model", None)
        return ReplayRecord(
            turns=log.traces(),
            model=model if isinstance(model, str) else None,
            session=echo,
            billing=self._core.billing,
            started_at=started_at,
            pacing_lag_ms=microphone.lag_ms if microphone is not None and not self._is_fast else 0.0,
            loop_lag_ms=lag.worst_ms,
            billed=log.billed if log.responses else may_be_billed,
            error=failure.error if failure is not None else None,
            timed_out=failure is not None and failure.timed_out,
            retryable=failure is not None and failure.retryable,
            retry_after_s=self._retry_after_s(),
            by_budget=failure is not None and failure.by_budget,
            settled=self._is_settled,  # only looked for where the budget ended it
        )

    def _retry_after_s(self) -> float | None:
        """The wait that the server asked for: in the refusal itself, or in its last account of its limits."""
        failure, last = self._failure, self._rate_limits
        if failure is None or not failure.too_fast or failure.retry_after_s is not None or last is None:
            return failure.retry_after_s if failure is not None else None
        used_up = [limit.reset_seconds for limit in last.rate_limits if (limit.remaining or 0) <= 0]
        return max((seconds for seconds in used_up if seconds is not None), default=None)

    @property
    def _is_fast(self) -> bool:
        return self._options.pacing == "fast"

    # What arrives

    def _on_event(self, event: Any) -> None:
        self._log.on_event(event)
        if event.type != "response.output_audio.delta":
            self._end.news.set()
        if isinstance(event, RateLimitsUpdated):
            self._rate_limits = event
        if self._log.too_much:
            self._end.end(ReplayFailure("the server sent more than any answer is; the session was closed"))

    def _on_response(self, event: Any) -> None:
        if isinstance(event, ResponseCreated):
            self._spending.on_begun()
        elif isinstance(event, ResponseDone):
            self._spending.on_done(event.response)
        most = self._options.max_responses
        if self._log.responses > most:
            self._end.end(too_many_responses(most))  # the server has begun one by itself
        elif self._log.responses == most:
            self._router.responses.refuse(RealtimeError(too_many_responses(most).error))

    def _on_error(self, error: Any) -> None:
        """Keep an error of the server that answers no call of ours; a limit or too many requests end the session."""
        if isinstance(error, BudgetError):
            self._turn_end.at_limit = ReplayFailure.of(error)
            if self._router.responses.quiet:  # else the answer under way may end, as in a conversation
                self._end.end(self._turn_end.at_limit)
        if not isinstance(error, ServerError):
            return
        self._end.said_by_server = error
        if is_rate_limit(error.code):
            self._end.end(ReplayFailure.of(error))

    async def _on_close(self, event: CloseEvent) -> None:
        self._end.is_closed = True
        self._end.news.set()
        self._end.end(ReplayFailure.of(event.error or self._core.end_error()))

    # The turns

    async def _say_all(self) -> None:
        begins = now_s()
        for turn, following in zip(self._turns, [*self._turns[1:], None], strict=True):
            begins = await self._say(turn, following, begins)

    async def _say(self, turn: UserTurn, following: UserTurn | None, begins: float) -> float:
        """Say a turn, and return when the next one begins."""
        before, end = len(self._log.turns), self._end
        try:
            next_begins = await end.while_open(self._user.exchange(turn, following, begins), begins)
        except ReplayFailure as failure:
            begun = len(self._log.turns) > before
            if not (begun and following is None and self._turn_end.is_answered()):
                if begun:
                    self._log.turns[-1].error = failure.error
                raise
            return now_s()  # the server closed right behind its answer
        if following is None:
            await end.until(lambda: end.is_ended or self._turn_end.is_transcribed(), _TRANSCRIPT_S)
        elif not (isinstance(following, BargeIn) or self._is_fast):
            await end.while_open(self._hear(), now_s() + POLL_S)
            return now_s()
        return next_begins

    async def _hear(self) -> None:
        """Hear the answer to its end, as a person does; interrupt one that lasts longer than a whole turn may."""
        with contextlib.suppress(builtins.TimeoutError):
            async with asyncio.timeout(self._options.limit_s):
                await self._player.drained()
