"""The state of one conversation, for reading.

Owns the read access to turns, items and usage. Must not know events: only `reduce` writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from .prices import Billing
from .records import ItemRecord
from .store import ConversationStore
from .turn import Turn
from .turn_list import TurnList
from .usage import Usage


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
        billing: how the backend's responses are paid for; None: by the name of the model.
    """

    def __init__(self, *, billing: Billing | None = None) -> None:
        self.store = ConversationStore(billing or Billing())
        """Records of items and responses; only `reduce` writes them."""
        self.turn_list = TurnList(self.store)
        """The turns as they are shown; only `reduce` writes them."""
        self.recent: dict[str, msgspec.Struct] = {}
        """The latest server events by id, to recognise repeated ones."""

    @property
    def billing(self) -> Billing:
        """How the backend's responses are paid for; may be set once the backend is known."""
        return self.store.billing

    @billing.setter
    def billing(self, billing: Billing) -> None:
        self.store.billing = billing

    @property
    def clock_offset_s(self) -> float:
        """Seconds from the clock of `reduce`'s caller to the seconds since 1970; 0 where it is that clock."""
        return self.store.clock_offset_s

    @clock_offset_s.setter
    def clock_offset_s(self, offset: float) -> None:
        self.store.clock_offset_s = offset

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
        """The sum of all usage, of out-of-band responses and transcription too."""
        return self.store.usage

    @property
    def items(self) -> Mapping[str, ItemRecord]:
        """Every item that any event mentioned, by id, read-only; `order` has their order."""
        return MappingProxyType(self.store.items)

    @property
    def order(self) -> tuple[str, ...]:
        """The ids of the items in conversation order, without deleted, out-of-band and never committed ones."""
        return tuple(i for i in self.store.order if not self.store.hidden(self.store.items[i]))

    def turn(self, item_id: str) -> Turn | None:
        """Returns the turn of an item, live or settled; None if the item is not shown as a turn."""
        item = self.store.items.get(item_id)
        return None if item is None or item.shown is None else self.turn_list.current(item)

    def after(self, item_id: str) -> str | None:
        """Returns the item id of the turn before an item; None if the item is the first or unknown."""
        if item_id not in self.store.order:
            return None
        position = self.store.order.position(item_id)
        while (previous := self.store.order.at(position := position - 1)) is not None:
            if self.store.items[previous].shown is not None:
                return previous
        return None
