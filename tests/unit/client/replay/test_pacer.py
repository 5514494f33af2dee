"""The microphone's deadlines, on a clock that only sleeping moves."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from realtime_nb.client.replay import pacer
from realtime_nb.client.replay.frames import append_frames
from realtime_nb.client.replay.pacer import ReplayMicrophone
from realtime_nb.client.utterance import Utterance


class Machine:
    """A clock, and a loop that wakes up late."""

    def __init__(self, late_s: float = 0.0) -> None:
        self.now = 100.0
        self.late_s = late_s
        self.sent: list[tuple[float, int]] = []
        self.work_s = 0.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 0) + self.late_s

    async def send(self, frame: bytes) -> None:
        self.sent.append((self.now, len(base64.b64decode(json.loads(frame)["audio"])) // 2))
        self.now += self.work_s


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[[Machine], ReplayMicrophone]:
    def make(machine: Machine) -> ReplayMicrophone:
        class Loop:
            sleep: Callable[[float], Awaitable[None]] = staticmethod(machine.sleep)

            def __getattr__(self, name: str) -> Any:
                return getattr(asyncio, name)

        monkeypatch.setattr(pacer, "asyncio", Loop())
        return ReplayMicrophone(machine.send, machine.clock, (None, None))

    return make


def _said(ms: int) -> Utterance:
    return Utterance(samples=np.full(ms * 24, 1_000, np.int16))


async def test_five_seconds_take_five_seconds_on_a_machine_that_is_late(on: Any) -> None:
    machine = Machine(late_s=0.007)
    machine.work_s = 0.002
    microphone = on(machine)
    await microphone.record(append_frames(_said(5_000)), await microphone.begin_at(100.0))
    assert len(machine.sent) == 50
    # Lateness does not add up: each frame is late by what its own sleep was.
    assert machine.sent[-1][0] == pytest.approx(105.007)
    assert microphone.lag_ms == pytest.approx(9)
    assert microphone.sent_samples == 5 * 24_000


async def test_late_frames_follow_at_once_until_the_pace_is_kept_again(on: Any) -> None:
    machine = Machine()
    microphone = on(machine)
    machine.work_s = 0.25
    await microphone.record(append_frames(_said(300)), 100.0)
    assert [at for at, _ in machine.sent] == pytest.approx([100.1, 100.35, 100.6])
    assert microphone.lag_ms == pytest.approx(550)


async def test_last_frame_leaves_when_its_last_sample_was_spoken(on: Any) -> None:
    machine = Machine()
    microphone = on(machine)
    await microphone.record(append_frames(_said(250)), 100.0)
    assert [at for at, _ in machine.sent] == pytest.approx([100.1, 100.2, 100.25])
    assert [samples for _, samples in machine.sent] == [2_400, 2_400, 1_200]


async def test_silence_fills_the_time_up_to_the_next_recording() -> None:
    sent: list[int] = []
    loop = asyncio.get_running_loop()

    async def send(frame: bytes) -> None:
        sent.append(len(base64.b64decode(json.loads(frame)["audio"])) // 2)

    microphone = ReplayMicrophone(send, loop.time, (None, None))
    begun = loop.time()
    await microphone.record(append_frames(_said(100)), begun)
    microphone.go_on()
    at = await microphone.begin_at(begun + 0.33)
    assert sum(sent) == microphone.sent_samples == round((at - begun) * 24_000)
    assert at == begun + 0.33
    await microphone.stop()


async def test_silence_is_asked_for_and_ends_where_it_is_refused() -> None:
    sent: list[bytes] = []
    loop = asyncio.get_running_loop()
    refused, asked = asyncio.Event(), []

    async def send(frame: bytes) -> None:
        sent.append(frame)

    def may_be_silent(samples: int) -> bool:
        asked.append(samples)
        if samples > 9_600:
            refused.set()
        return samples <= 9_600

    microphone = ReplayMicrophone(send, loop.time, (None, None), may_be_silent)
    await microphone.record(append_frames(_said(100)), loop.time())
    microphone.go_on()
    await refused.wait()
    assert asked == [4_800, 7_200, 9_600, 12_000]
    assert microphone.sent_samples == 9_600
    # The next recording begins when it is due: the silence that was not sent is not sent later.
    due = loop.time() + 0.05
    assert await microphone.begin_at(due) == due
    assert microphone.sent_samples == 9_600
