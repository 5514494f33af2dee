"""The comm as an ordered stream: numbers, order and resending, because the comm can lose, repeat and reorder messages.

Owns both directions' sequence numbers. `Channel` numbers what the kernel sends and keeps the newest messages, so that a
page can ask for those that the server's output limiter dropped (docs/notebook.md 5). `PageInbox` puts the messages of
each page back into order (docs/notebook.md 8). Must not know what a message means beyond that. Runs on the loop only.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from realtime_nb.notebook.page.messages import Bye, Gap, KernelMessage, Lost, PageMessage, RefusedMessage
from realtime_nb.notebook.page.pages import Pages

_KEEP_MESSAGES = 4096
_KEEP_BYTES = 32 * 1024 * 1024
_PATIENCE_S = 0.3
"""How long later messages of a page wait for a missing one before it counts as lost."""
_MAX_HELD = 256
_MAX_PAGES = 64

Send = Callable[[dict[str, Any], list[bytes] | None], None]


class Channel:
    """Numbers the kernel's messages, sends them to every page, and sends again what a page asks for.

    Args:
        send: puts a custom message on the comm; called on the loop's thread.

    Attributes:
        seq: the number of the last message sent.
        lost: messages that a page asked for and that were not kept any more.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._ring: deque[tuple[int, dict[str, Any], list[bytes] | None, int]] = deque()
        self._ring_bytes = 0
        self.seq = 0
        self.lost = 0

    def send(self, message: KernelMessage, sound: bytes | None = None) -> None:
        """Number `message` and send it to every page, with `sound` as its buffer."""
        self.seq += 1
        message.seq = self.seq
        content: dict[str, Any] = msgspec.to_builtins(message)
        buffers = None if sound is None else [sound]
        size = 256 + (len(sound) if sound is not None else 0)
        self._ring.append((self.seq, content, buffers, size))
        self._ring_bytes += size
        while self._ring_bytes > _KEEP_BYTES or len(self._ring) > _KEEP_MESSAGES:
            self._ring_bytes -= self._ring.popleft()[3]
        self._send(content, buffers)

    def refuse(self, what: str, why: str) -> None:
        """Tell the pages that something a page wrote was refused."""
        self.send(RefusedMessage(what=what[:80], why=why[:300]))

    def resend(self, gap: Gap) -> None:
        """Send again the messages that a page misses, and say which of them are not kept any more."""
        last = min(gap.last, self.seq)
        oldest = self._ring[0][0] if self._ring else self.seq + 1
        if gap.first < oldest:
            gone = min(last, oldest - 1)
            self.lost += max(0, gone - gap.first + 1)
            # It has the number of the first lost message, so it can neither wait for that one nor open a gap.
            self._send(msgspec.to_builtins(Lost(seq=gap.first, first=gap.first, last=gone)), None)
        for seq in range(max(gap.first, oldest), last + 1):
            _, content, buffers, _ = self._ring[seq - oldest]
            self._send(content, buffers)


class Receiver(Protocol):
    """Acts on a page's messages."""

    def deliver(self, message: PageMessage) -> None:
        """Act on the next message of a page."""


class _Sender:
    """The order of one page's messages: the number expected next, and the messages that came too early."""

    def __init__(self) -> None:
        self.next = 1
        self.held: dict[int, PageMessage] = {}
        self.timer: asyncio.TimerHandle | None = None


class PageInbox:
    """Delivers each page's messages once and in the order of their numbers.

    Args:
        receiver: acts on the messages.
        pages: counts the messages that never came.
    """

    def __init__(self, receiver: Receiver, pages: Pages) -> None:
        self._receiver = receiver
        self._pages = pages
        self._senders: dict[str, _Sender] = {}

    def receive(self, message: PageMessage) -> None:
        """Deliver a page's message in the order of its number; a missing earlier one delays it by 0.3 s at most."""
        sender = self._senders.get(message.page)
        if sender is None:
            if len(self._senders) >= _MAX_PAGES:
                self._forget(next(iter(self._senders)))
            sender = self._senders[message.page] = _Sender()
        if message.seq < sender.next or message.seq in sender.held:
            return
        if message.seq > sender.next:
            sender.held[message.seq] = message
            if len(sender.held) > _MAX_HELD:
                self._skip(sender)
            elif sender.timer is None:
                sender.timer = asyncio.get_running_loop().call_later(_PATIENCE_S, self._skip, sender)
            return
        self._deliver(sender, message)
        self._drain(sender)

    def close(self) -> None:
        """Discard the messages that wait for a missing one."""
        for page in list(self._senders):
            self._forget(page)

    def _deliver(self, sender: _Sender, message: PageMessage) -> None:
        sender.next += 1
        if isinstance(message, Bye):
            self._forget(message.page)
        self._receiver.deliver(message)

    def _forget(self, page: str) -> None:
        sender = self._senders.pop(page, None)
        if sender is not None:
            sender.held.clear()
            if sender.timer is not None:
                sender.timer.cancel()

    def _skip(self, sender: _Sender) -> None:
        """Give up the missing messages before the earliest one that waits."""
        sender.timer = None
        if sender.held:
            first = min(sender.held)
            if sender.next > 1:  # a page that comes back after its goodbye goes on counting: nothing was lost
                self._pages.missing_messages += first - sender.next
            sender.next = first
            self._drain(sender)

    def _drain(self, sender: _Sender) -> None:
        while (message := sender.held.pop(sender.next, None)) is not None:
            self._deliver(sender, message)
        if sender.timer is not None:
            sender.timer.cancel()
            sender.timer = None
        if sender.held:
            sender.timer = asyncio.get_running_loop().call_later(_PATIENCE_S, self._skip, sender)
