"""Scenario 6: two views, two widgets, a reloaded page, a restarted kernel, and an answer before any gesture."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from playwright.async_api import expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.card import Card
from tests.e2e.scenes import IMPORT, KEEP, received, trimmed, without_holes

pytestmark = pytest.mark.alone

_WIDGET = "w = rt.RealtimeWidget()\nw"


async def test_two_views_are_one_voice_and_one_microphone(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, _WIDGET, KEEP, "w")
    for cell in range(4):
        await book.lab.run(cell)
    first, second = await Card(book.lab).drawn(), await Card(book.lab, 1).drawn()
    await first.talk.click()
    # The button is pressed at once; the track comes when the browser gives it.
    await expect(second.root).to_have_attribute("data-mic", "on")
    assert len(await book.lab.tracks()) == 1
    await second.write("What time is it?")
    await book.lab.until_silence()
    sent = trimmed(await received(book.kernel))
    # A piece may come late on a busy machine, which makes a pause, but no loss.
    np.testing.assert_array_equal(without_holes(trimmed((await book.lab.sound()).whole()), sent), sent)
    for card in (first, second):
        await expect(card.you).to_have_count(1)
        await expect(card.assistant).to_have_count(1)
    await second.talk.click()
    await expect(first.talk).to_have_attribute("aria-pressed", "false")
    assert [track["state"] for track in await book.lab.tracks()] == ["ended"]


@pytest.mark.long
async def test_a_widget_that_begins_to_listen_stops_the_microphone_of_another(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, "one = rt.RealtimeWidget()\none", "two = rt.RealtimeWidget()\ntwo")
    for cell in range(3):
        await book.lab.run(cell)
    first, second = await Card(book.lab).drawn(), await Card(book.lab, 1).drawn()
    for listens, stops, talking, silent in ((first, second, "one", "two"), (second, first, "two", "one")):
        await listens.talk.click()
        await expect(listens.root).to_have_attribute("data-mic", "on")
        await expect(stops.root).to_have_attribute("data-mic", "off")
        await expect(stops.talk).to_have_attribute("aria-pressed", "false")
        await book.kernel.until(f"{talking}.level > 0 or {talking}.status in ('listening', 'hearing')")
        await book.kernel.until(f"{silent}.status == 'idle' and {silent}.level == 0")
    states = [track["state"] for track in await book.lab.tracks()]
    assert sorted(states) == ["ended", "live"]


async def test_reloaded_page_shows_the_transcript_and_continues(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, _WIDGET)
    await book.lab.run(0)
    await book.lab.run(1)
    card = await Card(book.lab).drawn()
    await card.write("What time is it?")
    await book.kernel.until("len(w.turns) == 2")
    await book.lab.until_silence()
    await book.lab.reload()
    card = await Card(book.lab).drawn()
    await expect(card.you).to_contain_text(["What time is it?"])
    await expect(card.assistant).to_contain_text(["It is"])
    await card.write("Hello!")
    await book.lab.until_silence()
    await expect(card.assistant).to_have_count(2)
    assert await book.kernel.get("len(w.turns)") == 4


async def test_restarted_kernel_is_reported_and_the_microphone_released(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, _WIDGET)
    await book.lab.run(0)
    await book.lab.run(1)
    card = await Card(book.lab).drawn()
    await card.talk.click()
    await expect(card.talk).to_have_attribute("aria-pressed", "true")
    await book.lab.restart_kernel()
    await card.says("kernel")
    await expect(card.root).to_contain_text("again")
    await expect(card.talk).to_be_hidden()
    assert [track["state"] for track in await book.lab.tracks()] == ["ended"]


async def test_an_answer_before_any_gesture_waits_behind_a_prompt(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, _WIDGET, KEEP, gesture_needed=True)
    for cell in range(3):
        await book.lab.run(cell)
    await Card(book.lab).drawn()
    await book.lab.save()
    known = await book.kernel.get("list(w._controller.pages._pages)")
    # Playwright's own look at a page counts as a gesture: until the prompt is there, only the kernel is asked.
    await book.lab.page.reload(wait_until="commit")
    await book.kernel.until(f"[page for page in w._controller.pages._pages if page not in {known}]", timeout=60)
    await book.kernel.run("turn = await w.ask('What time is it?')")
    assert await book.kernel.get("len(w.turns)") == 2
    await book.kernel.until("w._controller.sound.speaker.blocked")
    await asyncio.sleep(0)
    card = await Card(book.lab).drawn()
    play = card.root.get_by_role("button", name="Play", exact=True)
    await expect(play).to_be_visible()
    await play.click()
    await book.lab.until_silence()
    sent = trimmed(await received(book.kernel))
    # A piece may come late on a busy machine, which makes a pause, but no loss.
    np.testing.assert_array_equal(without_holes(trimmed((await book.lab.sound()).whole()), sent), sent)
