"""What the local backend adds to a spoken turn, how soon it falls silent, and what long answers leave in its memory.

The model and the recogniser are servers that answer at once, so that what remains is the backend's own: `turn` is the
time from `speech_stopped` to the first sound, `barge-in` from `speech_started` to the `response.done` of the answer
that was under way, both as a client receives them.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from realtime_nb.local import LocalServer
from tests.bench.table import Line
from tests.chat_server import ChatServer
from tests.integration.raw_client import Event, Pcm, RawClient, raw_client, speech
from tests.integration.speech_server import Answer, speech_server

_TURNS = 10
_WARM_UP, _LONG_ANSWERS = 10, 60
_FRAME = 480  # 20 ms
_MEMORY = Path("/proc/self/statm")


def lines() -> Iterator[Line]:
    """Yield a line for the turn, one for barge-in, and one for memory."""
    with ExitStack() as stack:
        chat = stack.enter_context(ChatServer())
        heard = {"/audio/transcriptions": lambda _: Answer(blocks=[json.dumps({"text": "count to 200"}).encode()])}
        ears = stack.enter_context(speech_server(heard))
        server = LocalServer(chat_url=chat.url, chat_model="test-model", stt=ears.url, tts="espeak")
        stack.enter_context(server)
        turns, interruptions = asyncio.run(_talk(server.url))
        yield Line("spoken turn, added to all parts", _ms(turns), "models that answer at once", "", "150 ms at most")
        yield Line("barge-in, to response.done", _ms(interruptions), "", "", "100 ms at most")
    if not _MEMORY.exists():
        yield Line("memory after long answers", "not measured: needs Linux")
        return
    with ChatServer() as chat, LocalServer(chat_url=chat.url, chat_model="test-model", tts="espeak", pace=0) as server:
        before, after = asyncio.run(_long_answers(server))
    what = f"memory, {_LONG_ANSWERS} answers of a minute"
    yield Line(what, f"{after:.0f} MB", f"before {before:.0f} MB", f"{after / before:.2f}x", "1.1x")


def _ms(seconds: list[float]) -> str:
    return f"{1000 * statistics.median(seconds):.0f} ms (worst {1000 * max(seconds):.0f})"


async def _talk(url: str) -> tuple[list[float], list[float]]:
    turns, interruptions = [], []
    sound = speech("Count to two hundred, please.", after_ms=1_200)
    async with raw_client(url) as client:
        clock = _Clock(client)
        for _ in range(_TURNS):
            speaking = asyncio.create_task(_append_live(client, sound))
            stopped = await clock.when("input_audio_buffer.speech_stopped")
            turns.append(await clock.when("response.output_audio.delta") - stopped)
            await speaking
            speaking = asyncio.create_task(_append_live(client, sound[: 24 * 1_000]))
            started = await clock.when("input_audio_buffer.speech_started")
            done = await clock.when("response.done")
            assert clock.last["response"]["status"] == "cancelled", clock.last
            interruptions.append(done - started)
            await speaking
            await client.send("input_audio_buffer.clear")
            await clock.when("input_audio_buffer.cleared")
    return turns, interruptions


class _Clock:
    """The arrival times of a client's events."""

    def __init__(self, client: RawClient) -> None:
        self._client = client
        self.last: Event = {}

    async def when(self, event_type: str) -> float:
        """Return the time at which the next event of a type arrives."""
        while True:
            self.last = await self._client.receive()
            if self.last["type"] == event_type:
                return time.perf_counter()


async def _append_live(client: RawClient, sound: Pcm) -> None:
    began = time.perf_counter()
    for start in range(0, sound.size, _FRAME):
        audio = base64.b64encode(sound[start : start + _FRAME].tobytes()).decode()
        await client.send("input_audio_buffer.append", audio=audio)
        await asyncio.sleep(max(began + (start + _FRAME) / 24_000 - time.perf_counter(), 0))


async def _long_answers(server: LocalServer) -> tuple[float, float]:
    assert server._process is not None
    before = 0.0
    for number in range(_WARM_UP + _LONG_ANSWERS):
        if number == _WARM_UP:
            before = _resident_mb(server._process.pid)
        async with raw_client(server.url) as client:
            await client.ask("count to 60")
    return before, _resident_mb(server._process.pid)


def _resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
