"""Find where a spoken turn begins and ends: speech probabilities in, two kinds of boundary out.

Owns the state machine of turn detection. Must not know events, items, or which detector made the probabilities.
Its time is the count of input samples and never the clock: sound that is appended faster than real time is cut exactly
like live sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from realtime_nb.local.voice.protocols import RATE_HZ

# Two 32 ms frames: a click or a key press is shorter, no syllable is.
_ONSET_SAMPLES = 1_200
# Speech goes on a little below the threshold at which it began: the ends of words fade.
_HYSTERESIS = 0.15

# Semantic VAD asks a model whether the sentence is complete. Without one, only the wait can vary. The service waits at
# most 8, 4 or 2 s after an incomplete sentence; these are waits after complete ones, which most are.
_EAGERNESS_SILENCE_MS = {"low": 1_200, "medium": 700, "auto": 700, "high": 400}


def samples_of(ms: float) -> int:
    """Return milliseconds as samples."""
    return int(ms * RATE_HZ / 1000)


@dataclass(frozen=True, slots=True)
class TurnRules:
    """The session's `turn_detection` in samples.

    Semantic VAD is an approximation: its `eagerness` becomes the silence that ends a turn.
    """

    threshold: float
    prefix_samples: int
    silence_samples: int
    idle_samples: int | None
    create_response: bool
    interrupt_response: bool

    @classmethod
    def of(cls, turn_detection: dict[str, Any]) -> TurnRules:
        """Return the rules for an effective (defaults filled in) `turn_detection`."""
        semantic = turn_detection["type"] == "semantic_vad"
        silence_ms = (
            _EAGERNESS_SILENCE_MS[turn_detection["eagerness"]] if semantic else turn_detection["silence_duration_ms"]
        )
        idle_ms = turn_detection.get("idle_timeout_ms")
        return cls(
            threshold=turn_detection.get("threshold", 0.5),
            prefix_samples=samples_of(turn_detection.get("prefix_padding_ms", 300)),
            silence_samples=samples_of(silence_ms),
            idle_samples=None if idle_ms is None else samples_of(idle_ms),
            create_response=turn_detection.get("create_response", False),
            interrupt_response=turn_detection.get("interrupt_response", False),
        )


@dataclass(frozen=True, slots=True)
class Boundary:
    """A turn begins or ends at this sample of the session's input."""

    kind: Literal["started", "stopped"]
    at: int


class TurnDetector:
    """Turns a stream of probabilities into boundaries.

    Attributes:
        speaking: whether a turn is open.
    """

    def __init__(self) -> None:
        self.speaking = False
        self._onset: int | None = None
        self._last_speech = 0

    def reset(self) -> None:
        """Drop the turn in progress, after a manual commit or clear."""
        self.speaking = False
        self._onset = None

    def push(self, probability: float, start: int, end: int, rules: TurnRules) -> Boundary | None:
        """Return the boundary that the probability of the frame `start..end` makes certain, if any."""
        if self.speaking:
            return self._while_speaking(probability, end, rules)
        if probability < rules.threshold:
            self._onset = None
            return None
        if self._onset is None:
            self._onset = start
        if end - self._onset < _ONSET_SAMPLES:
            return None
        self.speaking = True
        self._last_speech = end
        return Boundary("started", self._onset)

    def _while_speaking(self, probability: float, end: int, rules: TurnRules) -> Boundary | None:
        if probability >= max(rules.threshold - _HYSTERESIS, 0.01):
            self._last_speech = end
            return None
        if end - self._last_speech < rules.silence_samples:
            return None
        self.reset()
        # The turn's sound includes the silence that ended it, as the service documents.
        return Boundary("stopped", end)
