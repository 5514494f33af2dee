"""The turns for display, in two tuples: settled turns and live turns.

Owns the two tuples and which item is in which; both are cached until a turn changes. Must not know events.
"""

from __future__ import annotations

from .build_turn import build_turn, is_settled, same_facts
from .changes import Change, TurnChanged, TurnOpened, TurnRemoved, TurnSettled
from .records import ItemRecord
from .store import ConversationStore
from .turn import Turn


class TurnList:
    """The settled and live turns of a store, kept up to date item by item."""

    def __init__(self, store: ConversationStore) -> None:
        self._store = store
        self._settled: list[Turn] = []
        self._row: dict[str, int] = {}  # item id -> index in `_settled`
        self._moves = 0  # `order.moves` when the list was built
        self._live_moves = 0
        self._stale = False
        self._changed = False
        self.turns: tuple[Turn, ...] = ()
        """The settled turns in order; the same tuple until one settles or changes. Any thread may read it."""
        self._live_ids: dict[str, None] = {}
        self._live: tuple[Turn, ...] | None = ()

    def publish(self) -> None:
        """Replaces `turns` after `refresh`. It is not built on reading, since other threads may read it."""
        if self._stale or self._moves != self._store.order.moves:
            self._rebuild()
        if self._changed:
            self._changed = False
            self.turns = tuple(self._settled)

    @property
    def live(self) -> tuple[Turn, ...]:
        """The turns in progress, in order."""
        if self._live is None or self._live_moves != self._store.order.moves:
            self._live_moves = self._store.order.moves
            ids = sorted(self._live_ids, key=self._store.order.position)
            self._live = tuple(self.current(self._store.items[item_id]) for item_id in ids)
        return self._live

    def current(self, item: ItemRecord) -> Turn:
        """Returns the turn of a shown item at its latest revision."""
        if item.turn is not None and item.turn.revision == item.revision:
            return item.turn
        # Kept apart from `turn`: `refresh` compares with the turn of the last event, whether it was read or not.
        if item.read is None or item.read.revision != item.revision:
            item.read = build_turn(self._store, item, item.revision)
        return item.read

    def note_growth(self, item: ItemRecord) -> None:
        """Starts a new revision of a live turn that got more text or audio, without building it: for deltas."""
        item.revision += 1
        self._live = None

    def refresh(self, item: ItemRecord, *, is_turn: bool, moved: bool) -> list[Change]:
        """Rebuilds an item's turn and returns how the lists changed; `moved`: the item has another position."""
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
            if was == "settled":  # a call that had settled without an answer is pending again after items moved
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
            return  # `publish` rebuilds the list
        # Search from the end: a late transcript settles a turn at most a few places before it.
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
