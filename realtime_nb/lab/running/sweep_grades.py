"""Grades the trials of a sweep as they end, so many at a time, as long as the money suffices.

Owns which rows get a grade. Must not know sessions, or when a trial ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from realtime_nb.lab.grading.gradable import Grader
from realtime_nb.lab.grading.run import Grade, grade
from realtime_nb.lab.grading.trial_view import TrialView
from realtime_nb.lab.keeping.run_folder import RunFolder
from realtime_nb.lab.results.trial_notes import grade_line
from realtime_nb.lab.running.sweep_options import SweepOptions
from realtime_nb.lab.running.trial_money import GradesMoney
from realtime_nb.lab.trial import Row

_AT_ONCE = 32


class SweepGrades:
    """The grading of one sweep.

    Args:
        folder: has the sound of the trials.
        options: of the sweep.
    """

    def __init__(self, folder: RunFolder, options: SweepOptions) -> None:
        self._folder, self._options = folder, options
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def lines(
        self, trial_id: str, rows: Sequence[Row], graders: Sequence[Grader], money: GradesMoney | None
    ) -> list[dict[str, Any]]:
        """Return the grades of a trial as the lines that are kept of them.

        Args:
            trial_id: of the trial.
            rows: of its user turns.
            graders: grade each of them, one after the other.
            money: that is set aside for the grades; None: there is no limit.
        """
        lines = []
        for turn, row in enumerate(rows):
            for grader in graders:
                found = await self._grade_row(grader, row, trial_id, turn, money)
                unpaid = {"unpaid": True} if found is None else {}
                found = found or Grade({grader.name: None}, {grader.name: self._unpaid_words()})
                lines.append(grade_line(row, grader.name, grader.about, found) | unpaid)
        return lines

    async def _grade_row(
        self, grader: Grader, row: Row, trial_id: str, turn: int, money: GradesMoney | None
    ) -> Grade | None:
        """Return a grade; None where the money does not suffice for it."""
        if row.get("error") is not None:
            return Grade({grader.name: None}, {grader.name: f"the trial failed: {row['error']}"[:200]})
        view = TrialView(dict(row), lambda: self._folder.sound(trial_id, turn))
        async with self._places:
            if money is None or grader.bound_usd is None:
                return await grade(grader, view, timeout_s=self._options.grade_timeout_s)
            bound = grader.bound_usd(view)
            number = money.begin(bound)
            if number is None:
                return None
            found = await grade(grader, view, timeout_s=self._options.grade_timeout_s)
            cost = found.values.get(f"{grader.name}.cost_usd")
            money.end(number, bound, float(cost) if isinstance(cost, (int, float)) else None)
            return found

    def _unpaid_words(self) -> str:
        return f"budget_usd={self._options.budget_usd:g} does not suffice for this grade: results.grade(...) makes it"
