"""Scenario 17: a language model of the user's behind the card: its name, the instructions it follows, its failures."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.chat_server import ChatServer
from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.card import Card
from tests.e2e.harness.speech import Speech
from tests.e2e.scenes import IMPORT
from tests.model_downloads import WORDS, model_host


async def test_changed_instructions_change_the_answer_and_the_card_names_the_models(notebook: OpenNotebook) -> None:
    with ChatServer() as chat:
        models = f'rt.LocalModels(chat_url="{chat.url}", chat_model="test-model", tts="espeak")'
        book = await notebook(
            IMPORT,
            f'w = rt.RealtimeWidget(backend={models}, instructions="Answer in upper case.")\nw',
            'w.instructions = "Begin each answer with Ahoy."',
        )
        await book.lab.run(0)
        await book.lab.run(1)
        card = await Card(book.lab).drawn()
        await card.says("local models (test-model, ")
        await card.write("Good morning")
        await expect(card.assistant.first).to_contain_text("GOOD MORNING", timeout=30_000)
        await book.lab.run(2)
        await card.write("Good evening")
        await expect(card.assistant.nth(1)).to_contain_text("Ahoy", timeout=30_000)
        await _picture(card, "answers")
        await book.lab.until_silence()


@pytest.mark.long
async def test_chat_server_that_is_not_there_is_named_in_the_card_until_it_is(notebook: OpenNotebook) -> None:
    with ChatServer() as gone:
        port = gone.port
    models = f'rt.LocalModels(chat_url="{gone.url}", chat_model="test-model", tts="http://speech.invalid/v1")'
    book = await notebook(IMPORT, f'w = rt.RealtimeWidget(backend={models}, output="text")\nw')
    await book.lab.run(0)
    await book.lab.run(1)
    card = await Card(book.lab).drawn()
    await card.says("text goes to speech.invalid")
    await card.says(f"127.0.0.1:{port}")
    await _picture(card, "missing")
    with ChatServer(port=port):
        await card.write("Good morning")
        await expect(card.assistant.last).to_contain_text("Good morning", timeout=30_000)
        await expect(card.root.get_by_role("alert")).to_have_count(0, timeout=30_000)


@pytest.mark.long
async def test_card_shows_a_download_its_failure_and_hears_when_it_is_complete(
    notebook: OpenNotebook, tmp_path: Path, speech: Speech
) -> None:
    mic = speech.say("What time is it?")
    with model_host(tmp_path) as host, ChatServer() as chat:
        host.status = 503
        models = f'rt.LocalModels(chat_url="{chat.url}", chat_model="test-model", stt="whisper:tiny.en", tts="espeak")'
        book = await notebook(host.cell(), IMPORT, f"w = rt.RealtimeWidget(backend={models})\nw", mic=mic)
        for cell in range(3):
            await book.lab.run(cell)
        card = await Card(book.lab).drawn()
        alert, progress = card.root.get_by_role("alert"), card.root.get_by_role("progressbar")
        await card.write("Good morning")
        await expect(alert).to_contain_text("whisper tiny.en could not be downloaded", timeout=120_000)
        await expect(alert).to_contain_text("stt='whisper:/path/to/folder'")
        await expect(card.assistant.first).to_contain_text("Good morning", timeout=120_000)
        await _picture(card, "download-failed")
        host.status = 200
        await card.talk.click()  # a spoken question begins the download again
        await expect(progress).to_have_text(
            re.compile(r"Downloading whisper tiny\.en: \d\.\d of 8\.0 MB, once\."), timeout=120_000
        )
        await _picture(card, "downloading")
        host.rest.set()
        await expect(progress).to_be_hidden(timeout=120_000)
        await book.kernel.get("rt.run(w.ask(np.full(24_000, 3000, np.int16))).text")
        await expect(card.you.last).to_contain_text(WORDS, timeout=120_000)


async def _picture(card: Card, name: str) -> None:
    """Keep a picture of the card where a person wants to look at it."""
    if folder := os.environ.get("REALTIME_NB_PICTURES"):
        await card.root.screenshot(path=Path(folder) / f"local-models-{name}.png")
