"""The table that results show of themselves: one line for each variant.

Owns its lines. Must not know files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from .answers import scope_notes, some_trials, summary_lines
from .html import Cell, Table
from .metrics import Metric
from .sweep_rows import SweepRows, key_of
from .words import estimate_words


def overview(sweep: SweepRows, metrics: Sequence[Metric], about: str, notes: Sequence[str]) -> Table:
    """Return the table of all variants.

    Args:
        sweep: the rows.
        metrics: the columns that are shown.
        about: what follows in the head: the cost, and what was not run.
        notes: below the table.
    """
    failed = Counter(key_of(row.get("variant")) for row in sweep.rows if row["failed"])
    counts = Counter(key_of(row.get("variant")) for row in sweep.rows)
    cells = {each.name: sweep.cells("variant", each.name) for each in metrics}
    lines: list[Sequence[Cell | str]] = []
    shown = []
    for key, name in sweep.names("variant").items():
        line = [Cell(name, head=True), Cell(str(counts[key]), number=True), Cell(str(failed[key]), number=True)]
        for each in metrics:
            trials = some_trials(cells[each.name][key])
            if trials is None:
                line.append(Cell("–", number=True))
                continue
            found = summary_lines(trials, each, 0.95)
            estimate = found["mean"] if each.kind == "count" else next(iter(found.values()))
            shown.append(estimate)
            title = f"{estimate.method}; {trials.n} utterances, {trials.n_trials} trials, {trials.missing} missing"
            # Failed trials have a column of their own; other missing values are said where they are.
            odd = f" ({trials.missing} missing)" if trials.missing not in (0, failed[key]) else ""
            # The column's name has the unit.
            line.append(Cell(estimate_words(estimate, with_unit=False) + odd, number=True, title=title))
        lines.append(line)
    trials_run = len({row["trial_id"] for row in sweep.rows})
    variants = len({row["variant"] for row in sweep.rows})
    caption = (
        f"{_many(trials_run, 'trial')}: {_many(len(sweep.units), 'utterance')}, {_many(variants, 'variant')}{about}"
    )
    head = [
        "variant",
        "turns" if len(sweep.rows) > trials_run else "trials",
        "failed",
        *(each.name for each in metrics),
    ]
    return caption, head, lines, [*notes, *scope_notes(shown)]


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
