"""The values between a simulated backend and the function that makes its answers.

Owns their form, and the default answers. Must not know sockets, events or times.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One response that a simulated backend is to make.

    Attributes:
        instructions, voice, model: of the session, or of the response where it has its own.
        words: of the user's last turn: typed, or those of a recording that the backend was given; else empty.
        sound_ms: the length of the user's last turn as turn detection cut it, silence included; 0 where it was typed.
        utterance: what identifies the user's last turn: a hash of its speech or text.
        tools: the names of the tools in force.
        tool_outputs: the outputs of the calls that were made since the user's last turn, in order.
        repeat: how often the same settings were asked the same before; the first time is 0.
        latency_ms: to the first sound or word of this answer, with the noise of this trial.
        stalled: whether a stall is part of it.
        random: a source of random numbers for this trial; the same seed, settings, words and `repeat` give the same.
    """

    instructions: str
    voice: str
    model: str
    words: str
    sound_ms: float
    utterance: str
    tools: Sequence[str] = ()
    tool_outputs: Sequence[str] = ()
    repeat: int = 0
    latency_ms: float = 0.0
    stalled: bool = False
    random: random.Random = field(default_factory=random.Random, repr=False, compare=False)


@dataclass(frozen=True)
class Call:
    """A function call of an answer.

    Attributes:
        name: of the function.
        arguments: as a dict; a string is sent as it is, also where it is no JSON.
    """

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer.

    Attributes:
        text: said or written; empty for an answer of calls only.
        calls: function calls, after the text.
        audio_ms: the length of its sound; None: 60 ms a character, by the speed of the session.
        silence_ms: the silence with which its sound begins, on top of `audio_ms`.
    """

    text: str = ""
    calls: Sequence[Call] = ()
    audio_ms: float | None = None
    silence_ms: float | None = None


Answers: TypeAlias = "str | Reply | Callable[[Asked], str | Reply]"


def default_answer(asked: Asked) -> str:
    """Return an answer that says what was asked."""
    if asked.tool_outputs:
        return f"The tool says: {asked.tool_outputs[-1][:100]}"
    if asked.words:
        return f"You said: {asked.words[:100]}"
    return f"I heard {asked.sound_ms / 1000:.1f} seconds of sound."
