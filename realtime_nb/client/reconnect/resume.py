"""What becomes of what was under way when a connection goes over to another transport.

Owns the decision about every event that was sent and not answered, what waits meanwhile, and the order in which a new
session hears of it all. Must not know sockets, or why there is another transport.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from realtime_nb.client.events.pending_requests import PendingRequests
from realtime_nb.client.events.send_queue import OfflineQueue, QueuedEvent
from realtime_nb.client.reconnect.transport_manager import TransportManager
from realtime_nb.client.transport.base import TransportClosed
from realtime_nb.client.transport.close import lost_response
from realtime_nb.errors import RealtimeError
from realtime_nb.wire.realtime import ConversationItemDeleted, SessionUpdated, encode

if TYPE_CHECKING:
    from realtime_nb.client.reconnect.keeper import Keeper

__all__ = ["Resumption"]

Transmit = Callable[[dict[str, Any], "asyncio.Future[Any] | None"], Awaitable[None]]


class Resumption:
    """The past of one connection, told to its next session.

    Args:
        line: whose transports follow each other.
        acks: what is not answered.
        deliver: hands an event to all who follow the connection.
        transmit: sends an event on the present transport, noting it.
        new_event_id: makes ids for client events.

    Attributes:
        keeper: who knows what was said and set; None: nobody, and nothing is restored.
        waiting: what is sent when the line is open.
    """

    def __init__(
        self,
        line: TransportManager,
        acks: PendingRequests,
        *,
        deliver: Callable[[Any], None],
        transmit: Transmit,
        new_event_id: Callable[[], str],
    ) -> None:
        self.keeper: Keeper | None = None
        self.waiting = OfflineQueue()
        self._line = line
        self._acks = acks
        self._deliver = deliver
        self._transmit = transmit
        self._new_event_id = new_event_id
        self._updates: list[asyncio.Future[Any]] = []

    def keep(self, keeper: Keeper) -> None:
        """Let `keeper` tell, and no other."""
        if self.keeper is not None:
            self.keeper.close()
        self.keeper = keeper
        self._acks.keep_all = True

    def on_transport_lost(self, error: RealtimeError, *, planned: bool) -> None:
        """The transport is gone, and another follows: end what it takes with it, and keep the rest."""
        if self.keeper is None:
            return
        store = self.keeper.conversation.store
        for response_id in [known for known in store.open_responses if store.responses[known].started]:
            # Every response ends with `response.done` (docs/protocol.md 23): here no server will send it.
            self._deliver(lost_response(response_id, str(error)))
        again = []
        for unanswered in self._acks.take_all():
            kind, event = unanswered.kind, unanswered.event
            if kind == "conversation.item.create":
                self._acks.put_back(unanswered)  # restored with the rest, under the same id
            elif kind == "session.update":
                if unanswered.future is not None:
                    self._updates.append(unanswered.future)  # part of the configuration that is restored
            elif kind == "response.create":
                again.append(QueuedEvent(event, unanswered.future))  # no response came of it
            elif kind == "conversation.item.delete":
                deleted = ConversationItemDeleted(item_id=event["item_id"])  # it is not restored: that is deleted
                self._deliver(deleted)
                unanswered.answer(deleted)
            else:
                unanswered.fail(error)
        self.waiting.put_first(again)
        self.keeper.on_transport_lost(error, planned=planned)

    async def resume(self, effective: Callable[[], Any]) -> None:
        """Restore what was set and said, then send what waited.

        Args:
            effective: the configuration as the new session echoed it.

        Raises:
            TransportClosed: this transport is lost as well.
        """
        if self.keeper is not None:
            await self.keeper.restore(self._say)
        updates, self._updates = self._updates, []
        for answer in updates:
            if not answer.done():
                answer.set_result(SessionUpdated(session=effective()))
        await self.send_what_waits()

    async def send_what_waits(self) -> None:
        """Send it in its order, and let everything else through after it."""
        transport = self._line.transport
        while len(self.waiting):
            event, answer = self.waiting.pop()
            if transport is None or transport is not self._line.transport:
                self.waiting.put_first([QueuedEvent(event, answer)])
                raise TransportClosed(1006, "lost again")
            if isinstance(event, bytes):
                await transport.send(event)
            else:
                await self._transmit(event, answer)
        self._line.opened()

    def fail(self, error: Exception) -> None:
        """There is no next session: whoever waits is told."""
        for answer in self._updates:
            if not answer.done():
                answer.set_exception(error)
        self.waiting.fail(error)

    async def _say(self, raw: dict[str, Any] | bytes) -> asyncio.Future[Any]:
        """Send something that the new session must hear before anything else."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda future: future.cancelled() or future.exception())
        transport = self._line.transport
        if transport is None:
            raise TransportClosed(1006, "lost again")
        if isinstance(raw, bytes):
            await transport.send(raw)
        else:
            raw["event_id"] = raw.get("event_id") or self._new_event_id()
            self._acks.add(raw, answer)
            await transport.send(encode(raw))
        return answer
