"""Estimates which words of an interrupted answer were heard, from the samples that were played.

Owns the estimate (`heard_chars`), its inverse (`samples_at`), and the cut at a word boundary (`cut_at_word`). Must not
know items or events.

The wire does not align a transcript with its audio: both arrive as separate streams of deltas. All that is known is how
many samples had arrived before each piece of transcript. Some servers send both streams in step, others send the
transcript ahead. So the curve of characters over samples is stretched to end where the audio ends; and where it says
nothing, because the text came at once or with a head start, the text is taken to be spoken at an even pace.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

Marks = Sequence[tuple[int, int]]
"""`(samples received, characters received before)` at each transcript delta, in order of arrival."""

_CJK_FROM = 0x2E80  # scripts written without spaces: every character may end a word


def heard_chars(chars: int, samples: int, played: int, marks: Marks) -> int:
    """Estimates how many of `chars` characters are spoken in the first `played` of `samples` samples."""
    if played <= 0:
        return 0
    if played >= samples:
        return chars
    xs, ys = _curve(chars, samples, marks)
    i = bisect_right(xs, played)
    share = (played - xs[i - 1]) / (xs[i] - xs[i - 1])
    return int(ys[i - 1] + share * (ys[i] - ys[i - 1]))


def samples_at(places: Sequence[int], chars: int, samples: int, marks: Marks) -> list[float] | None:
    """Estimates how many of `samples` samples are played when each of `places`, in characters, is reached.

    The inverse of `heard_chars`. None where the marks say nothing about the pace.
    """
    xs, ys = _curve(chars, samples, marks)
    if len(xs) < 3:
        return None
    found = []
    for place in places:
        i = min(max(bisect_left(ys, place), 1), len(ys) - 1)
        rise = ys[i] - ys[i - 1]
        share = 0.0 if rise <= 0 else min(1.0, max(0.0, (place - ys[i - 1]) / rise))
        found.append(xs[i - 1] + share * (xs[i] - xs[i - 1]))
    return found


def _curve(chars: int, samples: int, marks: Marks) -> tuple[list[float], list[float]]:
    """Returns points of the curve of characters over samples, from (0, 0) to (samples, chars), `xs` strictly rising."""
    xs: list[float] = [0.0]
    ys: list[float] = [0.0]
    for x, y in marks:
        if x > xs[-1] and ys[-1] <= y <= chars:
            xs.append(float(x))
            ys.append(float(y))
    burst = sum(1 for x, _ in marks if x == 0) > 1  # text came before any audio: its deltas do not follow the audio
    if burst or len(xs) < 3:  # a single point says nothing about the pace
        return [0.0, float(samples)], [0.0, float(chars)]
    # No mark follows the last piece of transcript: give it the average length of the pieces before it.
    end = xs[-1] + xs[-1] / (len(xs) - 1)
    stretch = samples / end
    return [x * stretch for x in xs] + [float(samples)], [*ys, float(chars)]


def cut_at_word(text: str, at: int) -> str:
    """Returns the longest prefix of at most `at` characters that ends with a whole word."""
    if at >= len(text):
        return text
    while at > 0 and not _boundary(text, at):
        at -= 1
    return text[:at].rstrip()


def _boundary(text: str, at: int) -> bool:
    before, after = text[at - 1], text[at]
    if unicodedata.combining(after):
        return False
    return before.isspace() or after.isspace() or ord(before) >= _CJK_FROM or ord(after) >= _CJK_FROM
