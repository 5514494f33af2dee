"""Scenario 22: a saved notebook shows results without a kernel: table, figures, and players that play."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.notebook import Notebook
from tests.e2e.scenes import IMPORT

_SWEEP = """
    hostile = "<img src=x onerror=window.hurt=1><script>window.hurt=1</script>half past three"
    with rt.testing.SimulatedBackend(shifts_ms={"Think.": 300}, base_ms=100, answers=hostile) as server:
        variants = rt.grid(instructions=["Be brief.", "Think."])
        lab = rt.Lab(["What time is it?", "Name a river."], variants, repeats=2, backend=server.url, model="simulated")
        results = await lab.run(concurrency=8, budget_usd=None, progress=False)
"""

_PLAYS = """async (audio) => {
  audio.muted = true;
  await audio.play();
  for (let tries = 0; tries < 100 && audio.currentTime === 0; tries++) await new Promise((r) => setTimeout(r, 50));
  return audio.currentTime > 0 && audio.duration > 0.05;
}"""


async def _saved(notebook: OpenNotebook) -> Notebook:
    """Return a notebook that was saved after its results and their figures were shown."""
    book = await notebook(IMPORT, _SWEEP, "results")
    for cell in range(3):
        await book.lab.run(cell)
    card = book.lab.page.get_by_role("region", name="Results")
    await expect(card).to_contain_text("8 rows", timeout=30_000)
    await card.get_by_role("tab", name="Figures").click()
    figure = card.get_by_role("img", name="speech_end_to_first_audible_ms by variant, differences from Be brief")
    await expect(figure).to_be_visible(timeout=30_000)
    await card.get_by_role("combobox", name="Figure").select_option("Distribution")
    await expect(card.get_by_role("img", name="Distribution of")).to_be_visible(timeout=30_000)
    await card.get_by_text("Numbers of this figure").click()
    await expect(card.get_by_role("region", name="Numbers").get_by_role("row")).to_have_count(3)
    # The page is made after the cell has run, and stays out of sight.
    static = book.lab.page.locator(".rtnb-static")
    await expect(static.locator("audio").first).to_be_attached(timeout=60_000)
    await expect(static).to_be_hidden()
    await book.lab.save()
    return book


async def _shows_results(page: Page) -> Locator:
    """Check what the reader of a saved notebook sees; returns the static page."""
    static = page.locator(".rtnb-static")
    await expect(static).to_be_visible()
    await expect(static.locator("table").first).to_contain_text("Think")
    await static.get_by_text("Trials", exact=True).click()
    await expect(static.locator("tbody tr").last).to_contain_text("What time is it?")
    answer = static.locator("tbody tr").last.locator("summary")
    await answer.click()
    await expect(static.locator("tbody tr").last).to_contain_text("<script>")
    pictures = await static.locator("img.rtnb-light").evaluate_all("(all) => all.map((each) => each.naturalWidth)")
    assert len(pictures) >= 2
    assert all(pictures), pictures
    assert await static.locator("audio").count() >= 4
    assert await static.locator("audio").first.evaluate(_PLAYS)
    assert await page.evaluate("() => window.hurt") is None
    assert await static.locator("script, [onerror]").count() == 0
    return static


@pytest.mark.long
@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "untrusted"])
async def test_saved_notebook_shows_table_figures_and_players_without_its_kernel(
    notebook: OpenNotebook, trusted: bool
) -> None:
    book = await _saved(notebook)
    saved: Any = nbformat.read(book.path, as_version=4)  # type: ignore[no-untyped-call]
    if not trusted:  # a notebook that another person changed has no valid signature
        saved.cells[1].source += "\n# changed"
    reopened = await notebook("pass")
    reopened.path.write_text(json.dumps(saved))
    await reopened.lab.open()
    page = reopened.lab.page
    cell = "window.jupyterapp.shell.currentWidget.content.widgets[2]"
    assert await page.evaluate(f"() => {cell}.model.trusted") is trusted
    static = await _shows_results(page)
    # The card's own output says that its widget is not there: that line is out of sight where styles are kept.
    if trusted:
        await expect(page.get_by_text("not found")).to_be_hidden()
    await expect(static.locator("img.rtnb-dark").first).to_be_hidden()
    await page.evaluate("() => window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.shutdown()")
    assert await static.locator("audio").last.evaluate(_PLAYS)
    if trusted:
        await reopened.lab.command("apputils:change-theme", theme="JupyterLab Dark")
        try:
            await expect(static.locator("img.rtnb-dark").first).to_be_visible()
            await expect(static.locator("img.rtnb-light").first).to_be_hidden()
        finally:  # Lab keeps the theme for the notebooks of other tests
            await reopened.lab.command("apputils:change-theme", theme="JupyterLab Light")
