"""Compare words in a sentence: word stems, and the position of a value.

Owns the comparison. Must not know schemas.
"""

from __future__ import annotations

import re

from realtime_nb.local.voice.spoken_numbers import digits_from_words
from realtime_nb.local.voice.vocabulary import spoken_words


def stem(word: str) -> str:
    """Return a word without the endings that do not matter here: "lights" and "light" are one."""
    for ending in ("ing", "es", "s"):
        if len(word) > len(ending) + 2 and word.endswith(ending) and not word.endswith("ss"):
            return word[: -len(ending)]
    return word


def spoken(value: object) -> str:
    """Return a value as normalised words: `"living_room"` gives "living room"."""
    return digits_from_words(" ".join(spoken_words(str(value))))


def position(value: object, text: str) -> int:
    """Return the position of a value in a sentence, or -1; plural and singular are the same."""
    said = spoken(value)
    if not said:
        return -1
    pattern = r"\b" + r"\s+".join(re.escape(stem(word)) + r"(?:e?s|ing)?" for word in said.split()) + r"\b"
    found = re.search(pattern, text)
    return found.start() if found else -1
