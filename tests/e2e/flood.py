"""A cell that prints 80 kB lines at 8 MB/s for two seconds, during an answer and while the microphone listens.

Owns the cells, and what is measured: the answer's sound on the audio thread of the page, and the microphone's frames
by the page's own count. Must not assert anything.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import numpy as np

from tests.e2e.harness.card import Card
from tests.e2e.harness.notebook import Notebook
from tests.e2e.scenes import IMPORT, KEEP, received

_PATIENCE_S = 240.0
"""A page that draws 16 MB of output on a busy machine is late by minutes."""

# Exceeds the server's output limit, which then drops messages of every kind (docs/notebook.md 5, 29).
_FLOODS = """
    import time
    line, began = "x" * 79_999, time.monotonic()
    for number in range(int({seconds} * 100)):
        print(line, flush=True)
        time.sleep(max(0.0, began + (number + 1) / 100 - time.monotonic()))
    flood_s = time.monotonic() - began
"""

# A page that draws for half a minute counts as gone until it speaks again, so that `status` alone says too little.
_PLAYED = "len(w.turns) == 2 and w.status == 'idle' and not w._controller.sound.speaker._tracks"
_MISSED = "[w.health.microphone_frames_missing, w.health.microphone_frames_dropped, w.health.microphone_frames]"


def cells(seconds: float = 2.0) -> tuple[str, ...]:
    """Return the cells of the notebook; the last one is the flood."""
    return (IMPORT, "w = rt.RealtimeWidget()\nw", KEEP, "await w.start()", _FLOODS.format(seconds=seconds))


@dataclass(frozen=True)
class FloodedAnswer:
    """What became of an answer that a flood came into.

    Attributes:
        sounded_s, sent_s: seconds of the answer that sounded, of those that were sent (silent samples left out).
        underruns: pauses within the answer, because its sound came late.
        heard_all: the conversation says that all of the answer was heard.
        flood_s: how long the cell printed.
        over_s: when the conversation was idle again, after the flood began.
    """

    sounded_s: float
    sent_s: float
    underruns: int
    heard_all: bool
    flood_s: float
    over_s: float

    @property
    def share(self) -> float:
        """The share of the answer that sounded."""
        return self.sounded_s / self.sent_s


@dataclass(frozen=True)
class FloodedMicrophone:
    """What became of the microphone's frames in a flood.

    Attributes:
        frames: as many as the page sent.
        missing: of those, the frames that the kernel did not get or dropped.
        flood_s: how long the cell printed.
        over_s: when the kernel had the last frame, after the flood began.
    """

    frames: int
    missing: int
    flood_s: float
    over_s: float


async def shown(book: Notebook) -> Card:
    """Run the cells that make the widget, and return its card."""
    for cell in range(4):
        await book.lab.run(cell)
    return await Card(book.lab).drawn()


async def flood_answer(book: Notebook, card: Card) -> FloodedAnswer:
    """Ask for a long answer, flood the page with prints while it sounds, and return what was lost."""
    await card.write("Count to thirty.")
    await book.lab.until_sound(timeout=60)
    began = time.monotonic()
    await book.lab.run(4, wait=False)
    await book.kernel.until(_PLAYED, timeout=_PATIENCE_S)
    over_s = time.monotonic() - began
    await book.lab.until_silence(seconds=2, timeout=_PATIENCE_S)
    await card.until("idle", timeout=_PATIENCE_S)  # the update of the trait may have been dropped, too
    sounded, sent = (await book.lab.sound()).samples, await received(book.kernel)
    return FloodedAnswer(
        sounded_s=np.count_nonzero(sounded) / 24_000,
        sent_s=np.count_nonzero(sent) / 24_000,
        underruns=await book.kernel.get("w.health.underruns"),
        heard_all=await book.kernel.get("w.turns[-1].heard_text == w.turns[-1].text"),
        flood_s=await book.kernel.get("flood_s"),
        over_s=over_s,
    )


async def flood_microphone(book: Notebook, card: Card) -> FloodedMicrophone:
    """Flood the page with prints while the microphone listens, switch it off, and return what was lost."""
    await _press(card)
    await book.kernel.until("w.health.microphone_frames > 25", timeout=_PATIENCE_S)
    began = time.monotonic()
    await book.lab.run(4, wait=False)
    await asyncio.sleep(5)
    await _press(card)
    await book.kernel.until("w._controller.sound.microphone.page is None", timeout=_PATIENCE_S)
    over_s = time.monotonic() - began
    missing, dropped, frames = await book.kernel.get(_MISSED)
    return FloodedMicrophone(
        frames=frames + missing,
        missing=missing + dropped,
        flood_s=await book.kernel.get("flood_s"),
        over_s=over_s,
    )


async def _press(card: Card) -> None:
    # Not by the mouse: the page draws for seconds at a time, and a mouse wants it to stand still.
    await card.talk.evaluate("(button) => button.click()", timeout=_PATIENCE_S * 1000)
