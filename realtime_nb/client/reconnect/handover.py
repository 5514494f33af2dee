"""A session's side of a lost or exchanged connection: what stops, what is carried over, and what a reader is told.

Owns the keeper of a `RealtimeSession`. Must not know sockets, or when a connection is lost.
"""

from __future__ import annotations

import itertools

from realtime_nb.client.reconnect.keeper import Say
from realtime_nb.client.reconnect.replay_items import output_item_id
from realtime_nb.client.reconnect.session_snapshot import Continuity
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.turns.conversation_feed import ConversationFeed
from realtime_nb.client.turns.input_audio import InputAudio
from realtime_nb.client.turns.interruption import Interruption
from realtime_nb.client.turns.mcp_approvals import McpApprovals
from realtime_nb.client.turns.response_queue import ResponseQueue
from realtime_nb.client.turns.tool_runner import ToolRunner
from realtime_nb.conversation import ConnectionEnded, InputAppended, SessionResumed
from realtime_nb.errors import RealtimeError, SessionExpired
from realtime_nb.wire.realtime import encode_append

__all__ = ["SessionKeeper"]

_SAMPLES_PER_S = 24_000
_ONSET_SAMPLES = _SAMPLES_PER_S // 2
"""Speech is noticed some 300 ms after it began: so much of the sound before a switch may be a beginning."""


class SessionKeeper:
    """What a session does when its connection gets another transport.

    Args:
        feed, continuity, config, responses, calls, approvals, interruption, input_audio: the session's own.
    """

    def __init__(
        self,
        *,
        feed: ConversationFeed,
        continuity: Continuity,
        config: SessionConfig,
        responses: ResponseQueue,
        calls: ToolRunner,
        approvals: McpApprovals,
        interruption: Interruption,
        input_audio: InputAudio,
    ) -> None:
        self.conversation = feed.conversation
        self._continuity = continuity
        self._config = config
        self._responses = responses
        self._calls = calls
        self._approvals = approvals
        self._interruption = interruption
        self._input_audio = input_audio
        self._feed = feed
        self._carried = b""
        self._cause = ""
        self._cut_speech = False
        self._seams = itertools.count(1)

    def close(self) -> None:
        """Nothing: it follows no events by itself."""

    def on_transport_lost(self, error: RealtimeError, *, planned: bool) -> None:
        """Nothing of the old session counts any more; what it heard of a turn is lost, unless we left it."""
        self._carried = self._uncommitted_sound() if planned else b""
        if not planned and not self._cause:
            self._cause = "reached its time limit" if isinstance(error, SessionExpired) else "was lost"
            self._cut_speech = self._input_audio.speaking
        self._feed.add(ConnectionEnded(str(error), resuming=True))
        self._interruption.on_transport_lost()
        self._input_audio.on_transport_lost()
        self._responses.on_transport_lost()
        self._approvals.on_transport_lost()

    async def restore(self, say: Say) -> None:
        """Configuration, items, and the sound that was carried over; then the seam, where there is one to see."""
        sent = self.conversation.store.items
        unsent = {call_id for call_id in self._calls.taken if output_item_id(call_id) not in sent}
        await self._continuity.restore(say, unsent=unsent)
        if self._carried:
            carried, self._carried = self._carried, b""
            await say(encode_append(carried, None))
            self._input_audio.carried(len(carried) // 2)
            self._feed.add(InputAppended(carried))
        if self._cause:
            self._show_seam()

    def _show_seam(self) -> None:
        cause, self._cause = self._cause, ""
        if not self.conversation.order:
            return
        said = [f"The connection {cause}; the conversation goes on in a new session."]
        dropped_s = self._input_audio.take_dropped() / _SAMPLES_PER_S
        if self._cut_speech or dropped_s >= 0.1:
            said.append("What was spoken meanwhile was not heard.")
        if self._continuity.omitted:
            turns = "turn" if self._continuity.omitted == 1 else "turns"
            said.append(f"{self._continuity.omitted} {turns} could not be told again.")
        while f"seam_{(number := next(self._seams))}" in self.conversation.items:
            pass
        self._feed.add(SessionResumed(f"seam_{number}", " ".join(said)))

    def _uncommitted_sound(self) -> bytes:
        timeline = self.conversation.store.timeline
        start = timeline.buffer_start
        if self._config.turn_detection is not None:
            start = max(start, timeline.end - _ONSET_SAMPLES)
        return timeline.cut(start, timeline.end)
