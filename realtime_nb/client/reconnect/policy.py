"""Decide whether, when and how often a lost connection is opened again.

Owns the delays, the errors after which trying again is useless, and the events `reconnecting` and `reconnected`. Pure:
no clock, no socket.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from realtime_nb.client.transport.base import TransportClosed
from realtime_nb.errors import ConfigError, RealtimeError

# Close codes that would come again: protocol faults (1002, 1003, 1007), a broken policy (1008), and a frame larger than
# the limit (1009; its error says how to raise it).
_FATAL_CODES = frozenset({1002, 1003, 1007, 1008, 1009})
_REFUSALS = frozenset({401, 403, 404})


@dataclass(frozen=True, kw_only=True)
class Reconnect:
    """How a lost connection is opened again: exponential delays with jitter.

    Attributes:
        attempts: how often to try before giving up.
        first_delay_s: the longest wait before the first attempt; it doubles with each one.
        longest_delay_s: the longest wait of all.
        stable_s: a connection on which a response was done, or that lasted longer than this, resets the count of
            attempts. One that is lost again and again before it was of use is given up in the end.
    """

    attempts: int = 10
    first_delay_s: float = 0.25
    longest_delay_s: float = 15.0
    stable_s: float = 300.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ConfigError(f"attempts={self.attempts!r} must be 1 or more; reconnect=False turns it off")
        if self.first_delay_s < 0 or self.longest_delay_s < self.first_delay_s:
            raise ConfigError(
                f"first_delay_s={self.first_delay_s!r} must be 0 or more, and no more than "
                f"longest_delay_s={self.longest_delay_s!r}"
            )

    def delay_s(self, attempt: int, chance: Callable[[], float] = random.random) -> float:
        """The wait before an attempt, counted from 1: half fixed, half random.

        Without jitter, all clients of a server that restarts would come back at the same moment.
        """
        longest = min(self.longest_delay_s, self.first_delay_s * 2.0 ** min(attempt - 1, 32))
        return longest * (0.5 + 0.5 * chance())


class Reconnecting(msgspec.Struct, frozen=True):
    """The `"reconnecting"` event: attempt number `attempt` follows after `delay_s` seconds; `error` says why."""

    attempt: int
    delay_s: float
    error: Exception
    type: str = "reconnecting"


class Reconnected(msgspec.Struct, frozen=True):
    """The `"reconnected"` event: the conversation goes on in a new session.

    Attributes:
        attempts: how many it took.
        outage_s: how long there was no connection.
        dropped_audio_ms: sound of the user that was given meanwhile and dropped.
    """

    attempts: int
    outage_s: float
    dropped_audio_ms: float
    type: str = "reconnected"


def policy_of(reconnect: bool | Reconnect) -> Reconnect | None:
    """Return the policy for the option `reconnect`; None where it is False."""
    if isinstance(reconnect, Reconnect):
        return reconnect
    if not isinstance(reconnect, bool):
        raise ConfigError(f"reconnect={reconnect!r} must be True, False or rt.Reconnect(...)")
    return Reconnect() if reconnect else None


def is_worth_retrying(problem: TransportClosed | BaseException) -> bool:
    """Whether an unchanged new attempt may succeed after this close or this failed attempt."""
    if isinstance(problem, TransportClosed):
        return problem.code not in _FATAL_CODES
    if getattr(problem, "status", None) in _REFUSALS:
        return False
    if isinstance(problem, RealtimeError):
        return bool(getattr(problem, "retryable", not isinstance(problem, ConfigError)))
    return isinstance(problem, OSError)
