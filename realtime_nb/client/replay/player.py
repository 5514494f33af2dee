"""A listener without a loudspeaker, who hears the assistant's sound as it comes.

Owns when each piece of sound is played: as soon as it is there and the pieces before it are over. Must not know events.
Implements `AudioSink`, so that a session interrupts it, and truncates the conversation, as it would a real player.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import numpy as np

from realtime_nb.audio import RATE_HZ
from realtime_nb.audio.audible import first_audible
from realtime_nb.client.turns.audio_sink import PlayedItem


class SimulatedPlayer:
    """Plays by a clock.

    Args:
        clock: seconds; the same as that of the events.
        arrival: when the sound that is written now arrived, on the clock.

    Attributes:
        plays: True: the session counts what was played.
        audible_at: when the first audible sound of each item is played, on the clock, but for what was cut.
        over_at: when all sound that was written so far is played; 0 before the first.
    """

    plays = True

    def __init__(self, clock: Callable[[], float], arrival: Callable[[], float]) -> None:
        self.audible_at: dict[str, float] = {}
        self.over_at = 0.0
        self._clock = clock
        self._arrival = arrival
        self._pieces: list[tuple[tuple[str, int], float, int]] = []  # the part, when it begins, and its samples
        self._whole: set[tuple[str, int]] = set()  # parts that have no more sound to come

    @property
    def playing(self) -> bool:
        """Whether sound is heard now."""
        return self._clock() < self.over_at

    def write(self, epoch: int, item_id: str, content_index: int, start_sample: int, pcm: bytes) -> None:
        """Play sound after all that was written before."""
        samples = np.frombuffer(pcm, "<i2")
        begins = max(self._arrival(), self.over_at)
        self._pieces.append(((item_id, content_index), begins, samples.size))
        self.over_at = begins + samples.size / RATE_HZ
        if item_id not in self.audible_at and (first := first_audible(samples, RATE_HZ)) is not None:
            self.audible_at[item_id] = begins + first / RATE_HZ

    def done(self, epoch: int, item_id: str, content_index: int, samples: int) -> None:
        """Note that a part has no more sound."""
        self._whole.add((item_id, content_index))

    async def flush(self, epoch: int) -> Sequence[PlayedItem]:
        """Fall silent, and report what was played of each part that is not over."""
        now = self._clock()
        played: dict[tuple[str, int], int] = {}
        for part, begins, samples in self._pieces:
            heard = min(max(int((now - begins) * RATE_HZ), 0), samples)
            played[part] = played.get(part, 0) + heard
            if heard < samples:
                self._whole.discard(part)
        whole, self._whole = self._whole, set()
        self._pieces.clear()
        self.over_at = min(self.over_at, now)
        self.audible_at.clear()
        return [PlayedItem(*part, samples) for part, samples in played.items() if part not in whole]

    async def silenced(self, epoch: int) -> Sequence[PlayedItem]:
        """As `flush`."""
        return await self.flush(epoch)

    async def drained(self) -> None:
        """Return when all sound is played."""
        while (left := self.over_at - self._clock()) > 0:  # noqa: ASYNC110 - a clock announces nothing
            await asyncio.sleep(left)
