"""Scenario 3: the user interrupts the assistant, by speech and with the button."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.async_api import expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.card import Card
from tests.e2e.harness.speech import Speech
from tests.e2e.scenes import CUTS, IMPORT, KEEP, first_cut, received, trimmed, without_holes

pytestmark = pytest.mark.alone


async def test_interruption_truncates_at_the_played_samples(notebook: OpenNotebook, speech: Speech) -> None:
    # The file is played from its beginning when the microphone opens: while the assistant speaks.
    mic = speech.say("What time is it?")
    book = await notebook(IMPORT, 'w = rt.RealtimeWidget(turn_detection="server_vad")\nw', KEEP, mic=mic)
    for cell in range(3):
        await book.lab.run(cell)
    card = await Card(book.lab).drawn()
    await card.write("Count to thirty.")
    await book.lab.until_sound()
    await card.talk.click()
    await book.kernel.until(f"len({CUTS}) == 1", timeout=60)
    await book.kernel.until("len([turn for turn in w.turns if turn.role == 'assistant']) == 2", timeout=60)
    await card.until("listening")
    await book.lab.until_silence()

    cut, second = await first_cut(book), await received(book.kernel, 1)
    assert abs(cut.heard_ms - cut.told_ms) <= 20
    assert not cut.complete, "the whole answer was heard"
    # After the cut comes the next answer, whole. Of the old one, nothing.
    np.testing.assert_array_equal(without_holes(cut.rest, second), trimmed(second))

    turn = "next(turn for turn in w.turns if turn.role == 'assistant')"
    assert await book.kernel.get(f"{turn}.status") == "interrupted"
    text, heard_text = await book.kernel.get(f"[{turn}.text, {turn}.heard_text]")
    assert text.startswith(heard_text)
    assert 0 < len(heard_text) < len(text)
    await expect(card.assistant.first).to_contain_text(heard_text)


async def test_stop_button_stops_playback_at_once_and_the_conversation_continues(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, "w = rt.RealtimeWidget()\nw", KEEP)
    for cell in range(3):
        await book.lab.run(cell)
    card = await Card(book.lab).drawn()
    await card.write("Count to thirty.")
    await book.lab.until_sound()
    await card.until("speaking")
    await card.stop_speaking.click()
    await book.lab.until_silence()
    await book.kernel.until(f"len({CUTS}) == 1")
    cut = await first_cut(book)
    assert abs(cut.heard_ms - cut.told_ms) <= 20
    assert not len(cut.rest), "something else sounded"
    await card.write("What time is it?")
    await book.kernel.until("len([turn for turn in w.turns if turn.role == 'assistant']) == 2")
    await expect(card.assistant).to_have_count(2)
    await book.lab.until_silence()
