"""Scenario 11: the page holds the socket. The same conversation, and sound that a busy kernel cannot stop."""

from __future__ import annotations

import numpy as np
from playwright.async_api import expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.card import Card
from tests.e2e.harness.speech import Speech
from tests.e2e.scenes import IMPORT, KEEP, received, trimmed

_BROWSER = 'w = rt.RealtimeWidget(transport="browser", turn_detection="server_vad")\nw'
# One C call: for as long as it runs, no other thread of the kernel does anything.
_HOLDS_THE_GIL = """
    import random, time
    huge = [random.random() for _ in range(4_000_000)]
    began = time.monotonic()
    while time.monotonic() - began < 5:
        sorted(huge)
"""


async def test_a_spoken_command_gets_a_spoken_answer(notebook: OpenNotebook, speech: Speech) -> None:
    book = await notebook(IMPORT, _BROWSER, KEEP, mic=speech.say("What time is it?"))
    for cell in range(3):
        await book.lab.run(cell)
    card = await Card(book.lab).drawn()
    await card.talk.click()
    await card.until("speaking")
    await book.lab.until_silence()
    assert "time" in (await book.kernel.until("w.turns and w.turns[0].text")).lower()
    answer = await book.kernel.until("len(w.turns) > 1 and w.turns[1].text")
    await expect(card.assistant.first).to_contain_text(answer)
    assert await book.kernel.get("w.transport") == "browser"
    sound = await book.lab.sound()
    np.testing.assert_array_equal(trimmed(sound.whole()), trimmed(await received(book.kernel)))
