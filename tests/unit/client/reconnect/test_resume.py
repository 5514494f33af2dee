"""In-flight requests when the transport is replaced: sent again, restored, answered or failed."""

from __future__ import annotations

import asyncio

import pytest

from realtime_nb.client.events.dispatcher import Dispatcher
from realtime_nb.client.events.handlers import Handlers
from realtime_nb.client.events.normalizer import EventNormalizer
from realtime_nb.client.events.pending_requests import PendingRequests
from realtime_nb.client.events.receive_buffer import ReceiveBuffer
from realtime_nb.client.events.sender import Sender
from realtime_nb.client.reconnect.keeper import SendAhead
from realtime_nb.client.reconnect.resume import Resumption
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.transport.link import Link
from realtime_nb.conversation import Conversation, reduce
from realtime_nb.errors import ConnectError
from realtime_nb.wire.realtime import RealtimeSessionConfig, Response, ResponseCreated, SessionUpdated, user_message
from tests.unit.client.fakes import Address, Recorded


class Keeper:
    """A keeper with a conversation, which restores one marker event."""

    def __init__(self) -> None:
        self.conversation = Conversation()
        self.losses: list[bool] = []

    def on_transport_lost(self, error: Exception, *, planned: bool) -> None:
        self.losses.append(planned)

    async def restore(self, send: SendAhead) -> None:
        await send({"type": "input_audio_buffer.clear"})


class Parts:
    """The parts of a connection around a `Resumption`, with an open link."""

    def __init__(self) -> None:
        self.link = Link(Address(), reconnects=True)
        self.config = SessionConfig()
        self.buffer = ReceiveBuffer(100)
        pending = PendingRequests(keep_all=True)
        self.sender = Sender(self.link, self.config, EventNormalizer(), pending)
        self.dispatcher = Dispatcher(self.link, self.config, EventNormalizer(), pending, self.buffer, Handlers())
        self.resumption = Resumption(self.config, pending, self.sender, self.dispatcher)
        self.keeper = Keeper()
        self.resumption.keep(self.keeper)
        self.transport = self.open()

    def open(self) -> Recorded:
        self.transport = Recorded()
        self.link.transport = self.transport
        self.link.set_state("open")
        return self.transport

    def lose(self) -> None:
        self.link.transport = None
        self.link.set_state("reconnecting")
        self.resumption.on_transport_lost(ConnectError("lost"), planned=False)

    async def resume(self) -> list[str]:
        """Resume on a new transport; returns the types of the events that it got."""
        self.link.transport = self.transport = Recorded()
        await self.resumption.resume()
        self.link.set_state("open")
        return [event["type"] for event in self.transport.sent]


async def test_a_request_for_a_response_is_sent_again_after_the_restored_conversation() -> None:
    parts = Parts()
    answer = parts.sender.post({"type": "response.create"})
    await parts.sender.flushed()
    parts.lose()
    await parts.sender.send({"type": "conversation.item.create", "item": user_message("later")})
    assert await parts.resume() == ["input_audio_buffer.clear", "response.create", "conversation.item.create"]
    assert not answer.done()
    assert parts.keeper.losses == [False]


async def test_responses_under_way_end_as_failed() -> None:
    parts = Parts()
    created = ResponseCreated(response=Response(id="resp_1"))
    reduce(parts.keeper.conversation, created)
    parts.lose()
    done = await parts.buffer.get()
    assert done.type == "response.done"
    assert done.response.status == "failed"
    assert done.response.status_details.error.code == "connection_lost"


async def test_an_update_is_answered_by_the_restored_configuration() -> None:
    parts = Parts()
    answer = parts.sender.post({"type": "session.update", "session": {"type": "realtime", "instructions": "x"}})
    await parts.sender.flushed()
    parts.lose()
    parts.dispatcher.dispatch(SessionUpdated(session=RealtimeSessionConfig(instructions="x")))
    assert "session.update" not in await parts.resume()
    assert (await answer).session.instructions == "x"


async def test_a_deleted_item_is_not_restored_and_so_deleted() -> None:
    parts = Parts()
    answer = parts.sender.post({"type": "conversation.item.delete", "item_id": "item_1"})
    await parts.sender.flushed()
    parts.lose()
    assert (await answer).item_id == "item_1"


async def test_a_commit_fails_because_its_sound_is_lost() -> None:
    parts = Parts()
    answer = parts.sender.post({"type": "input_audio_buffer.commit"})
    await parts.sender.flushed()
    parts.lose()
    with pytest.raises(ConnectError, match="lost"):
        await answer


async def test_without_another_transport_all_that_waits_fails() -> None:
    parts = Parts()
    update = parts.sender.post({"type": "session.update", "session": {"type": "realtime"}})
    await parts.sender.flushed()
    parts.lose()
    waiting = asyncio.create_task(parts.sender.request({"type": "input_audio_buffer.clear"}))
    await asyncio.sleep(0)
    parts.resumption.fail(ConnectError("given up"))
    for answer in (update, waiting):
        with pytest.raises(ConnectError, match="given up"):
            await answer
