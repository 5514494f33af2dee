"""Acknowledgements and errors find the request that they answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime_nb.client.events.pending_requests import METADATA_KEY, PendingRequests
from realtime_nb.errors import ServerError
from realtime_nb.wire.realtime import (
    ConversationItemDeleted,
    ErrorDetail,
    ErrorEvent,
    RealtimeSessionConfig,
    Response,
    ResponseCreated,
    SessionUpdated,
)


def request(pending: PendingRequests, event_id: str, kind: str, **fields: Any) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    pending.add({"type": kind, "event_id": event_id, **fields}, future)
    return future


async def test_session_updates_are_answered_in_the_order_of_sending() -> None:
    pending = PendingRequests()
    pending.add({"type": "session.update", "event_id": "raw", "session": {}}, None)
    awaited = request(pending, "mine", "session.update", session={})
    for expected in (False, True):
        pending.on_event(SessionUpdated(session=RealtimeSessionConfig()))
        assert awaited.done() is expected


async def test_items_and_responses_are_matched_by_id_and_metadata() -> None:
    pending = PendingRequests()
    delete = request(pending, "a", "conversation.item.delete", item_id="item_2")
    create = request(pending, "b", "response.create", response={"metadata": {METADATA_KEY: "b"}})
    pending.on_event(ConversationItemDeleted(item_id="item_1"))
    pending.on_event(ResponseCreated(response=Response(id="resp_vad")))
    assert not delete.done()
    assert not create.done()
    pending.on_event(ResponseCreated(response=Response(id="resp_1", metadata={METADATA_KEY: "b"})))
    pending.on_event(ConversationItemDeleted(item_id="item_2"))
    assert create.result().response.id == "resp_1"
    assert delete.result().item_id == "item_2"


@pytest.mark.parametrize(
    "error",
    [
        ErrorDetail(code="input_audio_buffer_commit_empty", message="empty", event_id="mine"),
        ErrorDetail(code="input_audio_buffer_commit_empty", message="empty"),
    ],
)
async def test_an_error_is_matched_by_event_id_or_else_by_code(error: ErrorDetail) -> None:
    pending = PendingRequests()
    other = request(pending, "other", "conversation.item.delete", item_id="item_2")
    commit = request(pending, "mine", "input_audio_buffer.commit")
    pending.on_event(ErrorEvent(error=error))
    with pytest.raises(ServerError, match="empty"):
        await commit
    assert not other.done()


async def test_an_update_that_fails_without_event_id_does_not_shift_later_ones() -> None:
    pending = PendingRequests()
    pending.add({"type": "session.update", "event_id": "raw", "session": {}}, None)
    awaited = request(pending, "mine", "session.update", session={})
    pending.on_event(ErrorEvent(error=ErrorDetail(message="bad")))
    pending.on_event(SessionUpdated(session=RealtimeSessionConfig()))
    assert awaited.done()


async def test_the_oldest_of_too_many_requests_fails() -> None:
    pending = PendingRequests()
    futures = [request(pending, f"e{n}", "input_audio_buffer.clear") for n in range(1100)]
    given_up = [future for future in futures if future.done()]
    assert len(given_up) == 1100 - 1024
    with pytest.raises(ServerError, match="given up"):
        await given_up[0]
    pending.fail_all(ServerError("gone"))
    assert all(future.done() and future.exception() for future in futures)
