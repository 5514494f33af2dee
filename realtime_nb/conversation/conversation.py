"""A conversation as its readers see it.

Owns the public face of the state. Must not know events: `reduce` writes, everybody else reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from .records import ItemRecord
from .store import ConversationStore
from .turn import Turn
from .turn_list import TurnList
from .usage import Usage

__all__ = ["Conversation"]


class Conversation:
    """The state that `reduce` keeps: turns, items and usage of one conversation, over any number of sessions.

    `turns` and `usage` are immutable values that any thread may read; everything else belongs to the thread that
    calls `reduce`.

    Example:
        >>> from realtime_nb.conversation import ClientItem, Conversation, reduce
        >>> from realtime_nb.wire.realtime import user_message
        >>> state = Conversation()
        >>> reduce(state, ClientItem(user_message("hello", id="item_1")), at=0.0)
        [TurnOpened(item_id='item_1')]
        >>> state.live[0].text
        'hello'

    Args:
        free: nothing costs anything, as with the local backend, whatever model it says it is.
    """

    def __init__(self, *, free: bool = False) -> None:
        self.store = ConversationStore(free=free)
        """The facts; for `reduce` alone to write."""
        self.turn_list = TurnList(self.store)
        """The shown turns; for `reduce` alone to write."""
        self.recent: dict[str, msgspec.Struct] = {}
        """The latest events by id, to know repeated ones by."""

    @property
    def free(self) -> bool:
        """Whether nothing costs anything; may be set when it turns out which backend answers."""
        return self.store.free

    @free.setter
    def free(self, free: bool) -> None:
        self.store.free = free

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The settled turns in conversation order; the same tuple while nothing settles or is corrected."""
        return self.turn_list.turns

    @property
    def live(self) -> tuple[Turn, ...]:
        """The turns in progress, in conversation order."""
        return self.turn_list.live

    @property
    def usage(self) -> Usage:
        """Everything that was consumed, out-of-band responses and transcription included."""
        return self.store.usage

    @property
    def items(self) -> Mapping[str, ItemRecord]:
        """Every item that was ever named, by id, read-only; `order` has their order."""
        return MappingProxyType(self.store.items)

    @property
    def order(self) -> tuple[str, ...]:
        """The ids of the conversation's items in order: no deleted ones, none out of band, no false starts."""
        return tuple(i for i in self.store.order if not self.store.hidden(self.store.items[i]))

    def turn(self, item_id: str) -> Turn | None:
        """Returns the turn of an item, live or settled; None if the item is no turn (any more)."""
        item = self.store.items.get(item_id)
        return None if item is None or item.shown is None else self.turn_list.current(item)

    def after(self, item_id: str) -> str | None:
        """Returns the item id of the turn that an item follows; None if it is the first, or not known."""
        if item_id not in self.store.order:
            return None
        position = self.store.order.position(item_id)
        while (previous := self.store.order.at(position := position - 1)) is not None:
            if self.store.items[previous].shown is not None:
                return previous
        return None
