"""In-flight requests when the transport is replaced: send them again, restore them, or fail them.

Owns the decision about every event that was sent and not answered, and the order in which a new session gets what was
set, what was said, and what waits. Must not know sockets, or why there is another transport (docs/protocol.md 7, 8).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from realtime_nb.client.events.dispatcher import Dispatcher
from realtime_nb.client.events.pending_requests import PendingRequests
from realtime_nb.client.events.send_queue import QueuedEvent
from realtime_nb.client.events.sender import Sender
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.errors import RealtimeError
from realtime_nb.wire.realtime import ConversationItemDeleted, SessionUpdated

if TYPE_CHECKING:
    from realtime_nb.client.reconnect.keeper import Keeper


class Resumption:
    """Carries a conversation over from one transport of a connection to the next.

    Args:
        config, pending, sender, dispatcher: the connection's own.

    Attributes:
        keeper: restores the conversation; None where nothing is restored.
    """

    def __init__(self, config: SessionConfig, pending: PendingRequests, sender: Sender, dispatcher: Dispatcher) -> None:
        self.keeper: Keeper | None = None
        self._config = config
        self._pending = pending
        self._sender = sender
        self._dispatcher = dispatcher
        self._updates: list[asyncio.Future[Any]] = []

    def keep(self, keeper: Keeper) -> None:
        """Let `keeper` restore the conversation from now on."""
        self.keeper = keeper
        self._pending.keep_all = True

    def on_transport_lost(self, error: RealtimeError, *, planned: bool) -> None:
        """End what the old transport takes with it, and queue what the next one must get again."""
        self._config.on_transport_lost()
        if self.keeper is None:
            return
        store = self.keeper.conversation.store
        for response_id in [known for known in store.open_responses if store.responses[known].started]:
            # Every response ends with `response.done` (docs/protocol.md 23): here no server will send it.
            self._dispatcher.lose_response(response_id, str(error))
        again = []
        for request in self._pending.take_all():
            kind, event = request.kind, request.event
            if kind == "conversation.item.create":
                self._pending.put_back(request)  # restored with the rest, under the same id
            elif kind == "session.update":
                if request.future is not None:
                    self._updates.append(request.future)  # part of the configuration that is restored
            elif kind == "response.create":
                again.append(QueuedEvent(event, request.future))  # no response came of it
            elif kind == "conversation.item.delete":
                deleted = ConversationItemDeleted(item_id=event["item_id"])  # not restored, and so deleted
                self._dispatcher.dispatch(deleted)
                request.answer(deleted)
            else:
                request.fail(error)
        self._sender.send_again(again)
        self.keeper.on_transport_lost(error, planned=planned)

    async def resume(self, *, restore: bool = True) -> None:
        """Restore what was set and said on the new transport, then send what waits.

        Args:
            restore: False for the first transport of a connection.

        Raises:
            TransportClosed: the new transport is lost as well.
        """
        if restore and self.keeper is not None:
            await self.keeper.restore(self._sender.send_ahead)
        updates, self._updates = self._updates, []
        for answer in updates:
            if not answer.done():
                answer.set_result(SessionUpdated(session=self._config.echo))
        await self._sender.send_offline()

    def fail(self, error: Exception) -> None:
        """Fail all that is unanswered or waits: no transport will follow."""
        self._pending.fail_all(error)
        for answer in self._updates:
            if not answer.done():
                answer.set_exception(error)
        self._sender.fail(error)
