"""Scenario 14: keys in the card are the card's, in JupyterLab and in Notebook 7, and other keys the notebook's."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.card import Card
from tests.e2e.harness.lab_server import LabServer
from tests.e2e.harness.notebook import Notebook
from tests.e2e.scenes import IMPORT
from tests.kernels import folder_with

_CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets.map(
  ({ model }) => [model.type, model.sharedModel.getSource(), model.executionCount ?? null])"""
_PLACES = ("the card", "the message field", "a button")
_DIRTY = "() => window.jupyterapp.shell.currentWidget.context.model.dirty"


@pytest_asyncio.fixture(
    scope="module", loop_scope="session", params=["JupyterLab", pytest.param("Notebook 7", marks=pytest.mark.long)]
)
async def server(
    request: pytest.FixtureRequest, lab_server: LabServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LabServer]:
    if request.param == "JupyterLab":
        yield lab_server
        return
    first = [folder_with("notebook", "notebook>=7.5,<8")]
    async with LabServer(tmp_path_factory.mktemp("notebook7"), first=first, classic=True) as classic:
        yield classic


@pytest_asyncio.fixture(loop_scope="session")
async def book(notebook: OpenNotebook, server: LabServer) -> Notebook:
    opened = await notebook(
        IMPORT, 'w = rt.RealtimeWidget(backend="local", output="text")\nw', "'a cell below'", server=server
    )
    await opened.lab.run(0)
    await opened.lab.run(1)
    await Card(opened.lab).drawn()
    return opened


async def _focus(card: Card, place: str) -> Locator:
    if place == "the card":
        await card.root.evaluate("card => card.focus()")
        return card.root
    target = card.talk if place == "a button" else card.message
    await target.focus()
    return target


async def test_letters_and_enter_change_nothing_in_the_notebook(book: Notebook) -> None:
    page, card = book.lab.page, Card(book.lab)
    cells = await page.evaluate(_CELLS)
    for place in _PLACES:
        target = await _focus(card, place)
        for key in ("x", "d", "d", "0", "0", "a", "b", "j", "Shift+Enter", "z", "Shift+M", "y"):
            await page.keyboard.press(key)
            await expect(target, place).to_be_focused()
        await book.lab.settle()
        assert await page.evaluate(_CELLS) == cells, place
        assert await page.locator(".jp-Dialog").count() == 0, f"0 0 in {place} asks to restart the kernel"
        assert await book.kernel.get("1 + 1") == 2, place


async def test_enter_makes_a_line_in_the_instructions_and_sends_in_the_message_field(book: Notebook) -> None:
    page, card = book.lab.page, Card(book.lab)
    await card.root.get_by_role("button", name="Settings", exact=True).click()
    instructions = card.root.get_by_role("textbox", name="Instructions", exact=True)
    await instructions.click()
    await page.keyboard.type("one\ntwo")
    await expect(instructions).to_have_value("one\ntwo")
    await page.keyboard.press("Control+Enter")
    await book.kernel.until("w.instructions == 'one\\ntwo'")
    await card.message.click()
    await page.keyboard.type("Hello")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("there")
    await expect(card.message).to_have_value("Hello\nthere")
    await page.keyboard.press("Enter")
    await expect(card.message).to_have_value("")
    await card.says("Hello\nthere")


async def test_ctrl_z_undoes_typing_and_the_clipboard_keys_are_the_fields(book: Notebook) -> None:
    page, card = book.lab.page, Card(book.lab)
    cells = await page.evaluate(_CELLS)
    await card.message.click()
    await page.keyboard.type("Hello")
    await page.keyboard.press("Control+z")
    await expect(card.message).not_to_have_value("Hello")
    await card.message.fill("all of it")
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Control+x")
    await expect(card.message).to_have_value("")
    await page.keyboard.press("Control+v")
    await expect(card.message).to_have_value("all of it")
    assert await page.evaluate(_CELLS) == cells


async def test_ctrl_s_saves(book: Notebook) -> None:
    page, card = book.lab.page, Card(book.lab)
    for place in _PLACES:
        await page.evaluate("() => { window.jupyterapp.shell.currentWidget.context.model.dirty = true; }")
        await _focus(card, place)
        for last in (False, False, True):
            await page.keyboard.press("Control+s")
            try:
                await page.wait_for_function(f"() => !({_DIRTY})()", timeout=10_000)
                break
            except PlaywrightTimeoutError:
                # JupyterLab ignores some saves that are asked for within a tenth of a second of another one.
                assert not last, place
