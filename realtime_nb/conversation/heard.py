"""How much of a text was heard, when so much of its sound was played.

Owns the estimate and the cut at a word. Must not know items or events.

The wire aligns nothing: transcript and sound come as two streams of deltas. What is known is how many samples had come
when each piece of transcript did. Some servers send both in step, others send the transcript ahead; so the curve is
stretched to end where the sound ends, and where it says nothing (text at once, or with a head start), text is taken to
be spoken evenly.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Sequence

__all__ = ["Marks", "cut_at_word", "heard_chars"]

Marks = Sequence[tuple[int, int]]
"""`(samples received, characters before)` at each piece of transcript, in order of arrival."""

_CJK_FROM = 0x2E80  # scripts written without spaces: every character may end a word


def heard_chars(chars: int, samples: int, played: int, marks: Marks) -> int:
    """Estimates how many of `chars` characters are heard in the first `played` of `samples` samples."""
    if played <= 0:
        return 0
    if played >= samples:
        return chars
    xs, ys = _curve(chars, samples, marks)
    i = bisect_right(xs, played)
    share = (played - xs[i - 1]) / (xs[i] - xs[i - 1])
    return int(ys[i - 1] + share * (ys[i] - ys[i - 1]))


def _curve(chars: int, samples: int, marks: Marks) -> tuple[list[float], list[float]]:
    """Returns the characters begun over the samples, both from 0 to their ends, `xs` strictly rising."""
    xs: list[float] = [0.0]
    ys: list[float] = [0.0]
    for x, y in marks:
        if x > xs[-1] and ys[-1] <= y <= chars:
            xs.append(float(x))
            ys.append(float(y))
    burst = sum(1 for x, _ in marks if x == 0) > 1  # the text has a head start: its steps are not the sound's
    if burst or len(xs) < 3:  # one step is no progress to speak of
        return [0.0, float(samples)], [0.0, float(chars)]
    # The last piece takes about as long as the pieces before it did.
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
