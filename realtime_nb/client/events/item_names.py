"""Names the items of a server's responses: by id, by place, by the id of a call, or by what they hold.

Owns which item an event of a response is about, and the id of its call. Must not know the order of events.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from realtime_nb.client.events.recent import Recent
from realtime_nb.client.events.response_so_far import ResponseSoFar, arguments_text, renamed, same_item, with_fields
from realtime_nb.client.events.server_names import ServerNames
from realtime_nb.wire import realtime as wire


class ItemNames:
    """The names of items and calls of one server.

    Args:
        items: the names of all items, those of no response included.
        calls: the names of calls.

    Attributes:
        owner: the responses of items, by our names of both.
    """

    def __init__(self, items: ServerNames, calls: ServerNames) -> None:
        self.owner: Recent[str] = Recent()
        self._items, self._calls = items, calls

    def of_item(self, item_id: str | None, record: ResponseSoFar, index: int) -> str:
        """Our name of an item of a response; a name is made where the server gives none or one that was used."""
        if not item_id:
            name = record.by_index.get(index)
            if name is None:
                name = next(reversed(record.items), None) if not index and len(record.items) == 1 else None
            name = name or self._items.new(None)
        else:
            known = self._items.inward(item_id)
            owner = self.owner.get(known) if known is not None else None
            # Late events of a response that is over keep to its item; a new response gets an item of its own.
            name = known if known is not None and owner in (None, record.name) else self._items.new(item_id)
        self.owner[name] = record.name
        record.items[name] = None
        record.by_index.setdefault(index, name)
        return name

    def of_call(
        self,
        item_id: str | None,
        call_id: str | None,
        record: ResponseSoFar,
        index: int,
        *,
        done: bool,
        seen: Container[str],
    ) -> str:
        """Our name of the item of a call: some servers give several calls, or a call and a message, one id or none.

        Others give one call another call id in each of its events. An event with a new call id is about the same call
        if it stands at the same place, and none of its kind was about that call so far: `seen` has those.
        """
        name = record.by_call.get(call_id) if call_id else None
        if name is not None:
            return name
        there = record.by_index.get(index)
        name = self.of_item(item_id, record, index)
        another_call = call_id and name in record.by_call.values() and (name != there or name in seen or not item_id)
        ended = done and not item_id and name in record.arguments_done
        if name in record.messages or another_call or ended:
            name = self._items.another(name)
            self.owner[name] = record.name
            record.items[name] = None
        if call_id:
            record.by_call[call_id] = name
        return name

    def named(self, item: Any, record: ResponseSoFar, index: int, *, claimed: set[str], seen: set[str]) -> Any:
        """An output item with its name, and a call with all that is known of it.

        `claimed` has the names of the items that other snapshots are about; `seen` those that snapshots of this kind
        were about so far.
        """
        if item.id and self._items.inward(item.id) is None and (same := same_item(item, record, claimed)) is not None:
            # Some servers make up another id for the whole than for its parts.
            self._items.alias(item.id, same)
            claimed.add(same)
            if isinstance(item, wire.FunctionCallItem) and item.call_id:
                record.by_call[item.call_id] = same
        if isinstance(item, wire.FunctionCallItem):
            name = self.of_call(item.id, item.call_id, record, index, done=False, seen=seen)
            seen.add(name)
        else:
            name = self.of_item(item.id, record, index)
        if isinstance(item, wire.MessageItem):
            record.messages[name] = None
        if not isinstance(item, wire.FunctionCallItem):
            return item if name == item.id else renamed(item, name)
        known = record.calls.get(name)
        fields = {
            "id": name,
            "call_id": self.call_id(item.call_id, known, name),
            "name": item.name or (known.name if known is not None else ""),
            "arguments": self._best_arguments(item, record, name, known),
        }
        return (
            item if all(getattr(item, key) == value for key, value in fields.items()) else with_fields(item, **fields)
        )

    def call_id(self, call_id: str | None, known: wire.FunctionCallItem | None, item_id: str) -> str:
        """Our name of a call: the one that it has already, or that of its item where the server gives none."""
        if known is not None and known.call_id:
            return known.call_id
        return self._calls.new(call_id) if call_id else item_id

    def _best_arguments(
        self, item: wire.FunctionCallItem, record: ResponseSoFar, name: str, known: wire.FunctionCallItem | None
    ) -> str:
        told = arguments_text(item.arguments)
        if told.lstrip().startswith("{"):
            return told
        so_far = self._arguments_so_far(record, name, known, item.status)
        return so_far if so_far.lstrip().startswith("{") else told or so_far

    def _arguments_so_far(
        self, record: ResponseSoFar, name: str, known: wire.FunctionCallItem | None, status: str | None
    ) -> str:
        """The arguments of a call whose item does not repeat them; none of one that is under way."""
        if status == "in_progress":
            return ""
        return (known.arguments if known is not None else "") or arguments_text("".join(record.pieces.get(name, ())))
