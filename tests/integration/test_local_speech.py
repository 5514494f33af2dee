"""What is spoken of a model's answer, and what of it counts as heard, over real sockets.

The voice is the tone synthesiser, one burst a word: two answers sound the same if, and only if, the same is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest

from realtime_nb.local.http.server import Listening, ServerOptions, serve
from realtime_nb.local.models import ModelOptions
from tests.chat_server import ChatServer, Play
from tests.integration.raw_client import Event, RawClient, raw_client, sound_of, text_of


@pytest.fixture
def chat() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


@asynccontextmanager
async def _client(chat: ChatServer) -> AsyncIterator[RawClient]:
    models = ModelOptions(chat_url=chat.url, chat_model="test-model", tts="espeak")
    until = asyncio.Event()
    listening: asyncio.Future[Listening] = asyncio.get_running_loop().create_future()
    options = ServerOptions(port=0, voice="plain", pace=0, models=models)
    task = asyncio.create_task(serve(options, until=until, announce=listening.set_result))
    try:
        async with raw_client((await listening).url) as client:
            await client.update(output_modalities=["audio"])
            yield client
    finally:
        until.set()
        await task


def _message(events: Sequence[Event]) -> Event:
    [item] = [item for item in events[-1]["response"]["output"] if item["type"] == "message"]
    return dict(item)


ANSWERS = {
    "**Hi!** 👋 See [the docs](https://example.com/a_(b)?c=d), *please*.": "Hi! See the docs, please.",
    "## Steps 🎉\n\n1. **Open** `my_file`.\n2. Save\n\n| A | B |\n|---|---|\n| 1 | 2 |": (
        "Steps\n1. Open my file.\n2. Save\nA, B\n1, 2"
    ),
    "Here:\n```python\nx = 1. Y\nprint(x)\n```\nDone.": "Here:\nDone.",
    "Mail a.b@example.com or https://www.example.com/x?y.": "Mail a dot b at example dot com or example dot com.",
    "C'est **fini** 😀. Le Dr. Martin part à $x^2$.": "C'est fini. Le Dr. Martin part à x squared.",
}


@pytest.mark.parametrize("written", ANSWERS)
async def test_voice_says_the_words_and_the_transcript_keeps_the_text(chat: ChatServer, written: str) -> None:
    async with _client(chat) as client:
        chat.play(Play([written[at : at + 3] for at in range(0, len(written), 3)]))
        marked = await client.ask("one")
        chat.play(Play([ANSWERS[written]]))
        plain = await client.ask("two")
    assert text_of(marked) == written
    assert _message(marked)["content"][0]["transcript"] == written
    assert sound_of(marked) == sound_of(plain) != b""


async def test_answer_without_words_is_complete_and_silent(chat: ChatServer) -> None:
    async with _client(chat) as client:
        chat.play(Play(["🎉", "🎉"]))
        events = await client.ask("cheer")
    assert events[-1]["response"]["status"] == "completed"
    assert text_of(events) == "🎉🎉"
    assert sound_of(events) == b""


async def test_model_sees_the_written_words_that_were_heard(chat: ChatServer) -> None:
    written = "**One** 🎉 [two](http://u.v) three. Four `five` six. https://example.com/long ends. " * 4
    async with _client(chat) as client:
        chat.play(Play([written]))
        events = await client.ask("count")
        whole_ms = len(sound_of(events)) // 48
        item_id = _message(events)["id"]
        await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=whole_ms // 2)
        await client.until("conversation.item.truncated")
        await client.ask("go on")
    [heard] = [each["content"] for each in chat.chats[-1].messages if each["role"] == "assistant"]
    assert written.startswith(heard)
    assert 0.3 < len(heard) / len(written) < 0.7
