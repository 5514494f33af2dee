"""One page of JupyterLab with a notebook open: its cells, its sound, its traffic.

Owns the driving of Lab through its own commands. Must not know what the widget is.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
from playwright.async_api import Page, WebSocket

from tests.e2e.harness.kernel import Samples

_READY = """() => {
  const panel = window.jupyterapp?.shell?.currentWidget;
  const session = panel?.context?.sessionContext;
  return Boolean(panel?.content?.widgets?.length && panel.context.isReady && session?.isReady
    && session.session?.kernel?.status === 'idle');
}"""

_RUN = """async ([index, wait]) => {
  const app = window.jupyterapp;
  app.shell.currentWidget.content.activeCellIndex = index;
  const done = app.commands.execute('notebook:run-cell');
  if (wait) await done;
}"""

_OUTPUTS = """(index) => {
  const model = window.jupyterapp.shell.currentWidget.content.widgets[index].model;
  return model.sharedModel.getOutputs ? model.sharedModel.getOutputs() : model.outputs.toJSON();
}"""

_PROMPT = """(index) =>
  window.jupyterapp.shell.currentWidget.content.widgets[index].inputArea.promptNode.textContent"""

_SILENT = """async (seconds) => {
  await window.e2e.played();
  const all = window.e2e.lastSound().filter(({ end }) => end !== null);
  return all.length > 0 && all.every(({ now, end }) => now - end > seconds);
}"""


@dataclass(frozen=True)
class Played:
    """What one audio context sent to the speaker, or got from a microphone: non-silent samples, each with its frame."""

    rate: int
    samples: Samples
    frames: np.ndarray[tuple[int], np.dtype[np.int64]]

    @property
    def gaps(self) -> int:
        """Count the silent gaps between the first and the last non-silent block."""
        return int(np.count_nonzero(np.diff(self.frames) != 1))

    def whole(self) -> Samples:
        """Return the audio from the first to the last non-silent block, with the silence in between."""
        if not len(self.frames):
            return self.samples
        out = np.zeros(int(self.frames[-1] - self.frames[0]) + 1, dtype=np.int16)
        out[self.frames - self.frames[0]] = self.samples
        return out


class LabPage:
    """A Lab page on one notebook; `messages` is its console, `traffic` its websocket frames once recorded."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.messages: list[str] = []
        self.traffic: list[bytes] = []
        page.on("console", lambda message: self.messages.append(f"[{message.type}] {message.text}"))
        page.on("pageerror", lambda error: self.messages.append(f"[pageerror] {error}"))
        page.on("websocket", self._watch)

    async def open(self) -> LabPage:
        """Load the notebook and wait for its kernel."""
        await self.page.goto(self.url)
        await self.ready()
        return self

    async def ready(self, timeout_s: float = 90) -> None:
        """Wait for the notebook and an idle kernel."""
        await self.page.wait_for_function(_READY, timeout=timeout_s * 1000)

    async def run(self, index: int, *, wait: bool = True) -> None:
        """Run a cell; without `wait`, return once it was sent to the kernel."""
        await self.page.evaluate(_RUN, [index, wait])
        if wait:
            failed = [output for output in await self.outputs(index) if output["output_type"] == "error"]
            assert not failed, "\n".join(failed[0]["traceback"])

    async def runs(self, index: int) -> bool:
        """Whether a cell is running, read from its prompt: a kernel in one long C call does not even report "busy"."""
        return "*" in await self.page.evaluate(_PROMPT, index)

    async def outputs(self, index: int) -> list[dict[str, Any]]:
        """Return the outputs of a cell, as a notebook stores them."""
        found: list[dict[str, Any]] = await self.page.evaluate(_OUTPUTS, index)
        return found

    async def save(self) -> None:
        """Save the notebook to its file."""
        await self.command("docmanager:save")

    async def reload(self) -> None:
        """Save the notebook and reload the page."""
        await self.save()
        await self.page.reload()
        await self.ready()

    async def restart_kernel(self) -> None:
        """Restart the kernel as the menu does, without its confirmation."""
        await self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()"
        )

    async def command(self, name: str, **arguments: Any) -> None:
        """Run one of Lab's commands."""
        await self.page.evaluate(
            "async ([name, args]) => { await window.jupyterapp.commands.execute(name, args); }", [name, arguments]
        )

    async def played(self) -> list[Played]:
        """Return the audio that every audio context of the page has sent to the speaker so far."""
        return [_decode(entry) for entry in await self.page.evaluate("() => window.e2e.played()")]

    async def recorded(self) -> list[Played]:
        """Return the audio that each microphone gave to the page, one for each time that it was opened."""
        return [_decode(entry) for entry in await self.page.evaluate("() => window.e2e.recorded()")]

    async def sound(self) -> Played:
        """Return the audio that the page played; fails unless exactly one audio context played any."""
        sounding = [entry for entry in await self.played() if len(entry.samples)]
        assert len(sounding) == 1, f"{len(sounding)} contexts sounded"
        return sounding[0]

    async def last_sound_s(self) -> float:
        """Return when the page's last sound so far ended, in seconds of its audio clock; 0 where there was none."""
        return float(
            await self.page.evaluate("() => Math.max(0, ...window.e2e.lastSound().map(({ end }) => end ?? 0))")
        )

    async def until_sound(self, *, after: float = 0.0, timeout: float = 30) -> None:
        """Wait until something has been played; `after` an earlier sound, where `last_sound_s` says when that ended."""
        await self.page.wait_for_function(
            "(after) => window.e2e.lastSound().some(({ end }) => end !== null && end > after)",
            arg=after,
            timeout=timeout * 1000,
        )

    async def until_contexts_sounded(self, number: int, *, timeout: float = 30) -> None:
        """Wait until so many audio contexts have played something: each widget has one of its own."""
        async with asyncio.timeout(timeout):
            while sum(len(entry.samples) > 0 for entry in await self.played()) < number:  # noqa: ASYNC110
                await asyncio.sleep(0.2)

    async def until_silence(self, *, seconds: float = 0.7, timeout: float = 60) -> None:
        """Wait until the page has played audio and then been silent for a while, by the audio clock."""
        async with asyncio.timeout(timeout):
            while not await self.page.evaluate(_SILENT, seconds):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)

    async def tracks(self) -> list[dict[str, Any]]:
        """Return every media track that the page was given, with its state now."""
        found: list[dict[str, Any]] = await self.page.evaluate("() => window.e2e.tracks()")
        return found

    async def settle(self) -> None:
        """Let the page paint twice."""
        await self.page.evaluate("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
        await asyncio.sleep(0)

    def _watch(self, socket: WebSocket) -> None:
        def keep(payload: str | bytes) -> None:
            self.traffic.append(payload if isinstance(payload, bytes) else payload.encode())

        socket.on("framesent", keep)
        socket.on("framereceived", keep)


def _decode(entry: dict[str, Any]) -> Played:
    assert not entry["problems"], entry["problems"]
    frames = [np.arange(chunk["start"], chunk["start"] + chunk["length"]) for chunk in entry["chunks"]]
    return Played(
        rate=round(entry["rate"]),
        samples=np.frombuffer(base64.b64decode(entry["pcm"]), dtype="<i2"),
        frames=np.concatenate(frames) if frames else np.zeros(0, dtype=np.int64),
    )
