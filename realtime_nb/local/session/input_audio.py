"""Input sound as samples: decoding appended base64, and a buffer with positions on the session's one timeline.

Owns the samples between the last commit and now. Must not know events. Positions are samples at 24 kHz since the
session began; clearing or committing never sets them back (docs/protocol.md 16).
"""

from __future__ import annotations

import binascii
from collections import deque
from typing import Any

import numpy as np
import pybase64

from realtime_nb.audio import g711
from realtime_nb.audio.resample import Resampler
from realtime_nb.audio.stream_format import G711_RATE_HZ, LAWS
from realtime_nb.local.voice.protocols import RATE_HZ, Pcm

MAX_APPEND_BYTES = 15 * 1024 * 1024


def ms_of(samples: int) -> int:
    """Return samples as whole milliseconds, rounded down."""
    return samples * 1000 // RATE_HZ


class InputDecoder:
    """Decodes base64 in the session's input format to 24 kHz, as one stream: block edges leave no trace."""

    def __init__(self, audio_format: dict[str, Any]) -> None:
        self._law = LAWS.get(audio_format["type"])
        self._resampler = Resampler(G711_RATE_HZ, RATE_HZ) if self._law else None

    def decode(self, audio: str) -> Pcm:
        """Return the samples.

        Raises:
            ValueError: not base64, or not whole samples; the message says which.
        """
        try:
            data = pybase64.b64decode(audio, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"the audio is not valid base64 ({error})") from None
        if self._law is not None and self._resampler is not None:
            return self._resampler.process(g711.decode(data, self._law))
        if len(data) % 2:
            raise ValueError("the audio is not 16-bit PCM: half a sample is missing")
        return np.frombuffer(data, dtype="<i2")


class SampleBuffer:
    """The sound that has not been committed yet.

    Attributes:
        end: the position after the newest sample: the session's input clock.
        start: the position of the oldest sample kept.
    """

    def __init__(self) -> None:
        self.end = 0
        self.start = 0
        self._blocks: deque[Pcm] = deque()

    def __len__(self) -> int:
        """Return the number of samples in the buffer."""
        return self.end - self.start

    def append(self, samples: Pcm) -> None:
        """Append the next samples."""
        if samples.size:
            self._blocks.append(samples)
            self.end += int(samples.size)

    def cut(self, start: int, end: int) -> Pcm:
        """Remove and return `start..end`; older samples are dropped, newer ones stay."""
        self.drop_before(start)
        everything = np.concatenate(self._blocks) if self._blocks else np.empty(0, np.int16)
        cut = min(max(end - self.start, 0), everything.size)
        self._blocks = deque([everything[cut:]] if cut < everything.size else [])
        self.start += cut
        return everything[:cut].copy()

    def drop_before(self, position: int) -> None:
        """Drop whole and partial blocks older than `position`; costs as much as it drops."""
        while self._blocks and self.start < position:
            block = self._blocks[0]
            surplus = position - self.start
            if surplus < block.size:
                self._blocks[0] = block[surplus:]
                self.start = position
                return
            self._blocks.popleft()
            self.start += int(block.size)

    def clear(self) -> None:
        """Drop all samples; the positions go on."""
        self._blocks.clear()
        self.start = self.end
