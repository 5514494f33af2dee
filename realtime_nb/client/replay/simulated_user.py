"""Says the user turns of a replay: types words, or sends a recording at its pace or at once, and asks for the answer.

Owns when a turn is said and what is sent for it. Must not know how a session is opened, or what its money buys.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from realtime_nb.audio import RATE_HZ
from realtime_nb.audio.speech_span import SpeechSpan
from realtime_nb.client.connection_core import ConnectionCore
from realtime_nb.client.replay.clock import now_s
from realtime_nb.client.replay.frames import AppendFrame, append_frames
from realtime_nb.client.replay.pacer import ReplayMicrophone
from realtime_nb.client.replay.pauses import turn_ends
from realtime_nb.client.replay.player import SimulatedPlayer
from realtime_nb.client.replay.scenario import BargeIn
from realtime_nb.client.replay.session_end import SessionEnd
from realtime_nb.client.replay.spending import Spending
from realtime_nb.client.replay.trace import Pacing
from realtime_nb.client.replay.turn_end import TurnEnd
from realtime_nb.client.replay.turn_log import OpenTurn, TurnLog
from realtime_nb.client.replay.user_turns import UserTurn, is_typed, speech_of, utterance_of
from realtime_nb.client.turns.event_router import EventRouter
from realtime_nb.client.turns.question import SaidQuestion, type_question
from realtime_nb.client.turns.response_queue import ResponseRequest
from realtime_nb.client.utterance import Utterance
from realtime_nb.errors import ServerError


class SimulatedUser:
    """The user of one session.

    Args:
        core: its connection.
        router: its parts.
        microphone: sends recordings.
        player: says when the answer is audible.
        log: of the turns.
        end: of the session.
        turn_end: of its turns.
        spending: of the session.
        pacing: of recordings.
        detection: the fields of turn detection; empty where there is none.
        by_hand: whether this side ends the user's turns.
    """

    def __init__(
        self,
        core: ConnectionCore,
        router: EventRouter,
        microphone: ReplayMicrophone,
        player: SimulatedPlayer,
        log: TurnLog,
        end: SessionEnd,
        turn_end: TurnEnd,
        spending: Spending,
        *,
        pacing: Pacing,
        detection: Mapping[str, Any],
        by_hand: bool,
    ) -> None:
        self._core, self._router, self._microphone, self._player = core, router, microphone, player
        self._log, self._end, self._turn_end, self._spending = log, end, turn_end, spending
        self._pacing, self._detection, self._by_hand = pacing, detection, by_hand
        self._spoke = False  # to a server that detects turns, and may have begun an answer
        self._requests: list[ResponseRequest] = []

    @property
    def may_be_answered(self) -> bool:
        """Whether the server may have begun an answer that did not arrive."""
        return self._spoke or not all(_is_refused(request) for request in self._requests)

    async def exchange(self, turn: UserTurn, following: UserTurn | None, begins: float) -> float:
        """Say a turn and wait for its answer, or for the time in it at which the next turn begins.

        Args:
            turn: is said.
            following: the next one, or None.
            begins: when the turn begins, on the clock.

        Returns:
            when the next turn begins.
        """
        self._turn_end.begin()
        if is_typed(turn):
            await self._type(turn)
        elif not self._by_hand:
            await self._speak(utterance_of(turn), begins)
            self._spoke = True
            self._microphone.go_on()
        else:
            await self._speak_by_hand(turn, begins)
        self._turn_end.is_said = True
        if isinstance(following, BargeIn):
            return await self._time_of(following)
        await self._end.until(self._turn_end.is_over)
        self._turn_end.judge()
        return now_s()

    async def _type(self, turn: UserTurn) -> None:
        utterance, core = utterance_of(turn), self._core
        open_turn = self._begin(now_s(), None, self._pacing)
        open_turn.heard = True

        def on_sent(raw: dict[str, Any]) -> None:
            if raw["type"] == "conversation.item.create":
                open_turn.zero_s = now_s()
                remove()

        remove = core.add_send_listener(on_sent)
        await self._ask(type_question(core.sender, utterance, self._router.snapshot))

    async def _speak(self, utterance: Utterance, begins: float) -> None:
        """Send a recording at its own pace."""
        frames = append_frames(utterance, self._core.config.input_format)
        at = await self._microphone.begin_at(begins)
        speech = speech_of(utterance)
        zero = at + (speech.end if speech is not None else len(utterance.sound)) / RATE_HZ
        self._begin(zero, speech, "manual_commit" if self._by_hand else "realtime")
        spending = self._spending
        if self._by_hand or not spending.is_limited:
            await self._microphone.record(frames, at)
            return
        ends = [*turn_ends(utterance, self._detection), sum(frame.samples for frame in frames)]
        await self._microphone.record(frames, at, lambda until: spending.may_send(until, ends))
        if spending.refused is not None and not spending.is_sealed:
            raise spending.refused

    async def _speak_by_hand(self, turn: UserTurn, begins: float) -> None:
        """Send a recording, commit it, and ask for the answer."""
        utterance = utterance_of(turn)
        if isinstance(turn, BargeIn):
            await self._microphone.begin_at(begins)
            await self._interrupt()
        if self._pacing == "fast":
            await self._send_at_once(utterance)
        else:
            await self._speak(utterance, begins)
            await self._microphone.switch_off()
        self._log.turns[-1].heard = True
        accepted = self._core.sender.post({"type": "input_audio_buffer.commit"})
        await self._ask(SaidQuestion(accepted, self._router.snapshot))

    async def _send_at_once(self, utterance: Utterance) -> None:
        """Send a recording as fast as the server takes it; its zero is when the last sample of speech was sent."""
        frames: Sequence[AppendFrame] = append_frames(utterance, self._core.config.input_format)
        speech = speech_of(utterance)
        turn = self._begin(now_s(), speech, "fast")
        end = speech.end if speech is not None else len(utterance.sound)
        sent = 0
        for frame in frames:
            if frame.encoded:
                await self._core.sender.append_encoded(frame.encoded)
            if sent < end:
                turn.zero_s = now_s()
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
        self._spending.on_turn()
        return turn

    async def _ask(self, question: SaidQuestion) -> None:
        """Ask for the answer; return once the server has taken the question, or begun to answer; raise its refusal."""
        request = self._router.responses.create({}, question=question)
        self._requests.append(request)
        self._turn_end.request = request
        answers: list[asyncio.Future[Any]] = [question.accepted, request.done]
        await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
        for answer in answers:
            if answer.done():
                answer.result()

    async def _time_of(self, following: BargeIn) -> float:
        """Return when a user turn begins that is said into the present answer, some time after it is audible."""
        audible: list[float] = []

        def known() -> bool:
            turn = self._log.turns[-1]
            audible.extend(at for item, at in self._player.audible_at.items() if self._log.turn_of(item) is turn)
            return bool(audible) or self._turn_end.is_over()

        await self._end.until(known)
        if audible:
            return min(audible) + following.after_ms / 1000
        self._turn_end.judge()
        return now_s()  # there is nothing to interrupt


def _is_refused(request: ResponseRequest) -> bool:
    done = request.done
    return done.done() and not done.cancelled() and isinstance(done.exception(), ServerError)
