"""Act on what a page asks for about a single turn: keep it as an utterance.

Owns the meaning of those messages. Must not know the wire. Runs on the loop only.
"""

from __future__ import annotations

from realtime_nb.errors import ConfigError, RealtimeError
from realtime_nb.notebook.experiments.kept import Kept
from realtime_nb.notebook.experiments.user_turn import user_turn
from realtime_nb.notebook.page import messages as m
from realtime_nb.notebook.page.channel import Channel
from realtime_nb.notebook.page.transcript import Transcript
from realtime_nb.notebook.session_state import SessionState


class ExperimentRequests:
    """Acts on the messages of pages about single turns; one that cannot be done is refused, and changes nothing.

    Args:
        state: has the conversation.
        kept: the turns that are kept as utterances.
        transcript: shows which turns are kept.
        channel: the comm.
    """

    def __init__(self, state: SessionState, kept: Kept, transcript: Transcript, channel: Channel) -> None:
        self._state = state
        self._kept = kept
        self._transcript = transcript
        self._channel = channel

    def act(self, message: m.Keep) -> None:
        """Act on a message."""
        try:
            self._keep(message)
        except RealtimeError as error:
            self._channel.refuse(m.tag_of(message), str(error))

    def _keep(self, message: m.Keep) -> None:
        if not message.on:
            self._kept.forget_item(message.item_id)
        else:
            turn = self._state.conversation.turn(message.item_id)
            if turn is None:
                raise ConfigError("this turn is not part of the conversation any more")
            self._kept.keep(user_turn(self._state.conversation.turns, turn))
        self._transcript.mark(message.item_id)
