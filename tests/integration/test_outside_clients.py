"""Unchanged third-party clients complete typed and spoken turns with the practice backend.

The official Python SDK is given a base URL, openai-agents and openai-agents-js a websocket's URL.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from realtime_nb.local import LocalServer
from tests import npm
from tests.integration.raw_client import PATIENCE_S, http, speech
from tests.sdk_validator import check_server

TOKEN = "sentinel-token"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with LocalServer(token=TOKEN) as server:
        yield server.url


# -- the official Python SDK


def _openai(url: str, key: str = TOKEN) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=http(url) + "/v1", api_key=key)


async def _until(connection: AsyncRealtimeConnection, event_type: str) -> list[Any]:
    events: list[Any] = []
    async with asyncio.timeout(PATIENCE_S):
        async for event in connection:
            check_server(event.to_dict())
            events.append(event)
            if event.type == event_type:
                return events
    raise AssertionError(f"the connection ended before {event_type}")


async def test_the_official_sdk_completes_a_typed_turn(url: str) -> None:
    async with _openai(url).realtime.connect(model="gpt-realtime-2.1") as connection:
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Say hello!"}]}
        )
        await connection.response.create()
        events = await _until(connection, "response.done")
        assert "".join(event.delta for event in events if event.type == "response.output_text.delta")
        assert events[-1].response.status == "completed"


async def test_the_official_sdk_completes_a_spoken_turn(url: str) -> None:
    async with _openai(url).realtime.connect(model="gpt-realtime-2.1") as connection:
        await connection.session.update(
            session={"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
        )
        sound = speech("What is the time?").tobytes()
        for start in range(0, len(sound), 4_800):
            chunk = base64.b64encode(sound[start : start + 4_800]).decode()
            await connection.input_audio_buffer.append(audio=chunk)
        events = await _until(connection, "response.done")
        by_type = {event.type: event for event in events}
        assert "time" in by_type["conversation.item.input_audio_transcription.completed"].transcript
        assert by_type["response.output_audio_transcript.done"].transcript.startswith("It is")
        spoken = [base64.b64decode(event.delta) for event in events if event.type == "response.output_audio.delta"]
        assert len(b"".join(spoken)) > 24_000


async def test_the_official_sdk_makes_and_uses_a_client_secret(url: str) -> None:
    secret = await _openai(url).realtime.client_secrets.create(
        session={"type": "realtime", "instructions": "of the secret"},
        expires_after={"anchor": "created_at", "seconds": 60},
    )
    async with _openai(url, secret.value).realtime.connect(model="gpt-realtime-2.1") as connection:
        (created,) = await _until(connection, "session.created")
        assert created.session.instructions == "of the secret"


# -- openai-agents


@function_tool
def get_weather(city: str) -> str:
    """Tell the weather in a city.

    Args:
        city: The name of the city, such as Paris.
    """
    return f"It is sunny in {city}."


async def _run(url: str, **settings: Any) -> RealtimeSession:
    agent = RealtimeAgent(name="practice", instructions="Be brief.", tools=[get_weather])
    runner = RealtimeRunner(agent)
    config: Any = {"url": url, "api_key": TOKEN, "initial_model_settings": settings}
    return await runner.run(model_config=config)


async def _agent_events(session: RealtimeSession, *wanted: str) -> list[Any]:
    """Collect the session's events until each wanted type has come, in order; raw events are validated."""
    events: list[Any] = []
    left = list(wanted)
    async with asyncio.timeout(PATIENCE_S):
        async for event in session:
            events.append(event)
            kind = event.type
            if event.type == "error":
                raise AssertionError(event)
            if event.type == "raw_model_event" and event.data.type == "raw_server_event":
                kind = check_server(dict(event.data.data))["type"]
            if kind == left[0]:
                left.pop(0)
            if not left:
                return events
    raise AssertionError(f"the session ended before {left}")


async def test_openai_agents_completes_a_typed_turn(url: str) -> None:
    async with await _run(url) as session:
        await session.send_message("Hello!")
        events = await _agent_events(session, "audio", "audio_end", "response.done")
        assert sum(len(event.audio.data) for event in events if event.type == "audio") > 10_000


async def test_openai_agents_completes_a_spoken_turn(url: str) -> None:
    async with await _run(url) as session:
        await session.send_audio(speech("What is the time?").tobytes())
        await _agent_events(session, "conversation.item.input_audio_transcription.completed", "audio", "response.done")


async def test_openai_agents_completes_a_tool_call(url: str) -> None:
    async with await _run(url) as session:
        await session.send_message("What is the weather in Paris?")
        events = await _agent_events(session, "tool_start", "tool_end", "audio", "response.done")
        (end,) = [event for event in events if event.type == "tool_end"]
        assert "sunny in Paris" in str(end.output)
        said = "".join(
            event.data.data["delta"]
            for event in events
            if event.type == "raw_model_event"
            and event.data.type == "raw_server_event"
            and event.data.data["type"] == "response.output_audio_transcript.delta"
        )
        assert "sunny" in said


async def test_openai_agents_is_interrupted_by_speech(url: str) -> None:
    async with await _run(url) as session:
        await session.send_message("Count from one to thirty.")
        await _agent_events(session, "audio")
        await session.send_audio(speech("Stop!").tobytes())
        events = await _agent_events(session, "audio_interrupted", "response.done")
        done = [e.data.data for e in events if e.type == "raw_model_event" and e.data.type == "raw_server_event"][-1]
        assert done["response"]["status"] == "cancelled"
        assert done["response"]["status_details"]["reason"] == "turn_detected"


async def test_openai_agents_interrupts_by_itself(url: str) -> None:
    # Where the server interrupts, this client sends no cancel of its own.
    turn_detection = {"type": "server_vad", "interrupt_response": False}
    async with await _run(url, turn_detection=turn_detection) as session:
        await session.send_message("Count from one to thirty.")
        await _agent_events(session, "audio")
        await session.interrupt()
        events = await _agent_events(session, "audio_interrupted", "response.done")
        done = [e.data.data for e in events if e.type == "raw_model_event" and e.data.type == "raw_server_event"][-1]
        assert done["response"]["status"] == "cancelled"


# -- openai-agents-js


def test_openai_agents_js_completes_a_typed_turn_a_tool_call_and_a_spoken_turn(url: str, tmp_path: Path) -> None:
    # The program ends at the first event that does not match the schemas of the package.
    sound = tmp_path / "question.pcm"
    sound.write_bytes(speech("What is the time?").tobytes())
    command = [npm.node(), str(npm.FOLDER / "agents.mjs"), url, TOKEN, str(sound)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=4 * PATIENCE_S, check=False)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (said, done.stderr)
    turns = {line["turn"]: line["sound"] for line in said if "turn" in line}
    assert list(turns) == ["typed", "tool", "spoken"]
    assert min(turns.values()) > 10_000, "each was spoken"
    assert {"tool": "get_weather", "result": "It is sunny in Paris."} in said
    history = said[-1]["history"]
    assert [item.get("role", item["type"]) for item in history] == [
        *("user", "assistant"),
        *("user", "function_call", "assistant"),
        *("user", "assistant"),
    ]
    assert "time" in history[-2]["text"]
    assert history[-1]["text"].startswith("It is")
