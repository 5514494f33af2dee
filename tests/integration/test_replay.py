"""`replay` against the practice backend and against scripted servers: every way to say a turn, and every end of it."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from realtime_nb import backends
from realtime_nb.client.replay.options import ReplayOptions
from realtime_nb.client.replay.replay import replay
from realtime_nb.client.replay.scenario import Scenario
from realtime_nb.client.replay.trace import ReplayRecord
from realtime_nb.client.utterance import Utterance
from realtime_nb.client.variant import Variant
from realtime_nb.lab.measure import measure
from realtime_nb.local import LocalServer
from realtime_nb.testing import ScriptedServer, Step, expect, never, run, send
from tests.integration.scripted import answers, begins, created, ends, item_added, says, updated

VAD = {"type": "server_vad", "silence_duration_ms": 400}
DETECTED = Variant("detected", {"turn_detection": VAD, "transcription": False})
TYPED = Variant("typed", {"output": "text"})


def tone(ms: int, before_ms: int = 0, after_ms: int = 0) -> np.ndarray[Any, Any]:
    """Sound that counts as speech by its level, between silences."""
    t = np.arange(ms * 24) / 24_000
    voiced = np.asarray(8_000 * np.sin(2 * np.pi * 180 * t) * (1 + np.sin(2 * np.pi * 5 * t)) / 2, np.int16)
    return np.concatenate((np.zeros(before_ms * 24, np.int16), voiced, np.zeros(after_ms * 24, np.int16)))


async def replayed(
    said: Utterance | Scenario, variant: Variant, url: str, model: str | None = None, **options: Any
) -> ReplayRecord:
    connector = backends.connector_of(variant, backend=url, model=model)
    return await replay(said, variant, connector, ReplayOptions(**options))


def types(record: ReplayRecord, turn: int = 0) -> list[str]:
    return [each.event.type for each in record.turns[turn].events]


def sound_heard(server: ScriptedServer) -> bytes:
    """Return all sound that a server received."""
    appended = [event["audio"] for event in server.received if event["type"] == "input_audio_buffer.append"]
    return b"".join(map(base64.b64decode, appended))


def opening(detection: Any = VAD) -> list[Step]:
    return [created(detection), expect("session.update"), send(updated)]


def detects(item_id: str, start_ms: int, end_ms: int, response_id: str, text: str) -> Step:
    """Take what was appended so far for a turn of the user, as turn detection does, and answer it."""

    async def step(script: Any) -> None:
        await send("input_audio_buffer.speech_started", audio_start_ms=start_ms, item_id=item_id)(script)
        await send("input_audio_buffer.speech_stopped", audio_end_ms=end_ms, item_id=item_id)(script)
        await send("input_audio_buffer.committed", item_id=item_id)(script)
        for one in (
            begins(response_id, ours=False),
            says(response_id, f"a_{item_id}", text, audio_samples=4_800),
            ends(response_id, text=text, item_id=f"a_{item_id}"),
        ):
            await one(script)

    return run(step)


def hears(ms: int) -> Step:
    """Wait until so much sound was appended."""

    async def step(script: Any) -> None:
        while 48 * ms > sum(len(base64.b64decode(event["audio"])) for event in script.received if "audio" in event):
            await script.receive()

    return run(step)


@pytest.fixture(scope="module")
def practice() -> Any:
    with LocalServer() as server:
        yield server.url


async def test_typed_turn_is_answered_by_the_practice_backend(practice: str) -> None:
    record = await replayed(Utterance(text="What is two plus two?"), TYPED, practice)
    assert record.error is None
    found = measure(record.turns[0])
    assert found.text == "2 plus 2 is 4."
    assert found.total_ms is not None
    assert record.model == "local-practice"
    assert record.billed


async def test_recording_ends_its_turn_by_the_servers_detection(practice: str) -> None:
    record = await replayed(Utterance(samples=tone(600, 200, 100)), DETECTED, practice)
    assert record.error is None
    found = measure(record.turns[0])
    assert (found.cut_offs, found.false_starts, found.missed) == (0, 0, False)
    assert found.speech_end_to_stopped_ms is not None
    assert found.speech_end_to_stopped_ms > 300  # nearly the silence that ends a turn
    assert record.turns[0].pacing == "realtime"
    assert record.session["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 400


async def test_typed_turn_is_said_and_answered_on_a_scripted_server() -> None:
    steps = [*opening(None), expect("conversation.item.create"), send(item_added), expect("response.create")]
    async with ScriptedServer([*steps, *answers("r1", "a1", "Hello!"), never()]) as server:
        record = await replayed(Utterance(text="Hi"), TYPED, server.url)
    assert record.error is None
    assert measure(record.turns[0]).text == "Hello!"
    assert types(record)[-1] == "response.done"


async def test_recording_is_followed_by_silence_until_it_is_answered() -> None:
    said = tone(250, before_ms=50)
    script = [*opening(), hears(700), detects("u1", 40, 300, "r1", "Yes."), never()]
    async with ScriptedServer(script) as server:
        record = await replayed(Utterance(samples=said), DETECTED, server.url)
    assert record.error is None
    heard = sound_heard(server)
    assert heard[: 2 * said.size] == said.tobytes()
    assert not any(heard[2 * said.size :])
    found = measure(record.turns[0])
    assert (found.text, found.cut_offs) == ("Yes.", 0)
    # Speech ends at 300 ms, and the answer comes when 700 ms were heard: no earlier, whatever the machine does.
    assert found.speech_end_to_response_ms is not None
    assert found.speech_end_to_response_ms >= 390
