"""Restore a conversation in a new session: first its configuration, then its items (docs/protocol.md 7).

Owns that order, and the ids of the items that the new session echoes. `session_config` has the configuration,
`replay_items` makes the items. Must not know sockets, or why a new session is needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence, Set
from typing import Any

import msgspec

from realtime_nb.client.events.pending_requests import UPDATE_ANSWER_S, refuses_id, update_unanswered
from realtime_nb.client.reconnect.keeper import SendAhead
from realtime_nb.client.reconnect.replay_items import restoring_items
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.settings import overlay
from realtime_nb.conversation import ClientItem, ConnectionEnded, Conversation, reduce
from realtime_nb.errors import RealtimeError, ServerError
from realtime_nb.wire.realtime import Item

_AT_ONCE = 256
_SILENT_S = 2.0
"""How long the first answer to a restored item may take before the server counts as one that acknowledges none."""
_SHORT_S = 0.2
"""The same, once it has acknowledged none."""


class SessionSnapshot:
    """The configuration and the items of one conversation, for any number of new sessions.

    Args:
        config: the configuration.
        conversation: the conversation.

    Attributes:
        replayed: the ids of the items that were sent to the last new session, which echoes them.
        missing: why it did not take an item, by the ids of those that it refused.
        omitted: how many turns could not be sent to it.
        refused: why it did not take the configuration of `change_next`.
    """

    def __init__(self, config: SessionConfig, conversation: Conversation) -> None:
        self.replayed: set[str] = set()
        self.missing: dict[str, RealtimeError] = {}
        self.omitted = 0
        self.refused: ServerError | None = None
        self._change: dict[str, Any] = {}
        self._patience_s = _SILENT_S
        self._config = config
        self._conversation = conversation

    def change_next(self, session: Mapping[str, Any]) -> None:
        """Set these fields in the next session too; if it refuses them, it gets the configuration as it was."""
        self._change = dict(session)

    async def restore(self, send: SendAhead, *, unsent: Set[str] = frozenset()) -> None:
        """Send configuration and items to a new session.

        Args:
            send: sends an event to it.
            unsent: ids of function calls whose output is still to be sent.

        Raises:
            ServerError: the new session does not take the configuration.
            TimeoutError: it does not answer.
        """
        await self._restore_configuration(send)
        await self.replay(send, unsent=unsent)

    async def replay(self, send: SendAhead, *, unsent: Set[str] = frozenset()) -> None:
        """Send the items to a new session, a part at a time.

        The list of pending requests is bounded: a day's conversation at once would push out requests of callers.
        """
        items, self.omitted = restoring_items(self._conversation, unsent)
        self.replayed = {item["id"] for item in items}
        self.missing = {}
        if items:
            # What follows in the new session comes after all that is there, also after what it was not sent.
            self._conversation.store.order.close(items[-1]["id"])
        for start in range(0, len(items), _AT_ONCE):
            refused = await self._send_part(send, items[start : start + _AT_ONCE])
            if any(refuses_id(error) for _, error in refused):  # the ids are left out from now on
                refused = await self._send_part(send, [item for item, _ in refused])
            # An item that the session refuses arrives as an error event; the conversation goes on without that item.
            self.missing.update({item["id"]: error for item, error in refused})

    async def _send_part(
        self, send: SendAhead, items: Sequence[dict[str, Any]]
    ) -> list[tuple[dict[str, Any], ServerError]]:
        """Send items, and return those that were refused, once all are answered.

        A server that acknowledges no items is not waited for: it handles what follows after them all the same.
        """
        answers = [await send({"type": "conversation.item.create", "item": item}) for item in items]
        waiting: set[asyncio.Future[Any]] = set(answers)
        patience_s = self._patience_s
        while waiting:
            answered, waiting = await asyncio.wait(waiting, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
            if not answered:
                break
            patience_s = UPDATE_ANSWER_S
        self._patience_s = _SHORT_S if len(waiting) == len(items) else _SILENT_S
        failed = [(item, answer.exception()) for item, answer in zip(items, answers, strict=True) if answer.done()]
        return [(item, error) for item, error in failed if isinstance(error, ServerError)]

    async def _restore_configuration(self, send: SendAhead) -> None:
        self.refused = None
        change, self._change = self._change, {}
        if change:
            try:
                await self._update(send, overlay(self._config.wanted, change))
            except ServerError as refused:
                self.refused = refused  # the conversation goes on as it was
            else:
                return
        if wanted := self._config.wanted:
            await self._update(send, wanted)

    async def _update(self, send: SendAhead, session: dict[str, Any]) -> None:
        answer = await send({"type": "session.update", "session": msgspec.to_builtins(session)})
        try:
            async with asyncio.timeout(UPDATE_ANSWER_S):
                await answer
        except TimeoutError:
            raise update_unanswered() from None
        self._config.restored(session)

    def is_echo(self, item: Any) -> bool:
        """Whether an item is a new session's echo of a replayed one, and so nothing new."""
        return item.id in self.replayed and self._conversation.items[item.id].in_conversation

    def in_place(self, event: Any) -> Any:
        """An event about an item without the item's place, where the item was restored and so has its place already.

        The new session may lack items of the conversation, so that its places are not those of the conversation.
        """
        if event.item.id not in self.replayed or not event.previous_item_id:
            return event
        copy = msgspec.structs.replace(event, previous_item_id=None)
        copy.__dict__.update(getattr(event, "__dict__", {}))
        return copy


class ConnectionKeeper:
    """The `Keeper` of a connection without a session: it builds a conversation from the events by itself."""

    def __init__(self, config: SessionConfig) -> None:
        self.conversation = Conversation()
        self._snapshot = SessionSnapshot(config, self.conversation)

    def on_transport_lost(self, error: RealtimeError, *, planned: bool) -> None:
        """End the turns in progress."""
        reduce(self.conversation, ConnectionEnded(str(error), resuming=True))

    async def restore(self, send: SendAhead) -> None:
        """Send configuration and items to a new session."""
        await self._snapshot.restore(send)

    def on_event(self, event: Any) -> None:
        """Apply a server event to the conversation."""
        item = getattr(event, "item", None)
        if item is None or not self._snapshot.is_echo(item):
            echo = hasattr(event, "previous_item_id") and item is not None
            reduce(self.conversation, self._snapshot.in_place(event) if echo else event)

    def on_sent(self, raw: dict[str, Any]) -> None:
        """Add an item that the client created; its acknowledgement may be lost."""
        if raw["type"] == "conversation.item.create":
            item = msgspec.convert(raw["item"], Item)
            reduce(self.conversation, ClientItem(item, raw.get("previous_item_id"), raw["event_id"]))
