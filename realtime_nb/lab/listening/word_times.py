"""When each word of an answer is said, estimated.

Owns the estimate for kept answers. Must not know files or pages. The wire does not align a transcript with its sound:
see `conversation/heard.py`, whose curve is used here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from realtime_nb.audio import AudioClip
from realtime_nb.audio.audible import first_audible
from realtime_nb.client.replay.trace import TrialTrace
from realtime_nb.conversation.heard import samples_at

_WORD = re.compile(r"\S+")
_TRANSCRIPT = "response.output_audio_transcript.delta"
_SOUND = "response.output_audio.delta"


@dataclass(frozen=True)
class SaidWord:
    """A word of an answer.

    Attributes:
        text: the word with its punctuation.
        start: its first character's place in the text.
        start_ms, end_ms: when it is said, from the beginning of the sound.
    """

    text: str
    start: int
    start_ms: float
    end_ms: float


@dataclass(frozen=True)
class WordTimes:
    """The words of an answer with their times.

    Attributes:
        words: in order.
        from_events: whether the times follow the server's pieces of transcript; otherwise the words are spread evenly
            over the sound by their length.
    """

    words: tuple[SaidWord, ...]
    from_events: bool


def word_times(text: str, clip: AudioClip, trace: TrialTrace | None = None) -> WordTimes:
    """Return when each word is said.

    Args:
        text: the answer's transcript.
        clip: its sound.
        trace: the events of its turn; None: the words are spread evenly.
    """
    samples = len(clip)
    marks = _marks(text, trace)
    begins, ends = _audible(clip)
    places = [match.span() for match in _WORD.finditer(text)]
    at = sorted({place for span in places for place in span})
    found = samples_at(at, len(text), samples, marks)
    if found is None:
        # Even pace: the silence at both ends is no part of the words.
        found = [begins + (ends - begins) * place / max(1, len(text)) for place in at]
        from_events = False
    else:
        from_events = True
    ms = {place: 1000.0 * sample / clip.rate for place, sample in zip(at, found, strict=True)}
    return WordTimes(tuple(SaidWord(text[a:b], a, ms[a], ms[b]) for a, b in places), from_events)


def _marks(text: str, trace: TrialTrace | None) -> list[tuple[int, int]]:
    """Return how much sound had come before each piece of transcript; none where they are not the pieces of `text`."""
    if trace is None:
        return []
    marks: list[tuple[int, int]] = []
    pieces: list[str] = []
    chars = samples = 0
    for stamped in trace.events:
        event: Any = stamped.event
        if event.type == _SOUND:
            samples += _samples(event)
        elif event.type == _TRANSCRIPT and isinstance(event.delta, str):
            marks.append((samples, chars))
            pieces.append(event.delta)
            chars += len(event.delta)
    # Several responses, or one that was cut off: their sound is not laid end to end in the same way.
    return marks if "".join(pieces).strip() == text.strip() else []


def _samples(event: Any) -> int:
    try:
        return len(event.audio) // 2
    except ValueError:  # no base64
        return 0


def _audible(clip: AudioClip) -> tuple[float, float]:
    """Return the first audible sample and the one after the last; the whole of a silent clip."""
    begins = first_audible(clip.samples, clip.rate)
    if begins is None:
        return 0.0, float(len(clip))
    after = first_audible(np.ascontiguousarray(clip.samples[::-1]), clip.rate) or 0
    return float(begins), float(len(clip) - after)
