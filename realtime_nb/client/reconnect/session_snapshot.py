"""Restore a conversation in a new session: first its configuration, then its items (docs/protocol.md 7).

Owns that order, and the ids of the items that the new session echoes. `session_config` has the configuration,
`replay_items` makes the items. Must not know sockets, or why a new session is needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Set
from typing import Any

import msgspec

from realtime_nb.client.events.pending_requests import UPDATE_ANSWER_S, update_unanswered
from realtime_nb.client.reconnect.keeper import SendAhead
from realtime_nb.client.reconnect.replay_items import restoring_items
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.settings import overlay
from realtime_nb.conversation import ClientItem, ConnectionEnded, Conversation, reduce
from realtime_nb.errors import RealtimeError, ServerError
from realtime_nb.wire.realtime import Item

_AT_ONCE = 256


class SessionSnapshot:
    """The configuration and the items of one conversation, for any number of new sessions.

    Args:
        config: the configuration.
        conversation: the conversation.

    Attributes:
        replayed: the ids of the items that were sent to the last new session, which echoes them.
        omitted: how many turns could not be sent to it.
        refused: why it did not take the configuration of `change_next`.
    """

    def __init__(self, config: SessionConfig, conversation: Conversation) -> None:
        self.replayed: set[str] = set()
        self.omitted = 0
        self.refused: ServerError | None = None
        self._change: dict[str, Any] = {}
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
        for start in range(0, len(items), _AT_ONCE):
            part = items[start : start + _AT_ONCE]
            answers = [await send({"type": "conversation.item.create", "item": item}) for item in part]
            # An item that the session refuses arrives as an error event; the conversation goes on without that item.
            await asyncio.wait(answers, timeout=UPDATE_ANSWER_S)

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
            reduce(self.conversation, event)

    def on_sent(self, raw: dict[str, Any]) -> None:
        """Add an item that the client created; its acknowledgement may be lost."""
        if raw["type"] == "conversation.item.create":
            item = msgspec.convert(raw["item"], Item)
            reduce(self.conversation, ClientItem(item, raw.get("previous_item_id"), raw["event_id"]))
