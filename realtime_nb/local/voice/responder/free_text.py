"""Find the value of a string property among the words of a sentence.

Owns the words that lead to a value ("to", "saying", "called") and those that are never one. Must not know other types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from realtime_nb.local.voice.responder.words import position, stem
from realtime_nb.local.voice.vocabulary import spoken_words

_LEADS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("to", "recipient"), ("to", "for")),
    **dict.fromkeys(("from", "source", "origin", "start"), ("from",)),
    "destination": ("to",),
    "end": ("to", "until"),
    "subject": ("about",),
    "topic": ("about", "on"),
    "query": ("for", "about"),
    **dict.fromkeys(("message", "text", "body", "content"), ("saying", "that says", "says", "that")),
    "title": ("called", "named", "titled"),
    "name": ("called", "named", "of", "for"),
    **dict.fromkeys(("city", "location", "place", "country"), ("in", "for", "at", "of")),
    **dict.fromkeys(("date", "day"), ("on", "for")),
    "time": ("at", "for"),
}
_ANY_LEAD = r"saying|that says|called|named|about|for|in|to|at|of|on|is|with|from|as"
_FILLER_WORDS = (
    "the a an my your our some any please now for me to in on at of with and is it what what's how i want need would "
    "like can could you will tell give show by as from that this there be do does s today okay ok then also hey about"
)
_FILLER = frozenset(_FILLER_WORDS.split())


_BEFORE_A_NAME = frozenset({"the", "a", "an", "my", "in", "at", "for", "of", "to", "with", "like"})


def find_strings(
    names: Sequence[str],
    properties: Mapping[str, Mapping[str, Any]],
    required: set[str],
    text: str,
    original: str,
    used_words: frozenset[str],
) -> dict[str, str]:
    """Return the values of string properties in a sentence, by name."""
    found: dict[str, str] = {}
    quoted = re.findall(r"[\"“]([^\"”]+)[\"”]", original)
    rest = original
    # Those with a lead word of their own first ("to Anna"), so that the free text does not swallow them.
    for name in names:
        key = name.lower().split("_")[-1]
        for example in properties[name].get("examples") or ():
            if position(example, text) >= 0:
                found[name] = str(example)
        if name in found:
            continue
        if quoted and (len(names) == 1 or key in ("message", "text", "body", "content", "title", "query")):
            found[name] = quoted.pop(0)
            continue
        leads = "|".join(dict.fromkeys([" ".join(spoken_words(name)), *_LEADS.get(key, ())]))
        value = _after_lead(leads, rest, names, name, used_words)
        if value:
            found[name] = value
    remaining = [name for name in names if name not in found]
    for name in remaining:
        if name not in required and (len(names) > 1 or not remaining):
            continue
        value = _after_lead(_ANY_LEAD, rest, names, name, used_words) if len(remaining) == 1 else None
        value = value or (_leftover(rest, used_words) if len(remaining) == 1 and name in required else None)
        if value and value not in found.values():
            found[name] = value
    return found


def _after_lead(leads: str, original: str, names: Sequence[str], name: str, used_words: frozenset[str]) -> str | None:
    others = [lead for other in names if other != name for lead in _LEADS.get(other.lower().split("_")[-1], ())]
    stop = rf"(?=\s+(?:{'|'.join(map(re.escape, others))})\s|[,.;!?]|$)" if others else r"(?=[,;!?]|\.(?:\s|$)|$)"
    for match in re.finditer(rf"\b(?:{leads})\b[\s:]+(?:is\s+|to\s+)?(?=(.+?){stop})", original, re.IGNORECASE):
        value = _trimmed(match.group(1), used_words)
        if value:
            return value
    return None


def _trimmed(value: str, used_words: frozenset[str]) -> str:
    words = value.strip(' .,!?"').split()
    # "is the weather in Tokyo" after "what": the words that name the tool, and those before a name, are not its value.
    while len(words) > 1 and (words[0].lower() in _BEFORE_A_NAME or words[0].lower() in used_words):
        words = words[1:]
    while words and words[-1].lower().strip(".,!?") in {"please", "now", "today", "tomorrow", "thanks"}:
        words = words[:-1]
    if all(word.lower().strip(".,!?'") in used_words or word.lower() in _FILLER for word in words):
        return ""
    return " ".join(words)


def _leftover(original: str, used_words: frozenset[str]) -> str:
    words = [
        w
        for w in re.findall(r"[\w'.+-]*\w", original)
        if w.lower() not in _FILLER and stem(w.lower()) not in used_words and w.lower() not in used_words
    ]
    return " ".join(words)
