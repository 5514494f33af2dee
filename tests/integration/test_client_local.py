"""Whole conversations with the local backend: typed, spoken, with tools, interrupted."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb import backends, errors
from realtime_nb.audio.sound_file import load_24k
from realtime_nb.client.connection import core_of
from realtime_nb.client.session import RealtimeSession
from realtime_nb.client.turns.audio_sink import PlayedItem
from realtime_nb.conversation import Turn
from realtime_nb.local import LocalServer
from tests.sdk_validator import check_client

SILENCE = np.zeros(24_000, np.int16)


@pytest.fixture(scope="module")
def server() -> Any:
    with LocalServer(pace=0) as running:
        yield running


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("espeak-ng") is None:
        pytest.skip("speech for the test needs espeak-ng: apt-get install espeak-ng")
    path = tmp_path_factory.mktemp("speech") / "question.wav"
    subprocess.run(["espeak-ng", "-v", "en-us", "-s", "140", "-w", str(path), "What time is it?"], check=True)
    return path


def test_a_plain_script_talks_without_a_loop_of_its_own(server: LocalServer) -> None:
    deltas: list[str] = []
    conn = rt.run(rt.connect(url=server.url, reconnect=True))
    conn.on("response.output_text.delta", lambda event: deltas.append(event.delta))
    session = rt.RealtimeSession(conn, {"output": "text"})
    rt.run(session.start())
    answer = rt.run(session.ask("What is two plus two?"))
    rt.run(session.close())
    rt.run(conn.close())
    assert answer.text == "2 plus 2 is 4."
    assert "".join(deltas) == answer.text
    assert conn.closed is not None


def test_session_of_a_closed_loop_raises_a_clear_error(server: LocalServer) -> None:
    conn = asyncio.run(_opened(server.url))
    with pytest.raises(RuntimeError, match="does not run any more"):
        rt.RealtimeSession(conn)


async def _opened(url: str) -> Any:
    return await rt.connect(url=url)


@asynccontextmanager
async def talk(server: LocalServer, **settings: Any) -> AsyncIterator[RealtimeSession]:
    async with backends.connect(url=server.url) as conn:
        core_of(conn).add_send_listener(check_client)
        tools = settings.pop("tools", ())
        sink = settings.pop("sink", None)
        async with RealtimeSession(conn, settings, tools=tools, sink=sink) as session:
            problems: list[Exception] = []
            session.on_error = problems.append
            yield session
            assert problems == []


@pytest.mark.parametrize("turn_detection", ["server_vad", "semantic_vad", None])
async def test_a_recording_is_one_turn_with_one_answer(
    server: LocalServer, question: Path, turn_detection: str | None
) -> None:
    async with talk(server, turn_detection=turn_detection, transcription=True) as session:
        before = dict(session.effective)
        answer = await session.ask(question, timeout=60)
        assert [turn.role for turn in session.conversation.turns] == ["user", "assistant"]
        assert answer == session.conversation.turns[1]
        assert session.conversation.turns[0].text_known
        assert answer.text
        assert answer.audio is not None
        assert answer.audio.duration_ms > 200
        assert session.effective == before


async def test_a_pause_inside_a_recording_does_not_make_two_turns(server: LocalServer, question: Path) -> None:
    speech = load_24k(question)
    twice = np.concatenate([speech, SILENCE, SILENCE, speech])
    async with talk(server, turn_detection="server_vad") as session:
        await session.ask(twice, timeout=60)
        assert [turn.role for turn in session.conversation.turns] == ["user", "assistant"]


async def test_the_microphone_gets_its_answer_from_the_servers_own_detection(
    server: LocalServer, question: Path
) -> None:
    speech = np.concatenate([SILENCE[:12_000], load_24k(question), SILENCE])
    async with talk(server, turn_detection="server_vad") as session:
        done = session.connection.wait_for("response.done", timeout=60)
        for start in range(0, len(speech), 960):
            await session.append(speech[start : start + 960])
        await done
        typed = await session.ask("And thank you", timeout=60)
        roles = [turn.role for turn in session.conversation.turns]
        assert roles == ["user", "assistant", "user", "assistant"]
        assert typed == session.conversation.turns[-1]


async def test_a_tool_is_called_with_its_arguments_and_its_result_is_spoken_of(server: LocalServer) -> None:
    asked: list[str] = []

    def get_weather(city: str) -> dict[str, Any]:
        """Get the weather of a city.

        Args:
            city: The city.
        """
        asked.append(city)
        return {"sky": "clear", "celsius": 21}

    async with talk(server, output="text", tools=[get_weather]) as session:
        turn = await session.ask("What is the weather in Paris?", timeout=60)
        assert [city.lower() for city in asked] == ["paris"]
        (call,) = turn.tool_calls
        assert (call.name, call.status) == ("get_weather", "completed")
        assert call.output == '{"sky":"clear","celsius":21}'
        assert turn.text
        assert not session.response_active


class Speaker:
    """A sink that reports a fixed number of played samples when playback is stopped."""

    def __init__(self, samples: int) -> None:
        self.samples = samples
        self.received: dict[str, int] = {}
        self.epochs: set[int] = set()
        self.plays = True
        self.playing = False
        self.enough = asyncio.Event()

    def write(self, epoch: int, item_id: str, content_index: int, start_sample: int, pcm: bytes) -> None:
        self.epochs.add(epoch)
        self.received[item_id] = start_sample + len(pcm) // 2
        self.playing = True
        if self.received[item_id] > self.samples:
            self.enough.set()

    def done(self, epoch: int, item_id: str, content_index: int, samples: int) -> None:
        self.received[item_id] = samples

    async def flush(self, epoch: int) -> list[PlayedItem]:
        self.playing = False
        return [PlayedItem(item_id, 0, min(self.samples, received)) for item_id, received in self.received.items()]

    async def drained(self) -> None:
        return None


async def test_speaking_over_the_answer_cuts_it_where_it_was_heard(server: LocalServer, question: Path) -> None:
    speaker = Speaker(samples=12_011)
    speech = np.concatenate([load_24k(question), SILENCE])
    async with talk(server, turn_detection="server_vad", sink=speaker) as session:
        await session.send_text("Count to twenty")
        await asyncio.wait_for(speaker.enough.wait(), 60)
        truncated = session.connection.wait_for("conversation.item.truncated", timeout=60)
        for start in range(0, len(speech), 960):
            await session.append(speech[start : start + 960])
        event = await truncated
        assert event.audio_end_ms == 500
        await asyncio.wait_for(session._responses.idle(), 60)
        cut = session.conversation.turn(event.item_id)
        assert cut is not None
        assert cut.status == "interrupted"
        assert cut.text.startswith(cut.heard_text)
        assert len(cut.heard_text) < len(cut.text)
        assert session.epoch >= 1


async def test_settings_change_while_connected_and_the_server_has_the_last_word(server: LocalServer) -> None:
    async with talk(server, output="text", turn_detection=None) as session:
        effective = await session.update(instructions="Always be kind.", turn_detection="semantic_vad", output="audio")
        assert effective["instructions"] == "Always be kind."
        assert effective["audio"]["input"]["turn_detection"]["type"] == "semantic_vad"
        assert effective["output_modalities"] == ["audio"]


async def test_questions_of_two_threads_are_answered_each_with_its_own(server: LocalServer) -> None:
    async with talk(server, output="text") as session:
        words = ["apple", "banana", "cherry"]

        def ask(word: str) -> Turn:
            return asyncio.run(session.ask(f"Repeat after me: {word}", timeout=60))

        turns = await asyncio.gather(*(asyncio.to_thread(ask, word) for word in words))
        for word, turn in zip(words, turns, strict=True):
            assert word in turn.text.lower()


async def test_the_local_backend_of_a_process_is_shared_and_comes_back_after_it_died() -> None:
    first = await asyncio.to_thread(backends.resolve, "local")
    again = await asyncio.to_thread(backends.resolve, "auto")
    assert first.url == again.url
    assert "OPENAI_API_KEY" in (again.notice or "")
    assert "Bearer" in first.headers["Authorization"], "a token is made and used by itself"
    await asyncio.to_thread(backends.stop_local)
    with pytest.raises(errors.ConnectError, match="refused the connection"):
        await backends.connect(url=first.url)
    conn = await backends.connect(backend="local")
    assert core_of(conn).created is not None
    await conn.close()


@pytest.mark.parametrize("side", ["input", "output"])
async def test_a_session_refuses_a_format_that_it_would_play_as_noise(side: str) -> None:
    async with backends.connect(backend="local") as conn:
        with pytest.raises(errors.ConfigError, match=f"audio.{side}.format='audio/pcmu'"):
            await RealtimeSession(conn, {"audio": {side: {"format": {"type": "audio/pcmu"}}}}).start()


async def test_image_reaches_the_backend_and_is_kept(server: LocalServer) -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(8)  # the header is enough: the image is not decoded
    async with talk(server, output="text") as session:
        answer = await session.ask(rt.Utterance("What is this?", images=[png], detail="low"), timeout=10)
        assert "I see no pictures" in answer.text
        question = session.conversation.turns[0]
        assert question.text == "What is this?"
        assert [uri.partition(",")[0] for uri in question.images] == ["data:image/png;base64"]
