"""The comm as two ordered streams each way, because the comm can lose, repeat and reorder messages.

Owns the sending, the repeating and the asking; `page/streams.py` keeps the numbers. `Channel` numbers what the kernel
sends and keeps the newest messages, so that a page can ask for those that the server's output limiter dropped
(docs/notebook.md 5, 29). `PageInbox` puts the messages of each page back into order (docs/notebook.md 8), asks for
missing ones, and answers heartbeats with what has arrived. Must not know what other messages mean. Runs on the loop
only.

State and sound are separate streams: sound waits for its missing messages, and is late rather than lost; the
transcript, a setting or an interruption does not wait for sound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from realtime_nb.notebook.page.messages import (
    AudioDoneMessage,
    AudioMessage,
    Bye,
    Gap,
    HeartbeatReply,
    KernelGap,
    KernelMessage,
    Live,
    Lost,
    MicFrame,
    PageHeartbeat,
    PageLost,
    PageMessage,
    RefusedMessage,
    Snapshot,
    SocketFrame,
    TurnMessage,
)
from realtime_nb.notebook.page.pages import Pages
from realtime_nb.notebook.page.streams import Order, Range, SentRing, Stream

_KEEP_MESSAGES = 4096
_KEEP_BYTES = 16 * 1024 * 1024
_LEAST_SIZE = 256
"""Bytes that a message without text and sound takes, about."""
_TURN_SIZE = 1024
_MOST_REPEATED = 256
"""Messages that one request brings back; a page asks again for the rest."""
_FIRST_ASK_S = 0.06
"""How long a page's message may be late before the kernel asks for it."""
_LONGEST_PAUSE_S = 1.0
_ASKS: dict[Stream, int] = {"state": 30, "sound": 13}
"""Requests without any answer before the kernel gives a page's message up. Their pauses add up to 27 s and to 10 s, for
which a page keeps the frames of its microphone."""
_MAX_HELD = 2048
_MAX_HELD_BYTES = 16 * 1024 * 1024
_MAX_PAGES = 64
_MAX_RANGES = 64

Send = Callable[[dict[str, Any], list[bytes] | None], None]
_Sent = tuple[dict[str, Any], list[bytes] | None]
_SOUND_KINDS = {kind.__struct_config__.tag for kind in (AudioMessage, AudioDoneMessage)}


class Channel:
    """Numbers the kernel's messages, sends them to every page, and sends again what a page asks for.

    Args:
        send: puts a custom message on the comm; called on the loop's thread.

    Attributes:
        lost: messages about the state that a page asked for and that were not kept any more.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._rings: dict[Stream, SentRing[_Sent]] = {
            "state": SentRing(_KEEP_MESSAGES, _KEEP_BYTES),
            "sound": SentRing(_KEEP_MESSAGES, _KEEP_BYTES),
        }
        self.lost = 0

    def last(self, stream: Stream) -> int:
        """Return the number of the newest message in a stream."""
        return self._rings[stream].last

    def send(self, message: KernelMessage, sound: bytes | None = None) -> None:
        """Number `message` and send it to every page, with `sound` as its buffer."""
        ring = self._rings[message.stream]
        message.seq = ring.last + 1
        content: dict[str, Any] = msgspec.to_builtins(message)
        buffers = None if sound is None else [sound]
        ring.add((content, buffers), _LEAST_SIZE + (_text_size(message) if sound is None else len(sound)))
        self._send(content, buffers)

    def refuse(self, what: str, why: str) -> None:
        """Tell the pages that something a page wrote was refused."""
        self.send(RefusedMessage(what=what[:80], why=why[:300]))

    def void_sound(self, epoch: int) -> None:
        """Discard the kept sound of lower epochs: no page may play it any more."""
        self._rings["sound"].void(lambda sent: sent[0]["kind"] in _SOUND_KINDS and sent[0]["epoch"] < epoch)

    def resend(self, gap: Gap) -> bool:
        """Send again the messages that a page misses; return False where sound is not kept any more.

        The page is then told to go on without all sound sent so far: the caller sends anew what was not played. A page
        that went on from the middle of the missing sound would play later samples as if it had played these.
        """
        ring = self._rings[gap.of]
        gone: list[list[int]] = []
        kept: list[_Sent] = []
        for first, last in _joined(gap.ranges):
            if first < ring.oldest:
                if gap.of == "sound":
                    self._control(Lost(to=gap.page, of=gap.of, ranges=[[first, max(first, ring.last)]]))
                    return False
                gone.append([first, min(last, ring.oldest - 1)])
                self.lost += gone[-1][1] - first + 1
            for seq, sent in ring.repeat(first, last):
                if sent is None:
                    gone.append([seq, seq])
                else:
                    kept.append(sent)
                if len(kept) >= _MOST_REPEATED:
                    break
        if gone:
            self._control(Lost(to=gap.page, of=gap.of, ranges=_joined(gone)[:_MAX_RANGES]))
        for content, buffers in kept[:_MOST_REPEATED]:
            self._send(content, buffers)
        return True

    def ask(self, page: str, stream: Stream, ranges: list[Range]) -> None:
        """Ask a page for its messages of these numbers."""
        self._control(KernelGap(to=page, of=stream, ranges=[list(each) for each in ranges[:_MAX_RANGES]]))

    def _control(self, message: KernelMessage) -> None:
        # Not numbered: it must not wait for the very messages that it is about, and it is sent again when in doubt.
        self._send(msgspec.to_builtins(message), None)


def _text_size(message: KernelMessage) -> int:
    if isinstance(message, Snapshot):
        return sum(_TURN_SIZE + len(turn.text) for turn in (*message.turns, *message.live))
    return len(message.turn.text) if isinstance(message, Live | TurnMessage) else 0


def _size(message: PageMessage) -> int:
    if isinstance(message, MicFrame):
        return len(message.pcm)
    return len(message.data) if isinstance(message, SocketFrame) else 0


def _joined(ranges: list[list[int]]) -> list[list[int]]:
    """Sort ranges and join those that follow one another."""
    joined: list[list[int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1][1] = max(last, joined[-1][1])
        else:
            joined.append([first, last])
    return joined


class Receiver(Protocol):
    """Acts on a page's messages."""

    def deliver(self, message: PageMessage) -> None:
        """Act on the next message of a page."""


