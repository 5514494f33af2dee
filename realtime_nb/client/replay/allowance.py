"""What a replayed session may cost before it asks again: how many responses, and how much sound.

Owns what a session asks for, and when. Must not know prices or budgets: a `SpendingGuard` answers.

A session asks before the server can begin one response more than was granted, and before it sends more sound. So what
it costs is known to be granted, as long as the server keeps the protocol: one response of the conversation at a time,
each announced by `response.created` (docs/protocol.md 19 to 23), and none but at the end of speech.

A server, a network or this process may be late by seconds. So before sound is sent in which a turn may end (a pause,
`pauses.py`), a response to each such end so far may begin, whether it was announced yet or not; and where the server
detects turns, another one may follow each that has begun. After a response with function calls this side asks for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from realtime_nb.audio import RATE_HZ
from realtime_nb.client.utterance import Utterance
from realtime_nb.wire.realtime import ResponseUsage

SILENCE_S = 6.0
"""So much silence behind a recording is granted beforehand: turn detection ends a turn in it."""
_MORE_SILENCE_S = 10.0
_MARGIN_S = 0.5
_NO_TOOLS, _WITH_TOOLS = 1, 2


@dataclass(frozen=True)
class SessionUse:
    """What a session has used, and what it may use next.

    Attributes:
        done: the usage of each response that has ended; None where the server reported none.
        open: how many responses more there may be: those that run, and those that may begin.
        heard_s: how much sound the server may have by then.
        needed: whether the session must end where this is refused.
    """

    done: Sequence[ResponseUsage | None] = ()
    open: int = 1
    heard_s: float = 0.0
    needed: bool = True


class SpendingGuard(Protocol):
    """Grants a session what it may cost."""

    def allows(self, use: SessionUse) -> bool:
        """Return whether the money suffices for `use`; the money for what was granted before stays granted."""


def first_use(turns: Sequence[Utterance], *, automatic: bool, tools: bool) -> SessionUse:
    """Return what a session needs to begin: a response to each turn, and a second one where there are tools.

    Args:
        turns: what will be said.
        automatic: whether the server detects the turns, so that silence is sent behind each recording.
        tools: whether the session has tools.
    """
    rounds = _WITH_TOOLS if tools else _NO_TOOLS
    silence_s = SILENCE_S * sum(turn.samples is not None for turn in turns) if automatic else 0.0
    return SessionUse(open=rounds * len(turns), heard_s=silence_s + sum(map(seconds_of, turns)))


def seconds_of(turn: Utterance) -> float:
    """Return the length of a recording; 0 for typed words."""
    return len(turn.sound) / RATE_HZ if turn.samples is not None else 0.0


class Allowance:
    """What one session was granted so far.

    Args:
        guard: grants; None grants everything.
        turns: what will be said.
        automatic: whether the server detects the turns.
        tools: whether the session has tools.

    Attributes:
        overdrawn: whether the server has begun a response that was not granted.
    """

    def __init__(
        self, guard: SpendingGuard | None, turns: Sequence[Utterance], *, automatic: bool, tools: bool
    ) -> None:
        first = first_use(turns, automatic=automatic, tools=tools)
        self._guard = guard
        self._rounds = _WITH_TOOLS if tools else _NO_TOOLS
        self._automatic, self._tools = automatic, tools
        self._turns = list(turns)
        self._heard_s = first.heard_s
        self._left = first.open  # responses that may begin before the next question
        self._running = 0
        self._begun = 0
        self._ends = 0  # of turns that the server may have found so far
        self.overdrawn = False
        self._done: list[ResponseUsage | None] = []

    @property
    def is_limited(self) -> bool:
        """Whether a guard limits the session."""
        return self._guard is not None

    @property
    def silent_until(self) -> float:
        """How much sound may have been sent, in seconds, before silence needs another grant."""
        if self._guard is None:
            return float("inf")
        return self._heard_s - sum(map(seconds_of, self._turns)) - _MARGIN_S

    def on_turn(self) -> None:
        """Note that the next turn is said now."""
        del self._turns[:1]

    def on_done(self, usage: ResponseUsage | None, *, calls: bool = False) -> bool:
        """Note what a response used that has ended; return whether another one is granted where it called functions."""
        self._running = max(self._running - 1, 0)
        self._done.append(usage)
        if not (calls and self._tools):
            return True
        return self._wants(self._rounds * len(self._turns) + max(self._ends - self._begun, 1), needed=True)

    def on_begun(self, *, needed: bool) -> bool:
        """Ask for a further response, now that one has begun; return whether it is granted.

        Args:
            needed: whether the user's turn goes on, so that the server will answer again.
        """
        self.overdrawn = not self._left
        self._left = max(self._left - 1, 0)
        self._running += 1
        self._begun += 1
        unseen = max(self._ends - self._begun, int(self._automatic))
        return self._wants(self._rounds * len(self._turns) + unseen, needed)

    def on_turn_end(self) -> bool:
        """Ask for the response to a pause that is sent next, or to the silence behind a recording."""
        self._ends += 1
        return self._wants(self._rounds * len(self._turns) + max(self._ends - self._begun, 0), needed=True)

    def on_silence(self, *, needed: bool) -> bool:
        """Ask for more silence; return whether it is granted."""
        heard_s = self._heard_s + _MORE_SILENCE_S
        if not self._asks(self._left, heard_s, needed):
            return False
        self._heard_s = heard_s
        return True

    @property
    def settled(self) -> bool:
        """Whether every response that was begun has ended, and its usage is known."""
        return not self._running and None not in self._done

    def _wants(self, responses: int, needed: bool) -> bool:
        """Ask for so many further responses, where they are not granted yet."""
        if responses <= self._left and not self.overdrawn:
            return True
        if not self._asks(responses, self._heard_s, needed):
            return False
        self._left, self.overdrawn = responses, False
        return True

    def _asks(self, responses: int, heard_s: float, needed: bool) -> bool:
        if self._guard is None:
            return True
        return self._guard.allows(SessionUse(tuple(self._done), self._running + responses, heard_s, needed))
