"""The order of items: a linked list by `previous_item_id`, whatever order its links arrive in.

Owns positions. Must not know what the items are.

An item stands directly behind its predecessor, as the server inserts it; the latest insertion is the nearest. An item
whose predecessor is not known (yet) stands where it arrived. The wire's `"root"` is the beginning. A null predecessor
says only that there is none *in this session*: after a reconnection the first new item has none either, so such an item
stands where it arrived.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["ItemOrder"]


class ItemOrder:
    """Item ids in conversation order; adding at the end costs O(1), elsewhere the length of what follows."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._at: dict[str, int] = {}
        self._previous: dict[str, str | None] = {}
        self._next: dict[str | None, list[str]] = {}
        self._pinned: dict[str, str] = {}
        self.moves = 0
        """Grows whenever an item lands anywhere but at the end."""
        self._moved: dict[str, None] = {}

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._at

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def position(self, item_id: str) -> int:
        """Returns where an item stands, from 0."""
        return self._at[item_id]

    def at(self, position: int) -> str | None:
        """Returns the item at a position, or None beyond the ends."""
        return self._ids[position] if 0 <= position < len(self._ids) else None

    def add(self, item_id: str) -> bool:
        """Puts an item at the end, if it has no place yet; returns whether it is new."""
        if item_id in self._at:
            return False
        self._at[item_id] = len(self._ids)
        self._ids.append(item_id)
        return True

    def link(self, item_id: str, previous: str | None) -> bool:
        """Puts an item behind `previous`, or first of all if that is None; returns whether it moved or is new.

        The first link stays: the server repeats it, and a later one may only mean that something came between.
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
        if previous in block:  # links in a circle: nonsense, keep what there is
            return False
        self._note(item_id, previous)
        return self._move(block, previous)

    def pin_behind(self, item_id: str, previous: str) -> None:
        """Puts something that the server knows no item for behind an item, and before all that follows that one."""
        while previous in self._pinned:
            previous = self._pinned[previous]
        self.link(item_id, previous)
        if self._previous.get(item_id) == previous:
            self._pinned[previous] = item_id

    def _note(self, item_id: str, previous: str | None) -> None:
        self._previous[item_id] = previous
        self._next.setdefault(previous, []).append(item_id)

    def _chain(self, item_id: str) -> list[str]:
        """Returns an item and all that stands behind it by links, in order: one contiguous block."""
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
