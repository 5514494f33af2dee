"""A session whose recogniser or voice fails: the answer fails with the cause, and the session goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np

from realtime_nb.local.http.server import Listening, ServerOptions, serve
from realtime_nb.local.models import ModelOptions
from realtime_nb.local.voice.chat.responder import NOT_UNDERSTOOD
from tests.chat_server import ChatServer
from tests.integration.raw_client import Event, RawClient, raw_client, speech, text_of
from tests.integration.speech_server import Answer, SpeechServer, speech_server

_HEAR, _SAY = "/v1/audio/transcriptions", "/v1/audio/speech"


@asynccontextmanager
async def _serving(models: ModelOptions) -> AsyncIterator[RawClient]:
    until = asyncio.Event()
    listening: asyncio.Future[Listening] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve(ServerOptions(port=0, pace=0, models=models), until=until, announce=listening.set_result)
    )
    async with raw_client((await listening).url) as client:
        yield client
    until.set()
    await serving


async def _spoken_turn(client: RawClient) -> list[Event]:
    await client.append(speech("What is the time?", before_ms=0, after_ms=0))
    await client.send("input_audio_buffer.commit")
    await client.send("response.create")
    events = await client.until("response.done")
    names = [event["type"] for event in events]
    if not any(str(name).startswith("conversation.item.input_audio_transcription.") for name in names):
        events += [await client.receive()]
    return events


def _options(chat: ChatServer, speech: SpeechServer) -> ModelOptions:
    return ModelOptions(
        chat_url=chat.url,
        chat_model=chat.models[0],
        stt=f"{speech.url}/v1",
        tts=f"{speech.url}/v1",
        stt_key="k-stt-1234",
    )


_MANUAL = {"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}}


async def test_failed_recognition_fails_the_answer_with_its_cause_and_the_session_goes_on() -> None:
    hear = [Answer(500, [b"out of memory"]), Answer(200, [b'{"text": "What is the time?"}'])]
    say = Answer(blocks=[np.full(4_800, 900, "<i2").tobytes()])
    with (
        ChatServer() as chat,
        speech_server({_HEAR: lambda _: hear.pop(0), _SAY: lambda _: say}) as server,
    ):
        async with _serving(_options(chat, server)) as client:
            await client.update(audio=_MANUAL)
            events = await _spoken_turn(client)
            (failed,) = [e for e in events if e["type"] == "conversation.item.input_audio_transcription.failed"]
            assert "HTTP 500" in failed["error"]["message"]
            (done,) = [e["response"] for e in events if e["type"] == "response.done"]
            assert done["status"] == "failed"
            assert done["status_details"]["error"]["code"] == "recognition_failed"
            assert chat.chats == []
            events = await _spoken_turn(client)
            assert [e["response"]["status"] for e in events if e["type"] == "response.done"] == ["completed"]
            assert text_of(events)
            assert "What is the time?" in str(chat.chats[-1].body)


async def test_misheard_words_are_in_no_later_prompt() -> None:
    doubtful = {"avg_logprob": -3.0, "no_speech_prob": 0.9, "compression_ratio": 1.0}
    hear = [
        Answer(200, [json.dumps({"text": "What is the thyme?", "segments": [doubtful]}).encode()]),
        Answer(200, [b'{"text": "What is the time?"}']),
    ]
    say = Answer(blocks=[np.full(4_800, 900, "<i2").tobytes()])
    with (
        ChatServer() as chat,
        speech_server({_HEAR: lambda _: hear.pop(0), _SAY: lambda _: say}) as server,
    ):
        async with _serving(_options(chat, server)) as client:
            await client.update(audio=_MANUAL)
            assert text_of(await _spoken_turn(client)) == NOT_UNDERSTOOD
            assert chat.chats == []
            await _spoken_turn(client)
            await client.ask("And now?")
    assert [(message["role"], message["content"]) for message in chat.chats[-1].messages] == [
        ("user", "What is the time?"),
        ("assistant", "You said: What is the time?"),
        ("user", "And now?"),
    ]


async def test_failed_voice_fails_the_answer_with_its_cause_and_the_session_goes_on() -> None:
    say = [Answer(503, [b"loading"]), Answer(blocks=[np.full(4_800, 900, "<i2").tobytes()])]
    with ChatServer() as chat, speech_server({_SAY: lambda _: say.pop(0) if len(say) > 1 else say[0]}) as server:
        async with _serving(_options(chat, server)) as client:
            done = (await client.ask("Hello!"))[-1]["response"]
            assert done["status"] == "failed"
            message = done["status_details"]["error"]["message"]
            assert message.startswith(f"Speech (tts) at {server.url}/v1/audio/speech: HTTP 503")
            events = await client.ask("Hello!")
            assert events[-1]["response"]["status"] == "completed"
            assert any(e["type"] == "response.output_audio.delta" for e in events)


async def test_each_key_goes_to_its_own_server_only() -> None:
    say = Answer(blocks=[np.full(4_800, 900, "<i2").tobytes()])
    hear = Answer(200, [b'{"text": "What is the time?"}'])
    with ChatServer() as chat, speech_server({_HEAR: lambda _: hear, _SAY: lambda _: say}) as server:
        options = ModelOptions(
            chat_url=chat.url,
            chat_model=chat.models[0],
            chat_key="k-chat-1234",
            stt=f"{server.url}/v1",
            stt_key="k-stt-1234",
            tts=f"{server.url}/v1",
            tts_key="k-tts-1234",
        )
        async with _serving(options) as client:
            await client.update(audio=_MANUAL)
            await _spoken_turn(client)
        sent = {request.path: request.headers.get("authorization") for request in server.requests}
        assert sent == {_HEAR: "Bearer k-stt-1234", _SAY: "Bearer k-tts-1234"}
        assert "k-stt" not in str(chat.requests)
        assert "k-tts" not in str(chat.requests)
