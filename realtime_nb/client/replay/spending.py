"""The money of a replayed session: asks for each response and for silence, and sees to it that none follows a refusal.

Owns what was refused, and how much silence may be sent. What is asked for, and when, is in `allowance.py`. Must not
know how sound is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from realtime_nb.audio import RATE_HZ
from realtime_nb.client.replay.allowance import Allowance
from realtime_nb.client.replay.failure import ReplayFailure
from realtime_nb.client.replay.session_end import SessionEnd
from realtime_nb.client.replay.turn_log import EARLY_S, TurnLog
from realtime_nb.client.replay.user_turns import UserTurn, is_typed
from realtime_nb.client.turns.response_queue import ResponseQueue
from realtime_nb.errors import RealtimeError
from realtime_nb.wire.realtime import FunctionCallItem, Response


class Spending:
    """The money of one session.

    Args:
        allowance: what was granted so far.
        log: of the turns.
        end: of the session.
        responses: asks for none any more after a refusal.
        turns: that will be said.
        detection: the fields of turn detection; empty where there is none.

    Attributes:
        refused: the failure for a refusal; no further response may begin after it.
        is_sealed: whether the last answer may end all the same, since no other one can follow it.
        by_hand: whether the server begins responses on request only.
    """

    def __init__(
        self,
        allowance: Allowance,
        log: TurnLog,
        end: SessionEnd,
        responses: ResponseQueue,
        turns: Sequence[UserTurn],
        detection: Mapping[str, Any],
        *,
        by_hand: bool,
    ) -> None:
        self.refused: ReplayFailure | None = None
        self.is_sealed = False
        self.by_hand = by_hand
        self._allowance, self._log, self._end, self._responses = allowance, log, end, responses
        self._count = len(turns)
        self._is_spoken = any(not is_typed(turn) for turn in turns)
        self._idles = detection.get("idle_timeout_ms") is not None
        self._silent_until_s = allowance.silent_until

    @property
    def is_limited(self) -> bool:
        """Whether a guard limits the session."""
        return self._allowance.is_limited

    @property
    def is_settled(self) -> bool:
        """Whether every response that was begun has ended, and its usage is known."""
        return self._allowance.settled

    def on_turn(self) -> None:
        """Note that the next turn is said now."""
        self._allowance.on_turn()
        if self.refused is None:
            self._silent_until_s = self._allowance.silent_until

    def on_begun(self) -> None:
        """Ask for another response, now that the server has begun one; else see to it that none can follow."""
        heard = self._has_heard_all()
        if self._allowance.on_begun(needed=not heard):
            return
        self.refused = out_of_money()
        if self._allowance.overdrawn:
            self._end.is_closed = True  # at once: each moment may cost
            self._end.end(self.refused)
        elif not heard:
            self._end.end(self.refused)
        else:
            # This answer ends. Without sound no other one begins, and tools ask for none.
            self.is_sealed = True
            self._silent_until_s = 0.0
            self._responses.refuse(RealtimeError(self.refused.error))

    def on_done(self, response: Response) -> None:
        """Ask for the response after function calls, before the session's own parts do."""
        calls = any(isinstance(item, FunctionCallItem) for item in response.output or ())
        if not self._allowance.on_done(response.usage, calls=calls):
            self.refused = out_of_money()
            self._responses.refuse(RealtimeError(self.refused.error))

    def may_send(self, until: int, ends: list[int]) -> bool:
        """Ask for the response to each place in a recording at which its turn may end, before it is sent.

        Args:
            until: how much of the recording is sent next, in samples.
            ends: the places that were not asked for; those before `until` are removed.
        """
        while ends and ends[0] <= until:
            del ends[0]
            if self.refused is None and not self._allowance.on_turn_end():
                self.refused = out_of_money()
        return self.refused is None

    def may_send_silence(self, samples: int) -> bool:
        """Ask for more silence where none is left; refused, an answer that is not begun would come too late.

        Args:
            samples: how much sound the session will have received with it.
        """
        if samples <= self._silent_until_s * RATE_HZ:
            return True
        if self.refused is not None:
            return False
        heard = self._has_heard_all()
        if self._allowance.on_silence(needed=not heard):
            self._silent_until_s = self._allowance.silent_until
            return True
        if not heard:
            self.refused = out_of_money()
            self._end.end(self.refused)
        return False

    def _has_heard_all(self) -> bool:
        """Whether the server can begin no further response by itself: it has answered the whole of the last turn."""
        if self.by_hand or not self._is_spoken:
            return True
        if len(self._log.turns) < self._count or self._idles:
            return False
        turn = self._log.turns[-1]
        if turn.speech is None:
            return False
        for each in reversed(turn.events):
            if each.event.type == "input_audio_buffer.speech_stopped":
                told = float(each.event.audio_end_ms)
                return told > 0 and told - turn.offset_ms >= turn.speech.end_ms - EARLY_S * 1000
        return False


def out_of_money() -> ReplayFailure:
    """Return the failure for a refusal."""
    return ReplayFailure("ended by the budget: another response could exceed it", by_budget=True)
