"""The four parts of a voice, and the values that pass between them.

Owns the Protocols and their value types: everything the server needs to know of a voice. Must not know how any part
works, nor events, sockets or asyncio: every method here is plain and blocking, and the server runs it in an executor.

Sound is mono int16 at 24 kHz at every seam.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

RATE_HZ = 24_000

Pcm = npt.NDArray[np.int16]
ToolSpec = Mapping[str, Any]
"""A function tool as the wire has it: `{"type": "function", "name", "description", "parameters"}`."""
ToolSpecs = Sequence[ToolSpec]
ToolChoice = str | Mapping[str, Any]
"""`"none"`, `"auto"`, `"required"` or `{"type": "function", "name": ...}`."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a recogniser heard.

    Attributes:
        text: the words heard, lower case, numbers as digits; `""` when there were none.
        understood: whether the sound is believed to be those words. False for speech outside of what the recogniser
            was prepared for, and for noise: the text is then its best guess, and nothing may be done on its strength.
        confidence: 0..1; 0.5 is where `understood` turns.
    """

    text: str
    understood: bool
    confidence: float


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A function call that the responder wants made."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the responder answers: a text to say, calls to make, or both (the calls come after the text)."""

    text: str = ""
    tool_calls: tuple[PlannedCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What a responder may know of its surroundings; everything that is not a pure function of the conversation.

    Attributes:
        now: the local time that it tells.
        label: what the backend calls itself.
        parallel_tool_calls: whether one reply may hold several calls.
    """

    now: datetime = field(default_factory=lambda: datetime.now().astimezone())
    label: str = "local practice backend"
    parallel_tool_calls: bool = True


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of synthetic speech and the words that begin in it.

    The texts of all chunks of a stream, joined, are the text that was asked for; either part may be empty.
    """

    samples: Pcm
    text: str


class Detector(Protocol):
    """Tells speech from the rest, one stream each: it has state."""

    frame_samples: int
    """How many samples (24 kHz) `process` takes."""

    def process(self, frame: Pcm) -> float:
        """Return the probability, 0..1, that there is speech in this frame."""
        ...


class Recognizer(Protocol):
    """Turns an utterance into words. Safe to call from several threads."""

    def recognize(self, samples: Pcm, *, tools: ToolSpecs = (), phrases: Sequence[str] = ()) -> Recognition:
        """Return what was said.

        Args:
            samples: one utterance, as the detector cut it.
            tools: the tools that could be called; their names, enums and examples are what it listens for.
            phrases: further phrases to expect (a transcription prompt, keywords).
        """
        ...

    def warm(self, *, tools: ToolSpecs = (), phrases: Sequence[str] = ()) -> None:
        """Load models, and compile what `recognize` would compile for these tools."""
        ...


class Responder(Protocol):
    """Decides what to answer. Deterministic, without state: everything it needs is passed in."""

    def respond(
        self,
        *,
        history: Sequence[Mapping[str, Any]],
        instructions: str = "",
        tools: ToolSpecs = (),
        tool_choice: ToolChoice = "auto",
        user_text: str | None = None,
        understood: bool = True,
        context: Context | None = None,
    ) -> Reply:
        """Return the reply to a conversation.

        Args:
            history: the items of the conversation, oldest first, as wire objects.
            instructions: the session's, or this response's.
            tools: the function tools in force.
            tool_choice: `"none"`, `"auto"`, `"required"` or `{"type": "function", "name": ...}`.
            user_text: what the user just said; None takes it from the last items of the history.
            understood: False when the recogniser would not vouch for `user_text`.
            context: the surroundings; None means now, with defaults.
        """
        ...


class Synthesizer(Protocol):
    """Turns text into sound. Safe to call from several threads."""

    def stream(
        self, text: str, *, voice: str = "alloy", speed: float = 1.0, stop: threading.Event | None = None
    ) -> Iterator[Chunk]:
        """Yield the sound of `text`, first words first.

        Closing the generator, or setting `stop`, ends the synthesis soon after.
        """
        ...

    def warm(self) -> None:
        """Load what the first utterance would load."""
        ...
