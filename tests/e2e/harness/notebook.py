"""A notebook in a running Lab: its file, its pages, its kernel.

Owns the life of the file and of its session. Must not know what the widget is.
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

from playwright.async_api import BrowserContext
from playwright.async_api import Error as PlaywrightError

from tests.e2e.harness.kernel import KernelProbe
from tests.e2e.harness.lab_server import INSECURE_HOST, LabServer
from tests.e2e.harness.page import LabPage


class Notebook:
    """A notebook file with its pages and its kernel; `lab` is the first page."""

    lab: LabPage
    kernel: KernelProbe

    def __init__(self, server: LabServer, context: BrowserContext, name: str) -> None:
        self.server = server
        self.context = context
        self.name = name
        self.path: Path = server.root / name
        self.pages: list[LabPage] = []
        self._probes: list[KernelProbe] = []

    def write(self, *cells: str) -> None:
        """Write the file from the sources of its code cells."""
        content = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{number}",
                    "metadata": {},
                    "execution_count": None,
                    "outputs": [],
                    "source": textwrap.dedent(cell).strip(),
                }
                for number, cell in enumerate(cells)
            ],
        }
        self.path.write_text(json.dumps(content))

    async def open(self, *, secure: bool = True) -> LabPage:
        """Open the notebook in a new page; over plain http from another host without `secure`."""
        host = "127.0.0.1" if secure else INSECURE_HOST
        page = LabPage(await self.context.new_page(), self.server.address(self.name, host))
        self.pages.append(page)
        await page.open()
        if len(self.pages) == 1:
            self.lab = page
            await self.attach()
        return page

    async def attach(self) -> None:
        """Connect to the kernel that the notebook has now."""
        probe = KernelProbe(self.server.connection_file(await self.server.kernel_id(self.name)))
        self._probes.append(probe)
        self.kernel = probe

    async def close(self) -> None:
        """Close the pages and end the kernel."""
        for probe in self._probes:
            probe.close()
        for page in self.pages:
            if not page.page.is_closed():
                await page.page.close()
        await self.server.shut_down(self.name)

    async def keep_evidence(self, folder: Path, name: str) -> list[Path]:
        """Save screenshots, browser consoles and the server's log, to find the cause of a failure."""
        kept: list[Path] = []
        for number, page in enumerate(self.pages):
            picture = folder / f"{name}-{number}.png"
            try:
                await page.page.screenshot(path=picture)
                kept.append(picture)
            except PlaywrightError as error:
                page.messages.append(f"[no picture] {error}")
            console = folder / f"{name}-{number}.console.txt"
            console.write_text("\n".join(page.messages))
            kept.append(console)
        log = folder / f"{name}-jupyterlab.log"
        log.write_text(self.server.log_path.read_text()[-40_000:])
        return [*kept, log]
