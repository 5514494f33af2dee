"""What pages are told of the turns: messages, not state, so that a delta costs the same in a long conversation.

Owns the translation of the reducer's changes into messages, and the snapshot for a new page. Must not know sessions'
sockets. Runs on the loop only.
"""

from __future__ import annotations

from collections.abc import Iterable

from realtime_nb.conversation import (
    Change,
    Conversation,
    TurnChanged,
    TurnOpened,
    TurnRemoved,
    TurnSettled,
    TurnText,
)
from realtime_nb.notebook.page.channel import Channel
from realtime_nb.notebook.page.lease import Pages
from realtime_nb.notebook.page.messages import Gone, Live, LiveDelta, Snapshot, TurnMessage
from realtime_nb.notebook.page.turn_view import turn_view

__all__ = ["Transcript"]

_SNAPSHOT_TURNS = 200


class Transcript:
    """Tells pages what changed.

    Args:
        channel: the comm.
        pages: nobody there, nothing sent: a page begins with a snapshot.
        state: the conversation.
    """

    def __init__(self, channel: Channel, pages: Pages, state: Conversation) -> None:
        self._channel = channel
        self._pages = pages
        self._changed: dict[str, None] = {}
        self.state = state

    def tell(self, changes: Iterable[Change]) -> None:
        """Send what cannot wait; remember what can be told once for several changes."""
        if not len(self._pages):
            return
        for change in changes:
            if isinstance(change, TurnText):
                if change.item_id in self._changed:
                    continue  # the whole turn goes out with the next flush
                self._channel.send(LiveDelta(item_id=change.item_id, text=change.delta))
            elif isinstance(change, TurnOpened | TurnChanged | TurnSettled):
                self._changed[change.item_id] = None
            elif isinstance(change, TurnRemoved):
                self._changed.pop(change.item_id, None)
                self._channel.send(Gone(item_id=change.item_id))

    def flush(self) -> None:
        """Send the turns that changed."""
        changed, self._changed = self._changed, {}
        for item_id in changed:
            turn = self.state.turn(item_id)
            if turn is None:
                continue
            after = self.state.after(item_id)
            if turn.status == "in_progress":
                self._channel.send(Live(turn=turn_view(turn), after=after))
            else:
                self._channel.send(TurnMessage(turn=turn_view(turn), after=after))

    def snapshot(self, page: str, epoch: int) -> None:
        """Give a page what it needs to begin with."""
        turns = self.state.turns
        shown = turns[-_SNAPSHOT_TURNS:]
        self._channel.send(
            Snapshot(
                to=page,
                epoch=epoch,
                lease=self._pages.lease,
                turns=[turn_view(turn) for turn in shown],
                live=[turn_view(turn) for turn in self.state.live],
                earlier=len(turns) - len(shown),
            )
        )
