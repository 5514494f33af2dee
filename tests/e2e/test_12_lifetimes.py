"""Scenario 12: sessions and microphones end with their cards; a card without a kernel says so."""

from __future__ import annotations

import asyncio
import json

import nbformat
import pytest
from nbformat.sign import NotebookNotary
from playwright.async_api import expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.card import Card
from tests.e2e.harness.notebook import Notebook
from tests.e2e.scenes import IMPORT, holds_the_gil

pytestmark = pytest.mark.alone

_SESSION = "id(w._controller.state.session)"


async def _ended(book: Notebook) -> None:
    """Wait until every microphone track of the page has ended."""
    await book.lab.page.wait_for_function(
        "() => window.e2e.tracks().length && window.e2e.tracks().every(({ state }) => state === 'ended')",
        timeout=10_000,
    )


async def _states(book: Notebook) -> list[str]:
    return [track["state"] for track in await book.lab.tracks()]


async def _clear_outputs(book: Notebook, cell: int) -> None:
    await book.lab.page.evaluate(
        "(cell) => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = cell; }", cell
    )
    await book.lab.command("notebook:clear-cell-output")


async def _with_text_card(notebook: OpenNotebook) -> tuple[Notebook, Card]:
    book = await notebook(IMPORT, 'w = rt.RealtimeWidget(backend="local", output="text")\nw')
    await book.lab.run(0)
    await book.lab.run(1)
    return book, await Card(book.lab).drawn()


async def _listening(notebook: OpenNotebook, transport: str, *cells: str) -> Notebook:
    widget = f'w = rt.RealtimeWidget(transport="{transport}", turn_detection="server_vad")\nw'
    book = await notebook(IMPORT, widget, *cells)
    await book.lab.run(0)
    await book.lab.run(1)
    card = await Card(book.lab).drawn()
    await card.talk.click()
    await expect(card.root).to_have_attribute("data-mic", "on")
    await expect(card.talk).to_have_text("●Listening, press to stop")
    await book.kernel.until("w.status == 'listening'")
    return book


@pytest.mark.parametrize("transport", ["kernel", pytest.param("browser", marks=pytest.mark.long)])
async def test_a_microphone_ends_with_its_card_and_the_session_is_parked(
    notebook: OpenNotebook, transport: str
) -> None:
    book = await _listening(notebook, transport)
    await _clear_outputs(book, 1)
    await _ended(book)
    why = await book.kernel.until("w.health.parked", timeout=30)
    assert "No page shows the card any more" in why
    assert await book.kernel.get("w.status") == "idle"


@pytest.mark.long
@pytest.mark.parametrize("transport", ["kernel", "browser"])
async def test_a_microphone_ends_when_its_cell_is_run_again(notebook: OpenNotebook, transport: str) -> None:
    book = await _listening(notebook, transport)
    await book.kernel.run("before = w")
    await book.lab.run(1)
    await _ended(book)
    await book.kernel.until("before.health.parked", timeout=30)


@pytest.mark.long
@pytest.mark.parametrize("transport", ["kernel", "browser"])
async def test_a_microphone_ends_with_its_card_while_the_kernel_is_busy(notebook: OpenNotebook, transport: str) -> None:
    book = await _listening(notebook, transport, holds_the_gil(15))
    await book.lab.run(2, wait=False)
    await _clear_outputs(book, 1)
    await _ended(book)
    assert await book.lab.runs(2), "the kernel was not busy any more"
    await book.kernel.until("w.health.parked", timeout=180)


@pytest.mark.parametrize("transport", ["kernel", pytest.param("browser", marks=pytest.mark.long)])
async def test_an_answer_ends_with_its_card(notebook: OpenNotebook, transport: str) -> None:
    book = await notebook(IMPORT, f'w = rt.RealtimeWidget(transport="{transport}")\nw')
    await book.lab.run(0)
    await book.lab.run(1)
    card = await Card(book.lab).drawn()
    await card.write("Count to thirty.")
    await book.lab.until_sound()
    await _clear_outputs(book, 1)
    await book.kernel.until("[turn.status for turn in w.turns] == ['completed', 'interrupted']")
    await book.lab.until_silence()
    assert await book.kernel.get("w.health.parked") is None, "the session's end has cut the answer"


@pytest.mark.long
async def test_a_cell_that_is_moved_keeps_the_microphone(notebook: OpenNotebook) -> None:
    book = await _listening(notebook, "kernel", "pass")
    await book.lab.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1; }")
    await book.lab.command("notebook:move-cell-down")
    await asyncio.sleep(5)
    assert await _states(book) == ["live"]
    await expect((await Card(book.lab).drawn()).root).to_have_attribute("data-mic", "on")


