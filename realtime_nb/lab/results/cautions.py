"""What readers of any answer about a sweep must know: how trials were run, and grades that are missing.

Owns these notes. Must not know statistics or tables.
"""

from __future__ import annotations

from .sweep_rows import SweepRows


def cautions(sweep: SweepRows) -> tuple[str, ...]:
    """Return notes on the pace of the sound, on speech that was not recognised, and on answers that were cut."""
    found = []
    if any(row.get("pacing") == "fast" for row in sweep.rows):
        found.append("Sound was sent as fast as the server took it, not at the pace of speech.")
    found += dict.fromkeys(str(row["recognition"]) for row in sweep.rows if row.get("recognition"))
    if cut := sum(row.get("truncated") is True for row in sweep.rows):
        found.append(f"{cut} answers were cut by max_output_tokens: they have no length and no total time.")
    return tuple(found)


def missing_grades(sweep: SweepRows) -> list[str]:
    """Return a note on each grader with missing grades; one that never returned a grade has no column in a table."""
    missing = sweep.missing_grades.items()
    return [f"{name} is missing in {count} of {len(sweep.rows)}: {why[:200]}" for name, (count, why) in missing]
