"""Grades rows again, from what was kept: no call to the model.

Owns which rows are graded, and on which loop. Must not know how a grader is run, or where grades are kept.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from realtime_nb.errors import ConfigError
from realtime_nb.lab.grading.gradable import RENAME_GRADER, Grader, as_grader
from realtime_nb.lab.grading.run import Grade, grade
from realtime_nb.lab.grading.trial_view import TrialView

from .trial_notes import grade_line


def checked_graders(graders: Iterable[Any], taken: Iterable[str]) -> tuple[Grader, ...]:
    """Return functions as graders.

    Raises:
        ConfigError: no grader, one that cannot be called, two of one name, or one with the name of a measured column.
    """
    made = []
    for each in graders:
        if not callable(each):
            raise ConfigError(f"{each!r} is no grader: give a function that takes a trial")
        made.append(as_grader(each))
    if not made:
        raise ConfigError("grade() needs at least one grader: a function that takes a trial")
    names = [each.name for each in made]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"two graders are named {name!r}, and their columns: {RENAME_GRADER}")
        if name in set(taken):
            raise ConfigError(f"a grader named {name!r} would overwrite the column of that name: give it another name")
    return tuple(made)


def graded(
    graders: Sequence[Grader], trials: Sequence[TrialView], *, timeout_s: float, at_once: int
) -> list[dict[str, Grade]]:
    """Return the grades of trials by the name of the grader.

    It runs on a loop of its own in another thread: a cell's loop is running already. An interrupt ends the wait.
    """
    results: list[dict[str, Grade]] = []
    errors: list[BaseException] = []
    loop = asyncio.new_event_loop()

    async def one(grader: Grader, trial: TrialView, places: asyncio.Semaphore) -> Grade:
        if trial.row.get("error") is not None:
            reason = f"the trial failed: {trial.row['error']}"[:200]
            return Grade({grader.name: None}, {grader.name: reason})
        async with places:
            return await grade(grader, trial, timeout_s=timeout_s)

    async def every() -> None:
        places = asyncio.Semaphore(at_once)
        found = await asyncio.gather(*(one(grader, trial, places) for trial in trials for grader in graders))
        for first in range(0, len(found), len(graders)):
            names = (grader.name for grader in graders)
            results.append(dict(zip(names, found[first : first + len(graders)], strict=True)))

    def run() -> None:
        try:
            loop.run_until_complete(every())
        except BaseException as error:
            errors.append(error)
        finally:
            loop.close()

    thread = threading.Thread(target=run, name="realtime_nb grades", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.2)  # a join without a limit could not be interrupted on every platform
    except BaseException:
        _cancel_all(loop)
        raise
    if errors:
        raise errors[0]
    return results


def grade_lines(
    rows: Sequence[Mapping[str, Any]], graders: Sequence[Grader], grades: Sequence[Mapping[str, Grade]]
) -> list[dict[str, Any]]:
    """Return the grades of rows as the lines that are kept of them."""
    return [
        grade_line(row, grader.name, grader.about, found[grader.name])
        for row, found in zip(rows, grades, strict=True)
        for grader in graders
    ]


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    def cancel() -> None:
        for task in asyncio.all_tasks(loop):
            task.cancel()

    _quietly(lambda: loop.call_soon_threadsafe(cancel))


def _quietly(call: Callable[[], Any]) -> None:
    try:
        call()
    except RuntimeError:  # the loop is closed: it ended in this moment
        return
