"""Fixtures of the end-to-end tests: one JupyterLab for the run, one Chromium for each microphone file."""

from __future__ import annotations

import inspect
import os
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright

from tests.e2e.harness.browser import Permission, find_chromium, new_context, start_chromium
from tests.e2e.harness.frames import judge
from tests.e2e.harness.lab_server import LabServer
from tests.e2e.harness.notebook import Notebook
from tests.e2e.harness.speech import Speech

_HERE = Path(__file__).parent
_FAILED = pytest.StashKey[bool]()


class OpenNotebook(Protocol):
    """Writes a notebook from its cells, opens it in Lab and returns it."""

    def __call__(
        self,
        *cells: str,
        mic: Path | None = ...,
        permission: Permission = ...,
        gesture_needed: bool = ...,
        secure: bool = ...,
        server: LabServer | None = ...,
    ) -> Awaitable[Notebook]: ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Browser and server live on one event loop for the whole run.
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if inspect.iscoroutinefunction(getattr(item, "function", None)):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def chromium() -> str:
    found = find_chromium()
    if found is None:
        why = "no Chromium: install Debian's `chromium`, or name one in REALTIME_NB_CHROMIUM"
        if os.environ.get("REALTIME_NB_E2E") == "required":
            pytest.fail(why)
        pytest.skip(why)
    return found


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Speech:
    return Speech(tmp_path_factory.mktemp("speech"))


@pytest.fixture(scope="session")
def silence(speech: Speech) -> Path:
    return speech.say()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lab_server(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LabServer]:
    async with LabServer(tmp_path_factory.mktemp("lab")) as server:
        yield server
    _, wrong = judge(server.frames)
    assert not wrong, "\n".join(wrong[:20])


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright(chromium: str) -> AsyncIterator[Playwright]:
    async with async_playwright() as driver:
        yield driver


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def launch(playwright: Playwright, chromium: str) -> AsyncIterator[Callable[..., Awaitable[Browser]]]:
    """Return a browser for a microphone, started at its first use."""
    running: dict[tuple[object, ...], Browser] = {}

    async def browser(mic: Path | None, permission: Permission = "granted", gesture_needed: bool = False) -> Browser:
        key = (mic, permission, gesture_needed)
        if key not in running:
            # One at a time: two idle browsers on two cores are heard in the third's sound.
            for idle in running.values():
                await idle.close()
            running.clear()
            running[key] = await start_chromium(
                playwright, chromium, mic=mic, permission=permission, gesture_needed=gesture_needed
            )
        return running[key]

    yield browser
    for each in running.values():
        await each.close()


@pytest_asyncio.fixture(loop_scope="session")
async def notebook(
    lab_server: LabServer,
    launch: Callable[..., Awaitable[Browser]],
    silence: Path,
    request: pytest.FixtureRequest,
) -> AsyncIterator[OpenNotebook]:
    opened: list[Notebook] = []
    name = re.sub(r"[^\w]+", "-", request.node.name)

    async def open_notebook(
        *cells: str,
        mic: Path | None = silence,
        permission: Permission = "granted",
        gesture_needed: bool = False,
        secure: bool = True,
        server: LabServer | None = None,
    ) -> Notebook:
        context = await new_context(await launch(mic, permission, gesture_needed))
        book = Notebook(server or lab_server, context, f"{name}-{len(opened)}.ipynb")
        opened.append(book)
        book.write(*cells)
        await book.open(secure=secure)
        return book

    yield open_notebook
    if request.node.stash.get(_FAILED, True):
        folder = Path(tempfile.mkdtemp(prefix="realtime-nb-e2e-"))
        for book in opened:
            kept = await book.keep_evidence(folder, book.path.stem)
            request.node.add_report_section("teardown", "evidence", "\n".join(map(str, kept)))
    for book in opened:
        await book.close()
        await book.context.close()
