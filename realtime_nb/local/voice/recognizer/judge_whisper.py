"""Decide whether the words of a Whisper model are reliable.

Owns the decision. Must not know how the model runs. Without speech such a model invents words that end many of its
training texts ("Thank you."), and in noise it repeats itself: its own numbers give both away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from realtime_nb.local.voice.protocols import Recognition

NOTHING = Recognition("", understood=False, confidence=0.0)

_LEAST_LOGPROB = -1.0  # Whisper's own limit
_DOUBTFUL_LOGPROB = -0.7  # together with a high probability of "no speech"
_NO_SPEECH = 0.6
_MOST_COMPRESSION = 2.4  # a loop of the same words compresses better than language does; Whisper's own limit


@dataclass(frozen=True, slots=True)
class WhisperEvidence:
    """The signs of reliability of one utterance, over all segments.

    Attributes:
        logprob: the mean log probability of a token.
        no_speech: the highest probability that a segment holds no speech.
        compression: the highest ratio of a segment's length to its compressed length.
    """

    logprob: float
    no_speech: float
    compression: float


def judge(evidence: WhisperEvidence) -> bool:
    """Return whether the words are reliable."""
    if evidence.compression > _MOST_COMPRESSION or evidence.logprob < _LEAST_LOGPROB:
        return False
    return not (evidence.no_speech > _NO_SPEECH and evidence.logprob < _DOUBTFUL_LOGPROB)


def recognition(text: str, evidence: WhisperEvidence | None) -> Recognition:
    """Return the result for the words of a model; without evidence, all words count as understood."""
    if not any(character.isalnum() for character in text):
        return NOTHING
    if evidence is None:
        return Recognition(text, understood=True, confidence=0.75)
    understood = judge(evidence)
    # `understood` begins at 0.5 (protocols.Recognition): the probability of a token moves within its half.
    probability = math.exp(min(0.0, evidence.logprob)) / 2
    return Recognition(text, understood, 0.5 + probability if understood else min(0.49, probability))
