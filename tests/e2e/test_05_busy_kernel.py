"""Scenario 5: a cell that sleeps and one that computes while a person speaks, and one that prints during the answer."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.async_api import expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.card import Card
from tests.e2e.harness.speech import Speech
from tests.e2e.scenes import IMPORT, KEEP, received, trimmed

_SLEEPS = "import time\ntime.sleep(5)"
_COMPUTES = """
    import time
    until, n = time.monotonic() + 5, 0
    while time.monotonic() < until:
        n += 1
"""
# The server then drops whatever comes from the kernel, sound among it, until the page asks for it again.
_PRINTS = """
    import time
    until = time.monotonic() + 3
    while time.monotonic() < until:
        print("x" * 4000)
"""


@pytest.mark.parametrize("busy", [_SLEEPS, _COMPUTES], ids=["sleeping", "computing"])
async def test_every_frame_arrives_and_the_answer_plays(notebook: OpenNotebook, speech: Speech, busy: str) -> None:
    book = await notebook(IMPORT, "w = rt.RealtimeWidget()\nw", busy, mic=speech.say(1.0, "What time is it?"))
    await book.lab.run(0)
    await book.lab.run(1)
    card = await Card(book.lab).drawn()
    await card.talk.click()
    await expect(card.talk).to_have_attribute("aria-pressed", "true")
    await book.lab.run(2, wait=False)
    await book.lab.until_sound(timeout=60)
    await book.kernel.until("len(w.turns) == 2")
    await card.talk.click()
    await expect(card.talk).to_have_attribute("aria-pressed", "false")
    missing, dropped, frames = await book.kernel.get(
        "[w._bridge.microphone.missing, w._bridge.microphone.dropped, w._bridge.microphone.frames]"
    )
    assert (missing, dropped) == (0, 0)
    assert frames > 50
    assert "time" in (await book.kernel.get("w.turns[0].text")).lower()
    await expect(card.assistant.first).to_contain_text("It is")


async def test_a_cell_that_prints_without_end_takes_no_sound_away(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, "w = rt.RealtimeWidget()\nw", KEEP, _PRINTS)
    for cell in range(3):
        await book.lab.run(cell)
    card = await Card(book.lab).drawn()
    await book.lab.run(3, wait=False)
    await card.write("Count to ten.")
    await book.lab.until_sound(timeout=60)
    await book.lab.until_silence(seconds=2)
    await book.kernel.until("len(w.turns) == 2")
    sound = await book.lab.sound()
    np.testing.assert_array_equal(trimmed(sound.whole()), trimmed(await received(book.kernel)))
