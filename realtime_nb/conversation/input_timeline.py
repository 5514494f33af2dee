"""The audio that was sent in a session, on one continuous clock, from which user turns are cut.

Owns the samples that can still be cut. Must not know items.

The server counts `audio_start_ms` and `audio_end_ms` from the session's first sample, across commits
(docs/protocol.md 16). So no commit resets the clock here; only old samples are dropped.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

from realtime_nb.audio import RATE_HZ

Mark = Literal["commit", "clear"]

SAMPLES_PER_MS = RATE_HZ // 1000
# Where the server detects turns, older silence can be dropped: a turn starts at most the prefix padding and one round
# trip in the past. The limit is far longer because recordings are sent faster than they sound while detection is off.
PREROLL_SAMPLES = 120 * RATE_HZ
# 29 MB. A push-to-talk turn that is longer loses its beginning here, in the turn's audio, never on the wire.
LONGEST_SAMPLES = 600 * RATE_HZ


class InputTimeline:
    """The appended audio, oldest first, with the time at which each chunk was appended."""

    def __init__(self) -> None:
        self._chunks: deque[tuple[int, bytes, float | None]] = deque()  # (end sample, PCM, when)
        self.end = 0
        """Samples appended in this session."""
        self.buffer_start = 0
        """The first sample after the last commit or clear."""
        self.speech_start: int | None = None
        """The first sample of the speech that the server detects now, or None."""
        self.detected = False
        """Whether the server detects turns; old silence is dropped then."""
        self._marks: deque[tuple[Mark, int]] = deque()

    def append(self, pcm: bytes, at: float | None) -> None:
        """Appends PCM16 audio that was sent at the time `at`."""
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
        """Records the position of a commit or clear that was sent: its answer comes after more samples were sent."""
        self._marks.append((mark, self.end))

    def acknowledge(self, mark: Mark) -> int:
        """Returns the position of the commit or clear that the server answers now; the end, if none was recorded."""
        while self._marks:
            kind, at = self._marks.popleft()
            if kind == mark:
                return at
        return self.end

    def commit_buffer(self, *, by_hand: bool) -> tuple[int, int]:
        """Returns `(start, end)` of the committed buffer in samples, and begins the next buffer."""
        start = self.buffer_start
        self.buffer_start = self.acknowledge("commit") if by_hand else self.end
        return start, self.buffer_start

    def clear(self) -> None:
        """Begins a new buffer where the clear was sent; audio before it will not be committed."""
        self.buffer_start = self.acknowledge("clear")
        self.speech_start = None

    def restart(self) -> None:
        """Resets the clock to 0 for a new session."""
        self._chunks.clear()
        self._marks.clear()
        self.end = 0
        self.clear()

    def cut(self, start: int, end: int) -> bytes:
        """Returns the audio from sample `start` to `end`, as far as it is still stored."""
        pieces = []
        for chunk_end, pcm, _ in self._chunks:
            chunk_start = chunk_end - len(pcm) // 2
            if chunk_end > start and chunk_start < end:
                pieces.append(pcm[2 * max(start - chunk_start, 0) : 2 * (end - chunk_start)])
        return b"".join(pieces)

    def appended_at(self, sample: int) -> float | None:
        """Returns when the audio up to `sample` had been sent, or None if that chunk was dropped."""
        for chunk_end, pcm, at in reversed(self._chunks):
            if chunk_end - len(pcm) // 2 < sample <= chunk_end:
                return at
        return None
