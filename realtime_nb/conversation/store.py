"""All that is known of one conversation, indexed.

Owns the records and their indices, and which of them changed since the turns were last looked at. Must not know
events or how turns are shown.
"""

from __future__ import annotations

from dataclasses import replace

from .input_timeline import InputTimeline
from .order import ItemOrder
from .prices import response_cost_usd, transcription_cost_usd
from .records import ItemRecord, ResponseRecord
from .usage import Usage

__all__ = ["ConversationStore"]


class ConversationStore:
    """The facts of a conversation.

    Args:
        free: nothing costs anything (the local backend, whatever model name it echoes).
    """

    def __init__(self, *, free: bool) -> None:
        self.items: dict[str, ItemRecord] = {}
        self.order = ItemOrder()
        self.responses: dict[str, ResponseRecord] = {}
        self.calls: dict[str, str] = {}  # call id -> item id
        self.has_calls = False
        self.grouped_moves = 0  # the order's moves when calls were last assigned to turns
        self.outputs: dict[str, str] = {}  # outputs of calls that are not known yet
        self.unacknowledged: dict[str, str | None] = {}  # our items -> client event id, until the server answers
        self.timeline = InputTimeline()
        self.queue: dict[tuple[str, int], None] = {}  # parts with sound, in order of arrival, until played
        self.open_responses: dict[str, None] = {}
        self.reserved: dict[str, None] = {}  # announced, not committed
        self.waiting: dict[str, None] = {}  # committed, without a transcript
        self.unanswered: str | None = None  # the latest user item that no response took up
        self.lone_calls: dict[str, None] = {}  # live turns that are calls without an answer
        self.session_key: str | None = None
        self.resuming = False  # the connection is gone, and another session will be told of the conversation
        self.model: str | None = None
        self.transcribing: bool | None = None
        self.transcription_model: str | None = None
        self.free = free
        self.usage = Usage()
        self.counted: set[str] = set()
        self.now: float | None = None
        self.changed_items: dict[str, None] = {}

    def item(self, item_id: str, at: float | None) -> ItemRecord:
        """Returns an item's record; an unknown one becomes a placeholder at the end."""
        record = self.items.get(item_id)
        if record is None:
            record = self.items[item_id] = ItemRecord(item_id, at)
            self.order.add(item_id)
        return record

    def undeleted_item(self, item_id: str, at: float | None) -> ItemRecord | None:
        """Returns the record that an event is about; None where it names no item, or one that was deleted."""
        if not item_id:
            return None
        record = self.item(item_id, at)
        return None if record.deleted else record

    def link(self, item_id: str, previous: str | None) -> None:
        """Puts an item behind the wire's `previous_item_id`; null tells nothing, `"root"` is the beginning."""
        if previous:
            self.order.link(item_id, None if previous == "root" else previous)
            if previous != "root":
                self.item(previous, None)

    def response(self, response_id: str) -> ResponseRecord:
        """Returns a response's record, new if nothing was known of it."""
        record = self.responses.get(response_id)
        if record is None:
            record = self.responses[response_id] = ResponseRecord(response_id)
            self.open_responses[response_id] = None
        return record

    def response_of(self, item: ItemRecord) -> ResponseRecord | None:
        """Returns the response that an item belongs to, if one is known."""
        return self.responses.get(item.response_id) if item.response_id is not None else None

    def join(self, item: ItemRecord, response_id: str) -> ResponseRecord | None:
        """Notes that an item belongs to a response; the first one told stays."""
        if not response_id:
            return self.response_of(item)
        if item.response_id is None:
            item.response_id = response_id
            self.response(response_id).items[item.id] = None
        return self.response_of(item)

    def hidden(self, item: ItemRecord) -> bool:
        """Tells whether an item stays out of the conversation that a reader sees."""
        response = self.response_of(item)
        return item.deleted or item.dropped or (response is not None and response.out_of_band)

    def mark_changed(self, item_id: str) -> None:
        """Notes that a turn may look different now."""
        self.changed_items[item_id] = None

    def add_usage(self, key: str, usage: Usage, *, transcription: bool = False) -> Usage | None:
        """Prices and adds a usage, once a key; returns it priced, or None if it was counted before."""
        if not key or key in self.counted:
            return None
        self.counted.add(key)
        if self.free:
            cost: float | None = 0.0
        elif transcription:
            cost = transcription_cost_usd(usage, self.transcription_model)
        else:
            cost = response_cost_usd(usage, self.model)
        priced = replace(usage, cost_usd=cost)
        self.usage = self.usage + priced
        return priced
