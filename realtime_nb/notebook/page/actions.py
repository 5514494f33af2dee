"""What pages ask for: each message of a page, and what is done about it.

Owns the meaning of a page's messages, who has the sound, and the microphone's comings and goings. Must not know the
wire. Runs on the loop only; `Bridge` is the hand, this is what a page makes it do.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from realtime_nb.errors import MicrophoneError
from realtime_nb.notebook.microphone_remedies import microphone_remedy
from realtime_nb.notebook.page import messages as m

if TYPE_CHECKING:
    from realtime_nb.notebook.controller import Bridge

__all__ = ["PageActions"]

_SWEEP_S = 2.0
_MAX_CLIP_SAMPLES = 5 * 1024 * 1024 // 2


class PageActions:
    """Acts on the messages of a widget's pages.

    Args:
        bridge: the widget's conversation.
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._sweeping: asyncio.TimerHandle | None = None
        self._sweep_at = 0.0
        self._stopped_items: list[m.PlayedItem] | None = None

    def close(self) -> None:
        """Watch pages no more."""
        if self._sweeping is not None:
            self._sweeping.cancel()

    def deliver(self, message: m.PageMessage) -> None:
        """Act on a page's next message; what it says of its sound, in order with the frames that it mirrors."""
        if isinstance(message, m.SocketMessage):
            if self._bridge.pages.get(message.page) is not None:
                self._bridge.pages.heard(message.page, asyncio.get_running_loop().time())
            self._bridge.sockets.take(message)
        elif isinstance(message, m.Hello | m.Bye | m.PageHeartbeat | m.Gap):
            self._act(message)
        else:
            self._bridge.sockets.in_order(message.page, lambda: self._act(message))

    def _act(self, message: m.PageMessage) -> None:
        now = asyncio.get_running_loop().time()
        known = self._bridge.pages.get(message.page) is not None
        page = self._bridge.pages.heard(message.page, now)
        if not known and not isinstance(message, m.Hello | m.Bye):
            # A background tab that had fallen silent is back, and was told nothing meanwhile.
            self._bridge.transcript.snapshot(message.page, self._bridge.speaker.epoch)
        if isinstance(message, m.MicFrame):
            sent = message.sent or self._bridge.sockets.live(message.page)
            self._bridge.microphone.take(message.page, message.frame, message.level, message.pcm, sent=sent)
            self._bridge.gauges.dirty()
        elif isinstance(message, m.PlayState | m.PlayStopped):
            if (
                isinstance(message, m.PlayStopped)
                and message.cause == "user"
                and message.page == self._bridge.pages.lease
            ):
                self._stopped_items = message.items
            self._bridge.speaker.report(message)
            self._bridge.gauges.dirty()
        elif isinstance(message, m.PageHeartbeat):
            self._bridge.channel.send(m.HeartbeatReply())
            self._sweep_pages(now)
        elif isinstance(message, m.Gap):
            self._bridge.channel.resend(message)
        elif isinstance(message, m.Hello):
            self._hello(message, now)
        elif isinstance(message, m.Bye):
            self._bridge.pages.leave(message.page)
            self._bridge.channel.forget(message.page)
            self._mic_off(message.page, None)
            self._sweep_pages(now)
            self._bridge.sockets.look()
        elif isinstance(message, m.LeaseClaim):
            self._claim(message.page, now)
        elif isinstance(message, m.MicOpen):
            self._claim(message.page, now)
            page.capturing = True
            self._bridge.microphone.open(message.page)
            self._bridge.microphone_error = None
            self._bridge.gauges.facts.capturing = self._bridge.microphone.capturing
            self._bridge.clear_error()
            self._bridge.do(self._listen)
        elif isinstance(message, m.MicClose):
            self._mic_off(message.page, message.frames)
            if self._bridge.settings["turn_detection"] is not None:
                self._bridge.do(self._bridge.end_turn)
        elif isinstance(message, m.MicError):
            self._mic_failed(message)
        elif isinstance(message, m.SendText):
            self._claim(message.page, now)
            self._bridge.clear_error()
            text = message.text
            self._bridge.do(lambda: self._bridge.send_text(text))
        elif isinstance(message, m.Interrupt):
            self._bridge.do(self._user_interrupt)
        elif isinstance(message, m.Commit):
            self._bridge.do(self._bridge.commit)
        elif isinstance(message, m.ClipRequest):
            self._clip(message)
        elif isinstance(message, m.EventsWanted):
            page.events = message.on
        else:  # Retry
            self._bridge.clear_error()
            self._bridge.do(self._bridge.start)

    def _hello(self, message: m.Hello, now: float) -> None:
        if message.version != m.VERSION:
            self._bridge.refused(
                "hello", f"the page speaks version {message.version}, the kernel {m.VERSION}: reload the page"
            )
        self._sweep_pages(now)
        self._bridge.transcript.snapshot(message.page, self._bridge.speaker.epoch)
        self._bridge.sockets.look()
        if self._bridge.sockets.page == message.page:
            self._bridge.direct.remind()
        elif self._bridge.pages.lease == message.page:
            self._bridge.speaker.move()  # an answer that nobody has heard yet
        if self._sweeping is None:
            self._sweep_later()
        if self._bridge.endpoint is None:
            self._bridge.do(self._prepare)
        self._bridge.gauges.dirty()

    async def _prepare(self) -> None:
        """Find the backend, and start the local one, while the person still reads the card."""
        endpoint = await self._bridge.resolve()
        if self._bridge.endpoint is None:
            self._bridge.endpoint = endpoint
        self._bridge.gauges.dirty()

    async def _listen(self) -> None:
        session = self._bridge.session
        if session is None:
            await self._bridge.start()  # what is said meanwhile waits, and a new session has nothing to clear
        elif self._bridge.settings["turn_detection"] is None:
            if self._bridge.sockets.live(self._bridge.microphone.page):
                session.sound.cleared()  # the page has cleared the buffer before its first frame: later would be late
            else:
                await session.clear()

    async def _user_interrupt(self) -> None:
        items, self._stopped_items = self._stopped_items, None
        if self._bridge.session is not None:
            played = None if items is None else {(item.item_id, item.content_index): item.played for item in items}
            await self._bridge.session.interrupt(played)
            if not self._bridge.speaker.carried:  # a page that carries the sound may play the next answer by now
                self._bridge.speaker.silence(self._bridge.session.epoch)

    def _claim(self, page: str, now: float) -> None:
        if self._bridge.pages.claim(page, now):
            self._moved()

    def _sweep_pages(self, now: float) -> None:
        if self._bridge.pages.settle(now):
            self._moved()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        # Nobody could be heard while the kernel was busy: that is no sign of a page that went away.
        self._bridge.pages.forgive(loop.time() - self._sweep_at)
        self._sweep_pages(loop.time())
        if self._bridge.speaker.give_up(self._sweep_at):
            self._bridge.gauges.dirty()
        if self._bridge.microphone.page is not None and self._bridge.pages.get(self._bridge.microphone.page) is None:
            self._mic_off(self._bridge.microphone.page, None)
        self._sweeping = None
        if len(self._bridge.pages):
            self._sweep_later()

    def _sweep_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweep_at = loop.time() + _SWEEP_S
        self._sweeping = loop.call_at(self._sweep_at, self._sweep)

    def _moved(self) -> None:
        lease = self._bridge.pages.lease
        if self._bridge.microphone.page is not None and self._bridge.microphone.page != lease:
            self._mic_off(self._bridge.microphone.page, None)
        self._bridge.channel.send(m.Lease(page=lease))
        self._bridge.sockets.look()
        self._bridge.speaker.move()
        self._bridge.gauges.dirty()

    def _mic_off(self, page_id: str, frames: int | None) -> None:
        page = self._bridge.pages.get(page_id)
        if page is not None:
            page.capturing = False
        if self._bridge.microphone.close(page_id, frames):
            self._bridge.gauges.facts.capturing = False
            self._bridge.gauges.dirty()

    def _mic_failed(self, message: m.MicError) -> None:
        self._bridge.microphone_error = MicrophoneError(
            microphone_remedy(message.reason, message.message), reason=message.reason
        )
        self._mic_off(message.page, None)
        self._bridge.fail(self._bridge.microphone_error)

    def _clip(self, message: m.ClipRequest) -> None:
        turn = self._bridge.conversation.turn(message.item_id)
        if turn is None or turn.audio is None:
            self._bridge.refused("clip", f"no sound is known for {message.item_id[:80]!r}")
            return
        samples = turn.audio.samples[:_MAX_CLIP_SAMPLES]
        self._bridge.channel.send(
            m.ClipMessage(to=message.page, item_id=message.item_id, rate=turn.audio.rate),
            sound=samples.astype("<i2").tobytes(),
        )
