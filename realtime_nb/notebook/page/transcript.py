"""The conversation as messages to the pages: turns, text deltas, the snapshot for a new page, and sound to replay.

Owns the translation of the reducer's changes into messages. The transcript is a stream of messages and not a trait, so
that a delta costs the same in a long conversation (docs/notebook.md 7). Must not know sockets. Runs on the loop only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from realtime_nb.conversation import (
    Change,
    Turn,
    TurnChanged,
    TurnOpened,
    TurnRemoved,
    TurnSettled,
    TurnText,
)
from realtime_nb.notebook.experiments.kept import Kept
from realtime_nb.notebook.page.channel import Channel
from realtime_nb.notebook.page.messages import ClipMessage, Gone, Live, LiveDelta, Snapshot, TurnMessage, TurnView
from realtime_nb.notebook.page.pages import Pages
from realtime_nb.notebook.page.turn_view import turn_view
from realtime_nb.notebook.session_state import SessionState

if TYPE_CHECKING:
    from realtime_nb.audio import AudioClip

_SNAPSHOT_TURNS = 200
_MAX_CLIP_SAMPLES = 5 * 1024 * 1024 // 2


class Transcript:
    """Sends the changes of the conversation to the pages.

    Args:
        channel: the comm.
        pages: while there are none, nothing is sent: a page begins with a snapshot.
        state: has the conversation.
        kept: which turns are kept as utterances.
    """

    def __init__(self, channel: Channel, pages: Pages, state: SessionState, kept: Kept) -> None:
        self._channel = channel
        self._pages = pages
        self._changed: dict[str, None] = {}
        self._state = state
        self._kept = kept

    def on_changes(self, changes: Iterable[Change]) -> None:
        """Send each text delta to the pages without delay; mark other changed turns, which `flush` sends whole."""
        if not len(self._pages):
            return
        for change in changes:
            if isinstance(change, TurnText):
                if change.item_id in self._changed:
                    continue  # the next flush sends the whole turn; a delta costs over 500 µs (docs/notebook.md 35)
                self._channel.send(LiveDelta(item_id=change.item_id, text=change.delta))
            elif isinstance(change, TurnOpened | TurnChanged | TurnSettled):
                self._changed[change.item_id] = None
            elif isinstance(change, TurnRemoved):
                self._changed.pop(change.item_id, None)
                self._channel.send(Gone(item_id=change.item_id))

    def mark(self, item_id: str) -> None:
        """Send a turn whole with the next `flush`."""
        if len(self._pages):
            self._changed[item_id] = None

    def flush(self) -> None:
        """Send the turns that changed."""
        changed, self._changed = self._changed, {}
        for item_id in changed:
            turn = self._state.conversation.turn(item_id)
            if turn is None:
                continue
            kind = Live if turn.status == "in_progress" else TurnMessage
            self._channel.send(kind(turn=self._view(turn), after=self._state.conversation.after(item_id)))

    def snapshot(self, page: str, epoch: int) -> None:
        """Send a page everything that it needs to begin."""
        turns = self._state.conversation.turns
        shown = turns[-_SNAPSHOT_TURNS:]
        self._channel.send(
            Snapshot(
                to=page,
                epoch=epoch,
                lease=self._pages.lease,
                turns=[self._view(turn) for turn in shown],
                live=[self._view(turn) for turn in self._state.conversation.live],
                earlier=len(turns) - len(shown),
                sound=self._channel.last("sound"),
            )
        )

    def _view(self, turn: Turn) -> TurnView:
        return turn_view(turn, kept=turn.item_id in self._kept)

    def restart(self, epoch: int) -> None:
        """Show another conversation in every page."""
        self._changed.clear()
        for page in self._pages.ids:
            self.snapshot(page, epoch)

    def clip(self, page: str, item_id: str) -> bool:
        """Send a page a turn's sound to replay; False where none is kept."""
        turn = self._state.conversation.turn(item_id)
        return turn is not None and turn.audio is not None and self.send_clip(page, item_id, turn.audio)

    def send_clip(self, page: str, item_id: str, sound: AudioClip) -> bool:
        """Send a page sound to replay; returns True."""
        samples = sound.samples[:_MAX_CLIP_SAMPLES]
        message = ClipMessage(to=page, item_id=item_id, rate=sound.rate)
        self._channel.send(message, sound=samples.astype("<i2").tobytes())
        return True
