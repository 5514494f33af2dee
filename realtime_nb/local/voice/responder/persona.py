"""Read the few instructions that a rule-based voice can follow: a name, brevity, fixed words.

Owns the reading of instructions. Must not know intents. All other instructions are ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_QUOTED = r"[\"“'‘]([^\"”’]+?)[\"”'’]"
_ANSWER = r"(?:say|reply|respond|answer)"
_BRIEF = "brief(?:ly)?|short(?:ly)?|concise(?:ly)?|terse|one sentence|few words|to the point"
_DEFAULT_NAME = "the practice voice"
_NOT_A_NAME = "a an the my our brief concise polite friendly helpful talking speaking in on to not very always"


@dataclass(frozen=True, slots=True)
class Persona:
    """The style that the instructions ask for.

    Attributes:
        name: the name of the assistant.
        brief: whether one sentence has to do.
        verbatim: the words of every answer, or None.
        opening: words before every answer, or None.
        closing: words after every answer, or None.
        loud: whether it answers in capitals.
    """

    name: str = _DEFAULT_NAME
    brief: bool = False
    verbatim: str | None = None
    opening: str | None = None
    closing: str | None = None
    loud: bool = False

    def applied(self, text: str) -> str:
        """Return an answer in this style."""
        if self.brief:
            text = _first_sentence(text)
        parts = [self.opening, text, self.closing]
        said = " ".join(part.strip() for part in parts if part and part.strip())
        return said.upper() if self.loud else said


def persona_of(instructions: str) -> Persona:
    """Return the persona that the instructions describe, as far as rules can tell."""
    verbatim = _find(rf"\b{_ANSWER}(?: only| exactly| just| with| always)+[:\s]+{_QUOTED}", instructions)
    verbatim = verbatim or _find(rf"\b{_ANSWER}(?: with)? exactly:?\s+([^\"'“‘\n]+?)(?:\.(?:\s|$)|$)", instructions)
    opening = _find(rf"\b(?:start|begin|open)\b[^.]*?\bwith\b[^.\"'“‘]*{_QUOTED}", instructions)
    closing = _find(rf"\b(?:end|finish|close)\b[^.]*?\b(?:with|by saying)\b[^.\"'“‘]*{_QUOTED}", instructions)
    if verbatim in (opening, closing):
        verbatim = None  # "end every answer with": the answer is a noun there
    name = _find(r"\b(?:your name is|you are called|you're called|call yourself)\s+([A-Z]\w+)", instructions)
    # With capitals as they are: "You are Bob" names it, "you are brief" does not.
    name = name or _find(r"\b[Yy]ou(?: are|'re)\s+([A-Z]\w+)", instructions, 0)
    return Persona(
        name=name if name and name.lower() not in _NOT_A_NAME.split() else _DEFAULT_NAME,
        brief=_find(rf"\b({_BRIEF})\b", instructions) is not None,
        verbatim=verbatim.strip() if verbatim else None,
        opening=opening,
        closing=closing,
        loud=_find(r"\b(shout|all caps|capital letters|upper ?case)\b", instructions) is not None,
    )


def _find(pattern: str, text: str, flags: int = re.IGNORECASE) -> str | None:
    found = re.search(pattern, text, flags)
    return found.group(1) if found else None


def _first_sentence(text: str) -> str:
    # Not after an initial or "a.m.": an abbreviation's stop is followed by a small letter, or is part of one.
    for match in re.finditer(r"[^.\s][.!?…](?=\s+[A-Z])", text):
        first = text[: match.end()]
        if first.count("“") == first.count("”"):  # not within the words that it quotes
            return first
    return text
