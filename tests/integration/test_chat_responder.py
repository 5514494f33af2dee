"""The chat responder over real connections: replies, calls in every spelling, refusals, faults, and how they end."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from realtime_nb.local.models import ModelOptions
from realtime_nb.local.voice.chat import ChatResponder
from realtime_nb.local.voice.chat.endpoint import Waits
from realtime_nb.local.voice.chat.responder import NOT_UNDERSTOOD
from realtime_nb.local.voice.reply import (
    CallArguments,
    CallBegun,
    CallEnded,
    ReplyCut,
    ReplyError,
    ReplyPiece,
    ReplyRequest,
    ReplyUsage,
    TextPiece,
)
from tests.chat_server import ChatServer, Cut, Pause, Play, Raw, Step
from tests.integration.speech_server import Answer, speech_server

_WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
_ADD = {
    "type": "function",
    "name": "add",
    "parameters": {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}},
}
_TWO_CALLS = 'call get_weather {"city": "Oslo"} and call add {"a": 2, "b": 3.5}'
_KEY = "a-secret-of-24-characters"
_WAITS = Waits(connect=20, first=60, next=60, last=20)
_OPEN: list[ChatResponder] = []


@dataclass
class Result:
    """A whole reply: its pieces joined."""

    text: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    ids: list[str | None] = field(default_factory=list)
    ended: int = 0
    usage: ReplyUsage | None = None
    cut: str | None = None

    def add(self, piece: ReplyPiece) -> None:
        match piece:
            case TextPiece():
                assert not self.calls, "text after a call"
                self.text += piece.text
            case CallBegun():
                assert self.ended == len(self.calls), "a call begins in another"
                self.calls.append((piece.name, ""))
                self.ids.append(piece.call_id)
            case CallArguments():
                name, arguments = self.calls[-1]
                self.calls[-1] = name, arguments + piece.delta
            case CallEnded():
                self.ended += 1
            case ReplyUsage():
                self.usage = piece
            case ReplyCut():
                self.cut = piece.reason

    @property
    def parsed(self) -> list[tuple[str, Any]]:
        return [(name, json.loads(arguments)) for name, arguments in self.calls]


@pytest.fixture(autouse=True)
async def _closed_at_the_end() -> AsyncIterator[None]:
    yield
    while _OPEN:
        await _OPEN.pop().close()


def user(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}], **more}


def assistant(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_audio", "transcript": text}], **more}


def asked(text: str, **more: Any) -> ReplyRequest:
    return ReplyRequest([user(text)], **more)


def responder(server: ChatServer, key: str | None = None, waits: Waits = _WAITS, **options: Any) -> ChatResponder:
    given = {"chat_model": "test-model", **options}
    made = ChatResponder(ModelOptions(chat_url=server.url, chat_key=key, **given), waits=waits)
    _OPEN.append(made)
    return made


async def whole(answering: ChatResponder, request: ReplyRequest) -> Result:
    result = Result()
    async for piece in answering.reply(request):
        result.add(piece)
    return result


async def failure(answering: ChatResponder, request: ReplyRequest) -> ReplyError:
    with pytest.raises(ReplyError) as caught:
        await whole(answering, request)
    return caught.value


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


async def test_answer_is_streamed_and_follows_the_instructions(server: ChatServer) -> None:
    answering = responder(server)
    pieces = [
        piece async for piece in answering.reply(asked("good morning", instructions="Begin each answer with Aye."))
    ]
    texts = [piece.text for piece in pieces if isinstance(piece, TextPiece)]
    assert len(texts) > 2
    assert "".join(texts) == "Aye! You said: good morning"
    assert pieces[-1] == ReplyUsage(*_usage(pieces))
    other = await whole(answering, asked("good morning", instructions="Answer in upper case."))
    assert other.text == "YOU SAID: GOOD MORNING"


def _usage(pieces: Sequence[ReplyPiece]) -> tuple[int, int, int]:
    (usage,) = [piece for piece in pieces if isinstance(piece, ReplyUsage)]
    assert usage.input_tokens > 0
    assert usage.output_tokens > 0
    return usage.input_tokens, usage.output_tokens, usage.cached_tokens


@pytest.mark.parametrize(
    "spelling", ["native", "whole", "object", "bare", "hermes", "fenced", "mistral", "llama", "qwen_xml", "python_tag"]
)
async def test_two_calls_in_every_spelling(server: ChatServer, spelling: str) -> None:
    server.tools = spelling
    result = await whole(responder(server), asked(_TWO_CALLS, tools=[_WEATHER, _ADD]))
    assert result.parsed == [("get_weather", {"city": "Oslo"}), ("add", {"a": 2, "b": 3.5})]
    assert (result.text, result.ended) == ("", 2)


async def test_one_call_in_the_older_field(server: ChatServer) -> None:
    server.tools = "function_call"
    result = await whole(responder(server), asked(_TWO_CALLS, tools=[_WEATHER, _ADD]))
    assert result.parsed == [("get_weather", {"city": "Oslo"})]


@pytest.mark.parametrize("spelling", ["native", "hermes"])
async def test_calls_that_must_not_be_parallel_are_one(server: ChatServer, spelling: str) -> None:
    server.tools = spelling
    request = asked(_TWO_CALLS, tools=[_WEATHER, _ADD], parallel_tool_calls=False)
    result = await whole(responder(server), request)
    assert result.parsed == [("get_weather", {"city": "Oslo"})]
    assert server.chats[0].body["parallel_tool_calls"] is False


async def test_result_of_a_call_is_answered(server: ChatServer) -> None:
    history = [
        user("the weather in Oslo"),
        {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city": "Oslo"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "12 degrees"},
    ]
    result = await whole(responder(server), ReplyRequest(history, tools=[_WEATHER]))
    assert result.text == "The result is 12 degrees."


async def test_speech_that_was_not_understood_costs_no_request(server: ChatServer) -> None:
    result = await whole(responder(server), asked("hm", understood=False, user_text="hm"))
    assert result.text == NOT_UNDERSTOOD
    assert not server.requests


async def test_misheard_words_and_the_answer_to_them_are_not_sent(server: ChatServer) -> None:
    history = [user("one"), assistant("One."), user("mumble", id="m"), assistant(NOT_UNDERSTOOD, id="a"), user("two")]
    await whole(responder(server), ReplyRequest(history, misheard=frozenset(["m", "a"])))
    assert [message["content"] for message in server.chats[-1].messages] == ["one", "One.", "two"]


async def test_thoughts_are_not_part_of_the_answer(server: ChatServer) -> None:
    server.thinks = "They greet me.\n\nI greet back."
    assert (await whole(responder(server), asked("hello"))).text == "You said: hello"


async def test_answer_whose_template_began_the_thought_is_held_from_the_second_time_on(server: ChatServer) -> None:
    answering = responder(server)
    server.play(Play(["I think.", "</think>", "Hello."]), Play(["I think again.", "\n</think>\n", "Hello."]))
    assert "Hello." in (await whole(answering, asked("hello"))).text
    assert (await whole(answering, asked("hello"))).text == "Hello."


async def test_model_that_goes_on_after_its_turn_is_stopped(server: ChatServer) -> None:
    server.play(Play(["Hello.", "<|im_end|>", "\n<|im_start|>user\n", Pause(60), "never"]))
    assert (await whole(responder(server), asked("hello"))).text == "Hello."
    assert await asyncio.to_thread(server.chats[0].disconnected.wait, 20)


async def test_closing_the_reply_closes_the_connection(server: ChatServer) -> None:
    server.play(Play(["Hello", " there", Pause(60), " never"]))
    reply = responder(server).reply(asked("hello"))
    assert await anext(reply) == TextPiece("Hello")
    await reply.aclose()
    assert await asyncio.to_thread(server.chats[0].disconnected.wait, 20)


async def test_closing_the_reply_closes_a_connection_with_unread_bytes(server: ChatServer) -> None:
    server.play(Play(["Hello", *["there " * 10_000] * 400, Pause(60), " never"]))
    reply = responder(server).reply(asked("hello"))
    assert await anext(reply) == TextPiece("Hello")
    await reply.aclose()
    assert await asyncio.to_thread(server.chats[0].disconnected.wait, 20)


async def test_cancelling_the_wait_for_the_first_token_closes_the_connection(server: ChatServer) -> None:
    server.play(Play(["Hello"], delay_s=60))
    task = asyncio.create_task(whole(responder(server), asked("hello")))
    request = await server.wait_for_chats(1)
    task.cancel()
    assert await asyncio.to_thread(request.disconnected.wait, 20)


async def test_connection_is_used_again(server: ChatServer) -> None:
    answering = responder(server)
    for _ in range(3):
        await whole(answering, asked("hello"))
    assert server.connections == 1


@pytest.mark.parametrize(
    "field_name", ["stream_options", "reasoning_effort", "parallel_tool_calls", "tool_choice", "max_tokens"]
)
async def test_refused_field_is_left_out_from_then_on(server: ChatServer, field_name: str) -> None:
    server.refuses = [field_name]
    answering = responder(server)
    request = asked(
        _TWO_CALLS,
        tools=[_WEATHER, _ADD],
        tool_choice="required",
        parallel_tool_calls=False,
        reasoning_effort="low",
        max_output_tokens=500,
    )
    assert (await whole(answering, request)).parsed[0] == ("get_weather", {"city": "Oslo"})
    assert len(server.chats) == 2
    await whole(answering, request)
    assert len(server.chats) == 3
    assert server.chats[-1].body.get("max_completion_tokens") == (500 if field_name == "max_tokens" else None)


async def test_refused_field_of_the_user_is_an_error(server: ChatServer) -> None:
    server.refuses = ["reasoning_effort"]
    error = await failure(responder(server, options={"reasoning_effort": "high"}), asked("hello"))
    assert "reasoning_effort" in error.message
    assert len(server.chats) == 1


async def test_options_are_part_of_the_body_and_win(server: ChatServer) -> None:
    await whole(responder(server, options={"temperature": 0, "max_tokens": 7}), asked("hi", max_output_tokens=50))
    assert (server.chats[0].body["temperature"], server.chats[0].body["max_tokens"]) == (0, 7)


async def test_longest_answer_is_cut(server: ChatServer) -> None:
    result = await whole(responder(server), asked("count to 50", max_output_tokens=5))
    assert (result.text, result.cut) == ("1. 2. 3. 4. 5.", "max_output_tokens")


async def test_filtered_answer_is_cut(server: ChatServer) -> None:
    server.play(Play(["Half"], finish="content_filter"))
    assert (await whole(responder(server), asked("hello"))).cut == "content_filter"


async def test_chunks_that_hold_nothing_keep_the_answer_going(server: ChatServer) -> None:
    server.play(Play([Raw(b"data: null\n\n"), "Hi ", Raw(b"data:\n\ndata: null\n\n: ping\n\n"), "there."]))
    assert (await whole(responder(server), asked("hello"))).text == "Hi there."


async def test_chunks_that_hold_nothing_do_not_prolong_the_wait(server: ChatServer) -> None:
    def drips() -> list[Any]:
        return [step for _ in range(200) for step in (Raw(b"data: null\n\n"), Pause(0.05))]

    waits = Waits(connect=20, first=1, next=1, last=20)
    for begins, code in (([], "first_token_timeout"), (["Hi "], "stream_stalled")):
        server.play(Play([*begins, *drips()]))
        assert (await failure(responder(server, waits=waits), asked("hello"))).code == code


_LONG_NAME = {"index": 0, "id": "c", "function": {"name": "f" * 5000, "arguments": "{}"}}
_ODD_NAME = {"index": 0, "id": "c", "function": {"name": "add\x1b[31m", "arguments": "{}"}}


@pytest.mark.parametrize("call", [_LONG_NAME, _ODD_NAME])
async def test_name_that_no_function_has_is_an_error(server: ChatServer, call: dict[str, Any]) -> None:
    answering = responder(server)
    server.play(Play([{"tool_calls": [call]}]))
    error = await failure(answering, asked("hello", tools=[_ADD]))
    assert error.code == "invalid_call"
    assert server.url in error.message
    assert len(error.message) < 500
    assert (await whole(answering, asked("hello"))).text == "You said: hello"


async def test_arguments_without_end_are_an_error(server: ChatServer) -> None:
    first = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "add", "arguments": '{"a": "'}}]}
    more = {"tool_calls": [{"index": 0, "function": {"arguments": "x" * 100_000}}]}
    server.play(Play([first, *[more] * 30, Pause(60)]))
    error = await failure(responder(server), asked("hello", tools=[_ADD]))
    assert error.code == "invalid_call"
    assert server.chats[-1].disconnected.wait(20)


@pytest.mark.parametrize("data", [b"data: " + b"x" * 2**25, b"data: x\n" * 2**20])
async def test_event_without_end_is_an_error(server: ChatServer, data: bytes) -> None:
    answering = responder(server)
    server.play(Play(["Hi ", Raw(data), Pause(60)]))
    error = await failure(answering, asked("hello"))
    assert error.code == "stream_broken"
    assert "of more than" in error.message


async def test_name_that_a_model_made_up_is_sent_back_in_the_form_of_a_name(server: ChatServer) -> None:
    made_up = {"type": "function_call", "call_id": "c", "name": "get weather(Oslo)!", "arguments": "{}"}
    answered = {"type": "function_call_output", "call_id": "c", "output": "no such tool"}
    await whole(responder(server), ReplyRequest([user("hello"), made_up, answered]))
    (call,) = server.chats[-1].messages[1]["tool_calls"]
    assert call["function"]["name"] == "get_weather_Oslo__"


@pytest.mark.parametrize("spaces", [" ", "\n", ""])
async def test_key_across_the_cut_of_a_long_refusal_is_not_shown(server: ChatServer, spaces: str) -> None:
    key = "zq7/a-key+of=no.known-form-0123456789"
    for before in range(2**16 - len(key), 2**16 + 1, 7):
        filling = (spaces * before)[:before] if spaces else "<" + "b" * (before - 2) + ">"
        server.play(Play(status=500, body=f"{filling}{key}{' tail' * 100}"))
        error = await failure(responder(server, key), asked("hello"))
        assert "zq7" not in error.message
    server.key = "another"
    assert "zq7" not in str((await responder(server, key).probe()).error)


_THOUGHT = {"reasoning_content": "They greet me."}


@pytest.mark.parametrize(
    ("play", "words"),
    [
        (Play(), "without a word"),
        (Play(finish=None), "without a word"),
        (Play(["  ", "\n"]), "without a word"),
        (Play(usage={"prompt_tokens": 9, "completion_tokens": 0}), "without a word"),
        (Play(body={"choices": []}), "without a word"),
        (Play(body={"choices": [{"message": {"content": None}, "finish_reason": "stop"}]}), "without a word"),
        (Play([_THOUGHT, {"content": ""}]), "thought, and ended"),
        (Play(["<think>They greet me.</think>\n\n"]), "thought, and ended"),
    ],
)
async def test_answer_with_nothing_in_it_is_an_error(server: ChatServer, play: Play, words: str) -> None:
    answering = responder(server)
    server.play(play)
    error = await failure(answering, asked("hello"))
    assert error.code == "empty_answer"
    for each in (words, server.url, "test-model", "Ask again"):
        assert each in error.message
    assert (await whole(answering, asked("hello"))).text == "You said: hello"


async def test_server_that_does_not_stream_is_read(server: ChatServer) -> None:
    message = {"role": "assistant", "content": "Hello there."}
    server.play(Play(body={"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}))
    assert (await whole(responder(server), asked("hello"))).text == "Hello there."


async def test_stream_that_does_not_say_so_is_read(server: ChatServer) -> None:
    server.play(Play(["Hello", " there."], headers={"Content-Type": "text/plain"}))
    assert (await whole(responder(server), asked("hello"))).text == "Hello there."


@pytest.mark.parametrize("end", ["nothing", "finish", "mark"])
async def test_end_of_a_stream(server: ChatServer, end: str) -> None:
    server.play(Play(["Hello"], finish="stop" if end == "finish" else None, done=end == "mark"))
    if end == "nothing":
        assert (await failure(responder(server), asked("hello"))).code == "stream_broken"
    else:
        assert (await whole(responder(server), asked("hello"))).text == "Hello"


@pytest.mark.parametrize("steps", [["Hello"], []], ids=["in mid-answer", "before the first word"])
async def test_stream_that_makes_way_for_the_next_request_is_broken(server: ChatServer, steps: list[Step]) -> None:
    answering = responder(server)
    await whole(answering, asked("hello"))  # this server says that an answer is complete
    server.play(Play(steps, finish=None))
    error = await failure(answering, asked("hello"))
    assert error.code == "stream_broken"
    assert "--interrupt_requests False" in error.message
    assert (await whole(answering, asked("hello"))).text == "You said: hello"


async def test_server_that_never_says_that_an_answer_is_complete_is_read(server: ChatServer) -> None:
    answering = responder(server)
    for _ in range(3):
        server.play(Play(["Hello"], finish=None))
        assert (await whole(answering, asked("hello"))).text == "Hello"


async def test_end_without_its_mark_does_not_wait_for_ever(server: ChatServer) -> None:
    server.play(Play([{"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}, Pause(60)]))
    waits = Waits(connect=20, first=60, next=60, last=0.1)
    assert (await whole(responder(server, waits=waits), asked("hello"))).text == "Hi"


# -- faults: the cause, the address and the next step

_FAULTS: list[tuple[str, Play, str, list[str]]] = [
    ("wrong key", Play(status=401, body={"error": "bad"}), "invalid_api_key", ["REALTIME_NB_CHAT_KEY", "bad"]),
    ("forbidden", Play(status=403, body="no"), "invalid_api_key", ["403"]),
    ("rate limit", Play(status=429), "rate_limit_exceeded", ["Wait"]),
    ("quota", Play(status=429, body={"error": {"message": "exceeded your quota"}}), "insufficient_quota", ["balance"]),
    ("crash", Play(status=500, body={"detail": "boom"}), "server_error", ["boom", "500", "log"]),
    ("page with 200", Play(body="<html><body>Welcome</body></html>"), "not_a_chat_server", ["Welcome", "chat_url"]),
    ("page with 502", Play(status=502, body="<html>Bad gateway</html>"), "server_error", ["Bad gateway", "502", "log"]),
    ("redirect", Play(status=307, headers={"Location": "http://u:p@other.example/x?k=1"}), "redirected", ["other"]),
    ("no path", Play(status=404, body="404 page not found"), "not_found", ["/chat/completions"]),
    ("odd 400", Play(status=400, body={"message": "top_p must be less than 1"}), "invalid_request", ["top_p"]),
    ("cut", Play(["Hello", Cut()]), "stream_broken", ["closed the connection"]),
    ("error within", Play(["Hi", {"error": {"message": "out of memory"}}]), "server_error", ["out of memory"]),
    ("error as text", Play([Raw(b'event: error\ndata: {"error": "slot gone"}\n\n')]), "server_error", ["slot gone"]),
    ("no JSON", Play([Raw(b"data: {oops\n\n")]), "not_a_chat_server", ["oops"]),
]


@pytest.mark.parametrize(("play", "code", "words"), [case[1:] for case in _FAULTS], ids=[case[0] for case in _FAULTS])
async def test_fault_is_an_error_and_the_next_reply_works(
    server: ChatServer, play: Play, code: str, words: list[str]
) -> None:
    server.play(play)
    answering = responder(server, key=_KEY)
    error = await failure(answering, asked("hello"))
    assert error.code == code
    for word in [*words, server.url]:
        assert word in error.message
    assert _KEY not in error.message
    assert "u:p@" not in error.message
    assert (await whole(answering, asked("hello"))).text == "You said: hello"


async def test_unreachable_server_says_how_to_start_it() -> None:
    with ChatServer() as gone:
        pass
    error = await failure(responder(gone), asked("hello"))
    assert error.code == "connection_failed"
    assert gone.url in error.message
    assert "chat_url" in error.message


async def test_absent_model_names_those_that_are_there(server: ChatServer) -> None:
    server.models = ["qwen3:4b", "llama3.2"]
    error = await failure(responder(server, chat_model="qwen"), asked("hello"))
    assert error.code == "model_not_found"
    assert "qwen3:4b, llama3.2" in error.message


async def test_wrong_key_and_no_key(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-must-not-be-sent-1234567890")
    server.key = _KEY
    assert "chat_key=" in (await failure(responder(server), asked("hello"))).message
    assert "sk-must" not in repr([request.headers for request in server.requests])
    assert "Check the key" in (await failure(responder(server, key="wrong-key-1234"), asked("hello"))).message
    assert (await whole(responder(server, key=_KEY), asked("hello"))).text


async def test_redirect_gets_neither_key_nor_words(server: ChatServer) -> None:
    with ChatServer() as other:
        server.play(Play(status=308, headers={"Location": f"{other.url}/chat/completions"}))
        error = await failure(responder(server, key=_KEY), asked("hello"))
        assert other.url in error.message
        assert not other.requests


async def test_model_without_tools_says_so(server: ChatServer) -> None:
    server.refuses_tools = True
    error = await failure(responder(server), asked("hello", tools=[_ADD]))
    assert error.code == "tools_not_supported"
    assert (await whole(responder(server), asked("hello"))).text


async def test_model_without_eyes_says_so(server: ChatServer) -> None:
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "look"}, picture]}
    assert "I see 1 picture: image/png" in (await whole(responder(server), ReplyRequest([message]))).text
    server.images = False
    assert (await failure(responder(server), ReplyRequest([message]))).code == "images_not_supported"


@pytest.mark.parametrize(
    "play", [Play(["Hello"], delay_s=60), Play([Pause(60)]), Play([{"role": "assistant"}, Pause(60)])]
)
async def test_slow_first_token(server: ChatServer, play: Play) -> None:
    server.play(play)
    waits = Waits(connect=20, first=0.2, next=20, last=20)
    assert (await failure(responder(server, waits=waits), asked("hello"))).code == "first_token_timeout"


async def test_stalled_stream(server: ChatServer) -> None:
    server.play(Play(["Hello", Pause(60)]))
    waits = Waits(connect=20, first=60, next=0.2, last=20)
    assert (await failure(responder(server, waits=waits), asked("hello"))).code == "stream_stalled"


async def test_model_that_is_still_loading_is_waited_for(server: ChatServer) -> None:
    server.play(Play(status=503, body={"error": {"message": "Loading model", "code": 503}}))
    assert (await whole(responder(server), asked("hello"))).text == "You said: hello"


async def test_half_a_character_in_the_history_is_sent_as_a_mark(server: ChatServer) -> None:
    assert (await whole(responder(server), asked("smile \ud83d and \u00e9"))).text == "You said: smile ? and é"


# -- long conversations


def conversation(turns: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = [
        {"type": "message", "role": "system", "content": "The user is called Ann.", "id": "s"}
    ]
    for turn in range(turns):
        items += [user(f"question {turn} " + "words " * 30, id=f"u{turn}"), assistant("answer " * 30, id=f"a{turn}")]
    return [*items, user("the last question", id="last")]


def _first_question(messages: Sequence[Mapping[str, Any]]) -> str:
    return next(str(message["content"]) for message in messages if message["role"] == "user")


async def test_conversation_is_trimmed_to_the_given_context(
    server: ChatServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.context_tokens = 1500
    answering = responder(server, context_tokens=1500)
    with caplog.at_level(logging.WARNING):
        for turns in (40, 41, 42):
            request = ReplyRequest(conversation(turns), instructions="Answer in upper case.")
            assert (await whole(answering, request)).text == "YOU SAID: THE LAST QUESTION"
    assert len(server.chats) == 3, "no request was refused"
    sent = server.chats[-1].messages
    assert sent[0]["content"] == "Answer in upper case.\nThe user is called Ann."
    assert len({_first_question(chat.messages) for chat in server.chats}) == 1, "the cut stays, for the prompt cache"
    assert len([record for record in caplog.records if "context" in record.message]) == 1


async def test_conversation_that_the_server_refuses_as_too_long_is_trimmed(server: ChatServer) -> None:
    server.context_tokens = 800
    answering = responder(server)
    assert (await whole(answering, ReplyRequest(conversation(40)))).text == "You said: the last question"
    assert len(server.chats) == 2
    await whole(answering, ReplyRequest(conversation(41)))
    assert len(server.chats) == 3, "the size of the context is remembered"


def _too_long(message: str = "This prompt is too long for the context window.") -> Play:
    return Play(status=400, body={"error": {"message": message, "code": "context_length_exceeded"}})


async def test_refusal_without_a_size_trims_until_the_server_accepts(
    server: ChatServer, caplog: pytest.LogCaptureFixture
) -> None:
    answering = responder(server)
    server.play(_too_long(), _too_long(), _too_long())
    with caplog.at_level(logging.WARNING):
        assert (await whole(answering, ReplyRequest(conversation(200)))).text == "You said: the last question"
    lengths = [len(chat.messages) for chat in server.chats]
    assert lengths == sorted(set(lengths), reverse=True), "each request is shorter than the one before it"
    (said,) = [record.getMessage() for record in caplog.records if "context" in record.message]
    assert "a guess" in said
    assert "context_tokens=" in said
    await whole(answering, ReplyRequest(conversation(201)))
    assert len(server.chats) == len(lengths) + 1, "the guess is kept: no further request was refused"


async def test_refusal_of_a_short_prompt_is_an_error_and_limits_nothing_afterwards(
    server: ChatServer, caplog: pytest.LogCaptureFixture
) -> None:
    answering = responder(server)
    server.play(_too_long())
    with caplog.at_level(logging.WARNING):
        error = await failure(answering, ReplyRequest([user("one"), assistant("Two."), user("three")]))
    assert error.code == "context_length_exceeded"
    assert "This prompt is too long for the context window." in error.message
    assert server.url in error.message
    assert len(server.chats) == 1, "the same prompt is not sent twice"
    history = conversation(40)
    assert (await whole(answering, ReplyRequest(history))).text == "You said: the last question"
    assert len(server.chats[-1].messages) == len(history)
    assert not [record for record in caplog.records if "context" in record.message]


@pytest.mark.parametrize("message", ["too long for the context window", "maximum context length is 600 tokens"])
async def test_a_size_that_the_user_did_not_give_refuses_nothing(server: ChatServer, message: str) -> None:
    answering = responder(server)
    server.play(_too_long(message))
    await whole(answering, ReplyRequest(conversation(60)))
    picture = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
    look = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "look"}, picture]}
    big = [look, assistant("A dot."), {**look, "content": [*look["content"], picture, picture]}]
    assert "I see 3 picture" in (await whole(answering, ReplyRequest(big))).text


async def test_guess_grows_with_what_the_server_accepts(server: ChatServer) -> None:
    answering = responder(server)
    server.play(_too_long())
    await whole(answering, ReplyRequest(conversation(60)))
    assert (await whole(answering, asked("word " * 9000))).text.startswith("You said: word")
    another = [{**item, "id": f"another {item['id']}"} for item in conversation(60)]
    await whole(answering, ReplyRequest(another))
    assert len(server.chats[-1].messages) == len(another)


async def test_size_that_the_user_gave_refuses_a_far_longer_turn(server: ChatServer) -> None:
    error = await failure(responder(server, context_tokens=500), asked("word " * 5000))
    assert error.code == "context_length_exceeded"
    for words in ("context_tokens=500", "an estimate", server.url):
        assert words in error.message
    assert server.chats == []


async def test_last_turn_that_is_too_long_is_an_error(server: ChatServer) -> None:
    server.context_tokens = 500
    error = await failure(responder(server), asked("word " * 5000))
    assert error.code == "context_length_exceeded"


async def test_template_that_wants_alternating_roles(server: ChatServer) -> None:
    server.alternation = True
    history = [user("one"), user("two"), assistant("Three."), assistant("Four."), user("five")]
    assert (await whole(responder(server), ReplyRequest(history))).text == "You said: five"
    assert len(server.chats) == 1


# -- warming


async def test_warming_sends_the_prompt_once_and_gives_way(server: ChatServer) -> None:
    answering = responder(server)
    await answering.prepare("Be brief.", [_ADD])
    body = server.chats[0].body
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert body["max_tokens"] == 1
    assert body["tools"]
    await answering.prepare("Be brief.", [_ADD])
    assert len(server.chats) == 1
    server.play(Play(["never"], delay_s=60))
    warming = asyncio.create_task(answering.prepare("Be long.", []))
    slow = await server.wait_for_chats(2)
    assert (await whole(answering, asked("hello"))).text == "You said: hello"
    await warming
    assert await asyncio.to_thread(slow.disconnected.wait, 20)


async def test_only_the_last_of_quick_changes_is_warmed(server: ChatServer) -> None:
    answering = responder(server)
    await asyncio.gather(*(answering.prepare(f"Be number {number}.", []) for number in range(5)))
    assert [chat.messages[0]["content"] for chat in server.chats] == ["Be number 4."]


# -- the probe


async def test_probe(server: ChatServer) -> None:
    assert (await responder(server).probe()).error is None
    server.models = ["qwen3:latest", "llama3.2"]
    assert (await responder(server, chat_model="qwen3").probe()).error is None
    absent = (await responder(server, chat_model="qwen4").probe()).error
    assert absent is not None
    assert "llama3.2" in absent.message
    server.key = _KEY
    wrong = (await responder(server).probe()).error
    assert wrong is not None
    assert wrong.code == "invalid_api_key"
    server.close()
    gone = (await responder(server).probe()).error
    assert gone is not None
    assert gone.code == "connection_failed"


@pytest.mark.parametrize("status", [200, 401])
async def test_probe_reads_a_bounded_part_of_an_endless_list(status: int) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b'{"data": [' + b" " * 2**16

    with speech_server({"/v1/models": lambda _: Answer(status, endless())}) as server:
        options = ModelOptions(chat_url=f"{server.url}/v1", chat_model="m")
        answering = ChatResponder(options, waits=Waits(connect=20, first=60, next=60, last=20, models=60))
        result = await answering.probe()
        await answering.close()
        assert result.error is not None
        assert server.gone.wait(20)


async def test_probe_of_a_server_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        options = ModelOptions(chat_url=f"http://127.0.0.1:{silent.getsockname()[1]}/v1", chat_model="m")
        answering = ChatResponder(options, waits=Waits(models=0.2))
        _OPEN.append(answering)
        error = (await answering.probe()).error
    assert error is not None
    assert "no answer" in error.message


async def test_probe_of_a_model_that_is_not_listed_asks_for_one_token(server: ChatServer) -> None:
    server.lists_models = False
    assert (await responder(server).probe()).error is None
    assert [chat.body["max_tokens"] for chat in server.chats] == [1]
    server.play(Play(body="<html>Welcome</html>"))
    wrong = (await responder(server).probe()).error
    assert wrong is not None
    assert wrong.code == "not_a_chat_server"
    server.models = []
    absent = (await responder(server).probe()).error
    assert absent is not None
    assert absent.code == "model_not_found"
