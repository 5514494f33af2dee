"""A page and the kernel see one ordered stream, although the comm loses, repeats and reorders messages."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.notebook.page import channel
from realtime_nb.notebook.page import messages as m
from realtime_nb.notebook.page.channel import Channel, PageInbox
from realtime_nb.notebook.page.pages import Pages
from tests.contract.kernel_messages import decode_kernel


def _frame(seq: int, page: str = "p") -> m.MicFrame:
    return m.MicFrame(seq=seq, page=page, frame=seq - 1, level=0, pcm=b"\0\0")


def _gap(of: Any, *ranges: list[int]) -> m.Gap:
    return m.Gap(page="p", of=of, ranges=list(ranges))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "_FIRST_ASK_S", 0.001)
    monkeypatch.setattr(channel, "_LONGEST_PAUSE_S", 0.002)


class Wire:
    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.delivered: list[Any] = []
        self.channel = Channel(lambda content, buffers: self.sent.append(content))
        self.pages = Pages()
        self.inbox = PageInbox(self, self.pages, self.channel)
        self._came = asyncio.Event()

    def deliver(self, message: m.PageMessage) -> None:
        self.delivered.append(message)
        self._came.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.delivered) < count:
                self._came.clear()
                await self._came.wait()


class LossyPage(Wire):
    """A page that keeps its newest messages, on a comm that loses, repeats and reorders in both directions."""

    def __init__(self, seed: int, loss: float, keep: int) -> None:
        super().__init__()
        self.loss = loss
        self.kept: dict[int, m.MicFrame] = {}
        self.last = 0
        self.said_lost = 0
        self.channel._send = lambda content, buffers: self._from_kernel(content)
        self._keep = keep
        self._random = random.Random(seed)
        self._flying: list[m.PageMessage] = []

    def speak(self) -> None:
        self.last += 1
        self.kept[self.last] = _frame(self.last)
        self.kept.pop(self.last - self._keep, None)
        self._fly(self.kept[self.last])

    def _fly(self, message: m.PageMessage) -> None:
        for _ in range(self._random.choice((1, 1, 1, 2))):
            if self._random.random() >= self.loss:
                self._flying.insert(self._random.randrange(len(self._flying) + 1), message)
        asyncio.get_running_loop().call_soon(self._land)

    def _land(self) -> None:
        flying, self._flying = self._flying, []
        for message in flying:
            self.inbox.receive(message)

    def _from_kernel(self, content: dict[str, Any]) -> None:
        if content["kind"] != "gap" or self._random.random() < self.loss:
            return
        asked = [seq for first, last in content["ranges"] for seq in range(first, last + 1)]
        for seq in asked:
            if seq in self.kept:
                self._fly(self.kept[seq])
        if gone := [[seq, seq] for seq in asked if seq not in self.kept]:
            self._fly(m.PageLost(page="p", of=content["of"], ranges=gone[:64]))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("loss", "keep"), [(0.0, 1000), (0.3, 1000), (0.6, 1000), (0.5, 10)])
async def test_every_frame_arrives_once_in_order_or_counts_as_missing(seed: int, loss: float, keep: int) -> None:
    page = LossyPage(seed, loss, keep)
    for number in range(200):
        page.speak()
        if number % 10 == 0:
            await asyncio.sleep(0)
    page.loss = 0.0  # the way is free again
    page._fly(m.PageHeartbeat(seq=1, page="p", every=1, sound=page.last))
    async with asyncio.timeout(10):
        while page.inbox._senders["p"]["sound"].order.done < page.last:  # noqa: ASYNC110 - timers of the inbox
            await asyncio.sleep(0.001)
    page.inbox.close()
    numbers = [message.seq for message in page.delivered if isinstance(message, m.MicFrame)]
    assert numbers == sorted(set(numbers))
    assert len(numbers) + page.pages.missing_messages == page.last or numbers[0] > 1
    if keep == 1000:
        assert len(numbers) == page.last


@given(st.permutations(range(1, 12)), st.lists(st.integers(1, 11), max_size=6))
def test_messages_of_a_page_are_delivered_once_and_in_order(order: list[int], repeats: list[int]) -> None:
    async def scene() -> list[int]:
        wire = Wire()
        for seq in [*order, *repeats]:
            wire.inbox.receive(_frame(seq))
        wire.inbox.close()
        return [message.seq for message in wire.delivered]

    assert asyncio.run(scene()) == list(range(1, 12))


async def test_missing_messages_are_asked_for_again_and_again_then_given_up_and_counted() -> None:
    wire = Wire()
    for seq in (1, 2, 5, 6, 8):
        wire.inbox.receive(_frame(seq))
    assert [message.seq for message in wire.delivered] == [1, 2]
    await wire.until(5)
    asked = [content for content in wire.sent if content["kind"] == "gap"]
    assert len(asked) == 13
    assert (asked[0]["to"], asked[0]["of"], asked[0]["ranges"]) == ("p", "sound", [[3, 4], [7, 7]])
    assert [message.seq for message in wire.delivered] == [1, 2, 5, 6, 8]
    assert wire.pages.missing_messages == 3


async def test_message_that_the_page_does_not_keep_any_more_is_given_up_at_once() -> None:
    wire = Wire()
    for seq in (1, 4):
        wire.inbox.receive(_frame(seq))
    wire.inbox.receive(m.PageLost(page="p", of="sound", ranges=[[2, 3]]))
    assert [message.seq for message in wire.delivered] == [1, 4]
    assert wire.pages.missing_messages == 2


async def test_state_does_not_wait_for_missing_sound() -> None:
    wire = Wire()
    wire.inbox.receive(_frame(2))
    wire.inbox.receive(m.Interrupt(seq=1, page="p"))
    assert [type(message) for message in wire.delivered] == [m.Interrupt]
    wire.inbox.close()


async def test_heartbeat_is_answered_with_what_arrived_and_reveals_lost_frames_at_the_end() -> None:
    wire = Wire()
    wire.inbox.receive(_frame(1))
    wire.channel.send(m.LeaseMessage(page="p"))
    wire.inbox.receive(m.PageHeartbeat(seq=1, page="p", every=1, sound=3))
    reply = decode_kernel(wire.sent[-1])
    assert reply == m.HeartbeatReply(seq=1, to="p", sound=1, got=1, got_sound=1)
    async with asyncio.timeout(5):
        while wire.sent[-1]["kind"] != "gap":  # noqa: ASYNC110 - a timer of the inbox
            await asyncio.sleep(0)
    assert wire.sent[-1]["ranges"] == [[2, 3]]
    wire.inbox.close()


async def test_goodbye_is_acted_upon_without_the_messages_before_it() -> None:
    wire = Wire()
    wire.inbox.receive(m.Retry(seq=2, page="p"))
    wire.inbox.receive(_frame(3))
    wire.inbox.receive(m.Bye(seq=5, page="p"))
    assert [type(message) for message in wire.delivered] == [m.Retry, m.MicFrame, m.Bye]
    wire.inbox.receive(m.Retry(seq=6, page="p"))
    assert isinstance(wire.delivered[-1], m.Retry)
    wire.inbox.close()


async def test_messages_of_a_page_that_was_forgotten_are_not_counted_as_missing() -> None:
    wire = Wire()
    wire.inbox.receive(_frame(7))
    wire.inbox.receive(m.PageLost(page="p", of="sound", ranges=[[1, 6]]))
    assert [message.seq for message in wire.delivered] == [7]
    assert wire.pages.missing_messages == 0


async def test_missing_message_of_one_page_delays_no_other_page() -> None:
    wire = Wire()
    wire.inbox.receive(_frame(2, "late"))
    wire.inbox.receive(_frame(1, "prompt"))
    assert [message.page for message in wire.delivered] == ["prompt"]
    wire.inbox.close()


def test_messages_of_a_gap_are_sent_again_with_their_numbers() -> None:
    wire = Wire()
    for epoch in range(6):
        wire.channel.send(m.Flush(epoch=epoch))
    wire.sent.clear()
    assert wire.channel.resend(_gap("state", [2, 3], [6, 6]))
    assert [(c["seq"], c["epoch"]) for c in wire.sent] == [(2, 1), (3, 2), (6, 5)]


def test_sound_and_state_have_numbers_of_their_own() -> None:
    wire = Wire()
    for message in (m.LeaseMessage(page="p"), m.Flush(epoch=1), m.LeaseMessage(page="q")):
        wire.channel.send(message)
    assert [c["seq"] for c in wire.sent] == [1, 1, 2]
    assert (wire.channel.last("state"), wire.channel.last("sound")) == (1, 2)


def test_state_that_is_not_kept_any_more_is_reported_lost_and_counted() -> None:
    wire = Wire()
    for _ in range(5000):
        wire.channel.send(m.Gone(item_id="i"))
    wire.sent.clear()
    assert wire.channel.resend(_gap("state", [1, 906]))
    lost, *again = wire.sent
    assert decode_kernel(lost) == m.Lost(to="p", of="state", ranges=[[1, 904]])
    assert [c["seq"] for c in again] == [905, 906]
    assert wire.channel.lost == 904


def test_page_is_told_to_go_on_without_all_sound_when_some_is_not_kept_any_more() -> None:
    wire = Wire()
    for _ in range(5000):
        wire.channel.send(m.LeaseMessage(page="p"))
    wire.sent.clear()
    assert not wire.channel.resend(_gap("sound", [900, 910]))
    assert [decode_kernel(content) for content in wire.sent] == [m.Lost(to="p", of="sound", ranges=[[900, 5000]])]


def test_sound_of_an_interrupted_answer_is_not_sent_again() -> None:
    wire = Wire()
    for epoch in (0, 0, 1):
        wire.channel.send(m.AudioMessage(epoch=epoch, item_id="i", content_index=0, start=0), sound=b"\0\0")
    wire.channel.void_sound(1)
    wire.sent.clear()
    assert wire.channel.resend(_gap("sound", [1, 3]))
    lost, again = wire.sent
    assert decode_kernel(lost) == m.Lost(to="p", of="sound", ranges=[[1, 2]])
    assert (again["seq"], again["epoch"]) == (3, 1)
    assert wire.channel.lost == 0


@pytest.mark.parametrize("ranges", [[[3, 3]], [[1, 2**40]], [[2**40, 2**41]], [[1, 3]] * 64])
def test_gap_beyond_what_was_sent_resends_only_what_exists(ranges: list[list[int]]) -> None:
    wire = Wire()
    for _ in range(3):
        wire.channel.send(m.Gone(item_id="i"))
    wire.sent.clear()
    wire.channel.resend(_gap("state", *ranges))
    assert len(wire.sent) <= 3
