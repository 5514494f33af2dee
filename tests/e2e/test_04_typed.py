"""Scenario 4: typing, asking from a cell, observing, and changing settings while connected."""

from __future__ import annotations

import asyncio

from playwright.async_api import expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.card import Card
from tests.e2e.scenes import IMPORT


async def test_typing_asking_observing_and_setting(notebook: OpenNotebook) -> None:
    book = await notebook(
        IMPORT,
        "w = rt.RealtimeWidget()\nw",
        'told = []\nw.observe(lambda change: told.append(len(change.new)), "turns")',
        'turn = await w.ask("Hello!")\nprint(turn.text)',
        'w.instructions = "Be very brief."',
        "turn.audio",
    )
    for cell in range(3):
        await book.lab.run(cell)
    card = await Card(book.lab).drawn()
    await card.write("What time is it?")
    await expect(card.you.first).to_contain_text("What time is it?")
    await expect(card.assistant.first).to_contain_text("It is", timeout=20_000)
    await expect(card.message).to_have_value("")
    await book.kernel.until("len(w.turns) == 2")

    await book.lab.run(3)
    printed = (await book.lab.outputs(3))[0]["text"].strip()
    assert printed == await book.kernel.get("w.turns[-1].text")
    await expect(card.assistant.nth(1)).to_contain_text(printed)
    await book.kernel.until("told and told[-1] == 4")

    await book.lab.run(4)
    await book.kernel.until("w.effective.get('instructions') == 'Be very brief.'")
    await book.lab.run(5)
    html = (await book.lab.outputs(5))[0]["data"]["text/html"]
    assert "<audio" in "".join(html)


async def test_enter_sends_and_escape_interrupts(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, "w = rt.RealtimeWidget()\nw")
    await book.lab.run(0)
    await book.lab.run(1)
    card = await Card(book.lab).drawn()
    await card.message.fill("Count to thirty.")
    await card.message.press("Enter")
    await book.lab.until_sound()
    await card.message.press("Escape")
    await book.lab.until_silence()
    await book.kernel.until("[turn.status for turn in w.turns if turn.role == 'assistant'] == ['interrupted']")


async def test_new_begins_another_conversation_and_history_shows(notebook: OpenNotebook) -> None:
    book = await notebook(
        IMPORT, 'w = rt.RealtimeWidget(history=[("user", "My name is Ada."), ("assistant", "Hello, Ada.")])\nw'
    )
    await book.lab.run(0)
    await book.lab.run(1)
    card = await Card(book.lab).drawn()
    await expect(card.you).to_contain_text(["My name is Ada."], timeout=20_000)
    await card.write("Count to thirty.")
    await book.lab.until_sound()
    await card.root.get_by_role("button", name="New conversation", exact=True).click()
    await book.lab.until_silence()
    await expect(card.you).to_have_count(0)
    await expect(card.assistant).to_have_count(0)
    await card.write("Hello!")
    await expect(card.assistant).to_have_count(1, timeout=20_000)
    await book.kernel.until("[turn.role for turn in w.turns] == ['user', 'assistant']")


async def test_another_microphone_is_used_at_once(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, "w = rt.RealtimeWidget()\nw", "w.microphone = rt.Microphone(noise_suppression=False)")
    await book.lab.run(0)
    await book.lab.run(1)
    card = await Card(book.lab).drawn()
    await card.talk.click()
    await expect(card.talk).to_have_attribute("data-mic", "on", timeout=20_000)
    await book.lab.run(2)
    await book.kernel.until("w._controller.sound.microphone.frames > 0")
    async with asyncio.timeout(30):
        while len(tracks := await book.lab.tracks()) < 2:  # noqa: ASYNC110 - the page has no event for it
            await asyncio.sleep(0.1)
    assert [track["settings"]["noiseSuppression"] for track in tracks] == [True, False]
    await expect(card.talk).to_have_attribute("data-mic", "on")
    states = [track["state"] for track in await book.lab.tracks()]
    assert states == ["ended", "live"]
