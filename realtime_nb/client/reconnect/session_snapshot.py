"""Restoring a conversation in a new session: first its configuration, then its items.

Owns that order, and which echoes of the new session are repetitions. What was set is in `session_config`, the items are
made in `replay_items`. Must not know sockets, or why a new session is needed.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Mapping, Sequence, Set
from typing import Any

import msgspec

from realtime_nb import errors
from realtime_nb.client.reconnect.keeper import EventSource, Say
from realtime_nb.client.reconnect.replay_items import restoring_items
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.settings import overlay
from realtime_nb.conversation import ClientItem, ConnectionEnded, Conversation, reduce
from realtime_nb.errors import RealtimeError, ServerError
from realtime_nb.wire.realtime import Item

__all__ = ["ConnectionKeeper", "Continuity"]

_ANSWER_S = 30.0
_AT_ONCE = 256


class Continuity:
    """The configuration and the items of one conversation, over any number of sessions.

    Args:
        config: what was set.
        conversation: what was said.

    Attributes:
        restored: the ids of items that a new session was told of: its echo of them is no news.
        omitted: how many turns the last restoring had to leave out.
        refused: why the last new session did not take what was wished for.
    """

    def __init__(self, config: SessionConfig, conversation: Conversation) -> None:
        self.restored: set[str] = set()
        self.omitted = 0
        self.refused: ServerError | None = None
        self._wish: dict[str, Any] = {}
        self._config = config
        self._conversation = conversation

    def wish(self, session: Mapping[str, Any]) -> None:
        """Let the next session be set otherwise in this; if it refuses, `refused` says why, and all stays as it was."""
        self._wish = dict(session)

    async def restore(self, say: Say, *, unsent: Set[str] = frozenset()) -> None:
        """Tell a new session everything.

        Args:
            say: sends an event to it.
            unsent: ids of function calls whose output is still to be sent.

        Raises:
            ServerError: the new session does not take the configuration.
            TimeoutError: it does not answer.
        """
        await self._restore_configuration(say)
        await self.tell(say, unsent=unsent)

    async def tell(self, say: Say, *, unsent: Set[str] = frozenset()) -> None:
        """Tell a new session of the conversation; its echoes of the items are known from now on.

        A part at a time: a day's conversation is more than a connection notes as unanswered, and what it gave up for
        that would be somebody's request.
        """
        items, self.omitted = restoring_items(self._conversation, unsent)
        self.restored = {item["id"] for item in items}
        for start in range(0, len(items), _AT_ONCE):
            part = items[start : start + _AT_ONCE]
            await _answered([await say({"type": "conversation.item.create", "item": item}) for item in part])

    async def _restore_configuration(self, say: Say) -> None:
        self.refused = None
        wish, self._wish = self._wish, {}
        if wish:
            try:
                await self._update(say, overlay(self._config.wanted, wish))
            except ServerError as refused:
                self.refused = refused  # the conversation goes on as it was
            else:
                return
        if wanted := self._config.wanted:
            await self._update(say, wanted)

    async def _update(self, say: Say, session: dict[str, Any]) -> None:
        answer = await say({"type": "session.update", "session": msgspec.to_builtins(session)})
        try:
            async with asyncio.timeout(_ANSWER_S):
                await answer
        except builtins.TimeoutError:
            raise errors.TimeoutError(f"the server did not answer a session.update within {_ANSWER_S:g} s") from None
        self._config.restored(session)

    def is_echo(self, item: Any) -> bool:
        """Whether an item is a new session's repetition of what it was told, and so nothing new."""
        return item.id in self.restored and self._conversation.items[item.id].in_conversation


class ConnectionKeeper:
    """The `Keeper` of a connection without a session: it builds a conversation from the events by itself."""

    def __init__(self, connection: EventSource, config: SessionConfig) -> None:
        self.conversation = Conversation()
        self._continuity = Continuity(config, self.conversation)
        self._forget = [connection.add_listener(self._on_event), connection.add_send_listener(self._on_sent)]

    def close(self) -> None:
        """Follow no more."""
        for forget in self._forget:
            forget()

    def on_transport_lost(self, error: RealtimeError, *, planned: bool) -> None:
        """End the turns in progress."""
        reduce(self.conversation, ConnectionEnded(str(error), resuming=True))

    async def restore(self, say: Say) -> None:
        """Tell a new session what was set and said."""
        await self._continuity.restore(say)

    def _on_event(self, event: Any) -> None:
        item = getattr(event, "item", None)
        if item is None or not self._continuity.is_echo(item):
            reduce(self.conversation, event)

    def _on_sent(self, raw: dict[str, Any]) -> None:
        if raw["type"] == "conversation.item.create":
            item = msgspec.convert(raw["item"], Item)
            reduce(self.conversation, ClientItem(item, raw.get("previous_item_id"), raw["event_id"]))


async def _answered(answers: Sequence[asyncio.Future[Any]]) -> None:
    """Wait until a new session has taken what it was told.

    What it refuses, it reports as an error; the rest of the conversation is worth going on with.
    """
    if answers:
        await asyncio.wait(answers, timeout=_ANSWER_S)
