"""Which columns are compared or shown where none is named.

Owns these choices. Must not know statistics.
"""

from __future__ import annotations

from .metrics import FIRST, FIRST_TYPED, Metric
from .sweep_rows import SweepRows

_SHOWN = (FIRST, FIRST_TYPED, "total_ms", "words", "turn_taking", "cut_offs", "cost_usd")
# A judge says with its grade how sure it was and what it cost.
_ABOUT_A_GRADE = (".agreement", ".votes", ".cost_usd", ".replies")


def chosen_metric(sweep: SweepRows, name: str | None) -> Metric:
    """Return the metric of a column, or of `column=label`; for None the one that is compared where none is named."""
    return _default_metric(sweep) if name is None else sweep.metric(name)


def _default_metric(sweep: SweepRows) -> Metric:
    """Return the wait of a listener, or that for the first words where a variant answers without sound."""
    having: dict[str, set[str]] = {name: set() for name in (FIRST, FIRST_TYPED)}
    for row in sweep.rows:
        for name, variants in having.items():
            if row.get(name) is not None:
                variants.add(row["variant"])
    answering = {row["variant"] for row in sweep.rows if not row["failed"]}
    found = (name for name, variants in having.items() if variants and variants >= answering)
    return sweep.metric(next(found, "total_ms"))


def main_metrics(sweep: SweepRows) -> list[Metric]:
    """Return the columns of a summary: waits, all grades, length, turn-taking and cost."""
    shown = [name for name in _SHOWN if name in sweep.numbers]
    if FIRST in shown and FIRST_TYPED in shown:
        shown.remove(FIRST_TYPED)
    shown = [name for name in shown if name != "cut_offs" or any(row.get(name) for row in sweep.rows)]
    grades = [name for name in sweep.numbers if name in sweep.grades and not name.endswith(_ABOUT_A_GRADE)]
    shares = [name for name in sweep.shares if not name.partition("=")[0].endswith(_ABOUT_A_GRADE)]
    waits = [name for name in shown if name.endswith("_ms")]
    return [sweep.metric(name) for name in dict.fromkeys([*waits, *grades, *shares, *shown])]
