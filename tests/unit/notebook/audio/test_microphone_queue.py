"""Every microphone frame is counted, and sent on in order or counted as lost."""

from __future__ import annotations

import asyncio

import pytest

from realtime_nb.notebook.audio.microphone_queue import MicrophoneQueue

PCM = b"\0\0"


async def _pumped(microphone: MicrophoneQueue) -> list[bytes]:
    taken: list[bytes] = []

    async def append(pcm: bytes) -> None:
        taken.append(pcm)

    pump = asyncio.create_task(microphone.pump(append))
    await microphone.drained()
    pump.cancel()
    return taken


async def test_frames_wait_for_a_connection_and_keep_their_order() -> None:
    microphone = MicrophoneQueue()
    microphone.open("p")
    frames = [bytes([n, 0]) for n in range(20)]
    for number, pcm in enumerate(frames):
        microphone.put("p", number, 0.1, pcm)
    assert await _pumped(microphone) == frames
    assert microphone.missing == 0


async def test_missing_frames_are_counted() -> None:
    microphone = MicrophoneQueue()
    microphone.open("p")
    microphone.put("p", 0, 0, PCM)
    microphone.put("p", 3, 0, PCM)
    microphone.close("p", 6)
    assert (microphone.frames, microphone.missing) == (2, 4)


async def test_frames_of_a_page_without_the_microphone_are_ignored() -> None:
    microphone = MicrophoneQueue()
    microphone.open("p")
    microphone.put("stranger", 0, 1.0, PCM)
    assert microphone.frames == 0
    assert microphone.level == 0


async def test_muted_frames_are_discarded_and_not_counted_as_missing() -> None:
    microphone = MicrophoneQueue()
    microphone.open("p")
    microphone.muted = True
    microphone.put("p", 0, 0.5, PCM)
    assert not microphone.capturing
    assert (await _pumped(microphone), microphone.level, microphone.missing) == ([], 0.0, 0)


@pytest.mark.parametrize("ms", [20, 40, 60, 100])
async def test_sound_that_waited_over_ten_seconds_is_dropped(ms: int) -> None:
    microphone = MicrophoneQueue()
    microphone.open("p")
    frames = [number.to_bytes(2, "little") * (ms * 24) for number in range(12_000 // ms)]
    for number, pcm in enumerate(frames):
        microphone.put("p", number, 0, pcm)
    assert await _pumped(microphone) == frames[-(10_000 // ms) :]
    assert microphone.dropped == len(frames) - 10_000 // ms


async def test_frame_that_the_page_has_sent_itself_is_counted_and_not_sent_again() -> None:
    microphone, counted = MicrophoneQueue(), list[bytes]()
    microphone.on_sent = counted.append
    microphone.open("p")
    microphone.muted = True  # the page was not told yet: what it sent is in the buffer all the same
    microphone.put("p", 0, 0.5, b"00", sent=True)
    microphone.muted = False
    microphone.put("p", 1, 0.5, b"11", sent=False)
    microphone.put("p", 2, 0.5, b"22", sent=True)
    given: list[bytes] = []

    async def append(pcm: bytes) -> None:
        given.append(pcm)

    await microphone.send_waiting(append)
    assert (counted, given) == ([b"00", b"22"], [b"11"])
    assert (microphone.frames, microphone.missing, microphone.next_frame) == (3, 0, 3)


async def test_frames_that_come_more_than_ten_seconds_late_are_dropped_and_counted() -> None:
    microphone = MicrophoneQueue()
    microphone.open("p")
    frames = [bytes([n % 256, n // 256]) * 960 for n in range(1000)]
    for number, pcm in enumerate(frames):
        recorded_s = 5.0 + 0.04 * number
        # After 10 s of sound the comm holds everything up for 25 s, and then delivers it at once.
        held_up = 10.0 <= 0.04 * number < 35.0
        now = 1000.0 + (35.0 + number * 1e-4 if held_up else 0.04 * number + 0.1)
        microphone.put("p", number, 0, pcm, recorded_s=recorded_s, now=now)
        await microphone.send_waiting(_nowhere)
    # 25 s of frames were held up, and the newest 10 s of them, less the usual way of 0.1 s, are young enough.
    assert microphone.dropped == pytest.approx(15.0 / 0.04, abs=5)
    assert microphone.missing == 0
    assert microphone.next_frame == 1000


async def _nowhere(pcm: bytes) -> None:
    pass
