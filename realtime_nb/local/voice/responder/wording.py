"""A sentence as the patterns see it: lower case, numbers as digits, no punctuation, no politeness around it.

Owns that form. Must not know any pattern.
"""

from __future__ import annotations

import re

from realtime_nb.local.voice.spoken_numbers import digits_from_words

__all__ = ["normalized"]

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
