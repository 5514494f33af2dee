"""Scenario 20: blind listening from the first pair to a saved ranking with the keyboard alone, and two answers beside
each other."""

from __future__ import annotations

import json

import numpy as np
import pytest
from playwright.async_api import Locator, expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.notebook import Notebook

# Typed questions, whose answers are spoken: no microphone, and nothing to wait for.
SWEEP = """
    import numpy as np
    import realtime_nb as rt
    said = ["What time is it?", "Count to three.", "Who wrote Faust?"]
    with rt.testing.SimulatedBackend(base_ms=20, trial_sd_ms=1) as server:
        lab = rt.Lab(said, rt.grid(voice=["marin", "cedar"]), backend=server.url, model="simulated", repeats=1)
        results = rt.run(lab.run(budget_usd=None, cache="blind-run", progress=False))
"""


async def _shown(book: Notebook, pane: str) -> Locator:
    """Run the cells and open a pane with the keyboard."""
    for cell in (0, 1):
        await book.lab.run(cell)
    card = book.lab.page.get_by_role("region", name="Results", exact=True)
    await card.get_by_role("tab", name="Trials").focus()
    presses = {"Pairs": 2, "Blind": 3}[pane]
    for _ in range(presses):
        await book.lab.page.keyboard.press("ArrowRight")
    await expect(card.get_by_role("tab", name=pane)).to_have_attribute("aria-selected", "true")
    return card


async def test_a_listener_votes_with_the_keyboard_and_gets_a_saved_ranking(notebook: OpenNotebook) -> None:
    book = await notebook(SWEEP, "results")
    card = await _shown(book, "Blind")
    keyboard = book.lab.page.keyboard
    status = card.locator(".rtnb-blind-status")
    name = card.get_by_role("textbox", name="Listener")
    await expect(card.get_by_role("button", name="Start")).to_be_enabled(timeout=20_000)
    await name.focus()
    await keyboard.press("Control+A")
    await keyboard.type("Ada")
    await keyboard.press("Enter")
    ready = "Press 1 or 2"
    await expect(status).to_contain_text(ready, timeout=40_000)
    shown = await card.evaluate("(card) => card.querySelector('.rtnb-blind').outerHTML")
    assert "marin" not in shown
    assert "cedar" not in shown

    await keyboard.press("1")
    await expect(card).to_contain_text("1 of 3 pairs")
    await keyboard.press("Backspace")
    await expect(card).to_contain_text("0 of 3 pairs")
    heard = card.get_by_role("button", name="No difference")
    await expect(heard).to_be_enabled(timeout=40_000)
    await keyboard.press("2")
    await expect(card).to_contain_text("1 of 3 pairs")
    await expect(status).to_contain_text("Pair 2 of 3")
    for number, key in ((2, "="), (3, "2")):
        await expect(heard).to_be_enabled(timeout=40_000)
        await keyboard.press(key)
        if number < 3:
            await expect(status).to_contain_text(f"Pair {number + 1} of 3")
    ranking = card.get_by_role("region", name="Ranking")
    await expect(ranking).to_be_visible(timeout=20_000)
    await expect(ranking).to_contain_text("3 votes (Ada)")
    assert await book.kernel.get("results.preferences(listener='Ada').votes") == 3
    lines = [json.loads(line) for line in (book.server.root / "blind-run" / "listening.jsonl").read_text().splitlines()]
    assert [line.get("choice", "taken back") for line in lines] == [
        "first",
        "taken back",
        "second",
        "neither",
        "second",
    ]
    assert not [message for message in book.lab.messages if "pageerror" in message]


@pytest.mark.long
async def test_two_answers_play_at_the_same_place_and_the_word_is_marked(notebook: OpenNotebook) -> None:
    book = await notebook(SWEEP.replace("blind-run", "pairs-run"), "results")
    card = await _shown(book, "Pairs")
    sides = card.locator(".rtnb-pairs .rtnb-side")
    await expect(sides.nth(1).get_by_role("combobox", name="Trial B")).to_have_value("1", timeout=20_000)
    await expect(sides.nth(0).get_by_role("button", name="Play A")).to_be_enabled(timeout=20_000)
    await card.get_by_role("group", name="Two answers").focus()
    keyboard = book.lab.page.keyboard
    await keyboard.press("Space")
    await expect(sides.nth(0).locator(".rtnb-now")).to_have_count(1, timeout=20_000)
    await expect(sides.nth(0).locator(".rtnb-past")).not_to_have_count(0, timeout=20_000)
    await keyboard.press("s")
    await expect(sides.nth(1)).to_have_attribute("data-active", "")
    await expect(sides.nth(1).locator(".rtnb-now")).to_have_count(1)
    assert await sides.nth(0).locator(".rtnb-past").count() > 0, "the first answer stays where it was left"
    await book.lab.until_silence()
    sound = (await book.lab.sound()).whole()
    both = await book.kernel.get("[results.trial(r['trial_id']).audio.duration_ms for r in results.rows[:2]]")
    assert 0.5 * min(both) < 1000 * len(sound) / 24_000 < 1.5 * max(both), "the second went on where the first was"
    assert np.abs(sound.astype(int)).max() > 1_000


@pytest.mark.long
async def test_a_page_that_is_loaded_again_goes_on_where_the_listener_stopped(notebook: OpenNotebook) -> None:
    book = await notebook(SWEEP.replace("blind-run", "reload-run"), "results")
    card = await _shown(book, "Blind")
    keyboard = book.lab.page.keyboard
    status = card.locator(".rtnb-blind-status")
    await expect(card.get_by_role("button", name="Start")).to_be_enabled(timeout=20_000)
    await card.get_by_role("button", name="Start").press("Enter")
    await expect(status).to_contain_text("Press 1 or 2", timeout=40_000)
    question = await card.locator(".rtnb-question").inner_text()
    await keyboard.press("1")
    await expect(status).to_contain_text("Pair 2 of 3", timeout=20_000)
    second = await card.locator(".rtnb-question").inner_text()
    assert second != question

    await book.lab.reload()
    await card.get_by_role("tab", name="Blind").click()
    await expect(card.get_by_role("button", name="Go on")).to_be_enabled(timeout=20_000)
    await card.get_by_role("button", name="Go on").press("Enter")
    await expect(card).to_contain_text("1 of 3 pairs")
    await expect(card.locator(".rtnb-question")).to_have_text(second)
    await expect(status).to_contain_text("Press 1 or 2", timeout=40_000)
    sound = (await book.lab.sound()).whole()
    heard = await book.kernel.samples(
        "np.concatenate([c.samples for c in results.listening.sitting().current().sounds])"
    )
    assert np.count_nonzero(sound) > 0.9 * np.count_nonzero(heard), "both sounds were played whole"
