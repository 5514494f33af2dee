"""The session's input sound on its own monotonic clock, to cut the user's turns out of.

Owns the samples that can still be cut. Must not know items.

The server counts `audio_start_ms` and `audio_end_ms` from the session's first sample, across commits, so the clock
here never goes back; only old sound is forgotten.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

from realtime_nb.audio import RATE_HZ

__all__ = ["InputTimeline", "Mark"]

Mark = Literal["commit", "clear"]

SAMPLES_PER_MS = RATE_HZ // 1000
# Where the server detects turns, silence between them can go: a turn's start lies its prefix padding, and the way there
# and back, behind. Kept longer, for recordings that are sent faster than they sound while detection is being put off.
PREROLL_SAMPLES = 120 * RATE_HZ
# A button held for longer loses its beginning here (never on the wire): 29 MB is enough to remember.
LONGEST_SAMPLES = 600 * RATE_HZ


class InputTimeline:
    """Appended sound, oldest first, and when its samples were appended."""

    def __init__(self) -> None:
        self._chunks: deque[tuple[int, bytes, float | None]] = deque()  # (end sample, PCM, when)
        self.end = 0
        """Samples appended in this session."""
        self.buffer_start = 0
        """The first sample that no commit or clear has taken."""
        self.speech_start: int | None = None
        """The first sample of the speech under way, if the server says there is any."""
        self.detected = False
        """Whether the server detects turns; then silence can be forgotten."""
        self._marks: deque[tuple[Mark, int]] = deque()

    def append(self, pcm: bytes, at: float | None) -> None:
        """Adds PCM16 sound that was sent at `at`."""
        samples = len(pcm) // 2
        if not samples:
            return
        self.end += samples
        self._chunks.append((self.end, pcm[: 2 * samples], at))
        keep_from = self._keep_from()
        while self._chunks and self._chunks[0][0] <= keep_from:
            self._chunks.popleft()

    def _keep_from(self) -> int:
        if self.speech_start is not None:
            wanted = min(self.speech_start, self.end - PREROLL_SAMPLES)
        elif self.detected:
            wanted = self.end - PREROLL_SAMPLES
        else:
            wanted = self.buffer_start
        return max(wanted, self.end - LONGEST_SAMPLES)

    def mark(self, mark: Mark) -> None:
        """Notes that a commit or a clear was sent here: its answer comes after later samples were sent."""
        self._marks.append((mark, self.end))

    def acknowledge(self, mark: Mark) -> int:
        """Returns where the commit or clear stands that the server answers now; here, if we noted none."""
        while self._marks:
            kind, at = self._marks.popleft()
            if kind == mark:
                return at
        return self.end

    def commit_buffer(self, *, by_hand: bool) -> tuple[int, int]:
        """Returns the samples `(start, end)` of a committed buffer, and begins the next one."""
        start = self.buffer_start
        self.buffer_start = self.acknowledge("commit") if by_hand else self.end
        return start, self.buffer_start

    def clear(self) -> None:
        """Forgets the buffer: what was appended until the clear was sent will not be committed."""
        self.buffer_start = self.acknowledge("clear")
        self.speech_start = None

    def restart(self) -> None:
        """Begins a new session's clock at 0."""
        self._chunks.clear()
        self._marks.clear()
        self.end = 0
        self.clear()

    def cut(self, start: int, end: int) -> bytes:
        """Returns the samples from `start` to `end`, as far as they are still there."""
        pieces = []
        for chunk_end, pcm, _ in self._chunks:
            chunk_start = chunk_end - len(pcm) // 2
            if chunk_end > start and chunk_start < end:
                pieces.append(pcm[2 * max(start - chunk_start, 0) : 2 * (end - chunk_start)])
        return b"".join(pieces)

    def appended_at(self, sample: int) -> float | None:
        """Returns when the sound up to `sample` had been sent, or None if that is not remembered."""
        for chunk_end, pcm, at in reversed(self._chunks):
            if chunk_end - len(pcm) // 2 < sample <= chunk_end:
                return at
        return None
