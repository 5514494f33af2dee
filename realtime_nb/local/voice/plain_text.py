"""Remove what a terminal acts on, and a person neither reads nor hears: its sequences, and control characters.

Owns which characters those are. Pure. Must not know where a text comes from.
"""

from __future__ import annotations

import re

_SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)")
_OPEN_SEQUENCE = re.compile(r"(?:\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]{0,200}\x1b?)?|\x9b[0-?]*[ -/]*)\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_MOST_HELD = 256


def without_controls(text: str) -> str:
    """Return a text without control characters; tab and line ends stay."""
    return _CONTROL.sub("", text)


def plain(text: str) -> str:
    """Return a whole text without the sequences of a terminal and without control characters."""
    return without_controls(_SEQUENCE.sub("", text)) if _CONTROL.search(text) else text


class PlainText:
    """Does the same to a text that comes in pieces, which may cut a sequence apart."""

    def __init__(self) -> None:
        self._rest = ""

    def push(self, text: str) -> str:
        """Return the next text; a sequence that has no end yet waits."""
        text, self._rest = self._rest + text, ""
        if not _CONTROL.search(text):
            return text
        text = _SEQUENCE.sub("", text)
        held = _OPEN_SEQUENCE.search(text, max(len(text) - _MOST_HELD, 0))
        if held is not None:
            text, self._rest = text[: held.start()], held[0]
        return without_controls(text)

    def end(self) -> str:
        """Return what waits."""
        rest, self._rest = self._rest, ""
        return without_controls(rest)