class _Line:
    """One stream of one page: its order, and when to ask again."""

    def __init__(self) -> None:
        self.order: Order[PageMessage] = Order(_size)
        self.timer: asyncio.TimerHandle | None = None
        self.asks = 0
        self.asked_up_to = 0

    def stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self.asks = 0


class PageInbox:
    """Delivers each page's messages once and in the order of their numbers.

    Args:
        receiver: acts on the messages.
        pages: counts the messages that never came.
        channel: asks the pages for missing messages, and answers their heartbeats.
    """

    def __init__(self, receiver: Receiver, pages: Pages, channel: Channel) -> None:
        self._receiver = receiver
        self._pages = pages
        self._channel = channel
        self._senders: dict[str, dict[Stream, _Line]] = {}

    def receive(self, message: PageMessage) -> None:
        """Deliver a page's message in the order of its number, or keep it until the missing earlier ones came."""
        lines = self._senders.get(message.page)
        if lines is None:
            lines = self._new_sender(message.page)
        line = lines[message.stream]
        if not message.seq:
            self._act_on_numbers(message)
            return
        if isinstance(message, Bye):
            line.order.announce(message.seq - 1)
            for stream, left in lines.items():  # the page can answer no request any more
                self._give_up(message.page, stream, 1, left.order.last)
        ready = line.order.add(message.seq, message)
        if ready is None:
            return
        for each in ready:
            self._deliver(each, lines)
        if line.order.missing or line.timer is not None:
            self._pages.alive(message.page, asyncio.get_running_loop().time())  # its heartbeats may be among what waits
            self._follow_gaps(message.page, message.stream, filled=bool(ready))

    def _act_on_numbers(self, message: PageMessage) -> None:
        """Act on a message about the numbers of others, which has none itself."""
        if isinstance(message, Gap):
            self._receiver.deliver(message)
        elif isinstance(message, PageLost):
            for first, last in message.ranges:
                self._give_up(message.page, message.of, first, last)

    def close(self) -> None:
        """Discard the messages that wait for a missing one, and ask for no more."""
        for page in list(self._senders):
            self._forget(page)

    def _new_sender(self, page: str) -> dict[Stream, _Line]:
        if len(self._senders) >= _MAX_PAGES:
            self._forget(next(iter(self._senders)))
        self._senders[page] = {"state": _Line(), "sound": _Line()}
        return self._senders[page]

    def _forget(self, page: str) -> None:
        for line in self._senders.pop(page).values():
            line.stop()

    def _deliver(self, message: PageMessage, lines: dict[Stream, _Line]) -> None:
        self._receiver.deliver(message)
        if isinstance(message, PageHeartbeat):
            sound = lines["sound"]
            sound.order.announce(message.sound)
            self._follow_gaps(message.page, "sound")
            self._channel.send(
                HeartbeatReply(
                    to=message.page,
                    sound=self._channel.last("sound"),
                    got=lines["state"].order.done,
                    got_sound=sound.order.done,
                )
            )

    def _follow_gaps(self, page: str, stream: Stream, *, filled: bool = False) -> None:
        """Ask for missing messages after a moment, in which a late one may still come; ask sooner after an answer."""
        line = self._senders[page][stream]
        if not line.order.missing or filled:
            line.stop()
        if line.order.held > _MAX_HELD or line.order.held_bytes > _MAX_HELD_BYTES:
            first, last = line.order.missing[0]
            self._give_up(page, stream, first, last)
        elif line.order.missing and line.timer is None:
            pause = min(_LONGEST_PAUSE_S, _FIRST_ASK_S * 2**line.asks)
            line.timer = asyncio.get_running_loop().call_later(pause, self._ask, page, stream)

    def _ask(self, page: str, stream: Stream) -> None:
        line = self._senders[page][stream]
        line.timer = None
        if line.asks == 0:
            line.asked_up_to = line.order.missing[-1][1]
        elif line.asks >= _ASKS[stream]:
            self._give_up(page, stream, 1, line.asked_up_to)
            return
        line.asks += 1
        self._channel.ask(page, stream, line.order.missing)
        self._follow_gaps(page, stream)

    def _give_up(self, page: str, stream: Stream, first: int, last: int) -> None:
        """Go on without messages that the page does not have any more, or never sends."""
        lines = self._senders[page]
        order = lines[stream].order
        began = order.done > 0  # a page that was forgotten and comes back goes on counting: nothing was lost
        lost, ready = order.give_up(first, last)
        self._pages.missing_messages += lost if began else 0
        for message in ready:
            self._deliver(message, lines)
        self._follow_gaps(page, stream, filled=lost > 0)
