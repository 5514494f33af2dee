"""The interfaces of detector, recogniser and synthesiser, and the values that they exchange.

Owns the Protocols and their value types. Must not know how any part works, nor events, sockets or asyncio: every method
here is plain and blocking, and the server runs it on a worker thread or in the recognition process. The fourth part of
a voice, the responder, streams on the event loop: `reply.py`.

Sound is mono int16 at 24 kHz at every seam.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    """The result of recognising one utterance.

    Attributes:
        text: the recognised words, lower case, numbers as digits; `""` when there were none.
        understood: whether the text is reliable. False for noise, and for speech that the recogniser was not prepared
            for: the text is then a guess, and no action may follow from it.
        confidence: 0..1; `understood` begins at 0.5.
        failure: why the recogniser gave no result, with the next step; None where it gave one.
    """

    text: str
    understood: bool
    confidence: float
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of synthetic speech and the words that begin in it.

    The texts of all chunks of a stream, joined, are the text that was asked for; either part may be empty.
    """

    samples: Pcm
    text: str


class Detector(Protocol):
    """Detects speech in one stream of sound; an instance keeps that stream's state."""

    frame_samples: int
    """The length of the frames that `process` expects, in samples at 24 kHz."""

    def process(self, frame: Pcm) -> float:
        """Return the probability, 0..1, that there is speech in this frame."""
        ...


class Recognizer(Protocol):
    """Turns an utterance into words. Safe to call from several threads."""

    def recognize(
        self, samples: Pcm, *, tools: ToolSpecs = (), phrases: Sequence[str] = (), language: str | None = None
    ) -> Recognition:
        """Return the recognised words.

        Args:
            samples: one utterance.
            tools: the tools that could be called; the recogniser expects their names, enums and examples.
            phrases: further phrases to expect (a transcription prompt, keywords).
            language: of the speech, such as `"en"`; None where the client names none.
        """
        ...

    def warm(self, *, tools: ToolSpecs = (), phrases: Sequence[str] = ()) -> None:
        """Load models, and compile what `recognize` would compile for these tools."""
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
        """Load the models before the first utterance needs them."""
        ...
