"""The order of items, from the `previous_item_id` of each, in whatever order the events arrive (docs/protocol.md 36).

Owns positions. Must not know what the items are.

An item is placed directly after its predecessor, as the server inserts it; of two items with one predecessor, the later
insertion is the nearer. An item without a known predecessor stays where it arrived. The wire's `"root"` means the
beginning. A null predecessor means only that the item has none *in this session*: the first item after a reconnection
has none either, so such an item stays where it arrived too.
"""

from __future__ import annotations

from collections.abc import Iterator


class ItemOrder:
    """Item ids in conversation order. Adding at the end is O(1); an insertion is linear in the items after it."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._at: dict[str, int] = {}
        self._previous: dict[str, str | None] = {}
        self._next: dict[str | None, list[str]] = {}
        self._pinned: dict[str, str] = {}
        self.moves = 0
        """How often items moved to another place than the end; a change invalidates cached positions."""
        self._moved: dict[str, None] = {}

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._at

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def position(self, item_id: str) -> int:
        """Returns the position of an item, from 0."""
        return self._at[item_id]

    def at(self, position: int) -> str | None:
        """Returns the item at a position, or None outside of the list."""
        return self._ids[position] if 0 <= position < len(self._ids) else None

    def add(self, item_id: str) -> bool:
        """Appends an item that has no position yet; returns whether it was new."""
        if item_id in self._at:
            return False
        self._at[item_id] = len(self._ids)
        self._ids.append(item_id)
        return True

    def link(self, item_id: str, previous: str | None) -> bool:
        """Places an item after `previous`, or first if that is None; returns whether it is new or has moved.

        Only an item's first link counts: later events repeat it, or name an item that was inserted in between.
        """
        if item_id in self._previous or item_id == previous:
            return False
        while previous in self._pinned:
            previous = self._pinned[previous]
        if previous is not None:
            self.add(previous)
            if item_id not in self._at and self._at[previous] == len(self._ids) - 1:
                self._note(item_id, previous)
                return self.add(item_id)
        self.add(item_id)
        block = self._chain(item_id)
        if previous in block:  # circular links: keep the present order
            return False
        self._note(item_id, previous)
        return self._move(block, previous)

    def pin_behind(self, item_id: str, previous: str) -> None:
        """Places a local item directly after `previous`; items that are later linked to `previous` come after both."""
        while previous in self._pinned:
            previous = self._pinned[previous]
        self.link(item_id, previous)
        if self._previous.get(item_id) == previous:
            self._pinned[previous] = item_id

    def close(self, last: str) -> None:
        """Let all items that are later linked to `last` come after those that stand behind it now."""
        end = self._ids[-1]
        while last in self._pinned:
            last = self._pinned[last]
        if last != end and self._at[last] < self._at[end]:
            self._pinned[last] = end

    def _note(self, item_id: str, previous: str | None) -> None:
        self._previous[item_id] = previous
        self._next.setdefault(previous, []).append(item_id)

    def _chain(self, item_id: str) -> list[str]:
        """Returns an item and all items linked to it, directly or not, in order: one contiguous block."""
        block, pending = [], [item_id]
        while pending:
            block.append(pending.pop())
            pending.extend(self._next.get(block[-1], ()))  # the latest insertion comes out first
        return block

    def _move(self, block: list[str], previous: str | None) -> bool:
        start = self._at[block[0]]
        target = 0 if previous is None else self._at[previous] + 1
        if target > start:
            target -= len(block)
        if target == start:
            return False
        del self._ids[start : start + len(block)]
        self._ids[target:target] = block
        first, last = min(start, target), max(start, target) + len(block)
        for position in range(first, last):
            self._at[self._ids[position]] = position
        self.moves += 1
        self._moved.update(dict.fromkeys(block))
        return True

    def pop_moved(self) -> dict[str, None]:
        """Returns the items that moved since the last call, in order."""
        moved, self._moved = self._moved, {}
        return moved
