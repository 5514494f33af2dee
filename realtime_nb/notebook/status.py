"""What the card says it is doing, in one word.

Owns the derivation of `status`. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Facts", "Phase", "Status", "status_of"]

Phase = Literal["idle", "connecting", "open", "reconnecting", "closed", "error"]
Status = Literal[
    "idle", "connecting", "listening", "hearing", "thinking", "speaking", "reconnecting", "closed", "error"
]


@dataclass
class Facts:
    """What a status is made of.

    Attributes:
        phase: of the connection.
        capturing: a page's microphone is on, and not muted.
        hearing: the server hears speech.
        answering: a response is awaited or under way.
        sounding: an answer is being heard, or (without a page) received.
    """

    phase: Phase = "idle"
    capturing: bool = False
    hearing: bool = False
    answering: bool = False
    sounding: bool = False


def status_of(facts: Facts) -> Status:
    """The most telling word: who speaks comes first, then what is awaited."""
    if facts.phase != "open":
        return facts.phase
    if facts.hearing:
        return "hearing"
    if facts.sounding:
        return "speaking"
    if facts.answering:
        return "thinking"
    return "listening" if facts.capturing else "idle"
