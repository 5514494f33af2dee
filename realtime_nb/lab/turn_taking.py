"""A score in [0, 1] for how well a turn was taken over.

Owns the default curve. Must not know events. Another curve is any function from `TurnTaking` to a number.

People answer each other after about 200 ms, and notice pauses from about a second on (Stivers et al. 2009, "Universals
and cultural variation in turn-taking in conversation"; Heldner and Edlund 2010). The curve is 1 up to 500 ms, falls to
0.5 at 1,500 ms and to 0 at 4,000 ms, in straight lines. Each cut-off halves the score: the speaker has to begin again.
A false start takes a quarter. A turn that was never answered scores 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

CURVE_MS = ((500.0, 1.0), (1_500.0, 0.5), (4_000.0, 0.0))
CUT_OFF_FACTOR = 0.5
FALSE_START_FACTOR = 0.75


@dataclass(frozen=True)
class TurnTaking:
    """What the score is computed from.

    Attributes:
        wait_ms: from the end of speech to the first audible sound, or to the first text; None for no answer.
        cut_offs: how often the server ended the turn while the speech went on.
        false_starts: how often it took something else for speech.
        missed: whether the turn was never answered.
    """

    wait_ms: float | None
    cut_offs: int
    false_starts: int
    missed: bool


Curve: TypeAlias = Callable[[TurnTaking], float]


def turn_taking_score(turn: TurnTaking) -> float:
    """Return the score of the default curve."""
    if turn.missed or turn.wait_ms is None:
        return 0.0
    waits, scores = zip(*CURVE_MS, strict=True)
    score = float(np.interp(turn.wait_ms, waits, scores))
    return score * CUT_OFF_FACTOR**turn.cut_offs * FALSE_START_FACTOR**turn.false_starts
