"""Grades and ratings given after a run, kept beside it: one JSON line each, the last one for a trial counts.

Owns the two files, what may be a rating, and the columns that the lines become. Must not know graders, or how
trials are kept.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from realtime_nb.errors import ConfigError
from realtime_nb.lab.grading.run import LARGEST, Grade
from realtime_nb.lab.keeping.appended_lines import append_lines, read_lines
from realtime_nb.wire.realtime.validate import refuse_long_name

_GRADES = "grades.jsonl"
_RATINGS = "ratings.jsonl"


class TrialNotes:
    """Grades and ratings of trials.

    Args:
        folder: of the runs; None: nothing is kept.

    Attributes:
        graders: by name, what could change the grades: options, and versions of packages.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.graders: dict[str, str] = {}

    def write_into(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write what is kept into the rows of its trials."""
        self._write_grades(rows, self._read(_GRADES))
        ratings = {(each.get("trial_id"), each.get("turn")): each for each in self._read(_RATINGS)}
        for row in rows if ratings else ():
            if (found := ratings.get((row["trial_id"], row.get("turn")))) is not None:
                row.update(rating=found.get("value"), rating_note=found.get("note"))

    def graded(self) -> dict[tuple[str, str], str]:
        """Return by trial and name of the grader what could change the grades: those that are kept already.

        A grade for which the money did not suffice is not among them: a later run asks for it again.
        """
        found: dict[tuple[str, str], str] = {}
        for each in self._read(_GRADES):
            key = str(each.get("trial_id")), str(each.get("grader"))
            if each.get("unpaid"):
                found.pop(key, None)
            else:
                found[key] = str(each.get("about") or "")
        return found

    def add_grades(self, rows: Sequence[dict[str, Any]], lines: Sequence[Mapping[str, Any]]) -> None:
        """Keep grades, and write them into the rows of their trials.

        Args:
            rows: of the trials.
            lines: `trial_id`, `turn`, `grader`, `about`, and by column `values` and `reasons`.
        """
        self._add(_GRADES, lines)
        self._write_grades(rows, lines)

    def add_rating(self, row: dict[str, Any], value: float | bool | str, note: str) -> None:
        """Keep a rating given by hand, and write it into the row of its trial."""
        line = {"trial_id": row["trial_id"], "turn": row.get("turn"), "value": value, "note": note, "at": time.time()}
        self._add(_RATINGS, [line])
        row.update(rating=value, rating_note=note)

    def _write_grades(self, rows: Sequence[dict[str, Any]], lines: Iterable[Mapping[str, Any]]) -> None:
        by_turn = {(row["trial_id"], row.get("turn")): row for row in rows}
        for line in lines:
            row = by_turn.get((line.get("trial_id"), line.get("turn")))
            if row is None:
                continue
            grader = str(line.get("grader"))
            self.graders[grader] = str(line.get("about") or "")
            # The grades of this grader before may have had other keys.
            own = (f"{grader}.", f"{grader}_missing")
            for name in [name for name in row if name == grader or name.startswith(own)]:
                del row[name]
            row.update(line.get("values") or {})
            row.update({f"{name}_missing": reason for name, reason in (line.get("reasons") or {}).items()})

    def _add(self, name: str, lines: Sequence[Mapping[str, Any]]) -> None:
        if self._folder is not None:
            append_lines(self._folder / name, lines)

    def _read(self, name: str) -> Iterator[dict[str, Any]]:
        return iter(()) if self._folder is None else read_lines(self._folder / name)


def grade_line(row: Mapping[str, Any], grader: str, about: str, grade: Grade) -> dict[str, Any]:
    """Return the line that is kept of a grade.

    Args:
        row: of the trial.
        grader: its name.
        about: what could change its grades.
        grade: its values and reasons.
    """
    line = {"trial_id": row["trial_id"], "turn": row.get("turn"), "grader": grader, "about": about}
    return {**line, "values": dict(grade.values), "reasons": dict(grade.reasons)}


def check_rating(value: float | bool | str, note: str) -> None:
    """Refuse what is no rating; see `Results.rate`."""
    if not isinstance(value, (bool, int, float, str)) or value != value or value in (float("inf"), -float("inf")):
        raise ConfigError(f"value={value!r} must be a number, True or False, or a label")
    refuse_long_name("value", value)
    if isinstance(value, int) and abs(value) > LARGEST:
        raise ConfigError(f"value={value} is too large: a rating is between -2**53 and 2**53")
    if not isinstance(note, str):
        raise ConfigError(f"note={note!r} must be a text")
