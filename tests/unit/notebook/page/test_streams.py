"""Over a line that loses, repeats and reorders at random, all arrives once and in order, or is said to be lost."""

from __future__ import annotations

import random
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.notebook.page.streams import Order, SentRing


def _numbers(ranges: Iterable[tuple[int, int]]) -> list[int]:
    return [seq for first, last in ranges for seq in range(first, last + 1)]


class Line:
    """A ring and an order, joined by a line that loses messages, requests and answers alike."""

    def __init__(self, seed: int, loss: float, kept: int) -> None:
        self.ring: SentRing[int] = SentRing(kept, 10**9)
        self.order: Order[int] = Order()
        self.delivered: list[int] = []
        self.lost: list[int] = []
        self._random = random.Random(seed)
        self._loss = loss
        self._flying: list[int] = []

    def send(self) -> None:
        self.ring.add(self.ring.last + 1, 1)
        self._fly(self.ring.last)

    def _fly(self, seq: int) -> None:
        for _ in range(self._random.choice((1, 1, 1, 2))):
            if self._random.random() >= self._loss:
                self._flying.insert(self._random.randrange(len(self._flying) + 1), seq)

    def land(self, count: int) -> None:
        for seq in self._flying[:count]:
            self.delivered += self.order.add(seq, seq) or []
        del self._flying[:count]

    def ask(self) -> None:
        if self._random.random() < self._loss:
            return
        for first, last in list(self.order.missing):
            if first < self.ring.oldest:
                gone = min(last, self.ring.oldest - 1)
                self.lost += [seq for seq in _numbers(self.order.missing) if first <= seq <= gone]
                _, ready = self.order.give_up(first, gone)
                self.delivered += ready
            for seq, item in self.ring.repeat(first, last):
                assert item == seq
                self._fly(seq)


@given(
    st.integers(0, 2**32),
    st.floats(0, 0.8),
    st.sampled_from([5, 40, 10_000]),
    st.lists(st.sampled_from(["send", "land", "ask"]), max_size=200),
)
def test_every_message_arrives_once_in_order_or_is_said_to_be_lost(
    seed: int, loss: float, kept: int, steps: list[str]
) -> None:
    line = Line(seed, loss, kept)
    for step in steps:
        if step == "send":
            line.send()
        elif step == "land":
            line.land(2)
        else:
            line.ask()
    line._loss = 0.0  # the way is free again
    line.order.announce(line.ring.last)
    for _ in range(3):
        line.ask()
        line.land(10**6)
    assert line.delivered == sorted(set(line.delivered))
    assert sorted([*line.delivered, *line.lost]) == list(range(1, line.ring.last + 1))
    assert (line.order.missing, line.order.held, line.order.done) == ([], 0, line.ring.last)
    if kept == 10_000:
        assert not line.lost


def test_message_that_is_void_is_not_repeated() -> None:
    ring: SentRing[str] = SentRing(10, 100)
    for item in ("old", "keep", "old"):
        ring.add(item, 10)
    ring.void(lambda item: item == "old")
    assert list(ring.repeat(1, 5)) == [(1, None), (2, "keep"), (3, None)]


def test_ring_keeps_the_newest_messages_within_its_limits() -> None:
    ring: SentRing[int] = SentRing(4, 25)
    for number in range(1, 7):
        ring.add(number, 10)
    assert (ring.oldest, ring.last) == (5, 6)
    for number in range(7, 20):
        ring.add(number, 1)
    assert (ring.oldest, ring.last) == (16, 19)


def test_giving_up_any_number_of_messages_costs_nothing() -> None:
    order: Order[str] = Order()
    assert order.add(2**53, "last") == []
    assert order.give_up(1, 2**53 - 1) == (2**53 - 1, ["last"])
    assert order.add(3, "late") is None
