"""Scenario 15: prints appear under their cells while the card listens and while it does not, with both ipykernels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.card import Card
from tests.e2e.harness.lab_server import LabServer
from tests.e2e.harness.notebook import Notebook
from tests.e2e.scenes import IMPORT
from tests.kernels import ipykernel_6

_WIDGET = 'w = rt.RealtimeWidget(backend="local", output="text", turn_detection="server_vad")\nw'
_OBSERVER = (
    'w.observe(lambda change: print("turns", [turn.role for turn in change.new if turn not in change.old]), "turns")'
)
_HANDLER = """
    def done(event):
        print("handled")
        raise ValueError("the handler")

    w.on("response.done", done);
"""
_TOOL = """
    @w.tool
    def set_slider(value: int) -> str:
        "Set the slider."
        print("tool", value)
        raise ValueError("the tool")
"""
_THREADS = """
    import threading, time
    from IPython.display import display

    def work():
        for n in range(200):
            print("line", n)
            time.sleep(0.01)
        display("displayed")

    threading.Thread(target=work).start()
    threading.Timer(1, lambda: print("timer")).start()
"""
_OBSERVED, _HANDLED, _CALLED, _THREADED = 2, 3, 4, 5


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="session",
    params=[7, pytest.param(6, marks=pytest.mark.long)],
    ids=["ipykernel 7", "ipykernel 6"],
)
async def server(
    request: pytest.FixtureRequest, lab_server: LabServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[int, LabServer]]:
    if request.param == 7:
        yield 7, lab_server
        return
    async with LabServer(tmp_path_factory.mktemp("lab6"), first=[ipykernel_6()]) as older:
        yield 6, older


async def _text(book: Notebook, cell: int) -> str:
    outputs = await book.lab.outputs(cell)
    return "".join(
        "".join(output["text"] if output["output_type"] == "stream" else output["data"].get("text/plain", ""))
        for output in outputs
        if output["output_type"] in ("stream", "display_data")
    )


async def _until(book: Notebook, cell: int, complete: Callable[[str], bool]) -> None:
    text = ""
    try:
        async with asyncio.timeout(40):
            while not complete(text := await _text(book, cell)):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"under cell {cell}: {text}") from None


@pytest.mark.parametrize("listening", [pytest.param(False, marks=pytest.mark.long), True], ids=["idle", "listening"])
async def test_prints_and_exceptions_appear_under_their_cells(
    notebook: OpenNotebook, server: tuple[int, LabServer], listening: bool
) -> None:
    major, lab = server
    book = await notebook(IMPORT, _WIDGET, _OBSERVER, _HANDLER, _TOOL, _THREADS, server=lab)
    assert (await book.kernel.get("__import__('ipykernel').__version__")).startswith(f"{major}.")
    for cell in range(5):
        await book.lab.run(cell)
    card = await Card(book.lab).drawn()
    if listening:
        await card.talk.click()
        await expect(card.root).to_have_attribute("data-mic", "on")
        await book.kernel.until("w.status == 'listening'")

    # No probe of the kernel from here on: its requests would become the parent of the threads' prints.
    await book.lab.run(_THREADED)
    await _until(
        book,
        _THREADED,
        lambda text: text.count("line") == 200 and "timer" in text and "displayed" in text,
    )
    await card.write("Set the slider to 25.")
    await _until(book, _CALLED, lambda text: "tool 25" in text and "ValueError: the tool" in text)
    await _until(book, _HANDLED, lambda text: "handled" in text and "ValueError: the handler" in text)
    await _until(book, _OBSERVED, lambda text: "'user'" in text and "'assistant'" in text)
