"""Cells and queries that several scenarios share.

Owns the source of these cells, and the comparison of recordings. Must not assert anything.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tests.e2e.harness.kernel import KernelProbe, Samples
from tests.e2e.harness.notebook import Notebook

IMPORT = "import numpy as np; import realtime_nb as rt"

# Keeps the server's audio and events, independently of the conversation that is under test.
KEEP = """
    sent, seen = {}, []

    def keep_sound(event):
        sent.setdefault(event.item_id, bytearray()).extend(event.audio)

    def keep_event(event):
        seen.append(event)

    w.on("response.output_audio.delta", keep_sound)
    w.on("event", keep_event)
"""


def holds_the_gil(seconds: int) -> str:
    """Return a cell with one C call of this length, during which no other thread of the kernel runs Python.

    It leaves in `held_s` how long the call took.
    """
    return f"""
        import ctypes, time

        began = time.monotonic()
        ctypes.PyDLL(None).sleep({seconds})
        held_s = time.monotonic() - began
    """


CUTS = "[event for event in seen if event.type == 'conversation.item.truncated']"


class Cut(NamedTuple):
    """Where the first answer was cut: in the truncation that was sent, and in the recording."""

    told_ms: int
    heard_ms: float
    complete: bool
    rest: Samples
    """What sounds after it in the recording."""


async def first_cut(book: Notebook) -> Cut:
    """Wait until the first answer was truncated, and return how it was cut."""
    sent = await received(book.kernel)
    sound = await book.lab.sound()
    whole = trimmed(sound.whole())
    heard, end = heard_of(sent, whole)
    told_ms = await book.kernel.get(f"{CUTS}[0].audio_end_ms")
    return Cut(told_ms, heard * 1000 / sound.rate, heard == len(sent), trimmed(whole[end:]))


async def received(kernel: KernelProbe, item: int = 0) -> Samples:
    """Return the audio of the `item`th spoken item as the server sent it."""
    return await kernel.samples(f"np.frombuffer(bytes(list(sent.values())[{item}]), dtype='<i2')")


def trimmed(samples: Samples) -> Samples:
    """Return the samples without the zeros before and after, which cannot be told from the page's silence."""
    return np.trim_zeros(samples)


def heard_of(sent: Samples, played: Samples) -> tuple[int, int]:
    """Return the number of samples of `sent` with which the recording `played` begins, and where in it they end.

    Silence between them (an underrun on a busy machine) counts as time, not as audio.
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
        # Silence of 128 samples or more is a gap; the audio after it must continue where the audio before it ended.
        if sounding[0] < 64 or not np.array_equal(sent[heard : heard + 64], played[resumed : resumed + 64]):
            break
        at = resumed
    # Zeros at the end of the equal part may belong to the silence after it.
    quiet = len(played[:at]) - len(np.trim_zeros(played[:at], "b"))
    return heard - quiet, at - quiet


def without_holes(played: Samples, sent: Samples) -> Samples:
    """Return the recording without the silences that are not in `sent`.

    A recording that lacks some of `sent`, or has sound beyond it, is returned unchanged.
    """
    heard, end = heard_of(sent, played)
    whole = heard >= len(np.trim_zeros(sent, "b")) and not played[end:].any()
    return trimmed(sent[:heard]) if whole else played
