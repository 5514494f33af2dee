"""Downloads of models in the server's process, and what a widget shows of them, over the real processes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import realtime_nb as rt
from realtime_nb import backends
from tests.chat_server import ChatServer
from tests.integration.raw_client import speech
from tests.model_downloads import WORDS, ModelHost, model_host


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModelHost]:
    with model_host(tmp_path) as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.syspath_prepend(made.stand_in)
        yield made
    backends.stop_local()


def _widget(chat: ChatServer) -> rt.RealtimeWidget:
    models = rt.LocalModels(chat_url=chat.url, chat_model="test-model", stt="whisper:tiny.en", tts="espeak")
    return rt.RealtimeWidget(backend=models, output="text")


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - traits of a widget have no asyncio.Event
            await asyncio.sleep(0.05)


async def test_widget_shows_a_download_until_it_is_complete_and_then_hears(host: ModelHost) -> None:
    async with ChatServer() as chat:
        w = _widget(chat)
        await w.start()
        await _until(
            lambda: re.fullmatch(r"Downloading whisper tiny.en: [1-4]\.\d of 8.0 MB, once.", w._info["progress"] or "")
        )
        assert w.error is None
        typed = await w.ask("Good morning")
        assert "Good morning" in typed.text  # typing waits for no recogniser
        with pytest.raises(rt.RealtimeError, match=r"Downloading whisper tiny.en: .* Try again when it is complete"):
            await w.ask(speech("Hello."))
        host.rest.set()
        await _until(lambda: w._info["progress"] is None)
        await w.ask(speech("Hello."))
        assert [turn.text for turn in w.turns if turn.role == "user"][-1] == WORDS
        assert WORDS in str(chat.chats[-1].messages)
        w.close()


async def test_failed_download_is_an_error_with_the_next_step_until_it_succeeds(host: ModelHost) -> None:
    host.status = 503
    host.rest.set()
    async with ChatServer() as chat:
        w = _widget(chat)
        await w.start()
        await _until(lambda: w.error is not None)
        assert "whisper tiny.en could not be downloaded" in str(w.error)
        assert "HTTP 503" in str(w.error)
        assert "stt='whisper:/path/to/folder'" in str(w.error)
        assert w._info["progress"] is None
        assert (await w.ask("Good morning")).status == "completed"
        host.status = 200
        host.rest.clear()
        with pytest.raises(rt.RealtimeError, match=r"Downloading whisper tiny\.en"):
            await w.ask(speech("Hello."))  # begins the download again
        await _until(lambda: w._info["progress"])
        host.rest.set()
        await _until(lambda: w._info["progress"] is None)
        await w.ask(speech("Hello."))
        assert [turn.text for turn in w.turns if turn.role == "user"][-1] == WORDS
        await _until(lambda: w.error is None)
        w.close()
