"""Replies that a model streams, over real sockets: every shape of stream, failures, and interruptions.

The responder is scripted, and the rest is the practice server with the voice of tones.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from realtime_nb.local.http import server
from realtime_nb.local.http.server import Listening, ServerOptions, serve
from realtime_nb.local.session.responses import MOST_TOOL_ROUNDS
from realtime_nb.local.voice.load import Voice, load_voice
from realtime_nb.local.voice.protocols import ToolSpecs
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
from tests.integration.raw_client import PATIENCE_S, Event, RawClient, raw_client, text_of

TOOL = {"type": "function", "name": "add", "parameters": {"type": "object", "properties": {}}}


class Hang:
    """A step at which the stream waits for ever."""


Step = ReplyPiece | Exception | Hang


class Model:
    """A responder that streams the steps of `script`; `closed` counts the streams that have ended."""

    limits_tokens = True

    def __init__(self) -> None:
        self.script: Callable[[ReplyRequest], Sequence[Step]] = lambda _: [TextPiece("Hello there.")]
        self.requests: list[ReplyRequest] = []
        self.prepared: list[tuple[str, int]] = []
        self.reached = asyncio.Event()
        self.closed = 0
        self._news = asyncio.Event()

    def plays(self, *steps: Step) -> None:
        self.script = lambda _: steps

    async def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyPiece, None]:
        self.requests.append(request)
        try:
            for step in self.script(request):
                await asyncio.sleep(0)
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, Hang):
                    self.reached.set()
                    await asyncio.Event().wait()
                else:
                    yield step
        finally:
            self.closed += 1
            self._news.set()

    async def prepare(self, instructions: str, tools: ToolSpecs) -> None:
        self.prepared.append((instructions, len(tools)))

    async def close(self) -> None: ...

    async def until_closed(self, times: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.closed < times:
                self._news.clear()
                await self._news.wait()


def words(text: str) -> list[Step]:
    """A text as a model streams it: a piece for each few characters."""
    return [TextPiece(text[start : start + 3]) for start in range(0, len(text), 3)]


def call(name: str, *arguments: str, call_id: str | None = None) -> list[Step]:
    return [CallBegun(name, call_id), *map(CallArguments, arguments), CallEnded()]


@pytest.fixture
def model() -> Model:
    return Model()


@asynccontextmanager
async def _serving(model: Model, *, pace: float = 0) -> AsyncIterator[Listening]:
    def scripted(**options: Any) -> Voice:
        return dataclasses.replace(load_voice(extra=False), responder=model)

    until = asyncio.Event()
    listening: asyncio.Future[Listening] = asyncio.get_running_loop().create_future()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "load_voice", scripted)
        task = asyncio.create_task(
            serve(ServerOptions(port=0, voice="plain", pace=pace), until=until, announce=listening.set_result)
        )
        try:
            yield await listening
        finally:
            until.set()
            await task


@asynccontextmanager
async def _client(model: Model, *, pace: float = 0, **session: Any) -> AsyncIterator[RawClient]:
    async with _serving(model, pace=pace) as listening, raw_client(listening.url) as client:
        if session:
            await client.update(**session)
        yield client


def _of(events: list[Event], event_type: str) -> list[Event]:
    return [event for event in events if event["type"] == event_type]


def _samples(events: list[Event]) -> int:
    return sum(len(base64.b64decode(event["delta"])) // 2 for event in _of(events, "response.output_audio.delta"))


def _transcript_of_context(request: ReplyRequest) -> str:
    """The last assistant message as the model sees it."""
    (message,) = [item for item in request.history if item["type"] == "message" and item["role"] == "assistant"][-1:]
    (part,) = message["content"]
    return str(part.get("transcript") or part.get("text") or "")


# -- shapes of streams


async def test_an_empty_stream_is_a_complete_response_without_items(model: Model) -> None:
    model.plays()
    async with _client(model) as client:
        done = (await client.ask("Hi"))[-1]["response"]
        assert (done["status"], done["output"]) == ("completed", [])


async def test_a_stream_of_calls_only_writes_no_message(model: Model) -> None:
    model.plays(TextPiece("\n\n"), *call("add", '{"a":', " 1}"))
    async with _client(model) as client:
        events = await client.ask("Hi")
        (item,) = events[-1]["response"]["output"]
        assert (item["name"], item["arguments"], item["status"]) == ("add", '{"a": 1}', "completed")
        deltas = _of(events, "response.function_call_arguments.delta")
        assert [event["delta"] for event in deltas] == ['{"a":', " 1}"]


@pytest.mark.parametrize("modality", ["audio", "text"])
async def test_text_before_two_parallel_calls_is_a_message_of_its_own(model: Model, modality: str) -> None:
    model.plays(*words("One moment. I look it up."), *call("add", "{}", call_id="x1"), *call("add", "", call_id="x2"))
    async with _client(model, output_modalities=[modality]) as client:
        events = await client.ask("Hi")
        output = events[-1]["response"]["output"]
        assert [item["type"] for item in output] == ["message", "function_call", "function_call"]
        assert text_of(events) == "One moment. I look it up."
        assert [item["call_id"] for item in output[1:]] == ["x1", "x2"]
        assert [item["arguments"] for item in output[1:]] == ["{}", "{}"]


async def test_a_repeated_call_id_of_the_model_is_replaced(model: Model) -> None:
    model.plays(*call("add", "{}", call_id="call_0"))
    async with _client(model) as client:
        first = (await client.ask("Hi"))[-1]["response"]["output"][0]["call_id"]
        second = (await client.ask("Hi"))[-1]["response"]["output"][0]["call_id"]
        assert first == "call_0" != second


@pytest.mark.parametrize("modality", ["audio", "text"])
async def test_ten_thousand_words_arrive_whole(model: Model, modality: str) -> None:
    text = " ".join(f"word{number}" + "." * (number % 11 == 0) for number in range(10_000))
    model.plays(*(TextPiece(text[start : start + 100]) for start in range(0, len(text), 100)))
    async with _client(model, output_modalities=[modality]) as client:
        await client.user_says("Hi")
        await client.send("response.create")
        if modality == "text":
            events = await client.until("response.done")
            assert text_of(events) == text
            return
        # An hour of sound: enough of it, and then the end.
        await client.until("response.output_audio.delta")
        await client.send("response.cancel")
        done = (await client.until("response.done"))[-1]["response"]
        assert text.startswith(done["output"][0]["content"][0]["transcript"])


async def test_five_megabytes_without_a_period_keep_the_server_answering(model: Model) -> None:
    text = "na " * 1_700_000
    model.plays(TextPiece(text))
    async with _serving(model) as listening, raw_client(listening.url) as client, raw_client(listening.url) as other:
        await client.user_says("Hi")
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        model.plays(TextPiece("Short."))
        assert text_of(await other.ask("Hi")) == "Short."
        await client.send("response.cancel")
        done = (await client.until("response.done"))[-1]["response"]
        assert text.startswith(done["output"][0]["content"][0]["transcript"])


@pytest.mark.parametrize("modality", ["audio", "text"])
async def test_pieces_cut_within_a_character_arrive_as_characters(model: Model, modality: str) -> None:
    model.plays(TextPiece("Hi \ud83d"), TextPiece("\ude00 né"), TextPiece("e\u0301. \ud83d"))
    async with _client(model, output_modalities=[modality]) as client:
        assert text_of(await client.ask("Hi")) == "Hi \U0001f600 née\u0301. \ufffd"


async def test_a_message_without_speakable_text_has_a_transcript_and_no_sound(model: Model) -> None:
    model.plays(TextPiece("🎉🎉"))
    async with _client(model) as client:
        events = await client.ask("Hi")
        assert events[-1]["response"]["status"] == "completed"
        assert text_of(events) == "🎉🎉"
        assert _samples(events) == 0


async def test_the_transcript_keeps_the_text_that_the_voice_does_not_say(model: Model) -> None:
    text = "It is **very** good. See [the page](https://example.com/a?b=c) \U0001f600\n\n- one\n- two\n"
    model.plays(*words(text))
    async with _client(model) as client:
        assert text_of(await client.ask("Hi")) == text


async def test_two_sessions_stream_at_once(model: Model) -> None:
    model.script = lambda request: words(f"Instructions: {request.instructions}. " * 20)
    async with _serving(model, pace=40) as listening:

        async def talk(name: str) -> str:
            async with raw_client(listening.url) as client:
                await client.update(instructions=name)
                return text_of(await client.ask("Hi"))

        answers = await asyncio.gather(talk("one"), talk("two"))
        assert list(answers) == [f"Instructions: {name}. " * 20 for name in ("one", "two")]


async def test_speech_begins_before_the_text_has_ended(model: Model) -> None:
    model.plays(*words("This is the first sentence. And the second one"), Hang())
    async with _client(model) as client:
        await client.user_says("Hi")
        await client.send("response.create")
        events = await client.until("response.output_audio.delta")
        assert "second" not in text_of(events)
        await client.send("response.cancel")
        await client.until("response.done")


async def test_the_text_is_read_on_while_speech_is_paced(model: Model) -> None:
    model.plays(*words("This is a sentence of some length, as they are. " * 50), Hang())
    async with _client(model, pace=0.5) as client:
        await client.user_says("Hi")
        await client.send("response.create")
        events = await client.until("response.output_audio.delta")
        async with asyncio.timeout(PATIENCE_S):
            await model.reached.wait()
        assert len(text_of(events)) < 200
        await client.send("response.cancel")
        await client.until("response.done")


async def test_a_slow_listener_does_not_make_the_text_pile_up(model: Model) -> None:
    model.plays(*(TextPiece("This is a sentence of some length, as they are. ") for _ in range(10_000)), Hang())
    async with _client(model, pace=0.5) as client:
        await client.user_says("Hi")
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        for _ in range(20):
            await asyncio.sleep(0.05)
        assert not model.reached.is_set()
        await client.send("response.cancel")
        await client.until("response.done")


async def test_settings_prepare_the_model_when_they_change(model: Model) -> None:
    async with _client(model) as client:
        await client.update(instructions="Be brief.", tools=[TOOL])
        await client.update(max_output_tokens=100)
        await client.ask("Hi")
        assert model.prepared[1:] == [("Be brief.", 1)]


async def test_tool_rounds_without_a_turn_of_the_user_are_limited(model: Model) -> None:
    model.plays(*call("add", "{}"))
    async with _client(model, tools=[TOOL]) as client:
        response = (await client.ask("Hi"))[-1]["response"]
        rounds = 0
        while response["status"] == "completed":
            rounds += 1
            item = {"type": "function_call_output", "call_id": response["output"][0]["call_id"], "output": "1"}
            await client.send("conversation.item.create", item=item)
            await client.send("response.create")
            response = (await client.until("response.done"))[-1]["response"]
        assert rounds == MOST_TOOL_ROUNDS
        error = response["status_details"]["error"]
        assert (response["status"], error["code"]) == ("failed", "too_many_tool_rounds")
        await client.send("response.create")
        assert (await client.until("response.done"))[-1]["response"]["status"] == "failed"
        model.plays(TextPiece("Enough."))
        await client.send("response.create", response={"tool_choice": "none"})
        assert text_of(await client.until("response.done")) == "Enough."
        model.plays(*call("add", "{}"))
        assert (await client.ask("Again"))[-1]["response"]["status"] == "completed"


async def test_an_out_of_band_request_has_no_item_that_is_still_written(model: Model) -> None:
    model.plays(*words("This is a sentence. " * 3), Hang())
    async with _client(model) as client:
        await client.user_says("Hi")
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        model.plays(TextPiece("Greeting."))
        await client.send("response.create", response={"conversation": "none", "output_modalities": ["text"]})
        while (event := await client.receive())["type"] != "response.done":
            pass
        assert event["response"]["conversation_id"] is None
        assert [item["role"] for item in model.requests[-1].history] == ["user"]
        await client.send("response.cancel")
        await client.until("response.done")


async def test_a_message_that_a_client_calls_unfinished_is_part_of_the_context(model: Model) -> None:
    async with _client(model) as client:
        content = [{"type": "output_text", "text": "I was saying"}]
        item = {"type": "message", "role": "assistant", "status": "in_progress", "content": content}
        await client.send("conversation.item.create", item=item)
        await client.ask("Go on")
        assert _transcript_of_context(model.requests[-1]) == "I was saying"


# -- failures


async def test_a_failure_before_the_first_piece_fails_with_code_and_message(model: Model) -> None:
    failure = ReplyError("No such model: 'x'. Pull it.", code="model_not_found", kind="invalid_request_error")
    model.plays(failure)
    async with _client(model) as client:
        done = (await client.ask("Hi"))[-1]["response"]
        assert (done["status"], done["output"]) == ("failed", [])
        error = done["status_details"]["error"]
        assert error == {
            "type": "invalid_request_error",
            "code": "model_not_found",
            "message": "No such model: 'x'. Pull it.",
        }
        model.plays(TextPiece("Better."))
        assert text_of(await client.ask("Again")) == "Better."


async def test_a_failure_after_sound_keeps_the_sound_and_fails(model: Model) -> None:
    model.plays(*words("This was said. This was not"), ReplyError("The stream broke off.", code="stream_ended"))
    async with _client(model) as client:
        events = await client.ask("Hi")
        done = events[-1]["response"]
        assert (done["status"], done["output"][0]["status"]) == ("failed", "incomplete")
        assert done["status_details"]["error"]["code"] == "stream_ended"
        assert _samples(events) > 0
        model.plays(TextPiece("Better."))
        assert text_of(await client.ask("Again")) == "Better."
        assert "This was said." in _transcript_of_context(model.requests[-1])


async def test_a_cut_reply_is_incomplete_with_the_models_reason(model: Model) -> None:
    model.plays(*words("This is as far as"), ReplyUsage(10, 4), ReplyCut("max_output_tokens"))
    async with _client(model) as client:
        events = await client.ask("Hi", max_output_tokens=4)
        done = events[-1]["response"]
        assert done["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
        assert text_of(events) == "This is as far as"
        assert done["output"][0]["status"] == "incomplete"
        assert model.requests[0].max_output_tokens == 4


async def test_the_servers_estimate_does_not_cut_what_the_model_allows(model: Model) -> None:
    text = "A sentence that takes more sound than the limit allows for."
    model.plays(*words(text), ReplyUsage(10, 12))
    async with _client(model) as client:
        events = await client.ask("Hi", max_output_tokens=12)
        assert events[-1]["response"]["status"] == "completed"
        assert text_of(events) == text


async def test_usage_is_the_models_own(model: Model) -> None:
    model.plays(*words("Hello there."), ReplyUsage(1_200, 7, cached_tokens=1_000))
    async with _client(model) as client:
        usage = (await client.ask("Hi"))[-1]["response"]["usage"]
        assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (1_200, 7, 1_207)
        details = usage["input_token_details"]
        assert (details["text_tokens"], details["audio_tokens"], details["cached_tokens"]) == (1_200, 0, 1_000)
        assert usage["output_token_details"] == {"text_tokens": 7, "audio_tokens": 0}


async def test_usage_of_an_uncounted_reply_is_an_estimate_of_its_text(model: Model) -> None:
    model.plays(*words("Hello there. " * 10))
    async with _client(model, instructions="Be brief. " * 40) as client:
        usage = (await client.ask("Hi"))[-1]["response"]["usage"]
        assert usage["output_tokens"] == -(-130 // 4)
        assert usage["input_tokens"] >= 100
        assert usage["input_token_details"]["audio_tokens"] == usage["output_token_details"]["audio_tokens"] == 0


async def test_a_reply_that_failed_before_its_first_word_has_no_usage(model: Model) -> None:
    model.plays(ReplyError("Nothing answers."))
    async with _client(model) as client:
        assert not (await client.ask("Hi"))[-1]["response"].get("usage")


# -- interruption


async def _says_until(client: RawClient, event_type: str) -> list[Event]:
    await client.user_says("Hi")
    await client.send("response.create")
    return await client.until(event_type)


@pytest.mark.parametrize("modality", ["audio", "text"])
async def test_cancel_closes_a_stream_that_hangs(model: Model, modality: str) -> None:
    model.plays(TextPiece("Well, "), Hang())
    async with _client(model, output_modalities=[modality]) as client:
        await _says_until(client, "response.created")
        await model.reached.wait()
        await client.send("response.cancel")
        done = (await client.until("response.done"))[-1]["response"]
        assert done["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
        await model.until_closed(1)
        model.plays(TextPiece("Better."))
        assert text_of(await client.ask("Again")) == "Better."


async def test_the_users_speech_ends_the_answer_and_closes_the_stream(model: Model) -> None:
    model.plays(*words("This is a sentence. " * 10), Hang())
    noise = (np.random.default_rng(1).standard_normal(24_000) * 6_000).astype(np.int16)
    async with _client(model, pace=0.5) as client:
        await _says_until(client, "response.output_audio.delta")
        await model.reached.wait()
        await client.append(noise)
        events = await client.until("response.done")
        assert events[-1]["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        # Nothing but the open item's end stands between the two: a client must not have to wait.
        types = [event["type"] for event in events]
        between = types[types.index("input_audio_buffer.speech_started") + 1 : -1]
        assert all(name.endswith(".done") for name in between), between
        await model.until_closed(1)


async def test_a_client_that_leaves_closes_the_stream(model: Model) -> None:
    model.plays(TextPiece("Well, this is a sentence. "), Hang())
    async with _serving(model) as listening:
        async with raw_client(listening.url) as client:
            await _says_until(client, "response.created")
            await model.reached.wait()
        await model.until_closed(1)


async def test_usage_that_came_before_a_cancel_is_reported(model: Model) -> None:
    model.plays(*words("This is a sentence. " * 10), ReplyUsage(30, 40), Hang())
    async with _client(model, pace=0.5) as client:
        await _says_until(client, "response.output_audio.delta")
        await model.reached.wait()
        await client.send("response.cancel")
        usage = (await client.until("response.done"))[-1]["response"]["usage"]
        assert usage["total_tokens"] == 70


async def test_only_what_was_sent_of_a_cancelled_answer_is_in_the_context(model: Model) -> None:
    text = "This is the first sentence. " + "And there are many more of them. " * 20
    model.plays(*words(text))
    async with _client(model, pace=2) as client:
        events = await _says_until(client, "response.output_audio.delta")
        await client.send("response.cancel")
        events += await client.until("response.done")
        sent = text_of(events)
        assert 0 < len(sent) < len(text)
        model.plays(TextPiece("Yes?"))
        await client.ask("Stop")
        assert _transcript_of_context(model.requests[-1]) == sent


async def test_only_heard_words_of_a_truncated_answer_are_in_the_context(model: Model) -> None:
    text = "The **first** thing: [a page](https://example.com/some/long/path). Then the second thing, and a third."
    model.plays(*words(text))
    async with _client(model) as client:
        events = await client.ask("Hi")
        item_id = events[-1]["response"]["output"][0]["id"]
        length_ms = _samples(events) // 24
        heard = []
        for share in (0.75, 0.5, 0.25, 0):
            end = int(length_ms * share)
            await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=end)
            await client.until("conversation.item.truncated")
            await client.ask("Go on")
            said = [item for item in model.requests[-1].history if item.get("role") == "assistant"]
            heard.append(said[0]["content"][0]["transcript"])
        assert all(text.startswith(words) for words in heard)
        assert len(heard[0]) > len(heard[1]) > len(heard[2]) > len(heard[3]) == 0
