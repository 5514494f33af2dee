"""`Sitting`: one listener goes through pairs, votes, and takes votes back.

Owns what is heard next, under a token that says nothing about the trials. Must not know pages, settings or ranking.
"""

from __future__ import annotations

import logging
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from realtime_nb.audio import AudioClip
from realtime_nb.errors import AudioError, ConfigError

from .loudness import matched
from .pairs import Pair
from .votes import CHOICES, AnswerRef, Choice, Vote, VoteLog

_logger = logging.getLogger("realtime_nb")


@dataclass(frozen=True)
class Presented:
    """A pair as a listener gets it.

    Attributes:
        token: names it in votes; random.
        pair: which answers these are. Never for the page.
        sounds: of both, equally loud; empty for two answers in writing.
    """

    token: str
    pair: Pair
    sounds: tuple[AudioClip, ...]


class Sitting:
    """One listener's way through the pairs.

    Args:
        pairs: all of them, in order.
        log: where votes are kept.
        listener: a name.
        by: the setting by which the pairs were made.
        sound: from an answer to its sound; None for an answer in writing, or a sound that was not kept.

    Attributes:
        listener, by: as given.
        unheard: how many pairs were left out, because a sound is missing or damaged.
    """

    def __init__(
        self, pairs: Sequence[Pair], log: VoteLog, *, listener: str, by: str,
        sound: Callable[[AnswerRef], AudioClip | None],
    ) -> None:  # fmt: skip
        self.listener, self.by = listener, by
        self._log, self._sound = log, sound
        self._all = {pair.key for pair in pairs}
        self._ahead = deque(pairs, maxlen=2 * len(pairs))  # every vote may be taken back
        self._current: Presented | None = None
        self._last_token: str | None = None
        self.unheard = 0

    @property
    def voted(self) -> int:
        """How many of its pairs the listener has voted on."""
        return sum(vote.pair in self._all for vote in self._mine())

    @property
    def total(self) -> int:
        """How many pairs there are."""
        return len(self._all)

    def current(self) -> Presented | None:
        """Return the pair to hear now, the same one until it has a vote; None after the last."""
        if self._current is not None:
            return self._current
        done = {vote.pair for vote in self._mine()}  # by another process, too
        while self._current is None and self._ahead:
            pair = self._ahead[0]
            if pair.key in done:
                self._ahead.popleft()
                continue
            if (sounds := self._sounds(pair)) is None:
                self._ahead.popleft()
                self._all.discard(pair.key)
                self.unheard += 1
                continue
            self._current = Presented(secrets.token_hex(8), pair, sounds)
        return self._current

    def vote(self, token: str, choice: Choice) -> None:
        """Keep a vote on the current pair; a vote that arrives twice counts once.

        Raises:
            ConfigError: an unknown choice, or another pair is current.
            OSError: the vote could not be written, and does not count.
        """
        if choice not in CHOICES:
            raise ConfigError(f"choice={choice!r} must be one of {', '.join(map(repr, CHOICES))}")
        if token == self._last_token:
            return
        if self._current is None or token != self._current.token:
            raise ConfigError("this pair is over: the vote was not kept")
        pair = self._current.pair
        if any(vote.pair == pair.key for vote in self._mine()):
            self._current = None
            raise ConfigError("this pair is over: you voted on it in another notebook, and this vote was not kept")
        self._log.add(Vote(pair.first, pair.second, choice, self.listener, self.by))
        self._last_token, self._current = token, None
        self._ahead.popleft()

    def take_back(self) -> bool:
        """Take the last vote back, and make its pair the current one; False where there is none.

        Raises:
            OSError: it could not be written, and the vote stands.
        """
        last = next((vote for vote in reversed(self._mine()) if vote.pair in self._all), None)
        if last is None:
            return False
        self._log.take_back(last)
        self._ahead.appendleft(Pair(last.first, last.second))
        self._current = self._last_token = None
        return True

    def _sounds(self, pair: Pair) -> tuple[AudioClip, ...] | None:
        """Return the sounds of a pair; None where it cannot be heard."""
        try:
            found = [self._sound(each) for each in (pair.first, pair.second)]
        except AudioError as error:
            _logger.warning("a pair is left out of blind listening: %s", error)
            return None
        clips = [clip for clip in found if clip is not None]
        return None if len(clips) == 1 else matched(clips) if clips else ()

    def _mine(self) -> list[Vote]:
        return [vote for vote in self._log.votes() if vote.listener == self.listener and vote.by == self.by]
