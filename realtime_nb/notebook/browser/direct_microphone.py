"""The microphone of a page that holds the socket: when the page may put it there, and from which frame on.

Owns that handover, in both directions, without a frame lost or said twice. Must not know comms or traits. Runs on the
loop only.

Every frame also comes to the kernel, and says whether it went out in the page. Until the page is let in, the kernel
sends frames itself; with the word that lets it in goes the number of the first frame that the kernel does not have.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from realtime_nb.notebook.audio.microphone_queue import MicrophoneQueue
from realtime_nb.notebook.browser.transport import PageSockets, PageTransport

if TYPE_CHECKING:
    from realtime_nb.client.session import RealtimeSession

__all__ = ["DirectMicrophone"]


class DirectMicrophone:
    """Lets the page's microphone in and keeps it out.

    Args:
        sockets: of the widget's pages.
        microphone: what comes over the comm.
    """

    def __init__(self, sockets: PageSockets, microphone: MicrophoneQueue) -> None:
        self._sockets = sockets
        self._microphone = microphone
        self._releasing: set[asyncio.Task[None]] = set()

    async def begin(self, session: RealtimeSession) -> None:
        """The session is configured: what was said while it connected goes first, and the page goes on from there."""
        transport = self._sockets.current
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
        self._microphone.sent = session.note_input
        await self._release(transport, session)

    def remind(self) -> None:
        """A page that says hello again has missed messages; whether it may send its microphone, it must not miss."""
        transport = self._sockets.current
        if transport is not None:
            transport.hold(not transport.live, since=self._microphone.heard)

    async def _release(self, transport: PageTransport, session: RealtimeSession) -> None:
        await session.flushed()  # recorded sound is a turn by then: nothing that is said now gets into it
        if not transport.closed and not session.microphone_held:
            await self._microphone.give(session.append)
            transport.hold(False, since=self._microphone.heard)
