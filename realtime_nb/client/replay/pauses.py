"""Where a server may take a pause within a recording for the end of the user's turn.

Owns which quiet stretches are pauses. Must not know sessions or money.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from realtime_nb.audio import RATE_HZ
from realtime_nb.audio.levels import FULL_SCALE
from realtime_nb.client.utterance import Utterance
from realtime_nb.errors import AudioError

SHORTEST_MS = 100.0
"""Stops within words are shorter."""
_USUAL_SILENCE_MS = 500.0  # of server_vad
_SEMANTIC_SILENCE_MS = 200.0  # semantic_vad ends a turn early where a sentence is complete
_MARGIN_MS = 100.0  # detection works in frames, and hears the end of a word earlier than its level shows
_QUIET_DB = 25.0
_PERHAPS_QUIET_DB = 15.0

# By identity, as the frames: the same recording is said in every trial.
_FOUND: WeakKeyDictionary[Utterance, dict[tuple[float, float], tuple[int, ...]]] = WeakKeyDictionary()


def pauses(turn: Utterance, least_ms: float = SHORTEST_MS) -> int:
    """Return how many pauses of at least `least_ms` there are within the speech of a recording."""
    return len(_marks(turn, max(least_ms, SHORTEST_MS), _QUIET_DB))


def turn_ends(turn: Utterance, detection: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the samples of a recording from which on its speech so far may be taken for a whole turn.

    Each is so far within a pause as turn detection needs at least; the silence behind the recording is not among them.

    Args:
        turn: a recording, or typed words, which have none.
        detection: the turn detection as it is sent.
    """
    least_ms = _SEMANTIC_SILENCE_MS
    if detection.get("type") != "semantic_vad":
        least_ms = float(detection.get("silence_duration_ms") or _USUAL_SILENCE_MS) - _MARGIN_MS
    return _marks(turn, max(least_ms, SHORTEST_MS), _PERHAPS_QUIET_DB)


def _marks(turn: Utterance, least_ms: float, quiet_db: float) -> tuple[int, ...]:
    known = _FOUND.setdefault(turn, {})
    if (least_ms, quiet_db) not in known:
        known[least_ms, quiet_db] = _found(turn, least_ms, quiet_db)
    return known[least_ms, quiet_db]


def _found(turn: Utterance, least_ms: float, quiet_db: float) -> tuple[int, ...]:
    try:
        speech = turn.speech
    except AudioError:  # a recording of silence or noise
        return ()
    if turn.samples is None or speech is None:
        return ()
    hop = RATE_HZ // 100
    sound = turn.samples[speech.start : speech.end] / FULL_SCALE
    frames = sound[: sound.size // hop * hop].reshape(-1, hop)
    levels = 10 * np.log10(np.maximum((frames**2).mean(axis=1), 1e-10))
    if levels.size == 0:
        return ()
    quiet = np.concatenate(([False], levels < np.percentile(levels, 90) - quiet_db, [False]))
    starts, ends = np.flatnonzero(quiet[1:] & ~quiet[:-1]), np.flatnonzero(~quiet[1:] & quiet[:-1])
    long = (ends - starts) * 10 >= least_ms
    return tuple(int(speech.start + start * hop + least_ms * RATE_HZ / 1000) for start in starts[long])
