"""Scenario 1: a spoken command is recognised, and its answer is played sample for sample."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.async_api import expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.card import Card
from tests.e2e.harness.speech import Speech
from tests.e2e.scenes import IMPORT, KEEP, received, trimmed, without_holes

pytestmark = pytest.mark.alone


async def test_a_spoken_command_gets_a_spoken_answer(notebook: OpenNotebook, speech: Speech) -> None:
    book = await notebook(IMPORT, "w = rt.RealtimeWidget()\nw", KEEP, mic=speech.say("What time is it?"))
    for cell in range(3):
        await book.lab.run(cell)
    card = await Card(book.lab).drawn()
    assert await book.lab.tracks() == [], "nothing listens before a gesture"
    await card.talk.click()
    await expect(card.talk).to_have_attribute("aria-pressed", "true")
    await card.until("speaking")
    await book.lab.until_silence()

    heard = await book.kernel.until("w.turns and w.turns[0].text")
    assert "time" in heard.lower()
    await expect(card.you.first).to_contain_text(heard)
    answer = await book.kernel.until("len(w.turns) > 1 and w.turns[1].text")
    await expect(card.assistant.first).to_contain_text(answer)
    assert await book.kernel.get("[turn.role for turn in w.turns[:2]]") == ["user", "assistant"]

    sound = await book.lab.sound()
    assert sound.rate == 24_000
    sent = trimmed(await received(book.kernel))
    # A piece may come late on a busy machine, which makes a pause, but no loss.
    np.testing.assert_array_equal(without_holes(trimmed(sound.whole()), sent), sent)
    np.testing.assert_array_equal(await book.kernel.samples("w.turns[1].audio.samples"), await received(book.kernel))
    latency = await book.kernel.get("w.turns[1].latency.total")
    assert latency is not None
    assert latency > 0

    await card.talk.click()
    await expect(card.talk).to_have_attribute("aria-pressed", "false")
    assert [track["state"] for track in await book.lab.tracks()] == ["ended"]
