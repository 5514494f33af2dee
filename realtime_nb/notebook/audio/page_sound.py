"""The sound of a widget's pages: the microphone, the speaker, and the transport that carries both.

Owns the route of the microphone, over the comm and the kernel's socket or over the page's own socket, and the switch
between the two without losing a frame or sending one twice. Must not know traits. Runs on the loop only.

Every frame also comes to the kernel, with a mark whether the page has sent it on its own socket. Until the kernel lets
the page's microphone in, the kernel sends the frames itself; the message that lets it in names the first frame that the
kernel does not have.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from realtime_nb.errors import BudgetError, ConnectError
from realtime_nb.notebook.audio.microphone_queue import MicrophoneQueue
from realtime_nb.notebook.audio.speaker import Speaker
from realtime_nb.notebook.browser.transport import PageSockets, PageTransport
from realtime_nb.notebook.page.channel import Channel
from realtime_nb.notebook.page.messages import MicStop
from realtime_nb.notebook.page.pages import Pages

if TYPE_CHECKING:
    from realtime_nb.client.session import RealtimeSession


class PageSound:
    """The microphone and the speaker of the pages, and the sockets that pages hold.

    Args:
        channel: the comm.
        pages: the pages, and which of them has the lease.
    """

    def __init__(self, channel: Channel, pages: Pages) -> None:
        self._channel = channel
        self.microphone = MicrophoneQueue()
        self.speaker = Speaker(channel, pages)
        self.sockets = PageSockets(channel, pages)
        self._pumping: asyncio.Task[None] | None = None
        self._releasing: set[asyncio.Task[None]] = set()

    def follow(self, session: RealtimeSession) -> None:
        """Lead the sound over the session's present transport, and send the frames that wait."""
        carried = session.page_has_sound
        self.sockets.adopt(page=carried)
        self.speaker.carried = carried
        self.microphone.on_sent = None
        if self._pumping is not None:
            self._pumping.cancel()
        self._pumping = asyncio.create_task(self._pump(session))

    def stop(self) -> None:
        """Send no more: the session has ended."""
        self.microphone.on_sent = None
        if self._pumping is not None:
            self._pumping.cancel()
        self.microphone.clear()

    def stop_microphone(self) -> None:
        """Switch the page's microphone off, and drop what waits: a limit is reached."""
        if self.microphone.page is not None:
            self.microphone.close(self.microphone.page)
            self._channel.send(MicStop())
        self.microphone.clear()

    @property
    def page_sends(self) -> bool:
        """Whether the page whose microphone is on sends it on its own socket."""
        return self.sockets.live(self.microphone.page)

    def remind(self) -> None:
        """Say again whether the page may send its microphone: a page that says hello again has missed messages."""
        transport = self.sockets.current
        if transport is not None:
            transport.hold(not transport.live, since=self.microphone.next_frame)

    async def _pump(self, session: RealtimeSession) -> None:
        # Ends with the session: `append` raises once the socket is closed, or a limit is reached.
        with contextlib.suppress(ConnectError, BudgetError):
            await session.ready()
            if session.page_has_sound:
                await self._let_page_send(session)
            await self.microphone.pump(session.append)

    async def _let_page_send(self, session: RealtimeSession) -> None:
        """Send what was said while the session connected, then let the page's microphone continue from there."""
        transport = self.sockets.current
        if transport is None:
            return

        def held(on: bool) -> None:
            if on:
                transport.hold(True)
            else:
                task = asyncio.create_task(self._release(transport, session))
                self._releasing.add(task)
                task.add_done_callback(self._releasing.discard)

        session.on_microphone_held(held)
        self.microphone.on_sent = session.note_input
        await self._release(transport, session)

    async def _release(self, transport: PageTransport, session: RealtimeSession) -> None:
        # Recorded sound of `ask` is a complete turn once this returns: live frames cannot get into it.
        await session.flushed()
        if not transport.closed and not session.microphone_held:
            await self.microphone.send_waiting(session.append)
            transport.hold(False, since=self.microphone.next_frame)
