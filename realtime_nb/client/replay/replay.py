"""`replay`: one conversation of recorded user turns, from its opening to its record.

Owns when each turn is said, when it is over, and what ended it. The parts of a session are those of
`client/turns/event_router`, so that tools, interruption and sequencing are the same as in a conversation with a person.
Must not know which backend answers, or what is measured on the record.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import logging
import math
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from realtime_nb.audio import RATE_HZ
from realtime_nb.audio.speech_span import SpeechSpan
from realtime_nb.client.auth.credentials import without_credentials
from realtime_nb.client.connection_core import ConnectionCore
from realtime_nb.client.reconnect.renewal import Renewal
from realtime_nb.client.replay.allowance import Allowance, SpendingGuard
from realtime_nb.client.replay.failure import ReplayFailure
from realtime_nb.client.replay.frames import AppendFrame, append_frames, is_encoded
from realtime_nb.client.replay.loop_lag import LoopLag, loop_lag
from realtime_nb.client.replay.options import ReplayOptions
from realtime_nb.client.replay.pacer import ReplayMicrophone
from realtime_nb.client.replay.pauses import turn_ends
from realtime_nb.client.replay.player import SimulatedPlayer
from realtime_nb.client.replay.scenario import BargeIn, Scenario
from realtime_nb.client.replay.trace import Pacing, ReplayRecord
from realtime_nb.client.replay.turn_log import OpenTurn, TurnLog
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.settings import overlay
from realtime_nb.client.transport.base import Connector
from realtime_nb.client.transport.close import CloseEvent
from realtime_nb.client.transport.retry_after import is_rate_limit
from realtime_nb.client.turns.audio_sink import AudioSink, NullSink
from realtime_nb.client.turns.conversation_feed import ConversationFeed
from realtime_nb.client.turns.event_router import EventRouter
from realtime_nb.client.turns.limits import Limits
from realtime_nb.client.turns.question import SaidQuestion, type_question
from realtime_nb.client.turns.response_queue import ResponseRequest
from realtime_nb.client.utterance import Askable, Utterance, as_utterance
from realtime_nb.client.variant import Variant
from realtime_nb.conversation import Conversation
from realtime_nb.errors import AudioError, BudgetError, ConfigError, RealtimeError, ServerError
from realtime_nb.wire.realtime import FunctionCallItem, RateLimitsUpdated, Response, ResponseCreated, ResponseDone

_log = logging.getLogger(__name__)
_POLL_S = 0.1
_GRACE_S = 3.0
"""How long an answer that was begun before the end of speech may still be followed by another one."""
_EARLY_S = 0.1
"""A turn that the server ends so much before the end of speech was not cut off: its times are whole frames."""
_TRANSCRIPT_S = 3.0
_GOODBYE_S = 1.0
_MANUAL: Mapping[str, Any] = {"audio": {"input": {"turn_detection": None}}}

_clock = time.perf_counter
_Turn = Utterance | BargeIn
_T = TypeVar("_T")


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
        turns: Sequence[_Turn],
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
        self._manual = options.pacing != "realtime" or detection is None
        _check(turns, variant, options, detection)
        config = SessionConfig()
        manual = self._manual and any(not _is_typed(turn) for turn in turns)
        config.set(variant.whole, overlay(variant.session or {}, _MANUAL) if manual else variant.session)
        spoken = self._spoken = any(not _is_typed(turn) for turn in turns)
        self._detection: Mapping[str, Any] = detection or {}
        self._idles = bool(detection) and (detection or {}).get("idle_timeout_ms") is not None
        self._allowance = Allowance(
            guard,
            [_utterance(turn) for turn in turns],
            automatic=not self._manual and spoken,
            tools=bool(variant.whole["tools"]),
        )
        self._refused: ReplayFailure | None = None  # by the guard: no further response may begin
        self._log = TurnLog(_clock)
        self._player = SimulatedPlayer(_clock, lambda: self._log.arrived_s)
        self._core = ConnectionCore(
            connector,
            executor=None,
            on_handler_error=None,
            session_timeout_s=options.open_timeout_s,
            buffer=64,
            reconnect=False,
            config=config,
        )
        self._news = asyncio.Event()
        self._ended: asyncio.Future[ReplayFailure] = asyncio.get_running_loop().create_future()
        self._said_by_server: ServerError | None = None
        self._failure: ReplayFailure | None = None
        self._at_limit: ReplayFailure | None = None
        self._rate_limits: RateLimitsUpdated | None = None
        self._spoke = False  # to a server that detects turns, and may have begun an answer
        self._requests: list[ResponseRequest] = []
        self._request: ResponseRequest | None = None  # of the present turn, where this side asks for the answer
        self._is_said = False
        self._is_closed = self._is_settled = self._is_sealed = False
        self._router: EventRouter
        self._microphone: ReplayMicrophone

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
                self._failure = self._failure_of(error)
            finally:
                await self._close()
        return self._record(started_at, lag)

    # Opening and closing

    async def _open(self) -> None:
        core, config = self._core, self._core.config
        new = [_utterance(turn) for turn in self._turns if not (_is_typed(turn) or is_encoded(_utterance(turn)))]
        if new:  # in a thread: it takes milliseconds, which other sessions of this loop would be late by
            await asyncio.to_thread(_prepare, new)
        core.add_listener(self._on_event)  # before the session's own parts: the stamp is the arrival
        try:
            async with asyncio.timeout(self._options.open_timeout_s) as limit:
                await core.open()
                sink: AudioSink = NullSink() if self._options.pacing == "fast" else self._player
                self._check_price()
                feed = ConversationFeed(self._conversation, time.monotonic, time.time)
                self._router = EventRouter(
                    core,
                    feed,
                    sink,
                    sink,
                    self._limits if self._limits is not None else Limits(),
                    Renewal(lambda: math.inf),  # never: a replay is one session
                    self._options.limit_s,
                    ends_at_limit=False,
                )
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
                    f"the session did not open within {self._options.open_timeout_s:g} s (open_timeout_s)",
                    retryable=True,
                ) from None
            raise ReplayFailure.of(error) from None
        if config.answers_only_requests:
            self._manual = True  # the server detects no turns, whatever it was asked for
        self._log.convert_from(config.output_format)
        self._microphone = ReplayMicrophone(
            core.sender.append_encoded, _clock, config.input_format, self._may_send_silence
        )
        self._microphone.silent_until = self._allowance.silent_until

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
            billed=log.billed if log.responses else self._may_be_billed,
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
    def _may_be_billed(self) -> bool:
        """Whether the server may have begun an answer that did not arrive."""
        return self._spoke or not all(_is_refused(request) for request in self._requests)

    @property
    def _is_fast(self) -> bool:
        return self._options.pacing == "fast"

    # What arrives

    def _on_event(self, event: Any) -> None:
        self._log.on_event(event)
        if event.type != "response.output_audio.delta":
            self._news.set()
        if isinstance(event, RateLimitsUpdated):
            self._rate_limits = event
        elif isinstance(event, ResponseCreated):
            self._on_begun()
        elif isinstance(event, ResponseDone):
            self._on_done(event.response)
        if self._log.too_much:
            self._end(ReplayFailure("the server sent more than any answer is; the session was closed"))
        elif self._log.responses > self._options.max_responses:
            self._end(self._too_many_responses())  # the server has begun one by itself
        elif self._log.responses == self._options.max_responses:
            self._router.responses.refuse(RealtimeError(self._too_many_responses().error))

    def _on_error(self, error: Any) -> None:
        """Keep an error of the server that answers no call of ours; a limit or too many requests end the session."""
        if isinstance(error, BudgetError):
            self._at_limit = ReplayFailure.of(error)
            if self._router.responses.quiet:  # else the answer under way may end, as in a conversation
                self._end(self._at_limit)
        if not isinstance(error, ServerError):
            return
        self._said_by_server = error
        if is_rate_limit(error.code):
            self._end(ReplayFailure.of(error))

    async def _on_close(self, event: CloseEvent) -> None:
        self._is_closed = True
        self._news.set()
        self._end(ReplayFailure.of(event.error or self._core.end_error()))

    def _end(self, failure: ReplayFailure) -> None:
        if not self._ended.done():
            self._ended.set_result(failure)

    def _too_many_responses(self) -> ReplayFailure:
        most = self._options.max_responses
        return ReplayFailure(f"the session was ended after {most} responses (max_responses)")

    # Money

    def _on_begun(self) -> None:
        """Ask for another response, now that the server has begun one; else see to it that none can follow."""
        heard = self._has_heard_all()
        if self._allowance.on_begun(needed=not heard):
            return
        self._refused = _out_of_money()
        if self._allowance.overdrawn:
            self._is_closed = True  # at once: each moment may cost
            self._end(self._refused)
        elif not heard:
            self._end(self._refused)
        else:
            # This answer ends. Without sound no other one begins, and tools ask for none.
            self._is_sealed = True
            self._microphone.silent_until = 0.0
            self._router.responses.refuse(RealtimeError(self._refused.error))

    def _on_done(self, response: Response) -> None:
        """Ask for the response after function calls, before the session's own parts do."""
        calls = any(isinstance(item, FunctionCallItem) for item in response.output or ())
        if not self._allowance.on_done(response.usage, calls=calls):
            self._refused = _out_of_money()
            self._router.responses.refuse(RealtimeError(self._refused.error))

    def _has_heard_all(self) -> bool:
        """Whether the server can begin no further response by itself: it has answered the whole of the last turn."""
        if self._manual or not self._spoken:
            return True
        if len(self._log.turns) < len(self._turns) or self._idles:
            return False
        turn = self._log.turns[-1]
        if turn.speech is None:
            return False
        for each in reversed(turn.events):
            if each.event.type == "input_audio_buffer.speech_stopped":
                told = float(each.event.audio_end_ms)
                return told > 0 and told - turn.offset_ms >= turn.speech.end_ms - _EARLY_S * 1000
        return False

    def _may_send(self, until: int, ends: list[int]) -> bool:
        """Ask for the response to each place in a recording at which its turn may end, before it is sent."""
        while ends and ends[0] <= until:
            del ends[0]
            if self._refused is None and not self._allowance.on_turn_end():
                self._refused = _out_of_money()
        return self._refused is None

    def _may_send_silence(self) -> bool:
        """Ask for more silence; where it is refused, an answer that is not begun would come too late."""
        if self._refused is not None:
            return False
        heard = self._has_heard_all()
        if self._allowance.on_silence(needed=not heard):
            self._microphone.silent_until = self._allowance.silent_until
            return True
        if not heard:
            self._refused = _out_of_money()
            self._end(self._refused)
        return False

    async def _let_answer_end(self) -> None:
        """Wait for the answer that runs, so that its cost is known; nothing that was said can be answered after it."""
        with contextlib.suppress(RealtimeError, OSError):
            await self._microphone.stop()
            self._router.responses.refuse(RealtimeError(_out_of_money().error))
            # Its acknowledgement shows that the server has read all sound, and may begin no answer any more.
            cleared = self._core.sender.post({"type": "input_audio_buffer.clear"})
            cleared.add_done_callback(lambda _: self._news.set())
            await self._until(
                lambda: self._is_closed or (cleared.done() and self._router.responses.quiet), self._options.limit_s
            )
            known = cleared.done() and not cleared.cancelled() and cleared.exception() is None
            self._is_settled = known and not self._is_closed and self._allowance.settled

    # The turns

    async def _say_all(self) -> None:
        begins = _clock()
        for turn, following in zip(self._turns, [*self._turns[1:], None], strict=True):
            begins = await self._say(turn, following, begins)

    async def _say(self, turn: _Turn, following: _Turn | None, begins: float) -> float:
        """Say a turn, and return when the next one begins."""
        before = len(self._log.turns)
        try:
            next_begins = await self._while_open(self._exchange(turn, following, begins), begins)
        except ReplayFailure as failure:
            begun = len(self._log.turns) > before
            if not (begun and following is None and self._is_answered()):
                if begun:
                    self._log.turns[-1].error = failure.error
                raise
            return _clock()  # the server closed right behind its answer
        if following is None:
            await self._until(lambda: self._ended.done() or self._is_transcribed(), _TRANSCRIPT_S)
        elif not (isinstance(following, BargeIn) or self._is_fast):
            await self._while_open(self._hear(), _clock() + _POLL_S)
            return _clock()
        return next_begins

    async def _hear(self) -> None:
        """Hear the answer to its end, as a person does; interrupt one that lasts longer than a whole turn may."""
        with contextlib.suppress(builtins.TimeoutError):
            async with asyncio.timeout(self._options.limit_s):
                await self._player.drained()

    async def _while_open(self, work: Coroutine[Any, Any, _T], begins: float) -> _T:
        """Return the result of `work`; raise what ends the session, or the limit of a turn, before it is done."""
        task = asyncio.ensure_future(work)
        try:
            ends: set[asyncio.Future[Any]] = {task, self._ended}
            left_s = begins + self._options.limit_s - _clock()
            await asyncio.wait(ends, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
        except ReplayFailure:
            raise
        except Exception as error:
            raise self._failure_of(error) from None
        finally:
            task.cancel()
            await asyncio.wait([task])
        raise self._ended.result() if self._ended.done() else self._limit_failure()

    def _failure_of(self, error: Exception) -> ReplayFailure:
        if not isinstance(error, RealtimeError | OSError):
            _log.error("a replay failed in this package's own code", exc_info=error)
        return ReplayFailure.of(error)

    def _limit_failure(self) -> ReplayFailure:
        error = f"no whole answer came within {self._options.limit_s:g} s (limit_s)"
        if self._said_by_server is not None:
            error += f"; the last error was: {self._said_by_server}"
        return ReplayFailure(error, timed_out=True)

    async def _exchange(self, turn: _Turn, following: _Turn | None, begins: float) -> float:
        """Say a turn and wait for its answer, or for the time in it at which the next turn begins."""
        self._is_said = False
        self._request = None
        if _is_typed(turn):
            await self._type(turn)
        elif not self._manual:
            await self._speak(_utterance(turn), begins)
            self._spoke = True
            self._microphone.go_on()
        else:
            await self._speak_by_hand(turn, begins)
        self._is_said = True
        if isinstance(following, BargeIn):
            return await self._time_of(following)
        await self._until(self._is_over)
        self._judge()
        return _clock()

    async def _type(self, turn: _Turn) -> None:
        utterance, core = _utterance(turn), self._core
        open_turn = self._begin(_clock(), None, self._options.pacing)
        open_turn.heard = True

        def on_sent(raw: dict[str, Any]) -> None:
            if raw["type"] == "conversation.item.create":
                open_turn.zero_s = _clock()
                remove()

        remove = core.add_send_listener(on_sent)
        question = type_question(core.sender, utterance, self._router.snapshot)
        request = self._router.responses.create({}, question=question)
        self._requests.append(request)
        self._request = request
        await self._accepted(question, request)

    async def _speak(self, utterance: Utterance, begins: float) -> None:
        """Send a recording at its own pace."""
        frames = append_frames(utterance, self._core.config.input_format)
        at = await self._microphone.begin_at(begins)
        speech = _speech(utterance)
        zero = at + (speech.end if speech is not None else len(utterance.sound)) / RATE_HZ
        self._begin(zero, speech, "manual_commit" if self._manual else "realtime")
        if self._manual or not self._allowance.is_limited:
            await self._microphone.record(frames, at)
            return
        ends = [*turn_ends(utterance, self._detection), sum(frame.samples for frame in frames)]
        await self._microphone.record(frames, at, lambda until: self._may_send(until, ends))
        if self._refused is not None and not self._is_sealed:
            raise self._refused

    async def _speak_by_hand(self, turn: _Turn, begins: float) -> None:
        """Send a recording, commit it, and ask for the answer."""
        utterance = _utterance(turn)
        if isinstance(turn, BargeIn):
            await self._microphone.begin_at(begins)
            await self._interrupt()
        if self._is_fast:
            await self._send_at_once(utterance)
        else:
            await self._speak(utterance, begins)
            await self._microphone.switch_off()
        self._log.turns[-1].heard = True
        accepted = self._core.sender.post({"type": "input_audio_buffer.commit"})
        question = SaidQuestion(accepted, self._router.snapshot)
        request = self._router.responses.create({}, question=question)
        self._requests.append(request)
        self._request = request
        await self._accepted(question, request)

    async def _send_at_once(self, utterance: Utterance) -> None:
        """Send a recording as fast as the server takes it; its zero is when the last sample of speech was sent."""
        frames: Sequence[AppendFrame] = append_frames(utterance, self._core.config.input_format)
        speech = _speech(utterance)
        turn = self._begin(_clock(), speech, "fast")
        end = speech.end if speech is not None else len(utterance.sound)
        sent = 0
        for frame in frames:
            if frame.encoded:
                await self._core.sender.append_encoded(frame.encoded)
            if sent < end:
                turn.zero_s = _clock()
            sent += frame.samples
        self._microphone.sent_samples += sent

    async def _interrupt(self) -> None:
        """Stop the answer as a person does who presses the button to talk."""
        router = self._router
        dead = router.responses.active_id
        router.responses.drop_automatic()
        router.responses.cancel()
        await router.interruption.stop(dead, None)

    def _begin(self, zero_s: float, speech: SpeechSpan | None, pacing: Pacing) -> OpenTurn:
        offset_ms = self._microphone.sent_samples * 1000 / RATE_HZ
        turn = OpenTurn(zero_s, speech, offset_ms, pacing)
        self._log.begin(turn)
        self._allowance.on_turn()
        if self._refused is None:
            self._microphone.silent_until = self._allowance.silent_until
        return turn

    async def _accepted(self, question: SaidQuestion, request: ResponseRequest) -> None:
        """Return once the server has taken the question, or begun to answer; raise its refusal."""
        answers: list[asyncio.Future[Any]] = [question.accepted, request.done]
        await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
        for answer in answers:
            if answer.done():
                answer.result()

    # The end of a turn

    async def _until(self, over: Callable[[], bool], limit_s: float = math.inf) -> None:
        """Return when `over()` is True, or after `limit_s` seconds."""
        ends = _clock() + limit_s
        while _clock() < ends:
            if over():
                await asyncio.sleep(0)  # a tool that has just ended asks for its response in a callback
                if over():
                    return
            self._news.clear()
            with contextlib.suppress(builtins.TimeoutError):
                async with asyncio.timeout(_POLL_S):
                    await self._news.wait()

    def _is_answered(self) -> bool:
        """Whether the answer to the last turn is whole."""
        try:
            over = self._is_said and self._is_over()
            self._judge()
        except ReplayFailure:
            return False
        return over

    def _is_over(self) -> bool:
        router, turn, request = self._router, self._log.turns[-1], self._request
        if request is not None and request.done.done() and (error := request.done.exception()) is not None:
            raise ReplayFailure.of(error)
        if not router.responses.quiet or router.calls.pending():
            return False
        over = self._is_whole(turn, request)
        if not over and self._at_limit is not None:
            raise self._at_limit
        return over

    def _is_whole(self, turn: OpenTurn, request: ResponseRequest | None) -> bool:
        """Whether nothing more is to come, while neither a response nor a tool runs."""
        router = self._router
        if request is not None:
            return bool(turn.done)
        if router.input_audio.speaking or router.feed.conversation.store.unanswered is not None:
            return self._is_at_the_limit()
        late = any(
            turn.responses[response_id] > turn.zero_s - _EARLY_S and response.status != "cancelled"
            for response_id, response in turn.done.items()
        )
        last_s = max(turn.responses.values(), default=math.inf)
        return late or _clock() > max(turn.zero_s, last_s) + _GRACE_S or self._is_at_the_limit()

    def _is_at_the_limit(self) -> bool:
        """Raise where the server would begin one response too many."""
        if self._log.responses >= self._options.max_responses:
            raise self._too_many_responses()
        return False

    def _judge(self) -> None:
        """Note why the answer is not whole: its tools were answered, and the model did not go on."""
        turn = self._log.turns[-1]
        last = turn.done.get(next(reversed(turn.responses), ""))
        if last is None:
            return
        if last.status == "failed":
            raise ReplayFailure.of_response(last)
        called = [item for item in last.output or () if isinstance(item, FunctionCallItem)]
        ours = [item for item in called if self._core.config.tools.get(item.name or "") is not None]
        left = any(self._core.config.tools[item.name or ""].function is None for item in ours)
        if ours and not left and last.status == "completed":
            if self._refused is not None:
                raise self._refused
            if self._log.responses >= self._options.max_responses:
                raise self._too_many_responses()
            why = f": {self._said_by_server}" if self._said_by_server is not None else ""
            raise ReplayFailure(f"the model did not go on after its tools{why}")

    def _is_transcribed(self) -> bool:
        audio = self._core.config.effective.get("audio") or {}
        expected = (audio.get("input") or {}).get("transcription")
        return not expected or not self._router.feed.conversation.store.waiting

    async def _time_of(self, following: BargeIn) -> float:
        """Return when a user turn begins that is said into the present answer, some time after it is audible."""
        audible: list[float] = []

        def known() -> bool:
            turn = self._log.turns[-1]
            audible.extend(at for item, at in self._player.audible_at.items() if self._log.turn_of(item) is turn)
            return bool(audible) or self._is_over()

        await self._until(known)
        if audible:
            return min(audible) + following.after_ms / 1000
        self._judge()
        return _clock()  # there is nothing to interrupt


def _check(
    turns: Sequence[_Turn], variant: Variant, options: ReplayOptions, detection: Mapping[str, Any] | None
) -> None:
    """Raise `ConfigError` for a session that could only run into its limit."""
    if options.pacing == "fast" and any(isinstance(turn, BargeIn) for turn in turns):
        raise ConfigError("pacing='fast' has no time in which an answer is heard: say a BargeIn with pacing='realtime'")
    for turn in turns if options.pacing != "fast" else ():
        if (said_s := len(_utterance(turn).sound) / RATE_HZ) >= options.limit_s:
            raise ConfigError(
                f"{_utterance(turn).label!r} takes {said_s:.1f} s to say, and limit_s={options.limit_s:g} ends the "
                "turn before: raise limit_s, or say a shorter recording"
            )
    spoken = any(not _is_typed(turn) for turn in turns)
    if options.pacing == "realtime" and spoken and detection and detection.get("create_response") is False:
        raise ConfigError(
            f"the variant {variant.name!r} has create_response=False, so that no answer follows the end of speech: "
            "replay it with pacing='manual_commit', or let turn detection create the response"
        )


def _out_of_money() -> ReplayFailure:
    return ReplayFailure("ended by the budget: another response could exceed it", by_budget=True)


def _is_refused(request: ResponseRequest) -> bool:
    done = request.done
    return done.done() and not done.cancelled() and isinstance(done.exception(), ServerError)


def _utterance(turn: _Turn) -> Utterance:
    return turn.utterance if isinstance(turn, BargeIn) else turn


def _is_typed(turn: _Turn) -> bool:
    return _utterance(turn).text is not None


def _prepare(utterances: Sequence[Utterance]) -> None:
    """Encode recordings and find their speech, which both are kept."""
    for utterance in utterances:
        _speech(utterance)
        append_frames(utterance)


def _speech(utterance: Utterance) -> SpeechSpan | None:
    try:
        return utterance.speech
    except AudioError:  # a recording of silence or noise, which must get no answer
        return None
