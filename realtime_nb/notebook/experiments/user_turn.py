"""Find the user turn that a value stands for, and what was said before it.

Owns which values stand for a turn, and the words for those that stand for none. Pure. Must not know sessions or pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from realtime_nb.conversation import Turn
from realtime_nb.errors import ConfigError


def user_turn(turns: Sequence[Turn], value: Any) -> Turn:
    """Return the user turn that a value stands for.

    Args:
        turns: the settled turns of the conversation, in order.
        value: a turn, or an index into `turns`. An answer stands for the user turn before it. A user turn of another
            conversation stands for itself.

    Raises:
        ConfigError: the value stands for no user turn; says which there are.
    """
    turn = _turn(turns, value)
    if turn.role == "user":
        if turn.status in ("in_progress", "failed"):
            raise ConfigError(f"{turn!r} is {turn.status.replace('_', ' ')}: choose a turn that was said to its end")
        return turn
    place = place_of(turns, turn)
    if turn.role == "assistant" and place is not None:
        for before in reversed(turns[:place]):
            if before.role == "user":
                return before
    raise ConfigError(f"{turn!r} is no user turn, and answers none. {_there_are(turns)}")


def place_of(turns: Sequence[Turn], turn: Turn) -> int | None:
    """Return the index of a turn, of whichever revision; None where it is not among `turns`."""
    return next((index for index, each in enumerate(turns) if each.item_id == turn.item_id), None)


def _turn(turns: Sequence[Turn], value: Any) -> Turn:
    if isinstance(value, Turn):
        place = place_of(turns, value)
        return value if place is None else turns[place]
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"turn={value!r} must be an rt.Turn, or an index into w.turns. {_there_are(turns)}")
    if not -len(turns) <= value < len(turns):
        raise ConfigError(f"turn={value} is no index into w.turns. {_there_are(turns)}")
    return turns[value]


def _there_are(turns: Sequence[Turn]) -> str:
    said = [f"{index}: {turn.text[:40]!r}" for index, turn in enumerate(turns) if turn.role == "user"]
    if not said:
        return "The user has said nothing yet."
    shown = ", ".join(said[-8:])
    return f"User turns: {'…, ' if len(said) > 8 else ''}{shown}."
