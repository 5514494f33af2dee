"""The records of one conversation, with their indices.

Owns the records, and which of them changed since the turns were last rebuilt. Must not know events or how turns are
shown.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from .input_timeline import InputTimeline
from .order import ItemOrder
from .prices import FREE, Billing, response_cost_usd, transcription_cost_usd
from .records import ItemRecord, ResponseRecord
from .usage import Usage, unreported


class ConversationStore:
    """Items, responses, tool calls, usage and the input timeline of one conversation.

    Args:
        billing: how the backend's responses are paid for.
    """

    def __init__(self, billing: Billing) -> None:
        self.items: dict[str, ItemRecord] = {}
        self.order = ItemOrder()
        self.responses: dict[str, ResponseRecord] = {}
        self.calls: dict[str, str] = {}  # call id -> item id
        self.has_calls = False
        self.grouped_moves = 0  # the order's moves when calls were last assigned to turns
        self.outputs: dict[str, str] = {}  # outputs that came before their calls
        self.unacknowledged: dict[str, str | None] = {}  # items we sent -> client event id, until the server answers
        self.timeline = InputTimeline()
        self.queue: dict[tuple[str, int], None] = {}  # parts with sound, in order of arrival, until played
        self.open_responses: dict[str, None] = {}
        self.reserved: dict[str, None] = {}  # announced, not committed
        self.waiting: dict[str, None] = {}  # committed, without a transcript
        self.unanswered: str | None = None  # the latest user item that no response has answered
        self.lone_calls: dict[str, None] = {}  # calls that are turns of their own, as no answer has followed
        self.session_key: str | None = None
        self.resuming = False  # the connection is gone, and another session will receive the conversation
        self.model: str | None = None
        self.transcribing: bool | None = None
        self.transcription_model: str | None = None
        self.output_format: tuple[str | None, int | None] = (None, None)
        self.billing = billing
        self.usage = Usage()
        self.counted: set[str] = set()
        self.now: float | None = None
        self.clock_offset_s = 0.0  # from the caller's clock to the seconds since 1970
        self.changed_items: dict[str, None] = {}

    def time_of_day(self, at: float | None) -> datetime | None:
        """Returns a time on the caller's clock as a time of day in the local time zone."""
        return None if at is None else datetime.fromtimestamp(at + self.clock_offset_s).astimezone()

    def item(self, item_id: str, at: float | None) -> ItemRecord:
        """Returns an item's record; an unknown id becomes a placeholder at the end of the order."""
        record = self.items.get(item_id)
        if record is None:
            record = self.items[item_id] = ItemRecord(item_id, self.time_of_day(at))
            self.order.add(item_id)
        return record

    def undeleted_item(self, item_id: str, at: float | None) -> ItemRecord | None:
        """Returns an item's record as `item` does, or None if the id is empty or the item was deleted."""
        if not item_id:
            return None
        record = self.item(item_id, at)
        return None if record.deleted else record

    def link(self, item_id: str, previous: str | None) -> None:
        """Places an item after the wire's `previous_item_id`; null changes nothing, `"root"` means first."""
        if previous:
            self.order.link(item_id, None if previous == "root" else previous)
            if previous != "root":
                self.item(previous, None)

    def response(self, response_id: str) -> ResponseRecord:
        """Returns a response's record, and creates it if it is new."""
        record = self.responses.get(response_id)
        if record is None:
            record = self.responses[response_id] = ResponseRecord(response_id)
            self.open_responses[response_id] = None
        return record

    def response_of(self, item: ItemRecord) -> ResponseRecord | None:
        """Returns the response that an item belongs to, if one is known."""
        return self.responses.get(item.response_id) if item.response_id is not None else None

    def join(self, item: ItemRecord, response_id: str) -> ResponseRecord | None:
        """Assigns an item to a response, if it has none yet; returns the item's response."""
        if not response_id:
            return self.response_of(item)
        if item.response_id is None:
            item.response_id = response_id
            self.response(response_id).items[item.id] = None
        return self.response_of(item)

    def hidden(self, item: ItemRecord) -> bool:
        """Returns whether an item is not shown: deleted, never committed, or out of band."""
        response = self.response_of(item)
        return item.deleted or item.dropped or (response is not None and response.out_of_band)

    def mark_changed(self, item_id: str) -> None:
        """Marks an item whose turn must be rebuilt."""
        self.changed_items[item_id] = None

    def add_usage(self, key: str, usage: Usage, *, transcription: bool = False) -> Usage | None:
        """Prices a usage and adds it to the total, once for each key; returns it with its cost, or None if repeated."""
        if not key or key in self.counted:
            return None
        self.counted.add(key)
        if transcription:
            cost = transcription_cost_usd(usage, self.transcription_model, self.billing.prices)
        else:
            cost = response_cost_usd(usage, self.billing.prices_of(self.model))
        priced = replace(usage, cost_usd=cost)
        self.usage = self.usage + priced
        return priced

    def add_unreported(self, response_id: str, *, complete: bool) -> Usage | None:
        """Counts a response that ended without usage, once; returns None if repeated, or if the backend is free."""
        key = f"unreported {response_id}"
        if self.billing.prices == FREE or key in self.counted or f"response {response_id}" in self.counted:
            return None
        self.counted.add(key)
        missing = unreported(complete=complete)
        self.usage = self.usage + missing
        return missing
