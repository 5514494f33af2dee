"""Makes untrusted text safe to print: no control characters, and no line that looks like another speaker's.

Owns which characters are shown as escapes. Must not know turns. A transcript is what a model or a page wrote.
"""

from __future__ import annotations

import unicodedata

# They reverse the order of the characters after them, or hide others: a text could be read as another one.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    """Returns text of one or more lines, with visible escapes in the place of control characters."""
    lines = (_escaped(line) for line in text.splitlines()) if not text.isprintable() else (text,)
    return "\n".join(lines)


def in_one_line(text: str) -> str:
    """Returns printable text in one line, for a repr."""
    return printable(text).replace("\n", "\\n")


def indented(text: str, by: str = "  ") -> str:
    """Returns printable text whose lines after the first begin with `by`, so that none begins with a speaker."""
    return printable(text).replace("\n", f"\n{by}")


def _escaped(line: str) -> str:
    return "".join(c if not _is_control(c) else c.encode("unicode_escape").decode() for c in line)


def _is_control(character: str) -> bool:
    if character == "\t" or character.isprintable():
        return False
    return character in _BIDI or unicodedata.category(character) in ("Cc", "Cs")
