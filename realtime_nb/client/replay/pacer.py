"""Send recorded sound at the pace at which a microphone would record it.

Owns the deadlines: each is counted from the first sample, so that lateness does not add up. Must not know events, or
what the server does with the sound.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence

from realtime_nb.audio import RATE_HZ
from realtime_nb.client.replay.frames import AppendFrame, AudioFormat, silence, silent_frame


class ReplayMicrophone:
    """A microphone that records prepared sound, and digital silence around it.

    A frame leaves when its last sample would have been recorded.

    Args:
        send: sends one encoded frame.
        clock: seconds; the same as that of the events.
        audio_format: of the session's input.
        may_be_silent: called before silence is sent with how much sound the session will have received with it, in
            samples at 24 kHz; False: the microphone records nothing until the next recording. None: silence is always
            sent.

    Attributes:
        sent_samples: how much sound was sent, at 24 kHz.
        lag_ms: how late the latest frame left.
    """

    def __init__(
        self,
        send: Callable[[bytes], Awaitable[None]],
        clock: Callable[[], float],
        audio_format: AudioFormat,
        may_be_silent: Callable[[int], bool] | None = None,
    ) -> None:
        self.sent_samples = 0
        self._may_be_silent = may_be_silent
        self.lag_ms = 0.0
        self._send = send
        self._clock = clock
        self._format = audio_format
        self._recorded_until: float | None = None
        self._silent_until = math.inf
        self._silence: asyncio.Task[None] | None = None

    async def begin_at(self, at: float) -> float:
        """Wait for the time `at`, send the silence up to it, and return when the next recording begins.

        That is later than `at` only where silence was sent for a time after it already.
        """
        self._silent_until = at
        await self._sleep_until(at)
        await self.stop()
        if self._recorded_until is None:
            return at
        missing = round((at - self._recorded_until) * RATE_HZ)
        while missing > 0:
            frame = silence(min(missing, silent_frame(self._format).samples), self._format)
            missing -= frame.samples
            await self._put(frame)
        return max(at, self._recorded_until)

    async def record(
        self, frames: Sequence[AppendFrame], at: float, may_send: Callable[[int], bool] = lambda until: True
    ) -> None:
        """Send a recording whose first sample is recorded at the time `at`; returns when its last frame was sent.

        Args:
            frames: of the recording.
            at: on the clock.
            may_send: from the end of the next frame, in samples of the recording, to whether it is sent; where it is
                not, none of the rest is.
        """
        self._recorded_until = at
        recorded = 0
        for frame in frames:
            recorded += frame.samples
            due = at + recorded / RATE_HZ
            await self._sleep_until(due)
            if not may_send(recorded):
                return
            self._recorded_until = due
            await self._put(frame)
            self._note_lag(due)

    def go_on(self) -> None:
        """Send digital silence from now on, until the next recording."""
        self._silent_until = math.inf
        self._silence = asyncio.get_running_loop().create_task(self._record_silence(), name="realtime silence")

    async def stop(self) -> None:
        """Send no more silence."""
        task, self._silence = self._silence, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # the connection was lost, which its owner sees by itself

    async def switch_off(self) -> None:
        """Record nothing until the next recording, not even silence."""
        await self.stop()
        self._recorded_until = None

    async def _record_silence(self) -> None:
        frame = silent_frame(self._format)
        begun, recorded = self._recorded_until or self._clock(), 0
        while True:
            recorded += frame.samples
            due = begun + recorded / RATE_HZ
            await self._sleep_until(due)
            if due > self._silent_until:
                return  # a recording begins before, and the loop was too busy to stop this task in time
            if self._may_be_silent is not None and not self._may_be_silent(self.sent_samples + frame.samples):
                self._recorded_until = None
                return
            self._recorded_until = due
            await self._put(frame)
            self._note_lag(due)

    async def _put(self, frame: AppendFrame) -> None:
        self.sent_samples += frame.samples
        if frame.encoded:
            await self._send(frame.encoded)

    def _note_lag(self, due: float) -> None:
        self.lag_ms = max(self.lag_ms, (self._clock() - due) * 1000)

    async def _sleep_until(self, due: float) -> None:
        # A sleep may end early: a timer of the loop has the resolution of the loop's own clock.
        while (left := due - self._clock()) > 0:  # noqa: ASYNC110 - a clock announces nothing
            await asyncio.sleep(left)
