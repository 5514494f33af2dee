"""Scenario 18: the recorder card records a user's turn, which is trimmed, heard, kept, and equal to what was said."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.speech import Speech
from tests.e2e.scenes import IMPORT


@pytest.mark.long
async def test_a_recording_is_trimmed_and_kept_as_an_utterance(notebook: OpenNotebook, speech: Speech) -> None:
    mic = speech.say("What is the time in Paris?", tail_s=20)
    book = await notebook(IMPORT, 'r = rt.Recorder(["What is the time in Paris?"])\nr', mic=mic)
    await book.lab.run(0)
    await book.lab.run(1)
    card = book.lab.page.get_by_role("region", name="Recorder")
    record = card.get_by_role("button", name="Record", exact=True)
    await expect(card).to_contain_text("Read aloud")
    await expect(record).to_be_enabled(timeout=20_000)
    await record.click()
    await expect(card).to_have_attribute("data-mic", "on")
    await expect(card).to_contain_text(re.compile(r"([3-9]|\d\d)\.\d s of at most"), timeout=30_000)
    await card.get_by_role("button", name="Stop", exact=True).click()
    await expect(card).to_have_attribute("data-mic", "off")
    assert all(track["state"] == "ended" for track in await book.lab.tracks())

    hear = card.get_by_role("button", name="Listen", exact=True)
    await hear.click()
    await expect(card.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    await expect(hear).to_be_visible(timeout=15_000)
    assert len((await book.lab.sound()).whole()) > 24_000
    start = card.get_by_role("slider", name="Start of the part to keep")
    await start.focus()
    for _ in range(5):
        await start.press("ArrowRight")
    await card.get_by_role("button", name="Keep", exact=True).click()
    await expect(card.get_by_role("list", name="Kept recordings")).to_contain_text("What is the time in Paris?")
    assert await book.kernel.get("[u.said for u in r.utterances]") == ["What is the time in Paris?"]
    # Five steps of 10 ms were cut from the start.
    assert await book.kernel.get("round(r.utterances[0].speech.start_ms) > 0")
    await expect(card).to_contain_text("All sentences are recorded.")

    # A microphone ends with its view.
    await record.click()
    await expect(card).to_have_attribute("data-mic", "on")
    await book.lab.run(0)
    await book.lab.command("notebook:clear-all-cell-outputs")
    await book.lab.page.wait_for_function("() => window.e2e.tracks().every(({ state }) => state === 'ended')")
