"""Takes the README's screenshot of the card in a real JupyterLab: `python -m tests.e2e.picture`.

Owns the conversation in the screenshot. Run it when the card has changed, and look at the result.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

from tests.e2e.harness.browser import find_chromium, start_chromium
from tests.e2e.harness.card import Card
from tests.e2e.harness.lab_server import LabServer
from tests.e2e.harness.notebook import Notebook
from tests.e2e.harness.speech import Speech

_TARGET = Path(__file__).parents[2] / "notebooks" / "images" / "card.png"
_CELLS = (
    "import realtime_nb as rt",
    'w = rt.RealtimeWidget(instructions="Be brief.", voice="marin")\nw',
)


async def take(target: Path) -> None:
    """Hold a short conversation and take a screenshot of the notebook."""
    executable = find_chromium()
    assert executable is not None, "install chromium"
    home = Path(tempfile.mkdtemp(prefix="realtime-nb-picture-"))
    mic = Speech(home / "speech").say("What time is it?")
    async with LabServer(home) as server, async_playwright() as playwright:
        browser = await start_chromium(playwright, executable, mic=mic)
        context = await browser.new_context(viewport={"width": 1040, "height": 760}, device_scale_factor=2)
        await context.add_init_script(path=Path(__file__).parent / "harness" / "recorder.js")
        book = Notebook(server, context, "conversation.ipynb")
        book.write(*_CELLS)
        lab = await book.open()
        await lab.command("application:toggle-left-area")
        for cell in range(len(_CELLS)):
            await lab.run(cell)
        card = await Card(lab).drawn()
        await card.write("Count to twenty.")
        await lab.until_sound()
        await asyncio.sleep(3.5)  # so that there is something to strike out
        await card.stop_speaking.click()
        await lab.until_silence()
        await card.talk.click()
        await card.until("speaking", timeout=60)
        await book.kernel.until("bool(w.status == 'speaking' and w.live or len(w.turns) > 3)")
        await asyncio.sleep(0.8)  # a wave worth looking at
        notebook = lab.page.locator(".jp-NotebookPanel-notebook")
        box = await notebook.bounding_box()
        outer = await card.root.bounding_box()
        assert box is not None
        assert outer is not None
        target.parent.mkdir(exist_ok=True)
        await lab.page.screenshot(
            path=target,
            clip={
                "x": box["x"],
                "y": box["y"],
                "width": box["width"],
                "height": outer["y"] + outer["height"] + 14 - box["y"],
            },
        )
        await book.close()
        await browser.close()


if __name__ == "__main__":
    asyncio.run(take(_TARGET))
