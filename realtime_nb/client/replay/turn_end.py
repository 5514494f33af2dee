"""When a replayed user turn is over: its answer is whole, or why it never will be.

Owns that judgement. Must not know how a turn is said, or the clock's limits.
"""

from __future__ import annotations

import math

from realtime_nb.client.replay.clock import now_s
from realtime_nb.client.replay.failure import ReplayFailure
from realtime_nb.client.replay.session_end import SessionEnd
from realtime_nb.client.replay.spending import Spending
from realtime_nb.client.replay.turn_log import EARLY_S, OpenTurn, TurnLog
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.turns.event_router import EventRouter
from realtime_nb.client.turns.response_queue import ResponseRequest
from realtime_nb.wire.realtime import FunctionCallItem

_GRACE_S = 3.0
"""How long an answer that was begun before the end of speech may still be followed by another one."""


class TurnEnd:
    """The end of each turn of one session, one after the other.

    Args:
        router: the session's parts.
        config: its tools, and its settings as the server echoed them.
        log: of the turns.
        end: of the session.
        spending: of the session.
        max_responses: so many responses a session at most.

    Attributes:
        request: of the present turn, where this side asks for its answer.
        is_said: whether the whole of the present turn was said.
        at_limit: the failure for a limit of the session's owner; the answer that runs may end.
    """

    def __init__(
        self,
        router: EventRouter,
        config: SessionConfig,
        log: TurnLog,
        end: SessionEnd,
        spending: Spending,
        max_responses: int,
    ) -> None:
        self.request: ResponseRequest | None = None
        self.is_said = False
        self.at_limit: ReplayFailure | None = None
        self._router, self._config, self._log = router, config, log
        self._end, self._spending, self._max_responses = end, spending, max_responses

    def begin(self) -> None:
        """Judge the next turn from now on."""
        self.is_said = False
        self.request = None

    def is_answered(self) -> bool:
        """Whether the answer to the last turn is whole."""
        try:
            over = self.is_said and self.is_over()
            self.judge()
        except ReplayFailure:
            return False
        return over

    def is_over(self) -> bool:
        """Whether nothing more is to come; raises `ReplayFailure` where the answer cannot become whole."""
        router, turn, request = self._router, self._log.turns[-1], self.request
        if request is not None and request.done.done() and (error := request.done.exception()) is not None:
            raise ReplayFailure.of(error)
        if not router.responses.quiet or router.calls.pending():
            return False
        over = self._is_whole(turn, request)
        if not over and self.at_limit is not None:
            raise self.at_limit
        return over

    def judge(self) -> None:
        """Raise `ReplayFailure` where the answer is not whole: its tools were answered, and the model did not go on."""
        turn = self._log.turns[-1]
        last = turn.done.get(next(reversed(turn.responses), ""))
        if last is None:
            return
        if last.status == "failed":
            raise ReplayFailure.of_response(last)
        called = [item for item in last.output or () if isinstance(item, FunctionCallItem)]
        ours = [item for item in called if self._config.tools.get(item.name or "") is not None]
        left = any(self._config.tools[item.name or ""].function is None for item in ours)
        if ours and not left and last.status == "completed":
            if self._spending.refused is not None:
                raise self._spending.refused
            if self._log.responses >= self._max_responses:
                raise too_many_responses(self._max_responses)
            said = self._end.said_by_server
            why = f": {said}" if said is not None else ""
            raise ReplayFailure(f"the model did not go on after its tools{why}")

    def is_transcribed(self) -> bool:
        """Whether no transcript of what was said is to come any more."""
        audio = self._config.effective.get("audio") or {}
        expected = (audio.get("input") or {}).get("transcription")
        return not expected or not self._router.feed.conversation.store.waiting

    def _is_whole(self, turn: OpenTurn, request: ResponseRequest | None) -> bool:
        """Whether nothing more is to come, while neither a response nor a tool runs."""
        router = self._router
        if request is not None:
            return bool(turn.done)
        if router.input_audio.speaking or router.feed.conversation.store.unanswered is not None:
            return self._is_at_the_limit()
        late = any(
            turn.responses[response_id] > turn.zero_s - EARLY_S and response.status != "cancelled"
            for response_id, response in turn.done.items()
        )
        last_s = max(turn.responses.values(), default=math.inf)
        return late or now_s() > max(turn.zero_s, last_s) + _GRACE_S or self._is_at_the_limit()

    def _is_at_the_limit(self) -> bool:
        """Raise where the server would begin one response too many."""
        if self._log.responses >= self._max_responses:
            raise too_many_responses(self._max_responses)
        return False


def too_many_responses(most: int) -> ReplayFailure:
    """Return the failure for a session that was ended after so many responses."""
    return ReplayFailure(f"the session was ended after {most} responses (max_responses)")
