"""Turns over real sockets: typed and spoken, answered in text and in sound, interrupted and cancelled."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator

import numpy as np
import pytest
from websockets.asyncio.client import connect

from realtime_nb.local import LocalServer
from tests.integration.raw_client import Event, RawClient, raw_client, sound_of, speech, text_of

TIME_TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Paris", "Berlin", "London"]}},
        "required": ["city"],
    },
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with LocalServer() as server:
        yield server.url


def _types(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


def _first(events: list[Event], event_type: str) -> Event:
    return next(event for event in events if event["type"] == event_type)


async def test_a_typed_turn_is_answered_in_text(url: str) -> None:
    async with raw_client(url + "?model=gpt-realtime-2.1") as client:
        await client.update(output_modalities=["text"])
        events = await client.ask("Hello!")
        done = events[-1]["response"]
        assert done["status"] == "completed"
        assert text_of(events)
        assert done["output"][0]["content"] == [{"type": "output_text", "text": text_of(events)}]


async def test_a_typed_turn_is_answered_in_sound(url: str) -> None:
    async with raw_client(url) as client:
        events = await client.ask("Count from one to five.")
        transcript = _first(events, "response.output_audio_transcript.done")["transcript"]
        assert transcript == text_of(events)
        assert "five" in transcript.lower() or "5" in transcript
        sound = np.frombuffer(sound_of(events), "<i2")
        assert sound.size > 24_000
        assert np.abs(sound).max() > 1_000
        # Words come with the sound that speaks them, not all before it or after it.
        deltas = [event["type"] for event in events if event["type"].endswith("delta")]
        assert deltas[0] == "response.output_audio_transcript.delta"
        assert "response.output_audio.delta" in deltas[: deltas.index("response.output_audio_transcript.delta", 1)]


async def test_a_spoken_turn_is_heard_and_answered(url: str) -> None:
    async with raw_client(url) as client:
        await client.update(audio={"input": {"transcription": {"model": "gpt-4o-transcribe"}}})
        await client.append(speech("What is the time?"))
        events = await client.until("response.done")
        names = _types(events)
        order = [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "response.created",
            "conversation.item.input_audio_transcription.completed",
        ]
        assert sorted(order, key=names.index) == order
        heard = _first(events, "conversation.item.input_audio_transcription.completed")
        assert "time" in heard["transcript"]
        assert heard["item_id"] == _first(events, "input_audio_buffer.speech_started")["item_id"]
        assert text_of(events).startswith("It is")


async def test_push_to_talk_answers_when_it_is_asked_to(url: str) -> None:
    async with raw_client(url) as client:
        await client.update(audio={"input": {"turn_detection": None}}, output_modalities=["text"])
        await client.send("input_audio_buffer.clear")
        await client.append(speech("What is the time?"))
        await client.send("input_audio_buffer.commit")
        events = await client.until("conversation.item.done")
        assert "response.created" not in _types(events)
        await client.send("response.create")
        assert text_of(await client.until("response.done")).startswith("It is")


async def test_two_utterances_at_once_are_two_turns(url: str) -> None:
    async with raw_client(url) as client:
        await client.update(audio={"input": {"turn_detection": {"type": "server_vad", "interrupt_response": True}}})
        await client.append(np.concatenate([speech("Hello!"), speech("What is the time?")]), chunk_ms=4_000)
        first = (await client.until("response.done"))[-1]["response"]
        second = (await client.until("response.done"))[-1]["response"]
        assert (first["status"], second["status"]) == ("cancelled", "completed")
        assert first["status_details"]["reason"] == "turn_detected"
        assert [e["type"] for e in client.log].count("input_audio_buffer.committed") == 2


async def test_speech_during_an_answer_stops_it(url: str) -> None:
    async with raw_client(url) as client:
        await client.user_says("Count from one to thirty.")
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.append(speech("Stop!"))
        events = await client.until("response.done")
        done = events[-1]["response"]
        assert done["status"] == "cancelled"
        assert done["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        item = done["output"][0]
        assert item["status"] == "incomplete"
        received_ms = len(sound_of(client.log)) // 48
        await client.send("conversation.item.truncate", item_id=item["id"], content_index=0, audio_end_ms=received_ms)
        assert (await client.until("conversation.item.truncated"))[-1]["audio_end_ms"] == received_ms
        after = [e for e in client.log if e.get("response_id") == done["id"]]
        assert after[-1]["type"] == "response.output_item.done"


async def test_response_cancel_stops_a_response(url: str) -> None:
    async with raw_client(url) as client:
        await client.user_says("Count from one to thirty.")
        await client.send("response.create")
        response_id = (await client.until("response.created"))[-1]["response"]["id"]
        await client.until("response.output_audio.delta")
        await client.send("response.cancel", response_id=response_id)
        done = (await client.until("response.done"))[-1]["response"]
        assert (done["id"], done["status"]) == (response_id, "cancelled")
        assert done["status_details"]["reason"] == "client_cancelled"
        assert done["usage"]["output_tokens"] > 0
        # The conversation goes on, and nothing of the dead response comes any more.
        events = await client.ask("What is the time?")
        assert events[-1]["response"]["status"] == "completed"
        assert not [event for event in events if event.get("response_id") == response_id]


async def test_a_tool_is_called_and_its_answer_used(url: str) -> None:
    async with raw_client(url) as client:
        await client.update(output_modalities=["text"], tools=[TIME_TOOL])
        events = await client.ask("What is the weather in Paris?")
        (call,) = [item for item in events[-1]["response"]["output"] if item["type"] == "function_call"]
        assert (call["name"], call["status"]) == ("get_weather", "completed")
        assert call["arguments"] == '{"city":"Paris"}'
        deltas = "".join(e["delta"] for e in events if e["type"] == "response.function_call_arguments.delta")
        assert deltas == call["arguments"]
        await client.send(
            "conversation.item.create",
            item={"type": "function_call_output", "call_id": call["call_id"], "output": '{"sky": "sunny"}'},
        )
        await client.send("response.create")
        assert "sunny" in text_of(await client.until("response.done"))


async def test_tool_choice_none_calls_nothing_and_a_named_tool_is_called(url: str) -> None:
    async with raw_client(url) as client:
        await client.update(output_modalities=["text"], tools=[TIME_TOOL])
        events = await client.ask("What is the weather in Paris?", tool_choice="none")
        assert not [item for item in events[-1]["response"]["output"] if item["type"] == "function_call"]
        events = await client.ask("Berlin", tool_choice={"type": "function", "name": "get_weather"})
        assert [item["type"] for item in events[-1]["response"]["output"]] == ["function_call"]


async def test_out_of_band_responses_run_beside_a_spoken_one(url: str) -> None:
    async with raw_client(url) as client:
        await client.user_says("Count from one to twenty.")
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        question = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello!"}]}
        aside = {"conversation": "none", "output_modalities": ["text"], "input": [question]}
        for name in ("a", "b"):
            await client.send("response.create", response={**aside, "metadata": {"name": name}})
        done = [(await client.until("response.done"))[-1]["response"] for _ in range(3)]
        beside = [response for response in done if response["conversation_id"] is None]
        assert sorted(response["metadata"]["name"] for response in beside) == ["a", "b"]
        assert [r["status"] for r in done] == ["completed"] * 3
        assert done[-1]["conversation_id"] is not None


async def test_a_token_limit_ends_a_response_early(url: str) -> None:
    async with raw_client(url) as client:
        events = await client.ask("Count from one to thirty.", max_output_tokens=30)
        done = events[-1]["response"]
        assert done["status"] == "incomplete"
        assert done["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
        assert done["usage"]["output_tokens"] <= 30


@pytest.mark.parametrize("modality", ["text", "audio"])
async def test_voice_speed_and_instructions_of_one_response(url: str, modality: str) -> None:
    async with raw_client(url) as client:
        await client.update(audio={"output": {"speed": 1.5}})
        events = await client.ask("Hello!", output_modalities=[modality], instructions="Be brief.")
        assert events[-1]["response"]["output_modalities"] == [modality]


async def test_retrieve_gives_the_sound_that_was_sent(url: str) -> None:
    async with raw_client(url) as client:
        events = await client.ask("Hello!")
        item_id = events[-1]["response"]["output"][0]["id"]
        await client.send("conversation.item.retrieve", item_id=item_id)
        item = (await client.until("conversation.item.retrieved"))[-1]["item"]
        assert base64.b64decode(item["content"][0]["audio"]) == sound_of(events)


async def test_telephone_sound_both_ways(url: str) -> None:
    from realtime_nb.audio import g711
    from realtime_nb.audio.resample import resample

    async with raw_client(url) as client:
        formats = {"format": {"type": "audio/pcmu"}}
        await client.update(audio={"input": {**formats, "transcription": {"model": "whisper-1"}}, "output": formats})
        coded = g711.encode(resample(speech("What is the time?"), 24_000, 8_000), "pcmu")
        for start in range(0, len(coded), 160):
            audio = base64.b64encode(coded[start : start + 160]).decode()
            await client.send("input_audio_buffer.append", audio=audio)
        events = await client.until("response.done")
        assert "time" in _first(events, "conversation.item.input_audio_transcription.completed")["transcript"]
        sound = g711.decode(sound_of(events), "pcmu")
        assert sound.size > 4_000
        assert np.abs(sound).max() > 1_000


async def test_a_transcription_session_transcribes_and_never_answers(url: str) -> None:
    async with raw_client(url + "?intent=transcription") as client:
        assert client.log[0]["session"]["type"] == "transcription"
        await client.append(speech("What is the time?"))
        events = await client.until("conversation.item.input_audio_transcription.completed")
        assert "time" in events[-1]["transcript"]
        await client.send("response.create", event_id="mine")
        error = (await client.until("error"))[-1]["error"]
        assert error["event_id"] == "mine"
        assert not [event for event in client.log if event["type"].startswith("response.")]


async def test_a_client_that_sends_without_reading_does_not_block_itself(url: str) -> None:
    async with connect(url, compression=None, max_queue=1) as socket:
        client = RawClient(socket)
        for _ in range(3):
            await client.user_says("Count from one to thirty.")
            await client.send("response.create")
        await client.append(np.concatenate([speech("Hello!") for _ in range(8)]))
        await client.send("input_audio_buffer.clear")
        events = await client.until("input_audio_buffer.cleared")
        assert _types(events).count("input_audio_buffer.committed") == 8


async def test_fifty_sessions_write_at_once(url: str) -> None:
    async def one(number: int) -> str:
        async with raw_client(url) as client:
            await client.update(output_modalities=["text"])
            return text_of(await client.ask(f"Repeat after me: number {number}"))

    answers = await asyncio.gather(*(one(number) for number in range(50)))
    assert all(str(number) in answer for number, answer in enumerate(answers))


async def test_vanished_client_does_not_disturb_other_sessions(url: str) -> None:
    async with raw_client(url) as stays:
        async with raw_client(url) as goes:
            await goes.user_says("Count from one to thirty.")
            await goes.send("response.create")
            await goes.until("response.output_audio.delta")
            goes.socket.transport.abort()
        events = await stays.ask("Hello!")
        assert events[-1]["response"]["status"] == "completed"
