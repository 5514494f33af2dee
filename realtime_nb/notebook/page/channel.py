"""The comm as a stream that can lose, repeat and reorder, and yet does not.

Owns numbers, order and resending in both directions. Must not know what a message means beyond that. Runs on the
loop only.

The kernel's messages carry one count for all pages of a widget, and a ring keeps the newest, so that a page can ask
for what the server's output limiter dropped. Each page counts its own messages; what comes early waits a moment for
what is missing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from realtime_nb.notebook.page.messages import Gap, KernelMessage, Lost, PageMessage

__all__ = ["Channel"]

_KEEP_MESSAGES = 4096
_KEEP_BYTES = 32 * 1024 * 1024
_PATIENCE_S = 0.3
_MAX_HELD = 256
_MAX_PAGES = 64

Send = Callable[[dict[str, Any], list[bytes] | None], None]


class _Sender:
    """What one page has sent: the next number, and what came before its turn."""

    def __init__(self) -> None:
        self.next = 1
        self.held: dict[int, PageMessage] = {}
        self.timer: asyncio.TimerHandle | None = None


class Channel:
    """Numbered messages in both directions.

    Args:
        send: puts a custom message on the comm; may be called from the loop's thread.
        deliver: takes each page's messages, in that page's order, each once.

    Attributes:
        seq: the number of the last message sent.
        missed: messages of pages that never came.
    """

    def __init__(self, send: Send, deliver: Callable[[PageMessage], None]) -> None:
        self._send = send
        self._deliver = deliver
        self._ring: deque[tuple[int, dict[str, Any], list[bytes] | None, int]] = deque()
        self._ring_bytes = 0
        self._senders: dict[str, _Sender] = {}
        self.seq = 0
        self.missed = 0

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

    def resend(self, gap: Gap) -> None:
        """Send again what a page misses; say which of it is gone."""
        last = min(gap.last, self.seq)
        oldest = self._ring[0][0] if self._ring else self.seq + 1
        if gap.first < oldest:
            # It stands in the stream where the lost ones stood, so it can neither wait for them nor open a gap.
            self._send(msgspec.to_builtins(Lost(seq=gap.first, first=gap.first, last=min(last, oldest - 1))), None)
        for seq in range(max(gap.first, oldest), last + 1):
            _, content, buffers, _ = self._ring[seq - oldest]
            self._send(content, buffers)

    def receive(self, message: PageMessage) -> None:
        """Take a page's message and deliver it in its turn: once, in order, and never later than a moment."""
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
        sender.next += 1
        self._deliver(message)
        self._drain(sender)

    def forget(self, page: str) -> None:
        """A page said goodbye."""
        if page in self._senders:
            self._forget(page)

    def close(self) -> None:
        """Stop waiting for anything."""
        for page in list(self._senders):
            self._forget(page)

    def _forget(self, page: str) -> None:
        timer = self._senders.pop(page).timer
        if timer is not None:
            timer.cancel()

    def _skip(self, sender: _Sender) -> None:
        sender.timer = None
        if sender.held:
            first = min(sender.held)
            self.missed += first - sender.next
            sender.next = first
            self._drain(sender)

    def _drain(self, sender: _Sender) -> None:
        while (message := sender.held.pop(sender.next, None)) is not None:
            sender.next += 1
            self._deliver(message)
        if sender.timer is not None:
            sender.timer.cancel()
            sender.timer = None
        if sender.held:
            sender.timer = asyncio.get_running_loop().call_later(_PATIENCE_S, self._skip, sender)
