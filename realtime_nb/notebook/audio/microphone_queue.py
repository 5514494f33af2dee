"""The queue of microphone frames between a page and the session.

Owns the frames that wait for the socket, which page's microphone is on, and the count of frames that were lost. Must
not know sessions. Runs on the loop only.

Frames wait here while a connection opens. When more than ten seconds wait, the oldest are dropped in whole frames and
counted, because speech that old is no turn in a conversation any more (docs/notebook.md 10). So is a frame that comes
more than ten seconds after it was recorded.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from realtime_nb.audio import RATE_HZ
from realtime_nb.errors import MicrophoneError
from realtime_nb.notebook.audio.frame_age import FrameAge

_OLDEST_S = 10.0
_MOST_WAITING_BYTES = int(_OLDEST_S * 2 * RATE_HZ)
"""The page chooses the length of a frame."""


class MicrophoneQueue:
    """Queues microphone frames and hands them to a session in order, as fast as it accepts them.

    Attributes:
        page: the page whose microphone is on, or None.
        error: why a page could not open its microphone, or None.
        muted: frames are discarded.
        level: 0..1, of the last frame.
        frames: frames that came from pages.
        missing: frames that a page sent and that never came.
        dropped: frames that came or waited too long after they were recorded.
        dropped_ms: sound that the session dropped because the connection was lost.
        next_frame: the number of the frame expected next in this capture.
        on_sent: called at once, in order, with each frame that the page has put on its own socket; None: ignore them.
    """

    def __init__(self) -> None:
        self.page: str | None = None
        self.error: MicrophoneError | None = None
        self.muted = False
        self.level = 0.0
        self.frames = 0
        self.missing = 0
        self.dropped = 0
        self.dropped_ms = 0.0
        self.next_frame = 0
        self.on_sent: Callable[[bytes], None] | None = None
        self._age = FrameAge()
        self._age_of: str | None = None
        self._waiting: deque[bytes] = deque()
        self._ready = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def capturing(self) -> bool:
        """Whether speech reaches the session: a page's microphone is on, and not muted."""
        return self.page is not None and not self.muted

    def open(self, page: str) -> None:
        """Accept the frames of this page, and of no other."""
        self.page = page
        self.next_frame = 0
        self.error = None
        if page != self._age_of:
            self._age, self._age_of = FrameAge(), page

    def close(self, page: str, frames: int | None = None) -> None:
        """Accept no more frames of this page, which has sent `frames` in all; frames that never came are missing."""
        if self.page == page:
            if frames is not None:
                self.missing += max(0, frames - self.next_frame)
            self.page = None
            self.level = 0.0

    def put(
        self,
        page: str,
        frame: int,
        level: float,
        pcm: bytes,
        *,
        sent: bool = False,
        recorded_s: float | None = None,
        now: float = 0.0,
    ) -> None:
        """Queue one frame, unless another page's microphone is on.

        Args:
            page: where it comes from.
            frame: its number in this capture.
            level: 0..1.
            pcm: PCM16 at 24 kHz.
            sent: the page has put it on its own socket already.
            recorded_s: when it was recorded, by the page's clock; None: unknown.
            now: when it came, by the loop's clock.
        """
        if self.page != page:
            return
        if frame > self.next_frame:
            self.missing += frame - self.next_frame
        self.next_frame = frame + 1
        self.frames += 1
        self.level = 0.0 if self.muted else level
        if sent:
            if self.on_sent is not None:
                self.on_sent(pcm)
            return
        if self.muted:
            return
        if recorded_s is not None and self._age.age_s(recorded_s, now, _OLDEST_S) > _OLDEST_S:
            self.dropped += 1
            return
        self._waiting.append(pcm)
        if len(self._waiting) * len(pcm) > _MOST_WAITING_BYTES:
            self._waiting.popleft()
            self.dropped += 1
        self._idle.clear()
        self._ready.set()

    async def send_waiting(self, append: Callable[[bytes], Awaitable[None]]) -> None:
        """Hand the frames that wait to `append`, and return."""
        while self._waiting:
            await append(self._waiting.popleft())
        self._idle.set()

    def clear(self) -> None:
        """Discard the frames that wait: they belong to a conversation that has ended."""
        self._waiting.clear()
        self._idle.set()

    async def drained(self) -> None:
        """Wait until no frame waits."""
        await self._idle.wait()

    async def pump(self, append: Callable[[bytes], Awaitable[None]]) -> None:
        """Hand frames to `append` for ever; ends with its exception."""
        while True:
            await self._ready.wait()
            self._ready.clear()
            await self.send_waiting(append)
