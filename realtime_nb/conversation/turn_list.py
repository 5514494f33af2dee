"""The turns as readers see them: settled ones in a tuple, live ones beside it.

Owns the two tuples and which item is in which; reading them costs nothing while nothing changed. Must not know events.
"""

from __future__ import annotations

from .build_turn import build_turn, is_settled, same_facts
from .changes import Change, TurnChanged, TurnOpened, TurnRemoved, TurnSettled
from .records import ItemRecord
from .store import ConversationStore
from .turn import Turn

__all__ = ["TurnList"]


class TurnList:
    """What is shown of a store."""

    def __init__(self, store: ConversationStore) -> None:
        self._store = store
        self._settled: list[Turn] = []
        self._row: dict[str, int] = {}  # where a settled turn is in the list
        self._moves = 0  # of the order, when the list was built
        self._live_moves = 0
        self._stale = False
        self._changed = False
        self.turns: tuple[Turn, ...] = ()
        """The settled turns in order; the same object while none settles. Any thread may read it."""
        self._live_ids: dict[str, None] = {}
        self._live: tuple[Turn, ...] | None = ()

    def publish(self) -> None:
        """Shows what `refresh` collected. Not left to the reader: that one may be on another thread."""
        if self._stale or self._moves != self._store.order.moves:
            self._rebuild()
        if self._changed:
            self._changed = False
            self.turns = tuple(self._settled)

    @property
    def live(self) -> tuple[Turn, ...]:
        """The turns under way, in order."""
        if self._live is None or self._live_moves != self._store.order.moves:
            self._live_moves = self._store.order.moves
            ids = sorted(self._live_ids, key=self._store.order.position)
            self._live = tuple(self.current(self._store.items[item_id]) for item_id in ids)
        return self._live

    def current(self, item: ItemRecord) -> Turn:
        """Returns a shown item's turn at its latest revision."""
        if item.turn is not None and item.turn.revision == item.revision:
            return item.turn
        # Kept apart from `turn`: reading must not change what the next event makes of the item.
        if item.read is None or item.read.revision != item.revision:
            item.read = build_turn(self._store, item, item.revision)
        return item.read

    def note_growth(self, item: ItemRecord) -> None:
        """Notes that a live turn got more text or sound: the cheap way, for deltas."""
        item.revision += 1
        self._live = None

    def refresh(self, item: ItemRecord, *, is_turn: bool, moved: bool) -> list[Change]:
        """Looks at an item's facts again, and returns what changed for readers; its place is a fact too."""
        if not is_turn:
            return self._remove(item)
        settled = is_settled(self._store, item)
        was, before = item.shown, item.turn
        item.shown = "settled" if settled else "live"
        after = build_turn(self._store, item, item.revision + 1)
        current = before is not None and before.revision == item.revision and was == item.shown and not moved
        if before is not None and current and same_facts(before, after):
            return []
        item.revision += 1
        item.turn, item.read = after, None
        self._live = None
        if not settled:
            self._live_ids[item.id] = None
            if was == "settled":  # a call that was given up and is under way again, behind items that moved
                self._stale = True
                return [TurnRemoved(item.id), TurnOpened(item.id)]
            return [TurnOpened(item.id) if was is None else TurnChanged(item.id)]
        self._live_ids.pop(item.id, None)
        self._settle(item.id, after)
        return [TurnSettled(item.id)]

    def _remove(self, item: ItemRecord) -> list[Change]:
        if item.shown is None:
            return []
        item.shown = None
        item.turn = item.read = None
        self._live_ids.pop(item.id, None)
        self._live = None
        self._stale = self._stale or item.id in self._row
        return [TurnRemoved(item.id)]

    def _settle(self, item_id: str, turn: Turn) -> None:
        position = self._store.order.position
        self._changed = True
        if item_id in self._row:
            self._settled[self._row[item_id]] = turn
            return
        if self._stale or self._moves != self._store.order.moves:
            return  # the list is built anew anyway
        # Mostly the end; a late transcript settles a turn or two before it.
        row = len(self._settled)
        while row and position(self._settled[row - 1].item_id) > position(item_id):
            row -= 1
            self._row[self._settled[row].item_id] = row + 1
        self._settled.insert(row, turn)
        self._row[item_id] = row

    def _rebuild(self) -> None:
        items = self._store.items
        settled = [turn for i in self._store.order if (r := items[i]).shown == "settled" and (turn := r.turn)]
        self._row = {turn.item_id: row for row, turn in enumerate(settled)}
        self._moves = self._store.order.moves
        self._stale = False
        self._changed = self._changed or settled != self._settled
        self._settled = settled
