"""Scenario 22: a spoken turn is kept, asked again and asked under two instructions, from the card."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.card import Card
from tests.e2e.harness.notebook import Notebook
from tests.e2e.harness.speech import Speech
from tests.e2e.scenes import IMPORT

_ANSWER_MS = 60_000


def _panel(card: Card) -> Locator:
    return card.root.get_by_role("region", name="Asked again", exact=True)


async def _spoken_turn(book: Notebook) -> Card:
    """Say one turn with the microphone, and return the card after its answer."""
    for cell in range(2):
        await book.lab.run(cell)
    card = await Card(book.lab).drawn()
    await card.talk.click()
    await book.kernel.until("len(w.turns) > 1", timeout=60)
    await card.talk.click()
    await book.lab.until_silence()
    return card


async def test_spoken_turn_is_kept_and_compared_with_the_keyboard(notebook: OpenNotebook, speech: Speech) -> None:
    book = await notebook(
        IMPORT, 'w = rt.RealtimeWidget(instructions="Be brief.")\nw', mic=speech.say("What time is it?")
    )
    card = await _spoken_turn(book)
    before = await book.kernel.get("[turn.item_id for turn in w.turns]")
    more = card.you.first.get_by_role("button", name="More about this turn", exact=True)
    await more.focus()
    await more.press("Enter")
    keep = card.you.first.get_by_role("button", name="Keep as an utterance", exact=True)
    await expect(keep).to_be_focused()
    await keep.press("Enter")
    await book.kernel.until("len(w.kept) == 1")
    assert await book.kernel.get("w.kept[0].label == w.turns[0].text and len(w.kept[0].sound) > 12_000")
    await expect(card.you.first).to_contain_text("kept")

    await more.press("Enter")
    await card.you.first.get_by_role("button", name="Compare instructions…").press("Enter")
    panel = _panel(card)
    other = panel.get_by_role("textbox", name="Instructions B", exact=True)
    await expect(other).to_be_focused()
    await other.fill("Answer as <img src=x onerror=alert(1)> would.")
    await panel.get_by_role("button", name="Compare", exact=True).press("Enter")
    sides = panel.locator(".rtnb-side")
    for side in (sides.nth(0), sides.nth(1)):
        await expect(side).to_contain_text(re.compile("It is .* to first sound"), timeout=_ANSWER_MS)
    assert await panel.locator("img").count() == 0
    assert await book.kernel.get("[turn.item_id for turn in w.turns]") == before, "the conversation has changed"
    assert await book.kernel.until("len(w.retakes) == 2 and [each.heard for each in w.retakes]")
    assert await book.kernel.get("[list(each.settings) for each in w.retakes]") == [[], ["instructions"]]

    played, until_s = len((await book.lab.sound()).whole()), await book.lab.last_sound_s()
    hear = panel.get_by_role("button", name="Hear B", exact=True)
    await hear.press("Enter")
    await book.lab.until_sound(after=until_s)
    await book.lab.until_silence()
    assert len((await book.lab.sound()).whole()) > played
    await panel.get_by_role("button", name="Use these settings").press("Enter")
    await book.kernel.until("w.instructions.startswith('Answer as')")
    await panel.get_by_role("button", name="Close", exact=True).press("Escape")
    await expect(panel).to_be_hidden()
    await expect(more).to_be_focused()


@pytest.mark.long
@pytest.mark.parametrize("transport", ["kernel", "browser"])
async def test_turn_is_asked_again_with_another_speed_and_a_second_view_shows_it(
    notebook: OpenNotebook, speech: Speech, transport: str
) -> None:
    made = f'w = rt.RealtimeWidget(backend="local", transport="{transport}")\nw'
    book = await notebook(IMPORT, made, "w", mic=speech.say("What time is it?"))
    card = await _spoken_turn(book)
    assert await book.kernel.get("w.transport") == transport
    await card.you.first.get_by_role("button", name="More about this turn").click()
    await card.you.first.get_by_role("button", name="Ask again…").click()
    panel = _panel(card)
    await panel.get_by_role("slider", name="Speed").fill("1.4")
    await panel.get_by_role("button", name="Ask again", exact=True).click()
    await expect(panel).to_contain_text("speed=1.4")
    await expect(panel).to_contain_text(re.compile("It is .* to first sound"), timeout=_ANSWER_MS)
    assert await book.kernel.get("dict(w.retakes[0].settings)") == {"speed": 1.4}
    assert await book.kernel.get("w.retakes[0].turn.audio_ms < w.turns[1].audio_ms")
    assert await book.kernel.get("w.speed") is None
    await book.lab.run(2)
    second = await Card(book.lab, 1).drawn()
    await expect(_panel(second)).to_contain_text("speed=1.4")
