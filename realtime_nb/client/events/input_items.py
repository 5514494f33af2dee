"""The items of the user's sound: an id that the server uses for another turn gets a name of ours.

Owns which events about the input buffer begin an item. Must not know responses.
"""

from __future__ import annotations

from typing import Any

from realtime_nb.client.events.recent import Recent
from realtime_nb.client.events.response_so_far import with_fields
from realtime_nb.client.events.server_names import ServerNames


class InputItems:
    """The items of one input buffer.

    Args:
        items: the names of all items.

    Attributes:
        latest: our name of the item that was committed last; empty before the first.
    """

    def __init__(self, items: ServerNames) -> None:
        self.latest = ""
        self._items = items
        self._committed: Recent[None] = Recent()
        self._seen: Recent[None] = Recent()

    def clear(self) -> None:
        """Drop the items of a session that is gone."""
        self.latest = ""
        self._committed.clear()

    def on_speech_started(self, event: Any) -> None:
        """Note that speech began; with the id of a committed item, it is of a new one."""
        if event.item_id and not self._is_repeated(event) and event.item_id in self._committed:
            self._items.new(event.item_id)
            self._committed.pop(event.item_id, None)

    def on_committed(self, event: Any) -> Any:
        """Note that an item was committed, and return the event with an id."""
        server_id = event.item_id
        repeated = self._is_repeated(event)
        if not server_id:
            name = self._items.new(None)
            event = with_fields(event, item_id=name)
        elif (server_id in self._committed and not repeated) or self._items.inward(server_id) is None:
            self._items.new(server_id)  # also where the turn before had this id
        self._committed[server_id] = None
        self.latest = self._items.inward(server_id) or event.item_id
        return event

    def _is_repeated(self, event: Any) -> bool:
        """Whether the very same event came before: a used item id is no new item then."""
        key = f"{event.type} {event.item_id} {event.event_id}"
        repeated = bool(event.event_id) and key in self._seen
        self._seen[key] = None
        return repeated
