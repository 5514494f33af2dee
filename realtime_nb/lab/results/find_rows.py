"""Finds the rows that a user means: of one trial by its id, and of one utterance.

Owns how ids and labels may be shortened, and the refusals. Must not know what is made of the rows.
"""

from __future__ import annotations

from typing import Any

from realtime_nb.client.utterance import Utterance
from realtime_nb.errors import ConfigError
from realtime_nb.wire.realtime.validate import nearest

from .sweep_rows import SweepRows


def row_of_trial(sweep: SweepRows, trial_id: str, turn: int | None) -> dict[str, Any]:
    """Return the row of a trial by its id, or by the beginning of it; see `Results.trial`."""
    found = [row for row in sweep.rows if str(row["trial_id"]) == trial_id] if isinstance(trial_id, str) else []
    if not found and isinstance(trial_id, str) and trial_id:
        found = [row for row in sweep.rows if str(row["trial_id"]).startswith(trial_id)]
    if turn is not None:
        found = [row for row in found if row.get("turn") == turn]
    if len(found) == 1:
        return found[0]
    if not found:
        raise ConfigError(f"there is no trial {trial_id!r} in these results: see the column 'trial_id'")
    if len({row["trial_id"] for row in found}) > 1:
        raise ConfigError(f"{len(found)} trials begin with {trial_id!r}: give more of the id")
    raise ConfigError(f"the trial {trial_id!r} has {len(found)} user turns: say turn=0 to turn={len(found) - 1}")


def rows_of_utterance(sweep: SweepRows, utterance: Any, repeat: int) -> dict[str, dict[str, Any]]:
    """Return the row of each variant for one utterance, in the order of the variants; see `Results.timeline`."""
    labels = list(dict.fromkeys(str(row["utterance"]) for row in sweep.rows))
    if utterance is None:
        spoken = (str(row["utterance"]) for row in sweep.rows if row.get("speech_end_to_committed_ms") is not None)
        label: str | None = next(spoken, labels[0])
    elif isinstance(utterance, Utterance):
        hashes = {str(row["utterance"]): (row["utterance_hash"], row.get("sound_hash")) for row in sweep.rows}
        label = next((name for name, own in hashes.items() if utterance.hash in own), None)
    else:
        # The label of a long sentence is its beginning: the whole one names the recording, too.
        said = (str(row["utterance"]) for row in sweep.rows if utterance is not None and row.get("said") == utterance)
        label = utterance if utterance in labels else next(said, None)
    if label is None:
        shown = getattr(utterance, "label", utterance)
        known = ", ".join(map(repr, labels[:12])) + (", …" if len(labels) > 12 else "")
        raise ConfigError(f"{shown!r} was not said in these trials.{nearest(str(shown), labels)} There are: {known}")
    by_variant = sweep.rows_by("variant")
    found = {
        name: row
        for key, name in sweep.names("variant").items()
        for row in by_variant[key]
        if row["utterance"] == label and row.get("repeat") == repeat
    }
    if not found:
        raise ConfigError(f"repeat={repeat!r} of {label!r} was not run: repeats count from 0")
    return found
