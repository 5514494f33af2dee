"""Which page has the sound and the microphone: a second tab takes both away from the first.

Owns the moves of the lease: when a page claims it, leaves or falls silent, and what ends with it. One page has sound
and microphone at a time, so that two views are never two voices (docs/protocol.md 44). Must not know what other
messages mean, or sessions. Runs on the loop only.
"""

from __future__ import annotations

import asyncio

from realtime_nb.notebook.audio.page_sound import PageSound
from realtime_nb.notebook.page.channel import Channel
from realtime_nb.notebook.page.messages import LeaseMessage
from realtime_nb.notebook.page.pages import Pages
from realtime_nb.notebook.trait_publisher import TraitPublisher

_SWEEP_S = 2.0


class SoundLease:
    """Moves the sound and the microphone between the pages of a widget.

    Args:
        pages: the pages, and the lease's holder.
        channel: tells the pages which of them has the sound.
        sound: follows the lease: the microphone and the socket of a page end with it, and the page that gets it
            plays what was not heard yet.
        traits: show it.
    """

    def __init__(self, pages: Pages, channel: Channel, sound: PageSound, traits: TraitPublisher) -> None:
        self._pages = pages
        self._channel = channel
        self._microphone = sound.microphone
        self._speaker = sound.speaker
        self._sockets = sound.sockets
        self._traits = traits
        self._silent: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._sweep_at = 0.0

    def claim(self, page: str, now: float) -> None:
        """Give sound and microphone to the page of a gesture."""
        if self._pages.claim(page, now):
            self._moved()

    def open_microphone(self, page: str, now: float) -> None:
        """Note that a page's microphone is on; it takes over from any other page's."""
        self.claim(page, now)
        self._silent = None
        self._microphone.open(page)

    def resume_microphone(self, page: str, frame: int) -> None:
        """Accept the frames, from this one on, of a page that was dropped for its silence while it listened."""
        if self._silent == page and self._pages.lease in (None, page):
            self._silent = None
            self._microphone.open(page)
            self._microphone.next_frame = frame

    def leave(self, page: str, now: float) -> None:
        """Drop a page that said goodbye."""
        self._pages.leave(page)
        self._microphone.close(page)
        self.settle(now)
        self._sockets.follow_lease()

    def settle(self, now: float) -> None:
        """Drop the pages that fell silent, and give a free lease to another."""
        listening = self._microphone.page
        if self._pages.settle(now):
            self._moved()
        if listening is not None and self._pages.get(listening) is None:
            self._silent = listening
            self._microphone.close(listening)
            self._pages.unview(now)  # it fell silent with the microphone on: it is no page that is being reloaded

    def repeat(self, page: str) -> None:
        """Say again who has the sound to a page that lost track of it, and send it what was not played if it has."""
        self._channel.send(LeaseMessage(page=self._pages.lease))
        if self._pages.lease == page:
            self._speaker.resend_unheard()

    def watch(self) -> None:
        """Look for silent pages every two seconds, for as long as there are any."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._sweep_at = loop.time() + _SWEEP_S
            self._timer = loop.call_at(self._sweep_at, self._sweep)

    def close(self) -> None:
        """Stop looking."""
        if self._timer is not None:
            self._timer.cancel()

    def _sweep(self) -> None:
        now = asyncio.get_running_loop().time()
        # While the kernel was busy it received no message: that is no sign that a page went away.
        self._pages.excuse(now - self._sweep_at)
        self.settle(now)
        self._traits.changed()
        self._timer = None
        if len(self._pages):
            self.watch()

    def _moved(self) -> None:
        lease = self._pages.lease
        if self._microphone.page is not None and self._microphone.page != lease:
            self._microphone.close(self._microphone.page)
        self._channel.send(LeaseMessage(page=lease))
        self._sockets.follow_lease()
        self._speaker.resend_unheard()
        self._traits.changed()
