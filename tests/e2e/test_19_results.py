"""Scenario 19: results in a cell are sorted, filtered, unfolded, heard and rated; thousands of trials scroll."""

from __future__ import annotations

import logging

import pytest
from playwright.async_api import Locator, expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.notebook import Notebook
from tests.e2e.scenes import IMPORT

FORTY = """
    ANSWER = "It is <b>half past three</b>, and the tide is coming in."
    shifts = {"Be brief.": 0, "Think first.": 400}
    with rt.testing.SimulatedBackend(shifts_ms=shifts, base_ms=100, answers=ANSWER) as server:
        said = ["What time is it?", "Count to three.", "Who wrote Faust?", "Name a river.", "What is tea?"]
        variants = rt.grid(instructions=list(shifts))
        lab = rt.Lab(said, variants, repeats=4, backend=server.url, model="simulated")
        results = await lab.run(concurrency=16, budget_usd=None, progress=False)
"""
_logger = logging.getLogger(__name__)
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
    await expect(trial).to_contain_text("It is <b>half past three</b>, and the tide is coming in.")
    # The harness hears an audio context from its second sound on: loading its tap takes longer than a short answer.
    play = trial.get_by_role("button", name="Play the answer")
    for _ in range(2):
        before = max((each.frames[-1] for each in await book.lab.played() if len(each.frames)), default=-1)
        await grid.press(" ")
        await expect(trial.get_by_role("button", name="Stop the answer")).to_be_visible()
        await expect(play).to_be_visible(timeout=30_000)
    await book.lab.until_silence()
    rivers = "[r for r in results.rows if 'river' in r['said'] and r['variant'] == 'Think first']"
    order = f"sorted({rivers}, key=lambda row: row[{FIRST!r}])"
    trial_id = await book.kernel.get(f"{order}[0]['trial_id']")
    seconds = await book.kernel.get(f"results.trial({trial_id!r}).audio.duration_ms / 1000")
    sound = await book.lab.sound()
    heard = sound.frames[sound.frames > before]
    assert (heard[-1] - heard[0] + 1) / sound.rate == pytest.approx(seconds, abs=0.3)

    await trial.get_by_role("textbox", name="Note").fill("warm")
    await trial.get_by_role("button", name="4", exact=True).click()
    await expect(trial).to_contain_text("kept")
    assert await book.kernel.get(f"(lambda t: [t.rating, t.rating_note])(results.trial({trial_id!r}))") == [4, "warm"]
    await expect(grid.get_by_role("columnheader", name="rating")).to_be_visible()
    await book.kernel.get("len(results.grade(rt.graders.contains('river', name='about_rivers')))")
    await expect(grid.get_by_role("columnheader", name="about rivers")).to_be_attached()
    await expect(trial).to_contain_text("kept")


THOUSANDS = """
    rng = np.random.default_rng(0)
    rows = [
        dict(
            trial_id=f"{n:032x}", turn=0, repeat=n // 500, variant=("a", "b")[n % 2],
            utterance=f"question {n // 2 % 250}", utterance_hash=f"{n // 2 % 250}", said="x" * 60, heard="x" * 60,
            text=f"answer {n} " * 8, tool_calls=[], error=None, words=9, turn_taking=0.9, cost_usd=0.001,
            speech_end_to_first_audible_ms=float(wait), total_ms=2000.0 + float(wait),
        )
        for n, wait in enumerate(rng.normal(700, 150, 5000))
    ]
    results = rt.Results(rows)
"""

# From the run of the cell, and from the card's first element, to the first rows; logged: no test asserts on time.
WATCH = """() => {
  window.opened = { run: performance.now() };
  new MutationObserver(() => {
    if (!opened.card && document.querySelector(".rtnb-results")) opened.card = performance.now();
    if (!opened.rows && document.querySelector(".rtnb-grid-row")) opened.rows = performance.now();
  }).observe(document.body, { childList: true, subtree: true });
}"""

SCROLL = """async (grid) => {
  const times = [];
  let blank = 0;
  for (let step = 0; step < 60; step++) {
    const began = performance.now();
    grid.scrollTop += 2400;
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - began);
    const { left, top } = grid.getBoundingClientRect();
    if (!document.elementFromPoint(left + 150, top + 200)?.closest(".rtnb-grid-row")) blank += 1;
  }
  return { blank, times, rows: grid.querySelectorAll(".rtnb-grid-row").length };
}"""


@pytest.mark.long
async def test_five_thousand_trials_open_and_scroll_also_while_a_cell_runs(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, THOUSANDS, "results", "import time\ntime.sleep(30)")
    await book.lab.run(0)
    await book.lab.run(1)
    await book.lab.page.evaluate(WATCH)
    await book.lab.run(2)
    # Not by a role: the page would be searched for it again and again while it is measured.
    await book.lab.page.wait_for_function("() => window.opened.rows", timeout=60_000)
    opened = await book.lab.page.evaluate("opened")
    card = _card(book)
    grid = card.get_by_role("treegrid", name="Trials")
    await expect(grid).to_have_attribute("aria-rowcount", "5001", timeout=30_000)
    scrolled = await grid.evaluate(SCROLL)
    times = sorted(scrolled["times"])
    _logger.info(
        "5,000 trials: rows %.0f ms after the card, %.0f ms after the cell began; a screenful further in %.0f ms p50, "
        "%.0f ms p95",
        opened["rows"] - opened["card"],
        opened["rows"] - opened["run"],
        times[30],
        times[57],
    )
    assert scrolled["blank"] == 0
    assert scrolled["rows"] < 60

    await book.lab.run(3, wait=False)
    await grid.focus()
    await grid.press("End")
    await expect(grid.locator('[aria-rowindex="5001"]')).to_be_visible()
    await grid.press("Enter")
    await expect(card.get_by_role("group", name="b: question 249")).to_contain_text("answer 4999 answer 4999")
    assert await book.lab.runs(3), "the card was answered while the cell ran"


@pytest.mark.long
async def test_reopened_notebook_shows_the_static_page_and_no_error_until_the_cell_runs(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, THOUSANDS.replace("5000", "50"), "results")
    for cell in range(3):
        await book.lab.run(cell)
    page = book.lab.page.locator(".rtnb-static")
    await expect(_card(book).get_by_role("treegrid")).to_be_visible(timeout=30_000)
    await expect(page.locator("table").first).to_be_attached(timeout=60_000)
    await expect(page).to_be_hidden()
    await book.lab.reload()
    await expect(_card(book).get_by_role("treegrid")).to_be_visible(timeout=30_000)
    await expect(page).to_be_hidden()

    await book.lab.save()
    await book.server.shut_down(book.name)
    await book.lab.open()
    await expect(page).to_be_visible(timeout=30_000)
    await expect(_card(book)).to_have_count(0)
    outputs = book.lab.page.locator(".jp-OutputArea-output").filter(visible=True)
    await expect(outputs).to_have_count(1)
    for cell in range(3):
        await book.lab.run(cell)
    await expect(_card(book).get_by_role("treegrid")).to_be_visible(timeout=30_000)
    await expect(page).to_be_hidden()


@pytest.mark.long
async def test_first_card_of_a_kernel_has_its_table_while_its_own_cell_runs_on(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, THOUSANDS, "import time\ndisplay(results)\ntime.sleep(40)")
    await book.lab.run(0)
    await book.lab.run(1)
    await book.lab.run(2, wait=False)
    grid = _card(book).get_by_role("treegrid", name="Trials")
    await expect(grid).to_have_attribute("aria-rowcount", "5001", timeout=30_000)
    assert await book.lab.runs(2), "the card was answered while the cell ran"