@pytest.mark.long
async def test_a_microphone_ends_with_the_tab_of_its_notebook(notebook: OpenNotebook) -> None:
    book = await _listening(notebook, "kernel")
    await book.lab.save()
    await book.lab.page.evaluate("() => { window.jupyterapp.shell.currentWidget.dispose(); }")
    await _ended(book)


@pytest.mark.long
async def test_a_cell_that_is_run_forty_times_leaves_one_session(notebook: OpenNotebook) -> None:
    cell = 'w = rt.RealtimeWidget(backend="local", output="text")\nturn = await w.ask("Hello!")\nw'
    book = await notebook(IMPORT, cell)
    await book.lab.run(0)
    for _ in range(40):
        await book.lab.run(1)
    made = "[out for out in Out.values() if isinstance(out, rt.RealtimeWidget)]"
    assert await book.kernel.get(f"len({made})") == 40
    open_ones = f"sum(out._controller.state.session is not None for out in {made})"
    await book.kernel.until(f"{open_ones} == 1", timeout=15)
    assert await book.kernel.get("w._controller.state.session is not None")


@pytest.mark.long
async def test_a_page_that_is_reloaded_keeps_its_session(notebook: OpenNotebook) -> None:
    book, card = await _with_text_card(notebook)
    await card.write("Hello!")
    await book.kernel.until("len(w.turns) == 2")
    session = await book.kernel.get(_SESSION)
    await book.lab.save()
    await book.lab.page.goto("about:blank")
    await asyncio.sleep(15)
    await book.lab.open()
    await Card(book.lab).drawn()
    await asyncio.sleep(12)
    assert await book.kernel.get(_SESSION) == session
    assert await book.kernel.get("w.health.parked") is None


@pytest.mark.long
async def test_a_session_that_nothing_uses_is_parked_under_its_card_and_continues(notebook: OpenNotebook) -> None:
    # Half an hour, shortened to five seconds.
    book = await notebook(
        f"{IMPORT}\nfrom realtime_nb.notebook import parking\nparking._UNUSED_S = 5.0", "w = rt.RealtimeWidget()\nw"
    )
    await book.lab.run(0)
    await book.lab.run(1)
    card = await Card(book.lab).drawn()
    await card.talk.click()
    await book.kernel.until("w.status == 'listening'")
    await asyncio.sleep(12)
    assert await book.kernel.get("w.health.parked") is None, "a microphone that is on is use"
    await card.talk.click()
    await card.says("Parked")
    await card.says("Nothing used it for")
    assert "Nothing used it for" in await book.kernel.get("w.health.parked")
    assert await book.kernel.get("[w.status, w._controller.state.session]") == ["idle", None]
    await card.write("Hello!")
    await book.kernel.until("len(w.turns) == 2")
    await expect(card.root).not_to_contain_text("Nothing used it")


@pytest.mark.long
async def test_a_card_whose_kernel_died_keeps_its_transcript_and_has_no_controls(notebook: OpenNotebook) -> None:
    book, card = await _with_text_card(notebook)
    await card.write("Hello!")
    await expect(card.assistant).to_have_count(1)
    await book.lab.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.shutdown()"
    )
    await card.says("No kernel")
    await expect(card.you).to_contain_text(["Hello!"])
    for control in (card.talk, card.mute, card.send, card.message):
        await expect(control).to_be_hidden()
    await expect(card.root.get_by_role("button", name="Settings")).to_be_hidden()
    await expect(card.root).not_to_contain_text("Ready")


@pytest.mark.long
async def test_a_card_of_a_reopened_notebook_is_one_line(notebook: OpenNotebook) -> None:
    book = await notebook(IMPORT, "w = rt.RealtimeWidget()\nw")
    await book.lab.run(0)
    await book.lab.run(1)
    await Card(book.lab).drawn()
    await book.lab.save()
    state = await book.kernel.get("__import__('ipywidgets').Widget.get_manager_state()")
    saved = nbformat.read(book.path, as_version=4)  # type: ignore[no-untyped-call]
    saved.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": state}
    notary = NotebookNotary(data_dir=str(book.server.home / "jupyter" / "data"))  # type: ignore[no-untyped-call]
    notary.sign(saved)  # type: ignore[no-untyped-call]

    reopened = await notebook("pass")
    reopened.path.write_text(json.dumps(saved))
    await reopened.lab.open()
    card = await Card(reopened.lab).drawn()
    await card.says("This conversation is not live")
    await expect(card.talk).to_be_hidden()
    await expect(card.transcript).to_be_hidden()
    box = await card.root.bounding_box()
    assert box is not None
    assert box["height"] < 80
