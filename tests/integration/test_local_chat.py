"""A conversation with a language model over real sockets: the local server on one side, a chat server on the other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from realtime_nb.local.http.server import Listening, ServerOptions, serve
from realtime_nb.local.models import ModelOptions
from realtime_nb.local.process import LocalServer
from realtime_nb.local.voice.chat.context_window import TRIMMED
from realtime_nb.local.voice.chat.messages import INTERRUPTED, NO_RESULT
from realtime_nb.local.voice.chat.responder import NOT_UNDERSTOOD
from realtime_nb.local.voice.download import Progress, ignore
from tests.chat_server import ChatServer, Cut, Pause, Play
from tests.integration.raw_client import Event, RawClient, raw_client, text_of

_ADD = {
    "type": "function",
    "name": "add",
    "parameters": {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}},
}
_LAMP = {
    "type": "function",
    "name": "set_lamp",
    "parameters": {"type": "object", "properties": {"room": {"enum": ["kitchen", "hall"]}, "on": {"type": "boolean"}}},
}


@pytest.fixture
def chat() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


@asynccontextmanager
async def _client(
    chat: ChatServer,
    *,
    models: dict[str, Any] | None = None,
    reports: list[Progress] | None = None,
    **session: Any,
) -> AsyncIterator[RawClient]:
    given = ModelOptions(**{"chat_url": chat.url, "chat_model": "test-model", "tts": "espeak", **(models or {})})
    options = ServerOptions(port=0, voice="plain", pace=0, models=given)
    until = asyncio.Event()
    listening: asyncio.Future[Listening] = asyncio.get_running_loop().create_future()
    report = reports.append if reports is not None else ignore
    task = asyncio.create_task(serve(options, until=until, announce=listening.set_result, report=report))
    try:
        async with raw_client((await listening).url) as client:
            await client.update(**{"output_modalities": ["text"], **session})
            yield client
    finally:
        until.set()
        await task


def _done(events: list[Event]) -> Event:
    response: Event = events[-1]["response"]
    return response


def _calls(events: list[Event]) -> list[tuple[str, Any]]:
    items = _done(events)["output"]
    return [(item["name"], json.loads(item["arguments"])) for item in items if item["type"] == "function_call"]


async def _answer_calls(client: RawClient, events: list[Event], *results: str) -> list[Event]:
    calls = [item for item in _done(events)["output"] if item["type"] == "function_call"]
    for item, result in zip(calls, results, strict=True):
        output = {"type": "function_call_output", "call_id": item["call_id"], "output": result}
        await client.send("conversation.item.create", item=output)
    await client.send("response.create", response={})
    return await client.until("response.done")


async def test_changed_instructions_change_the_answer(chat: ChatServer) -> None:
    async with _client(chat) as client:
        assert text_of(await client.ask("good morning")) == "You said: good morning"
        await client.update(instructions="Answer in upper case.")
        assert text_of(await client.ask("good evening")) == "YOU SAID: GOOD EVENING"
        events = await client.ask("good night", instructions="Begin each answer with Aye.")
        assert text_of(events) == "Aye! You said: good night"


async def test_prompt_holds_the_users_words_only(chat: ChatServer) -> None:
    async with _client(chat, instructions="Be kind.", output_modalities=["audio"]) as client:
        await client.ask("hello")
        await client.ask("how are you")
    assert chat.chats[-1].messages == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "You said: hello"},
        {"role": "user", "content": "how are you"},
    ]
    assert "practice" not in json.dumps([request.body for request in chat.requests])


async def test_session_without_instructions_has_no_prompt(chat: ChatServer) -> None:
    async with _client(chat) as client:
        await client.ask("hello")
    assert chat.chats[-1].messages == [{"role": "user", "content": "hello"}]


async def test_backends_own_process_asks_the_server_with_its_key_only(
    chat: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-must-not-be-sent-1234567890")
    chat.key = "a-key-for-the-chat-server"
    options: dict[str, Any] = {"chat_url": chat.url, "chat_model": "test-model", "chat_key": chat.key, "voice": "plain"}
    async with LocalServer(**options) as server, raw_client(server.url) as client:
        await client.update(output_modalities=["text"], instructions="Answer in upper case.")
        assert text_of(await client.ask("hello")) == "YOU SAID: HELLO"
    assert {request.headers["authorization"] for request in chat.requests} == {f"Bearer {chat.key}"}


async def test_usage_is_the_models_own(chat: ChatServer) -> None:
    async with _client(chat) as client:
        chat.play(Play(["Hi."], usage={"prompt_tokens": 31, "completion_tokens": 4, "total_tokens": 35}))
        usage = _done(await client.ask("hello"))["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (31, 4, 35)


@pytest.mark.parametrize("spelling", ["native", "whole", "hermes", "bare", "mistral"])
async def test_parallel_calls_and_their_results(chat: ChatServer, spelling: str) -> None:
    chat.tools = spelling
    async with _client(chat, tools=[_ADD, _LAMP]) as client:
        events = await client.ask('call add {"a": 2, "b": 3} and call set_lamp {"room": "hall", "on": true}')
        assert _calls(events) == [("add", {"a": 2, "b": 3}), ("set_lamp", {"room": "hall", "on": True})]
        assert text_of(await _answer_calls(client, events, "5", "done")) == "The result is 5 and done."
    messages = chat.chats[-1].messages
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool"]
    assert [call["id"] for call in messages[1]["tool_calls"]] == [message["tool_call_id"] for message in messages[2:]]


async def test_rounds_of_calls(chat: ChatServer) -> None:
    async with _client(chat, tools=[_ADD]) as client:
        first = await client.ask('call add {"a": 1, "b": 1}')
        assert text_of(await _answer_calls(client, first, "2")) == "The result is 2."
        second = await client.ask('call add {"a": 2, "b": 2}')
        assert text_of(await _answer_calls(client, second, "4")) == "The result is 4."


async def test_tool_choice(chat: ChatServer) -> None:
    async with _client(chat, tools=[_ADD, _LAMP]) as client:
        assert _calls(await client.ask("hello 1 2", tool_choice="required")) == [("add", {"a": 1, "b": 2})]
        events = await client.ask("the hall", tool_choice={"type": "function", "name": "set_lamp"})
        assert _calls(events) == [("set_lamp", {"room": "hall", "on": True})]
        assert text_of(await client.ask("add 1 2", tool_choice="none")) == "You said: add 1 2"


async def test_system_items_and_responses_outside_the_conversation(chat: ChatServer) -> None:
    async with _client(chat) as client:
        content = [{"type": "input_text", "text": "Answer in upper case."}]
        await client.send("conversation.item.create", item={"type": "message", "role": "system", "content": content})
        assert text_of(await client.ask("hello")) == "YOU SAID: HELLO"
        given = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "aside"}]}
        await client.send("response.create", response={"conversation": "none", "input": [given]})
        assert text_of(await client.until("response.done")) == "You said: aside"
        assert text_of(await client.ask("again")) == "YOU SAID: AGAIN"
    assert "aside" not in json.dumps(chat.chats[-1].messages)


async def test_picture(chat: ChatServer) -> None:
    dot = (
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
        "rkJggg=="
    )
    content = [{"type": "input_text", "text": "look"}, {"type": "input_image", "image_url": dot}]
    async with _client(chat) as client:
        await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        await client.send("response.create", response={})
        assert "1 picture: image/png" in text_of(await client.until("response.done"))
        chat.images = False
        await client.send("response.create", response={})
        failed = _done(await client.until("response.done"))
        assert failed["status_details"]["error"]["code"] == "images_not_supported"
        assert "You said: and now" in text_of(await client.ask("and now"))


async def test_longest_answer(chat: ChatServer) -> None:
    async with _client(chat) as client:
        response = _done(await client.ask("count to 50", max_output_tokens=5))
    assert (response["status"], response["status_details"]["reason"]) == ("incomplete", "max_output_tokens")
    assert response["output"][0]["content"][0]["text"] == "1. 2. 3. 4. 5."


@pytest.mark.parametrize(
    ("play", "code"),
    [
        (Play(status=401), "invalid_api_key"),
        (Play(status=404, body={"error": {"message": "model 'x' not found"}}), "model_not_found"),
        (Play(status=429), "rate_limit_exceeded"),
        (Play(status=500), "server_error"),
        (Play(["Hello there. ", Cut()]), "stream_broken"),
        (Play(["Hello there. ", {"error": "out of memory"}]), "server_error"),
        (Play(body="<html>Welcome</html>"), "not_a_chat_server"),
    ],
)
@pytest.mark.parametrize("modality", ["text", "audio"])
async def test_failed_answer_names_the_server_and_the_session_goes_on(
    chat: ChatServer, play: Play, code: str, modality: str
) -> None:
    async with _client(chat, output_modalities=[modality]) as client:
        chat.play(play)
        response = _done(await client.ask("hello"))
        assert response["status"] == "failed"
        error = response["status_details"]["error"]
        assert error["code"] == code
        assert chat.url in error["message"]
        assert _done(await client.ask("hello"))["status"] == "completed"


async def test_server_that_is_gone_and_comes_back(chat: ChatServer) -> None:
    async with _client(chat) as client:
        chat.close()
        response = _done(await client.ask("hello"))
        assert response["status_details"]["error"]["code"] == "connection_failed"
        with ChatServer(port=chat.port) as back:
            assert text_of(await client.ask("hello again")) == "You said: hello again"
            # The question without an answer stays a turn of its own: joined, some models answer its older half.
            assert [message["content"] for message in back.chats[-1].messages] == ["hello", INTERRUPTED, "hello again"]


async def test_cancelled_response_stops_the_model(chat: ChatServer) -> None:
    async with _client(chat) as client:
        chat.play(Play(["Hello ", "there. ", Pause(60), "never"]))
        await client.user_says("hello")
        await client.send("response.create", response={})
        await client.until("response.output_text.delta")
        request = chat.chats[-1]
        await client.send("response.cancel")
        assert _done(await client.until("response.done"))["status"] == "cancelled"
        assert await asyncio.to_thread(request.disconnected.wait, 20)


@pytest.mark.parametrize(("modality", "steps"), [("text", []), ("audio", []), ("audio", ["Well. ", "It is so. "])])
async def test_question_of_an_unheard_answer_stays_a_turn_of_its_own(
    chat: ChatServer, modality: str, steps: list[Any]
) -> None:
    async with _client(chat, output_modalities=[modality]) as client:
        chat.play(Play([*steps, Pause(60)]))
        await client.user_says("a long one")
        await client.send("response.create", response={})
        await chat.wait_for_chats(1)
        events = await client.until("response.content_part.added") if steps else []
        await client.send("response.cancel")
        assert _done(await client.until("response.done"))["status"] == "cancelled"
        if steps:
            item_id = events[-1]["item_id"]
            await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=0)
            await client.until("conversation.item.truncated")
        await client.ask("again")
    assert [(message["role"], message["content"]) for message in chat.chats[-1].messages] == [
        ("user", "a long one"),
        ("assistant", INTERRUPTED),
        ("user", "again"),
    ]


_BEGUN_CALL = {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "add", "arguments": '{"a": '}}]}


@pytest.mark.parametrize(
    ("steps", "until", "between"),
    [
        ([], None, [INTERRUPTED]),
        (["<think>They greet"], None, [INTERRUPTED]),
        (["This is a sentence of many words, and it goes on and on and on. And "], "response.output_audio.delta", None),
        ([_BEGUN_CALL], "response.function_call_arguments.delta", ["", NO_RESULT]),
        (["One moment. ", _BEGUN_CALL], "response.function_call_arguments.delta", ["One moment.", NO_RESULT]),
    ],
    ids=["before the first token", "in a thought", "between sentences", "in arguments", "in arguments behind words"],
)
async def test_speech_stops_the_model_at_each_point(
    chat: ChatServer, steps: list[Any], until: str | None, between: list[str] | None
) -> None:
    noise = (np.random.default_rng(1).standard_normal(24_000) * 6_000).astype(np.int16)
    detection = {"type": "server_vad", "silence_duration_ms": 200}
    sound: dict[str, Any] = {"output_modalities": ["audio"], "audio": {"input": {"turn_detection": detection}}}
    async with _client(chat, tools=[_ADD], **sound) as client:
        chat.play(Play([*steps, Pause(60)]))
        await client.user_says("a long one")
        await client.send("response.create", response={})
        request = await chat.wait_for_chats(1)
        if until is not None:
            await client.until(until)
        await client.append(noise)
        events = await client.until("response.done")
        assert _done(events)["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        assert await asyncio.to_thread(request.disconnected.wait, 20)
        await client.append(np.zeros(24_000, np.int16))
        assert text_of(await client.until("response.done")) == NOT_UNDERSTOOD
        await client.ask("again")
    sent = chat.chats[-1].messages
    assert [sent[0]["content"], sent[-1]["content"]] == ["a long one", "again"]
    if between is not None:
        assert [message["content"] for message in sent[1:-1]] == between
    else:
        assert sent[1]["role"] == "assistant"
        assert "This is a sentence".startswith(sent[1]["content"][:18])


async def test_question_of_an_unheard_answer_can_be_asked_again_without_words(chat: ChatServer) -> None:
    async with _client(chat) as client:
        chat.play(Play([Pause(60)]))
        await client.user_says("a long one")
        await client.send("response.create", response={})
        await chat.wait_for_chats(1)
        await client.send("response.cancel")
        await client.until("response.done")
        await client.send("response.create", response={})
        assert text_of(await client.until("response.done")) == "You said: a long one"


async def test_answer_with_nothing_in_it_fails_with_the_server_and_a_next_step(chat: ChatServer) -> None:
    async with _client(chat, output_modalities=["audio"]) as client:
        chat.play(Play())
        response = _done(await client.ask("hello"))
        assert response["status"] == "failed"
        error = response["status_details"]["error"]
        assert error["code"] == "empty_answer"
        assert chat.url in error["message"]
        assert "Ask again" in error["message"]


async def test_client_that_leaves_stops_the_model(chat: ChatServer) -> None:
    async with _client(chat) as client:
        chat.play(Play(["Hello ", Pause(60)]))
        await client.user_says("hello")
        await client.send("response.create", response={})
        await client.until("response.output_item.added")
        await client.socket.close()
        assert await asyncio.to_thread(chat.chats[-1].disconnected.wait, 20)


async def test_long_conversation_is_trimmed(chat: ChatServer) -> None:
    chat.context_tokens = 600
    reports: list[Progress] = []
    given = {"context_tokens": 600}
    async with _client(chat, models=given, reports=reports, instructions="Answer in upper case.") as client:
        for turn in range(12):
            asked = f"question {turn} " + "with many words " * 8
            assert text_of(await client.ask(asked)).startswith(f"YOU SAID: QUESTION {turn} ")
    assert "question 0 " not in json.dumps(chat.chats[-1].messages)
    assert chat.chats[-1].messages[0]["content"] == "Answer in upper case."
    assert [report.message for report in reports] == [TRIMMED]


async def test_thoughts_are_neither_written_nor_spoken(chat: ChatServer) -> None:
    chat.thinks = "They greet me."
    async with _client(chat, output_modalities=["audio"]) as client:
        assert text_of(await client.ask("hello")) == "You said: hello"


async def test_arguments_of_an_interrupted_call_do_not_break_later_requests(chat: ChatServer) -> None:
    begun = {"index": 0, "id": "c1", "function": {"name": "add", "arguments": '{"a": 77,'}}
    async with _client(chat, tools=[_ADD]) as client:
        chat.play(Play([{"tool_calls": [begun]}, Pause(60)]))
        await client.user_says("add numbers")
        await client.send("response.create", response={})
        await client.until("response.function_call_arguments.delta")
        await client.send("response.cancel")
        assert _done(await client.until("response.done"))["status"] == "cancelled"
        chat.play(Play([{"tool_calls": [begun]}], finish="length"))
        assert _done(await client.ask("again"))["status"] == "incomplete"
        await client.ask("good night")
    sent = [call["function"] for message in chat.chats[-1].messages for call in message.get("tool_calls", ())]
    assert sent == [{"name": "add", "arguments": "{}"}] * 2


async def test_no_field_of_a_servers_error_shows_the_key(chat: ChatServer) -> None:
    key = chat.key = "zq7-a-key-of-no-known-form-0123456789"
    cut = f"{'x' * 280} {key}"
    async with _client(chat, models={"chat_key": key}) as client:
        for play in (
            Play(status=401, body={"error": {"message": cut, "code": key}}),
            Play(status=500, body=cut),
            Play(body=cut),
            Play(["Hi", {"error": {"message": cut, "code": key, "type": key}}]),
        ):
            chat.play(play)
            assert _done(await client.ask("hello"))["status"] == "failed"
        assert text_of(await client.ask("hello")) == "You said: hello"
        assert "zq7" not in json.dumps(client.log)
