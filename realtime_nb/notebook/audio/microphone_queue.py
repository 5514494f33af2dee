"""The user's sound on its way from a page to the session.

Owns the queue between the comm and the socket, and what is held back. Must not know sessions. Runs on the loop only.

Frames wait here while a connection opens, and are dropped, oldest first and said so, when more than a few seconds
wait: what was said that long ago is no longer a turn in a conversation.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from realtime_nb.audio import RATE_HZ

__all__ = ["MicrophoneQueue"]

_MOST_WAITING_BYTES = 10 * 2 * RATE_HZ
"""10 s of sound: the page chooses the length of a frame."""


class MicrophoneQueue:
    """Takes frames as they come; gives them to `append`, in order, as fast as it takes them.

    Attributes:
        page: the page whose microphone is on, or None.
        muted: frames are thrown away.
        level: 0..1, of the last frame.
        frames: frames taken over from pages since the start.
        missing: frames that a page counted and that never came.
        dropped: frames that waited too long.
        heard: the number of the next frame: those before it have come, or never will.
        sent: takes the frames that the page has sent by itself, at once and in order; None where it sends none.
    """

    def __init__(self) -> None:
        self.page: str | None = None
        self.muted = False
        self.level = 0.0
        self.frames = 0
        self.missing = 0
        self.dropped = 0
        self.heard = 0
        self.sent: Callable[[bytes], None] | None = None
        self._waiting: deque[bytes] = deque()
        self._ready = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def capturing(self) -> bool:
        """Whether what a person says gets through."""
        return self.page is not None and not self.muted

    def open(self, page: str) -> None:
        """A page's microphone is on; it takes over from any other."""
        self.page = page
        self.heard = 0

    def close(self, page: str, frames: int | None = None) -> bool:
        """A page's microphone is off; False where it was not the one."""
        if self.page != page:
            return False
        if frames is not None and frames > self.heard:
            self.missing += frames - self.heard
        self.page = None
        self.level = 0.0
        return True

    def take(self, page: str, frame: int, level: float, pcm: bytes, *, sent: bool = False) -> None:
        """Take one frame of the page whose microphone is on; `sent`: the page has sent it to the service by itself."""
        if self.page != page:
            return
        if frame > self.heard:
            self.missing += frame - self.heard
        self.heard = frame + 1
        self.frames += 1
        self.level = 0.0 if self.muted else level
        if sent:
            if self.sent is not None:
                self.sent(pcm)
            return
        if self.muted:
            return
        self._waiting.append(pcm)
        if len(self._waiting) * len(pcm) > _MOST_WAITING_BYTES:
            self._waiting.popleft()
            self.dropped += 1
        self._idle.clear()
        self._ready.set()

    async def give(self, append: Callable[[bytes], Awaitable[None]]) -> None:
        """Give on what waits, and no more."""
        while self._waiting:
            await append(self._waiting.popleft())
        self._idle.set()

    def forget(self) -> None:
        """Throw away what waits: it belongs to a conversation that is over."""
        self._waiting.clear()
        self._idle.set()

    async def empty(self) -> None:
        """Wait until everything taken so far was given on."""
        await self._idle.wait()

    async def pump(self, append: Callable[[bytes], Awaitable[None]]) -> None:
        """Give frames to `append` for as long as it takes them; ends with its exception."""
        while True:
            await self._ready.wait()
            self._ready.clear()
            await self.give(append)
