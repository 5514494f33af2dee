"""What pages ask for: each message of a page, and what is done about it.

Owns the meaning of a page's messages, who has the sound, and the microphone's comings and goings. Must not know the
wire. Runs on the loop only; `Controller` is the hand, this is what a page makes it do.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from realtime_nb.errors import MicrophoneError
from realtime_nb.notebook.microphone_remedies import microphone_remedy
from realtime_nb.notebook.page import messages as m

if TYPE_CHECKING:
    from realtime_nb.notebook.controller import Controller

__all__ = ["PageActions"]

_SWEEP_S = 2.0
_MAX_CLIP_SAMPLES = 5 * 1024 * 1024 // 2


class PageActions:
    """Acts on the messages of a widget's pages.

    Args:
        controller: the widget's conversation.
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._sweeping: asyncio.TimerHandle | None = None
        self._sweep_at = 0.0
        self._stopped_items: list[m.PlaybackProgress] | None = None

    def close(self) -> None:
        """Watch pages no more."""
        if self._sweeping is not None:
            self._sweeping.cancel()

    def deliver(self, message: m.PageMessage) -> None:
        """Act on a page's next message; what it says of its sound, in order with the frames that it mirrors."""
        if isinstance(message, m.SocketMessage):
            if self._controller.pages.get(message.page) is not None:
                self._controller.pages.heard(message.page, asyncio.get_running_loop().time())
            self._controller.sockets.take(message)
        elif isinstance(message, m.Hello | m.Bye | m.PageHeartbeat | m.Gap):
            self._act(message)
        else:
            self._controller.sockets.in_order(message.page, lambda: self._act(message))

    def _act(self, message: m.PageMessage) -> None:
        now = asyncio.get_running_loop().time()
        known = self._controller.pages.get(message.page) is not None
        page = self._controller.pages.heard(message.page, now)
        if not known and not isinstance(message, m.Hello | m.Bye):
            # A background tab that had fallen silent is back, and was told nothing meanwhile.
            self._controller.transcript.snapshot(message.page, self._controller.speaker.epoch)
        if isinstance(message, m.MicFrame):
            sent = message.sent or self._controller.sockets.live(message.page)
            self._controller.microphone.take(message.page, message.frame, message.level, message.pcm, sent=sent)
            self._controller.gauges.dirty()
        elif isinstance(message, m.PlayState | m.PlayStopped):
            if (
                isinstance(message, m.PlayStopped)
                and message.cause == "user"
                and message.page == self._controller.pages.lease
            ):
                self._stopped_items = message.items
            self._controller.speaker.report(message)
            self._controller.gauges.dirty()
        elif isinstance(message, m.PageHeartbeat):
            self._controller.channel.send(m.HeartbeatReply())
            self._sweep_pages(now)
        elif isinstance(message, m.Gap):
            self._controller.channel.resend(message)
        elif isinstance(message, m.Hello):
            self._hello(message, now)
        elif isinstance(message, m.Bye):
            self._controller.pages.leave(message.page)
            self._controller.channel.forget(message.page)
            self._mic_off(message.page, None)
            self._sweep_pages(now)
            self._controller.sockets.look()
        elif isinstance(message, m.LeaseClaim):
            self._claim(message.page, now)
        elif isinstance(message, m.MicOpen):
            self._claim(message.page, now)
            page.capturing = True
            self._controller.microphone.open(message.page)
            self._controller.microphone_error = None
            self._controller.gauges.facts.capturing = self._controller.microphone.capturing
            self._controller.clear_error()
            self._controller.do(self._listen)
        elif isinstance(message, m.MicClose):
            self._mic_off(message.page, message.frames)
            if self._controller.settings["turn_detection"] is not None:
                self._controller.do(self._controller.end_turn)
        elif isinstance(message, m.MicError):
            self._mic_failed(message)
        elif isinstance(message, m.SendText):
            self._claim(message.page, now)
            self._controller.clear_error()
            text = message.text
            self._controller.do(lambda: self._controller.send_text(text))
        elif isinstance(message, m.Interrupt):
            self._controller.do(self._user_interrupt)
        elif isinstance(message, m.Commit):
            self._controller.do(self._controller.commit)
        elif isinstance(message, m.ClipRequest):
            self._clip(message)
        elif isinstance(message, m.EventsWanted):
            page.events = message.on
        else:  # Retry
            self._controller.clear_error()
            self._controller.do(self._controller.start)

    def _hello(self, message: m.Hello, now: float) -> None:
        if message.version != m.VERSION:
            self._controller.refused(
                "hello", f"the page speaks version {message.version}, the kernel {m.VERSION}: reload the page"
            )
        self._sweep_pages(now)
        self._controller.transcript.snapshot(message.page, self._controller.speaker.epoch)
        self._controller.sockets.look()
        if self._controller.sockets.page == message.page:
            self._controller.direct.remind()
        elif self._controller.pages.lease == message.page:
            self._controller.speaker.move()  # an answer that nobody has heard yet
        if self._sweeping is None:
            self._sweep_later()
        if self._controller.endpoint is None:
            self._controller.do(self._prepare)
        self._controller.gauges.dirty()

    async def _prepare(self) -> None:
        """Find the backend, and start the local one, while the person still reads the card."""
        endpoint = await self._controller.resolve()
        if self._controller.endpoint is None:
            self._controller.endpoint = endpoint
        self._controller.gauges.dirty()

    async def _listen(self) -> None:
        session = self._controller.session
        if session is None:
            await self._controller.start()  # what is said meanwhile waits, and a new session has nothing to clear
        elif self._controller.settings["turn_detection"] is None:
            if self._controller.sockets.live(self._controller.microphone.page):
                session.note_input_cleared()  # the page cleared the buffer before its first frame
            else:
                await session.clear()

    async def _user_interrupt(self) -> None:
        items, self._stopped_items = self._stopped_items, None
        if self._controller.session is not None:
            played = None if items is None else {(item.item_id, item.content_index): item.played for item in items}
            await self._controller.session.interrupt(played)
            if not self._controller.speaker.carried:  # a page that carries the sound may play the next answer by now
                self._controller.speaker.silence(self._controller.session.epoch)

    def _claim(self, page: str, now: float) -> None:
        if self._controller.pages.claim(page, now):
            self._moved()

    def _sweep_pages(self, now: float) -> None:
        if self._controller.pages.settle(now):
            self._moved()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        # Nobody could be heard while the kernel was busy: that is no sign of a page that went away.
        self._controller.pages.forgive(loop.time() - self._sweep_at)
        self._sweep_pages(loop.time())
        if self._controller.speaker.give_up(self._sweep_at):
            self._controller.gauges.dirty()
        if (
            self._controller.microphone.page is not None
            and self._controller.pages.get(self._controller.microphone.page) is None
        ):
            self._mic_off(self._controller.microphone.page, None)
        self._sweeping = None
        if len(self._controller.pages):
            self._sweep_later()

    def _sweep_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweep_at = loop.time() + _SWEEP_S
        self._sweeping = loop.call_at(self._sweep_at, self._sweep)

    def _moved(self) -> None:
        lease = self._controller.pages.lease
        if self._controller.microphone.page is not None and self._controller.microphone.page != lease:
            self._mic_off(self._controller.microphone.page, None)
        self._controller.channel.send(m.Lease(page=lease))
        self._controller.sockets.look()
        self._controller.speaker.move()
        self._controller.gauges.dirty()

    def _mic_off(self, page_id: str, frames: int | None) -> None:
        page = self._controller.pages.get(page_id)
        if page is not None:
            page.capturing = False
        if self._controller.microphone.close(page_id, frames):
            self._controller.gauges.facts.capturing = False
            self._controller.gauges.dirty()

    def _mic_failed(self, message: m.MicError) -> None:
        self._controller.microphone_error = MicrophoneError(
            microphone_remedy(message.reason, message.message), reason=message.reason
        )
        self._mic_off(message.page, None)
        self._controller.fail(self._controller.microphone_error)

    def _clip(self, message: m.ClipRequest) -> None:
        turn = self._controller.conversation.turn(message.item_id)
        if turn is None or turn.audio is None:
            self._controller.refused("clip", f"no sound is known for {message.item_id[:80]!r}")
            return
        samples = turn.audio.samples[:_MAX_CLIP_SAMPLES]
        self._controller.channel.send(
            m.ClipMessage(to=message.page, item_id=message.item_id, rate=turn.audio.rate),
            sound=samples.astype("<i2").tobytes(),
        )
