"""Carry a `RealtimeSession` over to another transport: stop, restore, and note the gap in the transcript.

Owns the session's `Keeper`. Must not know sockets, or when a transport is lost.
"""

from __future__ import annotations

import itertools

from realtime_nb.audio import RATE_HZ
from realtime_nb.client.events.sender import Sender
from realtime_nb.client.reconnect.keeper import SendAhead
from realtime_nb.client.reconnect.replay_items import output_item_id
from realtime_nb.client.reconnect.session_snapshot import SessionSnapshot
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.turns.conversation_feed import ConversationFeed
from realtime_nb.client.turns.input_audio import InputAudio
from realtime_nb.client.turns.interruption import Interruption
from realtime_nb.client.turns.mcp_approvals import McpApprovals
from realtime_nb.client.turns.response_queue import ResponseQueue
from realtime_nb.client.turns.tool_runner import ToolRunner
from realtime_nb.conversation import ConnectionEnded, InputAppended, SessionResumed
from realtime_nb.conversation.local_events import NOTE_PREFIX
from realtime_nb.errors import RealtimeError, SessionExpired
from realtime_nb.wire.realtime import encode_append

_ONSET_SAMPLES = RATE_HZ // 2
"""The server reports speech some 300 ms after its start: that much sound before a switch may belong to a turn."""


class SessionKeeper:
    """The `Keeper` of a session: stops its parts, restores it, and notes the gap in the transcript.

    Args:
        feed, snapshot, config, responses, calls, approvals, interruption, input_audio, sender: the session's own.
    """

    def __init__(
        self,
        *,
        feed: ConversationFeed,
        snapshot: SessionSnapshot,
        config: SessionConfig,
        responses: ResponseQueue,
        calls: ToolRunner,
        approvals: McpApprovals,
        interruption: Interruption,
        input_audio: InputAudio,
        sender: Sender,
    ) -> None:
        self.conversation = feed.conversation
        self._snapshot = snapshot
        self._config = config
        self._responses = responses
        self._calls = calls
        self._approvals = approvals
        self._interruption = interruption
        self._input_audio = input_audio
        self._sender = sender
        self._feed = feed
        self._carried = b""
        self._cause = ""
        self._cut_speech = False
        self._notes = itertools.count(1)

    def on_transport_lost(self, error: RealtimeError, *, planned: bool) -> None:
        """Stop what belongs to the old session; a planned switch carries its uncommitted sound over."""
        self._carried = self._uncommitted_sound() if planned else b""
        if not planned and not self._cause:
            self._cause = "reached its time limit" if isinstance(error, SessionExpired) else "was lost"
            self._cut_speech = self._input_audio.speaking
        self._feed.add(ConnectionEnded(str(error), resuming=True))
        self._interruption.on_transport_lost()
        self._input_audio.on_transport_lost()
        self._responses.on_transport_lost()
        self._approvals.on_transport_lost()

    async def restore(self, send: SendAhead) -> None:
        """Send configuration, items and the carried sound to the new session; note a loss in the transcript."""
        sent = self.conversation.store.items
        unsent = {call_id for call_id in self._calls.started_call_ids if output_item_id(call_id) not in sent}
        await self._snapshot.restore(send, unsent=unsent)
        if self._carried:
            carried, self._carried = self._carried, b""
            await send(encode_append(self._input_audio.encoded(carried), None))
            self._input_audio.on_carried_over(len(carried) // 2)
            self._feed.add(InputAppended(carried))
        if self._cause:
            self._add_note()

    def _add_note(self) -> None:
        cause, self._cause = self._cause, ""
        if not self.conversation.order:
            return
        said = [f"The connection {cause}; the conversation goes on in a new session."]
        if self._cut_speech or self._sender.dropped_s >= 0.1:
            said.append("What was spoken meanwhile was not heard.")
        if self._snapshot.omitted:
            turns = "turn" if self._snapshot.omitted == 1 else "turns"
            said.append(f"{self._snapshot.omitted} {turns} could not be restored.")
        while f"{NOTE_PREFIX}{(number := next(self._notes))}" in self.conversation.items:
            pass  # a conversation that was restored from elsewhere may hold earlier ones
        self._feed.add(SessionResumed(f"{NOTE_PREFIX}{number}", " ".join(said)))

    def _uncommitted_sound(self) -> bytes:
        timeline = self.conversation.store.timeline
        start = timeline.buffer_start
        if self._config.turn_detection is not None:
            start = max(start, timeline.end - _ONSET_SAMPLES)
        return timeline.cut(start, timeline.end)
