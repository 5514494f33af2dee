"""One numbered stream of messages, at its two ends: the sender's ring, and the receiver's order.

Owns the book-keeping of numbers: which messages are kept for repeating, which arrived, which are missing, and which are
given up. `js/src/comm/order.ts` and `js/src/comm/outbox.ts` do the same in the page. Pure: must not know what a message
means, time, or the comm.

Invariant at the receiver: every number is delivered once and in order, or was given up because the sender said so or
does not answer.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Generic, Literal, TypeVar

T = TypeVar("T")
Stream = Literal["state", "sound"]
"""Two streams each way, so that the transcript, an interruption or a setting never waits for lost sound."""
Range = tuple[int, int]
"""The first and the last number of a run of messages."""


class SentRing(Generic[T]):
    """Numbers the messages that are sent, from 1, and keeps the newest for repeating.

    Args:
        most: messages kept.
        most_bytes: bytes kept.

    Attributes:
        last: the number of the newest message.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self.last = 0
        self._most = most
        self._most_bytes = most_bytes
        self._kept: deque[tuple[T | None, int]] = deque()
        self._bytes = 0

    def add(self, item: T, size: int) -> None:
        """Keep the message with the next number; `size` is what it holds in bytes."""
        self.last += 1
        self._kept.append((item, size))
        self._bytes += size
        while self._bytes > self._most_bytes or len(self._kept) > self._most:
            self._bytes -= self._kept.popleft()[1]

    @property
    def oldest(self) -> int:
        """The number of the oldest message that is kept; one more than `last` where none is."""
        return self.last - len(self._kept) + 1

    def void(self, is_void: Callable[[T], bool]) -> None:
        """Discard the messages that are void; a receiver that lacks one of them is to go on without it."""
        for index, (item, size) in enumerate(self._kept):
            if item is not None and is_void(item):
                self._kept[index] = (None, 0)
                self._bytes -= size

    def repeat(self, first: int, last: int) -> Iterator[tuple[int, T | None]]:
        """Yield the kept messages with these numbers; None stands for one that was discarded."""
        oldest = self.oldest
        for seq in range(max(first, oldest), min(last, self.last) + 1):
            yield seq, self._kept[seq - oldest][0]


class Order(Generic[T]):
    """Puts the messages of one stream back into order; numbers start at 1.

    Args:
        size: the bytes of a message.

    Attributes:
        last: the highest number that is known to have been sent.
        done: every number up to this one was delivered or given up.
        missing: the runs of numbers that were sent and did not arrive, in order.
        held_bytes: bytes of the messages that wait for a missing one.
    """

    def __init__(self, size: Callable[[T], int] = lambda item: 0) -> None:
        self.last = 0
        self.done = 0
        self.missing: list[Range] = []
        self.held_bytes = 0
        self._size = size
        self._held: dict[int, T] = {}

    @property
    def held(self) -> int:
        """How many messages wait for a missing one."""
        return len(self._held)

    def announce(self, last: int) -> None:
        """Note that the sender has sent messages up to this number."""
        if last <= self.last:
            return
        first = self.last + 1
        if self.missing and self.missing[-1][1] == self.last:
            first = self.missing.pop()[0]
        self.missing.append((first, last))
        self.last = last

    def add(self, seq: int, item: T) -> list[T] | None:
        """Accept a message, and return those to deliver now; None for a repeated one."""
        if seq == self.last + 1 and not self.missing:
            self.last = self.done = seq
            return [item]
        self.announce(seq)
        if not self._strike(seq, seq):
            return None
        self._held[seq] = item
        self.held_bytes += self._size(item)
        return self._ready()

    def give_up(self, first: int, last: int) -> tuple[int, list[T]]:
        """Go on without these messages; return how many of them were missing, and the messages to deliver now."""
        lost = self._strike(first, last)
        return lost, self._ready()

    def _strike(self, first: int, last: int) -> int:
        """Remove numbers from `missing`, and return how many of them were in it."""
        struck, left = 0, list[Range]()
        begin = until = bisect_left(self.missing, first, key=itemgetter(1))
        while until < len(self.missing) and self.missing[until][0] <= last:
            start, end = self.missing[until]
            struck += min(end, last) - max(start, first) + 1
            if start < first:
                left.append((start, first - 1))
            if last < end:
                left.append((last + 1, end))
            until += 1
        self.missing[begin:until] = left
        return struck

    def _ready(self) -> list[T]:
        done = self.missing[0][0] - 1 if self.missing else self.last
        if done == self.done:
            return []
        self.done = done
        # Sorted, not counted up: a sender may skip any number of messages at once.
        ready = [self._held.pop(seq) for seq in sorted(seq for seq in self._held if seq <= done)]
        self.held_bytes -= sum(map(self._size, ready))
        return ready
