"""`Scenario`: several user turns of one conversation, each said after the answer to the last one, or into it.

Owns the form of a scenario and its checks. Must not know sockets, or how a turn is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from realtime_nb.client.utterance import Askable, Utterance, as_utterance
from realtime_nb.errors import ConfigError
from realtime_nb.wire.realtime.validate import refuse_long_name


@dataclass(frozen=True)
class BargeIn:
    """A user turn said into the answer to the turn before it.

    Attributes:
        utterance: what is said; sound, since the server detects no speech in typed words.
        after_ms: how long the answer has been audible when it begins, in milliseconds.
    """

    utterance: Utterance
    after_ms: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "utterance", as_utterance(self.utterance))
        if self.utterance.text is not None:
            raise ConfigError(f"{self.utterance.label!r} is typed, and only sound interrupts: give a recording")
        number = isinstance(self.after_ms, (int, float)) and not isinstance(self.after_ms, bool)
        if not number or not 0 <= self.after_ms <= 600_000:
            raise ConfigError(f"after_ms={self.after_ms!r} must be a number of milliseconds, 0 or more")


@dataclass(frozen=True, eq=False)
class Scenario:
    """Several user turns of one conversation.

    Args:
        turns: what `ask` takes each, or a `BargeIn`; the first one interrupts nothing.

    Attributes:
        label: its name in tables.
    """

    turns: Sequence[Askable | BargeIn]
    label: str

    def __post_init__(self) -> None:
        refuse_long_name("label", self.label)
        turns = tuple(turn if isinstance(turn, BargeIn) else as_utterance(turn) for turn in self.turns)
        if not turns or isinstance(turns[0], BargeIn):
            raise ConfigError(f"the scenario {self.label!r} must begin with a turn that interrupts nothing")
        object.__setattr__(self, "turns", turns)
