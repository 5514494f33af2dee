"""Scenario 16: the card in Notebook 7, in Voila and in an exported page, where each has a life of its own."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import nbformat
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.e2e.conftest import OpenNotebook
from tests.e2e.harness.browser import new_context
from tests.e2e.harness.card import Card
from tests.e2e.harness.environment import private_environment
from tests.e2e.harness.lab_server import LabServer, free_port
from tests.e2e.harness.notebook import Notebook
from tests.e2e.harness.page import LabPage
from tests.e2e.scenes import IMPORT
from tests.kernels import folder_with

pytestmark = pytest.mark.long

_ASKS = 'turn = await w.ask("Hello!")\nprint(turn.text)'
_WIDGET = 'w = rt.RealtimeWidget(backend="local")\nw'
_EXPORTED = ("@jupyter-widgets/html-manager@1.0.15", "anywidget@0.11.0", "requirejs@2.3.8")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def classic(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LabServer]:
    first = [folder_with("notebook", "notebook>=7.5,<8")]
    async with LabServer(tmp_path_factory.mktemp("notebook7"), first=first, classic=True) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def listening(notebook: OpenNotebook, classic: LabServer) -> Notebook:
    """A notebook of Notebook 7 whose card listens."""
    book = await notebook(
        IMPORT, 'w = rt.RealtimeWidget(turn_detection="server_vad", idle_minutes=0.2)\nw', server=classic
    )
    await book.lab.run(0)
    await book.lab.run(1)
    card = await Card(book.lab).drawn()
    await card.talk.click()
    await expect(card.root).to_have_attribute("data-mic", "on")
    await book.kernel.until("w.status == 'listening'")
    return book


async def _ended(book: Notebook) -> None:
    await book.lab.page.wait_for_function(
        "() => window.e2e.tracks().length && window.e2e.tracks().every(({ state }) => state === 'ended')",
        timeout=10_000,
    )


async def test_in_notebook_7_a_microphone_ends_when_its_cell_is_run_again(listening: Notebook) -> None:
    await listening.kernel.run("before = w")
    await listening.lab.run(1)
    await _ended(listening)
    assert "No page shows the card" in await listening.kernel.until("before.health.parked", timeout=30)


async def test_in_notebook_7_a_microphone_ends_when_its_output_is_cleared(listening: Notebook) -> None:
    await listening.lab.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1; }")
    await listening.lab.command("notebook:clear-cell-output")
    await _ended(listening)
    assert "No page shows the card" in await listening.kernel.until("w.health.parked", timeout=30)


async def test_in_notebook_7_a_session_whose_tab_is_closed_is_parked_after_idle_minutes_and_continues_in_the_next(
    listening: Notebook,
) -> None:
    await listening.kernel.run("turn = await w.ask('Hello!')")
    await listening.lab.save()
    await listening.lab.page.close()
    why = await listening.kernel.until("w.health.parked", timeout=60)
    assert "for 0.2 minutes" in why, "a page that says goodbye may be one that is being reloaded"
    again = await listening.open()
    card = await Card(again).drawn()
    await card.says("Parked")
    await expect(card.you).to_have_count(1)
    await card.write("Hello!")
    await listening.kernel.until("len(w.turns) == 4 and not w.health.parked")


async def _forks(lab: LabPage) -> None:
    """Open a branch of the page's card: its own card answers, aloud."""
    card = Card(lab)
    await card.fork("Be brief.")
    branch = await Card(lab, 1).drawn()
    await expect(branch.assistant).to_have_count(1, timeout=30_000)
    await lab.until_contexts_sounded(2)
    await expect(lab.page.get_by_role("button", name="Branch 1").first).to_be_focused()


async def test_in_notebook_7_a_branch_opens_below_its_card(notebook: OpenNotebook, classic: LabServer) -> None:
    book = await notebook(IMPORT, _WIDGET, server=classic)
    await book.lab.run(0)
    await book.lab.run(1)
    card = await Card(book.lab).drawn()
    await card.write("Hello!")
    await expect(card.assistant).to_have_count(1, timeout=30_000)
    await book.lab.until_contexts_sounded(1)
    await _forks(book.lab)
    await book.kernel.until("[fork.instructions for fork in w.branches] == ['Be brief.']")


