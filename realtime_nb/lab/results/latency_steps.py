"""The steps between the end of speech and the first sound of an answer.

Owns which columns are steps, and when each value of a setting reaches them. Must not know figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from realtime_nb.errors import ConfigError

from .sweep_rows import SweepRows

STEPS = {
    "speech_end_to_stopped_ms": "end of speech noticed",
    "speech_end_to_committed_ms": "turn committed",
    "speech_end_to_response_ms": "response begun",
    "speech_end_to_first_text_ms": "first text",
    "speech_end_to_first_audio_ms": "first sound received",
    "speech_end_to_first_audible_ms": "first sound audible",
}
"""By column, in the order of time, what has happened at its end."""

_TEXT = "speech_end_to_first_text_ms"
_SOUND = ("speech_end_to_first_audio_ms", "speech_end_to_first_audible_ms")


@dataclass(frozen=True)
class LatencySteps:
    """When the trials of one value of a setting reach each step.

    Attributes:
        name: of the value.
        at_ms: by column, the median time after the end of speech, over the same trials.
        trials: so many have all of these steps.
        others: so many lack one.
    """

    name: str
    at_ms: dict[str, float]
    trials: int
    others: int


def latency_steps(sweep: SweepRows, setting: str) -> list[LatencySteps]:
    """Return the steps of each value of a setting; a value without any is left out.

    The medians are of trials that reached every step which most trials of the value reached: so they are in order.

    Raises:
        ConfigError: no trial has a step.
    """
    found = []
    by_value = sweep.rows_by(setting)
    for key, name in sweep.names(setting).items():
        rows = by_value[key]
        reached = [column for column in STEPS if 2 * sum(row.get(column) is not None for row in rows) > len(rows)]
        if any(column in reached for column in _SOUND) and _TEXT in reached:
            reached.remove(_TEXT)  # the transcript of sound arrives beside it: no step on the way
        whole = [row for row in rows if all(row.get(column) is not None for column in reached)]
        if not reached or not whole:
            continue
        times = np.array([[float(row[column]) for column in reached] for row in whole])
        # The server may notice the end a little before the recording's, and never before the step that came first.
        middle = np.maximum.accumulate(np.maximum(np.median(times, axis=0), 0.0))
        at_ms = {column: float(at) for column, at in zip(reached, middle, strict=True)}
        found.append(LatencySteps(name, at_ms, len(whole), len(rows) - len(whole)))
    if not found:
        raise ConfigError("no trial reached a step after the end of speech; the column 'error' says why")
    return found


def columns_of(steps: Sequence[LatencySteps]) -> list[str]:
    """Return the columns that any of them reached, in the order of time."""
    return [column for column in STEPS if any(column in each.at_ms for each in steps)]
