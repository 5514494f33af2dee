"""In a real JupyterLab: the comm's round trip, ours beside a bare anywidget's, and how soon a stop is silent."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from tests.bench.table import Line
from tests.e2e.harness.browser import find_chromium, new_context, start_chromium
from tests.e2e.harness.card import Card
from tests.e2e.harness.lab_server import LabServer
from tests.e2e.harness.notebook import Notebook

_BARE = """
    import anywidget

    class Echo(anywidget.AnyWidget):
        _esm = "export default { render({ el }) { el.textContent = 'echo'; } }"
        def __init__(self):
            super().__init__()
            self.on_msg(lambda widget, content, buffers: self.send({"v": 1, "kind": "refused", "seq": content["seq"]}))

    e = Echo()
    e
"""
_WIDGET = "import realtime_nb as rt\nw = rt.RealtimeWidget()\nw"
# Both go through the kernel's comm and are answered by one custom message. Ours crosses to the loop and back: an
# unknown recording is asked for and refused.
_ROUND_TRIPS = """async ([id, count]) => {
  const kernel = window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
  const comm = await kernel._comms.get(id);
  const before = comm.onMsg;
  const page = 'bench' + Math.random();
  const taken = [];
  let answered = () => {};
  comm.onMsg = (message) => {
    const { method, content } = message.content.data;
    if (method === 'custom' && content.kind === 'refused') answered();
    return before(message);
  };
  for (let seq = 1; seq <= count; seq += 1) {
    const started = performance.now();
    const answer = new Promise((resolve) => { answered = resolve; });
    comm.send({ method: 'custom', content: { v: 1, kind: 'clip', seq, page, item_id: 'unknown' } });
    await answer;
    taken.push(performance.now() - started);
  }
  comm.onMsg = before;
  return taken;
}"""
# Pressed in the middle of a sound, not in a pause between words. With a number, it is the kernel that is told to stop,
# as when the server detects speech: the message goes up, and the order to stop playback comes down.
_STOP = """async ([id, seq]) => {
  const kernel = window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
  const comm = await kernel._comms.get(id);
  const button = [...document.querySelectorAll('.rtnb-card button')]
    .find((each) => each.textContent.trim() === 'Stop speaking');
  for (;;) {
    await window.e2e.played();
    const [{ now, end }] = window.e2e.lastSound().filter((each) => each.end !== null);
    if (now - end < 0.006) break;
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  const [before] = window.e2e.lastSound().filter(({ end }) => end !== null);
  if (seq) comm.send({ method: 'custom', content: { v: 1, kind: 'interrupt', seq, page: 'bench-stop' } });
  else button.click();
  return before.now;
}"""
_STOPS = 9


def lines() -> Iterator[Line]:
    """Yield the lines of the round trip and of silence."""
    found = asyncio.run(_measure())
    if not found:
        yield Line("notebook", "not measured: no Chromium")
        return
    yield Line(
        "comm round trip, p50",
        f"{found['ours']:.1f} ms",
        f"bare anywidget {found['bare']:.1f} ms",
        f"{found['ours'] / found['bare']:.2f}",
        "1.2",
    )
    yield Line("stop to silence, p50 (worst)", f"{found['stop']:.1f} ms ({found['worst stop']:.1f})", target="10 ms")
    yield Line("  by way of the kernel", f"{found['far stop']:.1f} ms ({found['worst far stop']:.1f})")


async def _measure() -> dict[str, float]:
    """Return medians in ms: `ours`, `bare` (round trips), `stop` (from press to last sound, by the audio clock: a block
    that was rendered already is not counted) and `far stop` (the same, by way of the kernel), and the worst of both."""
    executable = find_chromium()
    if executable is None:
        return {}
    home = Path(tempfile.mkdtemp(prefix="realtime-nb-bench-"))
    async with LabServer(home) as server, async_playwright() as playwright:
        browser = await start_chromium(playwright, executable, mic=None)
        context = await new_context(browser)
        book = Notebook(server, context, "bench.ipynb")
        book.write(_BARE, _WIDGET)
        lab = await book.open()
        await lab.run(0)
        await lab.run(1)
        card = await Card(lab).drawn()
        trips: dict[str, list[float]] = {"bare": [], "ours": []}
        models = {name: await book.kernel.get(f"{widget}.model_id") for name, widget in (("bare", "e"), ("ours", "w"))}
        for _ in range(5):
            for name, model in models.items():
                trips[name] += await lab.page.evaluate(_ROUND_TRIPS, [model, 60])
        result = {name: statistics.median(values) for name, values in trips.items()}
        for name, numbers in (("stop", [0] * _STOPS), ("far stop", range(1, _STOPS + 1))):
            stops = [await _stop_ms(card, models["ours"], number) for number in numbers]
            result |= {name: statistics.median(stops), f"worst {name}": max(stops)}
        await book.close()
        await browser.close()
    return result


async def _stop_ms(card: Card, model: str, number: int) -> float:
    lab = card.lab
    before: list[Any] = await lab.page.evaluate("() => window.e2e.lastSound().map(({ end }) => end)")
    await card.write("Count to thirty.")
    await lab.page.wait_for_function(
        "(old) => window.e2e.lastSound().some(({ end }, i) => end !== null && end > (old[i] ?? 0) + 0.5)", arg=before
    )
    pressed = float(await lab.page.evaluate(_STOP, [model, number]))
    await lab.until_silence()
    ends = await lab.page.evaluate("() => window.e2e.lastSound().map(({ end }) => end)")
    last = max(float(end) for end in ends if end is not None)
    return max(0.0, (last - pressed) * 1000)