class _Pages:
    """Opens pages at other addresses than JupyterLab's, without a connection to other machines."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    async def open(self, url: str, answer: Callable[[Route], Awaitable[None]] | None = None) -> LabPage:
        context = await new_context(self._browser)
        page = await context.new_page()

        async def abort(route: Route) -> None:
            await route.abort()

        await page.route(re.compile(r"^https://"), answer or abort)
        shown = LabPage(page, url)
        await page.goto(url, timeout=90_000)
        return shown


@pytest_asyncio.fixture(loop_scope="session")
async def pages(launch: Callable[..., Awaitable[Browser]], silence: Path) -> AsyncIterator[_Pages]:
    browser = await launch(silence)
    yield _Pages(browser)
    for context in browser.contexts:
        await context.close()


def _written(path: Path, *cells: str) -> Path:
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])  # type: ignore[no-untyped-call]
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, path)  # type: ignore[no-untyped-call]
    return path


@pytest_asyncio.fixture(loop_scope="session")
async def voila(tmp_path: Path) -> AsyncIterator[str]:
    """The address of Voila, which shows a notebook with a card and an `ask`."""
    folder = folder_with("voila", "voila>=0.5.8,<0.6")
    book = _written(tmp_path / "talk.ipynb", IMPORT, _WIDGET, _ASKS)
    environment = private_environment(tmp_path / "home")
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), environment.get("PYTHONPATH")]))
    environment["JUPYTER_PATH"] = str(folder / "share/jupyter")
    port = free_port()
    command = [sys.executable, "-m", "voila", str(book), "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    log = tmp_path / "voila.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=out, stderr=out)  # noqa: ASYNC220
    try:
        async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(60):
            while True:
                assert process.poll() is None, log.read_text()
                try:
                    await http.get(f"http://127.0.0.1:{port}/voila/static/voila.js")
                except httpx.HTTPError:
                    await asyncio.sleep(0.2)
                else:
                    break
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 30)


async def test_in_voila_a_cell_asks_and_the_card_talks(voila: str, pages: _Pages) -> None:
    lab = await pages.open(voila)
    card = await Card(lab).drawn()
    await expect(card.you).to_contain_text(["Hello!"])
    await expect(card.assistant).to_have_count(1)
    await card.write("Count to three.")
    await expect(card.assistant.nth(1)).to_contain_text("1, 2, 3.", timeout=30_000)
    await lab.until_silence()
    await card.talk.click()
    await expect(card.root).to_have_attribute("data-mic", "on")
    await card.until("listening")
    await card.talk.click()
    await expect(card.root).to_have_attribute("data-mic", "off")
    assert [track["state"] for track in await lab.tracks()] == ["ended"]
    await _forks(lab)


def _front_ends(folder: Path) -> Path:
    """Return a folder with the scripts that an exported page loads from other machines."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    target = folder / "front-ends"
    target.mkdir()
    for package in _EXPORTED:
        done = subprocess.run(
            [npm, "pack", "--silent", "--pack-destination", str(folder), package],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"{package} cannot be fetched here: {done.stderr[-300:]}")
        with tarfile.open(folder / done.stdout.split()[-1]) as archive:
            archive.extractall(target / package.rsplit("@", 1)[0], filter="data")
    return target


async def _shown(page: Page) -> None:
    await page.wait_for_function("() => document.querySelector('.rtnb-status')?.textContent.includes('not live')")


async def test_an_exported_page_shows_one_line_for_the_card(tmp_path: Path, pages: _Pages) -> None:
    scripts = _front_ends(tmp_path)
    book = _written(tmp_path / "talk.ipynb", IMPORT, _WIDGET, _ASKS)
    environment = private_environment(tmp_path / "home")
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--execute", str(book), "--output", "talk.html"]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]

    async def answer(route: Route) -> None:
        url = route.request.url
        package = next((name for name in ("@jupyter-widgets/html-manager", "anywidget") if f"/{name}@" in url), None)
        if package is not None:
            path = scripts / package / "package" / url.split(package, 1)[1].split("/", 1)[1]
        elif "require" in url:
            path = scripts / "requirejs" / "package" / "require.js"
        else:
            await route.abort()
            return
        await route.fulfill(path=path, content_type="text/javascript")

    lab = await pages.open(f"file://{tmp_path / 'talk.html'}", answer)
    card = await Card(lab).drawn()
    await _shown(lab.page)
    for control in (card.talk, card.mute, card.send, card.message, card.transcript):
        await expect(control).to_be_hidden()
    box = await card.root.bounding_box()
    assert box is not None
    assert box["height"] < 80
