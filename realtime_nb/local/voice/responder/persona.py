"""The few instructions that a rule-based voice can obey: a name, brevity, fixed words.

Owns the reading of instructions. Must not know intents. What it cannot obey it leaves alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Persona", "persona_of"]

_QUOTED = r"[\"“'‘]([^\"”’]+?)[\"”'’]"
_DEFAULT_NAME = "the practice voice"
_NO_NAMES = frozenset(
    [
        "a",
        "an",
        "the",
        "my",
        "our",
        "brief",
        "concise",
        "polite",
        "friendly",
        "helpful",
        "talking",
        "speaking",
        "in",
        "on",
        "to",
        "not",
        "very",
        "always",
    ]
)


@dataclass(frozen=True, slots=True)
class Persona:
    """What the instructions ask for.

    Attributes:
        name: what the assistant is called.
        brief: whether one sentence has to do.
        verbatim: words to say whatever was said, or None.
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
        """Return an answer as this persona gives it."""
        if self.brief:
            text = _first_sentence(text)
        parts = [self.opening, text, self.closing]
        said = " ".join(part.strip() for part in parts if part and part.strip())
        return said.upper() if self.loud else said


def persona_of(instructions: str) -> Persona:
    """Return what the instructions ask for, as far as rules can tell."""
    verbatim = re.search(
        rf"\b(?:say|reply|respond|answer)(?: only| exactly| just| with| always)+[:\s]+{_QUOTED}", instructions, re.I
    )
    if not verbatim:
        verbatim = re.search(
            r"\b(?:say|reply|respond|answer)(?: with)? exactly:?\s+([^\"'“‘\n]+?)(?:\.(?:\s|$)|$)", instructions, re.I
        )
    opening = re.search(rf"\b(?:start|begin|open)\b[^.]*?\bwith\b[^.\"'“‘]*{_QUOTED}", instructions, re.I)
    closing = re.search(rf"\b(?:end|finish|close)\b[^.]*?\b(?:with|by saying)\b[^.\"'“‘]*{_QUOTED}", instructions, re.I)
    name = re.search(r"\b(?:your name is|you are called|you're called|call yourself)\s+([A-Z]\w+)", instructions, re.I)
    name = name or re.search(r"\b[Yy]ou(?: are|'re)\s+([A-Z]\w+)", instructions)
    said = name.group(1) if name and name.group(1).lower() not in _NO_NAMES else _DEFAULT_NAME
    return Persona(
        name=said,
        brief=bool(
            re.search(
                r"\b(?:brief(?:ly)?|short(?:ly)?|concise(?:ly)?|terse|one sentence|few words|to the point)\b",
                instructions,
                re.I,
            )
        ),
        verbatim=verbatim.group(1).strip() if verbatim else None,
        opening=opening.group(1) if opening else None,
        closing=closing.group(1) if closing else None,
        loud=bool(re.search(r"\b(?:shout|all caps|capital letters|upper ?case)\b", instructions, re.I)),
    )


def _first_sentence(text: str) -> str:
    # Not after an initial or "a.m.": an abbreviation's stop is followed by a small letter, or is part of one.
    match = re.match(r"(.+?[^.\s][.!?…])(?=\s+[A-Z])", text, re.DOTALL)
    return match.group(1) if match else text
