"""Events leave in the order of the calls, also those that waited for a transport."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_nb.client.events.normalizer import EventNormalizer
from realtime_nb.client.events.pending_requests import PendingRequests
from realtime_nb.client.events.sender import Sender
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.transport.base import TransportClosed
from realtime_nb.client.transport.link import Link
from realtime_nb.errors import ConnectError
from realtime_nb.wire.realtime import user_message
from tests.unit.client.fakes import Address, Recorded


class Mortal(Recorded):
    """A recording transport that breaks at event number `dies_after`."""

    def __init__(self) -> None:
        super().__init__()
        self.dies_after = 1000
        self.link: Link | None = None

    async def send(self, frame: bytes | str) -> None:
        await super().send(frame)
        if len(self.sent) >= self.dies_after:
            assert self.link is not None
            self.link.transport = None
            self.link.set_state("reconnecting")
            raise TransportClosed(1006)


def parts(*, reconnects: bool = True) -> tuple[Link, Sender, Mortal]:
    """A link that is not open yet, its sender, and the transport to open it with."""
    link = Link(Address(), reconnects=reconnects)
    transport = Mortal()
    transport.link = link
    return link, Sender(link, SessionConfig(), EventNormalizer(), PendingRequests(keep_all=reconnects)), transport


def item(text: str) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": user_message(text)}


def texts(transport: Recorded) -> list[str]:
    return [event["item"]["content"][0]["text"] for event in transport.sent]


async def test_events_sent_before_the_link_opens_are_sent_first() -> None:
    link, sender, transport = parts()
    for text in ("one", "two"):
        await sender.send(item(text))
    link.transport = transport
    await sender.send_offline()
    link.set_state("open")
    await sender.send(item("three"))
    assert texts(transport) == ["one", "two", "three"]


async def test_a_transport_lost_with_the_last_waiting_event_does_not_count_as_open() -> None:
    link, sender, transport = parts()
    await sender.send(item("one"))
    link.transport, transport.dies_after = transport, 1
    with pytest.raises(TransportClosed):
        await sender.send_offline()


async def test_queued_events_leave_in_order_and_fail_their_futures_after_the_end() -> None:
    link, sender, transport = parts(reconnects=False)
    link.transport = transport
    link.set_state("open")
    for text in ("one", "two"):
        sender.post({"type": "conversation.item.create", "item": {"content": [{"type": "input_text", "text": text}]}})
    await sender.flushed()
    assert texts(transport) == ["one", "two"]
    transport.dies_after = 1
    answer = sender.post({"type": "response.create"})
    await sender.flushed()
    with pytest.raises(ConnectError, match="ws://here"):
        await answer


async def test_sound_is_dropped_while_reconnecting() -> None:
    link, sender, transport = parts()
    link.set_state("reconnecting")
    assert not await sender.append(bytes(480))
    assert link.dropped_bytes == 480
    link.transport = transport
    link.set_state("open")
    assert await sender.append(bytes(480))
    assert [event["type"] for event in transport.sent] == ["input_audio_buffer.append"]


async def test_a_commit_while_reconnecting_raises_because_its_sound_is_lost() -> None:
    link, sender, _ = parts()
    link.set_state("reconnecting")
    with pytest.raises(ConnectError, match="commit"):
        await sender.send({"type": "input_audio_buffer.commit"})
