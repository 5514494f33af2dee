"""Hold the size of the model's context: as the user gave it, as the server named it, or guessed after a refusal.

Owns which of them counts. Pure. Must not know requests, nor how a conversation is trimmed.
"""

from __future__ import annotations

_SHRINK = 0.7
"""The part of a prompt that is kept when the server refuses it as too long, and does not say how long it may be."""
_LEAST_GUESS = 512
"""No guess is smaller: hardly a model has so small a context, and trimming to less leaves no conversation."""


class ContextSize:
    """The size of the context of one model, in tokens.

    A guess only trims: it never is a reason to refuse a prompt. It is kept once a prompt of that size was accepted, and
    grows when the server accepts a longer one.

    Args:
        given: the user's `context_tokens`, or None.

    Attributes:
        named: the size that the server named, or None.
    """

    def __init__(self, given: int | None) -> None:
        self.given = given
        self.named: int | None = None
        self._guessed: float | None = None

    @property
    def known(self) -> int | None:
        """The size that the user or the server named; the smaller one of both."""
        return min((size for size in (self.given, self.named) if size is not None), default=None)

    def assumed(self, scale: float) -> tuple[int | None, bool]:
        """Return the size to trim to, and whether it is a guess.

        Args:
            scale: the scale of the estimate of tokens, which changes; a guess is kept without it.
        """
        known = self.known
        guess = None if self._guessed is None else round(self._guessed * scale)
        if guess is not None and (known is None or guess < known):
            return guess, True
        return known, False

    def next_guess(self, estimated: int) -> int:
        """Return the size to try after a prompt of `estimated` tokens was refused without a number."""
        return max(int(estimated * _SHRINK), _LEAST_GUESS)

    def accept(self, size: int, scale: float) -> None:
        """Keep a guess: the server refused a longer prompt, and accepted one of this size."""
        self._guessed = size / scale

    def outgrow(self, estimated: int, scale: float) -> None:
        """Raise the guess where the server accepted a prompt that is longer than it."""
        if self._guessed is not None:
            self._guessed = max(self._guessed, estimated / scale)
