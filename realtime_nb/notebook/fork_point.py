"""The turn of the user at which a conversation is forked: what was said before it, and what is asked again.

Owns the history of a fork and its question. Pure. Must not know widgets or sessions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from realtime_nb.client.utterance import Utterance
from realtime_nb.conversation import Turn
from realtime_nb.conversation.turn import shown_text
from realtime_nb.errors import ConfigError
from realtime_nb.notebook.experiments.user_turn import place_of, user_turn
from realtime_nb.texts import shortened

_WORDS = 40


@dataclass(frozen=True)
class ForkPoint:
    """A turn of the user, at which a conversation goes on in another way.

    Attributes:
        turn: the turn.
        index: its index in `w.turns`.
        history: what was said before it, oldest first.
        question: what is asked again: the recorded speech of a spoken turn, the text and pictures of a typed one.
    """

    turn: Turn
    index: int
    history: tuple[Turn, ...]
    question: Utterance

    @property
    def words(self) -> str:
        """The first words of the turn, on one line."""
        return first_words(self.turn)


def fork_point(turns: Sequence[Turn], turn: Any) -> ForkPoint:
    """Return the fork point that a user means.

    Args:
        turns: the settled turns, oldest first.
        turn: what stands for a turn of the user (`user_turn`), or None for the user's newest turn.

    Raises:
        ConfigError: no turn of the user in this conversation, or one without sound and text.
    """
    chosen = _chosen(turns, turn)
    index = place_of(turns, chosen)
    if index is None:
        raise ConfigError(f"{chosen!r} is not in w.turns: a fork begins with a turn of this conversation.")
    history = [earlier for earlier in turns[:index] if _was_said(earlier)]
    if chosen.audio is not None:
        question = Utterance(samples=chosen.audio, label=first_words(chosen))
        if chosen.images:  # sound goes through the input buffer, which has no place for pictures: they come before it
            history.append(replace(chosen, text="", heard_text="", _sound=None))
    elif chosen.text.strip() or chosen.images:
        question = Utterance(text=chosen.text, images=chosen.images, label=first_words(chosen))
    else:
        raise ConfigError(f"{chosen!r} has neither sound nor text to ask again: fork at another turn.")
    return ForkPoint(chosen, index, tuple(history), question)


def _was_said(turn: Turn) -> bool:
    """Whether a server had the turn: one that it refused, or that never held anything, is no history."""
    if turn.role == "user" and turn.status == "failed":
        return False
    return bool(turn.text or turn.images or turn.tool_calls) or turn.audio_ms is not None


def first_words(turn: Turn) -> str:
    """Return the first words of a turn on one line; for a turn without words, its length or its note."""
    words = " ".join(shown_text(turn).split())
    if not words:
        return f"{turn.audio_ms / 1000:.1f} s of sound" if turn.audio_ms is not None else turn.note or "no words"
    return shortened(words, _WORDS)


def _chosen(turns: Sequence[Turn], turn: Any) -> Turn:
    if turn is not None:
        return user_turn(turns, turn)
    newest = next((known for known in reversed(turns) if known.role == "user" and known.status != "failed"), None)
    if newest is None:
        raise ConfigError("there is nothing to fork: the user has no settled turn in this conversation yet.")
    return newest
