"""Follow a synthesiser's chunks through the written text: which written words stand for the sound so far.

Owns the alignment of spoken and written text. Must not know how one was made from the other.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fragment:
    """A stretch of written text, and what is said for it: the same, other words, or nothing (`""`)."""

    written: str
    spoken: str


class WrittenWords:
    """Hands out the written text of one piece along with its sound.

    `begun` returns the written text whose words begin with a chunk. All that it returns, and `rest`, joined, are the
    written piece. A word is never returned before the chunk in which it begins; where several spoken words stand for
    one written fragment ("example dot com"), the last of them counts. Only characters that are not white space are
    counted, so that a synthesiser may change the spaces.
    """

    def __init__(self, fragments: Sequence[Fragment]) -> None:
        self._written = "".join(fragment.written for fragment in fragments)
        self._ends = _ends(fragments)  # the end of the written text for each spoken character
        self._spoken = 0
        self._given = 0

    def begun(self, spoken: str) -> str:
        """Return the written text for a chunk's `text`, which continues that of the chunk before."""
        self._spoken += sum(not char.isspace() for char in spoken)
        end = self._ends[min(self._spoken, len(self._ends)) - 1] if self._spoken and self._ends else 0
        return self._up_to(max(end, self._given))

    def rest(self) -> str:
        """Return the written text that is left: that of a piece without sound, or behind its last word."""
        return self._up_to(len(self._written))

    def _up_to(self, end: int) -> str:
        given, self._given = self._given, end
        return self._written[given:end]


def _ends(fragments: Sequence[Fragment]) -> list[int]:
    ends: list[int] = []
    at = 0
    silent = True  # whether the characters since the last spoken one were silent and without a space
    for fragment in fragments:
        spoken = sum(not char.isspace() for char in fragment.spoken)
        if fragment.spoken == fragment.written:
            for char in fragment.written:
                at += 1
                if not char.isspace():
                    if ends and _continues(char):
                        ends[-1] = at  # a letter and its marks are one
                    ends.append(at)
            silent = bool(fragment.written) and not fragment.written[-1].isspace()
            continue
        before, at = at, at + len(fragment.written)
        if spoken:
            last = ends[-1] if ends else 0
            ends += [last] * (spoken - 1) + [at]
            silent = True
        elif ends and silent:
            # The closing marks of a word belong to it, up to the next space.
            head = len(fragment.written) - len(fragment.written.lstrip())
            upto = 0 if head else len(fragment.written.split(None, 1)[0]) if fragment.written.strip() else 0
            ends[-1] = max(ends[-1], before + upto)
            silent = upto == len(fragment.written)
    return ends


def _continues(char: str) -> bool:
    return unicodedata.category(char) in {"Mn", "Me", "Mc"} or char in "\u200c\u200d"
