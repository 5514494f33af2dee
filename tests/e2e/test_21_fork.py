"""Scenario 21: from the card, a spoken turn is asked again in a branch, with other instructions."""

from __future__ import annotations

from playwright.async_api import expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.card import Card
from tests.e2e.harness.speech import Speech
from tests.e2e.scenes import IMPORT


async def test_spoken_turn_is_forked_in_the_card_and_the_branch_goes_on(notebook: OpenNotebook, speech: Speech) -> None:
    book = await notebook(
        IMPORT, 'w = rt.RealtimeWidget(instructions="Be kind.")\nw', mic=speech.say("What time is it?")
    )
    await book.lab.run(0)
    await book.lab.run(1)
    card = await Card(book.lab).drawn()
    await card.talk.click()
    await expect(card.assistant.first).to_contain_text("It is", timeout=30_000)
    await card.talk.click()
    await book.lab.until_silence()
    await book.kernel.until("len(w.turns) >= 2")

    # With the keyboard alone: the menu, the form and its text box.
    await card.root.get_by_role("button", name="More about this turn").first.press("Enter")
    await card.root.get_by_role("button", name="Fork here…").press("Enter")
    branches = book.lab.page.get_by_role("region", name="Branches")
    instructions = branches.get_by_role("textbox", name="Instructions of the branch")
    await expect(instructions).to_be_focused()
    await expect(instructions).to_have_value("Be kind.")
    await instructions.fill("Be brief.")
    await instructions.press("Control+Enter")

    toggle = branches.get_by_role("button", name="Branch 1", exact=False).first
    await expect(toggle).to_be_focused(timeout=20_000)
    branch = await Card(book.lab, 1).drawn()
    await book.lab.until_contexts_sounded(2)  # the branch has one of its own, and needs no other gesture
    await expect(branch.assistant.first).to_contain_text("It is", timeout=20_000)
    await expect(branch.you).to_have_count(1)
    await book.kernel.until("[f.instructions for f in w.branches] == ['Be brief.']")
    await book.kernel.until("w.branches[0].turns[0].audio_ms == w.turns[0].audio_ms")
    turns = await book.kernel.get("len(w.turns)")
    await branch.write("Hello!")
    await expect(branch.assistant).to_have_count(2, timeout=20_000)
    assert await book.kernel.get("len(w.turns)") == turns, "the original conversation stays as it is"

    await toggle.press("Enter")
    await expect(branch.root).to_be_hidden()
    await branches.get_by_role("button", name="Close branch 1 for good").press("Enter")
    await expect(branches).to_be_hidden()
    assert await book.kernel.get("len(w.branches)") == 0
