"""Words in texts and in the names of tools: identifiers as people say them, and verbs with the same meaning.

Owns one list for both sides: the recogniser expects these words, and the responder matches them. Must not know either
side.
"""

from __future__ import annotations

import re
from itertools import pairwise

from realtime_nb.local.voice.spoken_numbers import words_from_number

_WORD = re.compile(r"\S+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

VERBS: dict[str, tuple[str, ...]] = {
    "set": ("set", "change", "put", "move", "turn", "make", "adjust", "switch"),
    "change": ("change", "set", "make", "switch"),
    "update": ("update", "change", "set"),
    "get": ("get", "what is", "what's", "tell me", "show", "show me", "check", "give me", "how is"),
    "fetch": ("fetch", "get", "what is", "show me"),
    "show": ("show", "show me", "display"),
    "find": ("find", "search for", "look for", "look up", "where is"),
    "search": ("search", "search for", "find", "look for", "look up"),
    "lookup": ("look up", "find", "search for"),
    "list": ("list", "show", "show me", "what are"),
    "create": ("create", "make", "add", "new"),
    "make": ("make", "create"),
    "add": ("add", "create", "put"),
    "delete": ("delete", "remove", "clear"),
    "remove": ("remove", "delete"),
    "turn": ("turn", "switch"),
    "toggle": ("toggle", "switch", "turn"),
    "switch": ("switch", "turn"),
    "start": ("start", "begin", "run"),
    "stop": ("stop", "end", "cancel"),
    "open": ("open", "show"),
    "send": ("send", "write"),
    "book": ("book", "reserve"),
    "calculate": ("calculate", "compute", "what is"),
    "roll": ("roll", "throw"),
    "plot": ("plot", "draw", "show"),
}


def words_with_spaces(text: str) -> list[str]:
    """Return the words of a text, each with the white space before it; joined, they are the text."""
    # By the words' ends: a pattern that begins with white space takes a time that is quadratic in a run of spaces.
    ends = [match.end() for match in _WORD.finditer(text)]
    if not ends:
        return []
    ends[-1] = len(text)
    return [text[start:end] for start, end in pairwise((0, *ends))]


def split_camel_case(identifier: str) -> str:
    """Return an identifier with a space before each capital that begins a word: `setLight` gives "set Light"."""
    return _CAMEL.sub(" ", identifier)


def spoken_words(identifier: str) -> list[str]:
    """Return an identifier or phrase as lower-case words, digits spoken: `setLED2` gives set, led, two."""
    words: list[str] = []
    for token in re.findall(r"[A-Za-z']+|\d+", split_camel_case(identifier).replace("’", "'")):
        words += words_from_number(int(token)).split() if token.isdigit() else [token.lower().strip("'")]
    return [word for word in words if word]
