"""A page and the kernel see one ordered stream, although the comm loses, repeats and reorders messages."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.notebook.page import messages as m
from realtime_nb.notebook.page.channel import Channel, PageInbox
from realtime_nb.notebook.page.pages import Pages
from tests.contract.kernel_messages import decode_kernel


def _frame(seq: int, page: str = "p") -> m.MicFrame:
    return m.MicFrame(seq=seq, page=page, frame=seq - 1, level=0, pcm=b"\0\0")


class Wire:
    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.delivered: list[Any] = []
        self.channel = Channel(lambda content, buffers: self.sent.append(content))
        self.pages = Pages()
        self.inbox = PageInbox(self, self.pages)
        self._came = asyncio.Event()

    def deliver(self, message: m.PageMessage) -> None:
        self.delivered.append(message)
        self._came.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.delivered) < count:
                self._came.clear()
                await self._came.wait()


@given(st.permutations(range(1, 12)), st.lists(st.integers(1, 11), max_size=6))
def test_messages_of_a_page_are_delivered_once_and_in_order(order: list[int], repeats: list[int]) -> None:
    async def scene() -> list[int]:
        wire = Wire()
        for seq in [*order, *repeats]:
            wire.inbox.receive(_frame(seq))
        wire.inbox.close()
        return [message.seq for message in wire.delivered]

    assert asyncio.run(scene()) == list(range(1, 12))


async def test_message_that_never_comes_is_given_up_and_counted() -> None:
    wire = Wire()
    for seq in (1, 2, 5, 6):
        wire.inbox.receive(_frame(seq))
    assert [message.seq for message in wire.delivered] == [1, 2]
    await wire.until(4)
    assert [message.seq for message in wire.delivered] == [1, 2, 5, 6]
    assert wire.pages.missing_messages == 2


async def test_messages_of_a_page_that_comes_back_after_its_goodbye_are_not_counted_as_missing() -> None:
    wire = Wire()
    for message in (_frame(1), m.Bye(seq=2, page="p"), _frame(3)):
        wire.inbox.receive(message)
    await wire.until(3)
    assert [message.seq for message in wire.delivered] == [1, 2, 3]
    assert wire.pages.missing_messages == 0


async def test_missing_message_of_one_page_delays_no_other_page() -> None:
    wire = Wire()
    wire.inbox.receive(_frame(2, "late"))
    wire.inbox.receive(_frame(1, "prompt"))
    assert [message.page for message in wire.delivered] == ["prompt"]
    wire.inbox.close()


def test_messages_of_a_gap_are_sent_again_with_their_numbers() -> None:
    wire = Wire()
    for epoch in range(5):
        wire.channel.send(m.Flush(epoch=epoch))
    wire.sent.clear()
    wire.channel.resend(m.Gap(seq=1, page="p", first=2, last=4))
    assert [(c["seq"], c["epoch"]) for c in wire.sent] == [(2, 1), (3, 2), (4, 3)]


def test_messages_that_are_not_kept_any_more_are_reported_lost_and_counted() -> None:
    wire = Wire()
    for _ in range(5000):
        wire.channel.send(m.HeartbeatReply())
    wire.sent.clear()
    wire.channel.resend(m.Gap(seq=1, page="p", first=1, last=906))
    lost, *again = wire.sent
    assert decode_kernel(lost) == m.Lost(seq=1, first=1, last=904)
    assert [c["seq"] for c in again] == [905, 906]


@pytest.mark.parametrize(("first", "last"), [(3, 3), (1, 2**40), (2**40, 2**41)])
def test_gap_beyond_what_was_sent_resends_only_what_exists(first: int, last: int) -> None:
    wire = Wire()
    for _ in range(3):
        wire.channel.send(m.HeartbeatReply())
    wire.sent.clear()
    wire.channel.resend(m.Gap(seq=1, page="p", first=first, last=last))
    assert len(wire.sent) <= 3
