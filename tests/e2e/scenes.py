"""Cells and questions that many scenarios share.

Owns the words of the setup. Must not assert anything.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tests.e2e.harness.kernel import KernelProbe, Samples
from tests.e2e.harness.notebook import Notebook

IMPORT = "import numpy as np; import realtime_nb as rt"

# What the server sent, in its own words: beside the conversation, which is under test.
KEEP = """
    sent, seen = {}, []

    def keep_sound(event):
        sent.setdefault(event.item_id, bytearray()).extend(event.audio)

    def keep_event(event):
        seen.append(event)

    w.on("response.output_audio.delta", keep_sound)
    w.on("event", keep_event)
"""

CUTS = "[event for event in seen if event.type == 'conversation.item.truncated']"


class Cut(NamedTuple):
    """Where the first answer was cut: as the server was told, and as the recording has it."""

    told_ms: int
    heard_ms: float
    complete: bool
    rest: Samples
    """What sounds after it in the recording."""


async def first_cut(book: Notebook) -> Cut:
    """Return how the first answer was cut, once the server was told of it."""
    sent = await received(book.kernel)
    sound = await book.lab.sound()
    whole = trimmed(sound.whole())
    heard, end = heard_of(sent, whole)
    told_ms = await book.kernel.get(f"{CUTS}[0].audio_end_ms")
    return Cut(told_ms, heard * 1000 / sound.rate, heard == len(sent), trimmed(whole[end:]))


async def received(kernel: KernelProbe, item: int = 0) -> Samples:
    """Return the sound of the `item`th spoken item as the server sent it."""
    return await kernel.samples(f"np.frombuffer(bytes(list(sent.values())[{item}]), dtype='<i2')")


def trimmed(samples: Samples) -> Samples:
    """Return the samples without the zeros before and after: silence looks the same whoever made it."""
    return np.trim_zeros(samples)


def heard_of(sent: Samples, played: Samples) -> tuple[int, int]:
    """Return how many samples of `sent` the recording `played` begins with, and where in it they end.

    Silence that stands between them (an underrun of a busy machine) counts as time and not as sound.
    """
    lead = int(np.flatnonzero(sent)[0])
    heard, at = lead, 0
    while heard < len(sent) and at < len(played):
        stretch = min(len(sent) - heard, len(played) - at)
        differing = np.flatnonzero(sent[heard : heard + stretch] != played[at : at + stretch])
        agreed = int(differing[0]) if len(differing) else stretch
        heard, at = heard + agreed, at + agreed
        sounding = np.flatnonzero(played[at:])
        if not len(differing) or not len(sounding) or not sounding[0]:
            break
        resumed = at + int(sounding[0])
        # A block of 128 or more is a hole; what follows it must go on where the sound broke off.
        if sounding[0] < 64 or not np.array_equal(sent[heard : heard + 64], played[resumed : resumed + 64]):
            break
        at = resumed
    # The zeros at the end of what agreed may as well be the silence that follows.
    quiet = len(played[:at]) - len(np.trim_zeros(played[:at], "b"))
    return heard - quiet, at - quiet


def without_holes(played: Samples, sent: Samples) -> Samples:
    """Return the recording without the silences that are not in `sent`."""
    heard, _ = heard_of(sent, played)
    return trimmed(sent[:heard]) if heard >= len(np.trim_zeros(sent, "b")) else played
