"""Find places between graphemes: a letter with its marks, an emoji sequence, or a flag is never cut in two.

Owns the rules of Unicode's extended grapheme clusters (UAX #29), as far as the standard library's tables tell. Must
not know sentences.
"""

from __future__ import annotations

import unicodedata

_ZERO_WIDTH_JOINER = "\u200d"
_PREPENDED = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd")
_VIRAMA = 9  # the combining class; the consonant behind it is part of the same conjunct


def between_graphemes(text: str, start: int, at: int, *, exact: bool = False) -> int:
    """Return the last place in `start` < place <= `at` that lies between two graphemes.

    With `exact`, only `at` itself is a candidate, and 0 means that it is none. Otherwise a grapheme that fills the
    whole range is cut at `at`, though not within a surrogate pair.
    """
    if exact:
        return at if _is_boundary(text, start, at) else 0
    for place in range(at, start, -1):
        if _is_boundary(text, start, place):
            return place
    return at - 1 if _is_pair(text, at) and at - 1 > start else at


def _is_boundary(text: str, start: int, at: int) -> bool:
    if at <= start or at >= len(text):
        return at > start
    before, after = text[at - 1], text[at]
    if before == "\r" and after == "\n":
        return False
    if before in "\r\n" or after in "\r\n":
        return True
    if _is_pair(text, at) or _extends(after) or before == _ZERO_WIDTH_JOINER or before in _PREPENDED:
        return False
    if unicodedata.combining(before) == _VIRAMA and after.isalpha():
        return False
    if _is_regional(before) and _is_regional(after):
        first = at
        while first > start and _is_regional(text[first - 1]):
            first -= 1
        return (at - first) % 2 == 0
    return not _is_hangul_sequence(before, after)


def _is_pair(text: str, at: int) -> bool:
    return at < len(text) and "\ud800" <= text[at - 1] <= "\udbff" and "\udc00" <= text[at] <= "\udfff"


def _extends(char: str) -> bool:
    return (
        unicodedata.category(char) in {"Mn", "Me", "Mc"}
        or char in "\u200c\u200d\u0e33\u0eb3"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
        or "\uff9e" <= char <= "\uff9f"
    )


def _is_regional(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _is_hangul_sequence(before: str, after: str) -> bool:
    if "\u1160" <= after <= "\u11ff":
        return "\u1100" <= before <= "\u11ff" or "\uac00" <= before <= "\ud7a3"
    return "\u1100" <= before <= "\u115f" and ("\u1100" <= after <= "\u115f" or "\uac00" <= after <= "\ud7a3")
