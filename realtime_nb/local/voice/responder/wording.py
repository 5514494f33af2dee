"""Normalise sentences for comparison, and word parts of answers: lists, identifiers.

Owns text helpers of the responder. Must not know any pattern.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from realtime_nb.local.voice.spoken_numbers import digits_from_words
from realtime_nb.local.voice.vocabulary import split_camel_case

_POLITE = re.compile(
    r"^(?:(?:hey|okay|ok|so|well|now|please|and|then|just)\s+|(?:can|could|would|will) you (?:please |kindly )?(?=\w+ )"
    r"|(?:i want|i would like|i'd like|i need) you to )+"
)
_TRAILING = re.compile(r"(?:\s+(?:please|now|right now|for me|today|thanks|thank you|then))+$")


def normalized(text: str) -> str:
    """Return lower-case words with numbers as digits, without punctuation and the politeness around a request."""
    words = re.sub(r"[^\w\s'.+*/%-]|(?<!\d)[.]|[.](?!\d)", " ", text.lower().replace("’", "'"))
    plain = " ".join(digits_from_words(words).split())
    stripped = _TRAILING.sub("", _POLITE.sub("", plain))
    return stripped or plain


def sentence(text: str) -> str:
    """Return the text with a capital at its start and a full stop at its end; "Done." for an empty one."""
    text = text.strip()
    if not text:
        return "Done."
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")


def joined(parts: Sequence[str], word: str = "and") -> str:
    """Return a list as people say it: "a", "a and b", "a, b and c"."""
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}" if len(parts) > 1 else "".join(parts)


def say_identifier(name: str) -> str:
    """Return an identifier as words: `set_slider` gives "set slider"."""
    return " ".join(re.findall(r"[A-Za-z0-9']+", split_camel_case(name))).lower()
