"""Scenario 19: results in a cell are sorted, filtered, unfolded, heard and rated; thousands of trials scroll."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.notebook import Notebook
from tests.e2e.scenes import IMPORT

FORTY = """
    shifts = {"Be brief.": 0, "Think first.": 400}
    with rt.testing.SimulatedBackend(shifts_ms=shifts, base_ms=100, answers="It is <b>half past three</b>.") as server:
        said = ["What time is it?", "Count to three.", "Who wrote Faust?", "Name a river.", "What is tea?"]
        variants = rt.grid(instructions=list(shifts))
        lab = rt.Lab(said, variants, repeats=4, backend=server.url, model="simulated")
        results = await lab.run(concurrency=16, budget_usd=None, progress=False)
"""
FIRST = "speech_end_to_first_audible_ms"


def _card(book: Notebook) -> Locator:
    return book.lab.page.get_by_role("region", name="Results")


async def test_a_sweep_of_forty_trials_is_sorted_filtered_unfolded_heard_and_rated(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, FORTY, "results")
    for cell in range(3):
        await book.lab.run(cell)
    card = _card(book)
    grid = card.get_by_role("treegrid", name="Trials")
    await expect(grid).to_have_attribute("aria-rowcount", "41", timeout=30_000)
    # The page for readers without a kernel is in the notebook, and out of sight.
    await expect(book.lab.page.locator(".rtnb-static")).to_have_count(1)
    await expect(book.lab.page.locator(".rtnb-static")).to_be_hidden()

    head = grid.get_by_role("columnheader", name="to first audible")
    await head.click()
    await expect(head).to_have_attribute("aria-sort", "ascending")
    fastest = await book.kernel.get(f"min(results.rows, key=lambda row: row[{FIRST!r}])['variant']")
    await expect(grid.get_by_role("rowheader").first).to_have_text(str(fastest))
    await card.get_by_role("combobox", name="Only variant").select_option("Think first")
    await expect(card).to_contain_text("20 of 40 rows")
    await card.get_by_role("searchbox").fill("river")
    await expect(card).to_contain_text("4 of 40 rows")

    await grid.focus()
    await grid.press("Home")
    await grid.press("Enter")
    trial = card.get_by_role("group", name="Think first: Name a river.")
    await expect(trial).to_contain_text("It is <b>half past three</b>.")
    await grid.press(" ")
    await book.lab.until_sound()
    await book.lab.until_silence()
    rivers = "[r for r in results.rows if 'river' in r['said'] and r['variant'] == 'Think first']"
    order = f"sorted({rivers}, key=lambda row: row[{FIRST!r}])"
    trial_id = await book.kernel.get(f"{order}[0]['trial_id']")
    seconds = await book.kernel.get(f"results.trial({trial_id!r}).audio.duration_ms / 1000")
    sound = await book.lab.sound()
    assert len(sound.whole()) / sound.rate == pytest.approx(seconds, abs=0.3)

    await trial.get_by_role("textbox", name="Note").fill("warm")
    await trial.get_by_role("button", name="4", exact=True).click()
    await expect(trial).to_contain_text("kept")
    assert await book.kernel.get(f"(lambda t: [t.rating, t.rating_note])(results.trial({trial_id!r}))") == [4, "warm"]
    await expect(grid.get_by_role("columnheader", name="rating")).to_be_visible()
