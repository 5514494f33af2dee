"""`sweep`: runs trials in their order, so many at a time, within limits of money and time, and keeps each as it ends.

Owns which trial begins when, repetition, and why a sweep ended. Must not know how a trial is run (`executor.py`), or
the form of files (`keeping`).

A trial is tried again where its session failed for a passing reason (refused with a 429 or a 5xx, no connection) before
the server may have begun an answer: after the time that the server asked for, else after 1, 2, 4... seconds. A trial
whose worker was lost is tried again, too, and what it may have cost is counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from realtime_nb.errors import BudgetError, ConfigError
from realtime_nb.lab.grading.gradable import Grader
from realtime_nb.lab.keeping.run_folder import RunFolder
from realtime_nb.lab.keeping.spending_log import SpendingLog
from realtime_nb.lab.planning.budget import Budget, Reservation
from realtime_nb.lab.results.trial_notes import TrialNotes
from realtime_nb.lab.running.executor import ExecutorFailed, ExecutorRunner, HereRunner, TrialRunner
from realtime_nb.lab.running.progress import SweepProgress
from realtime_nb.lab.running.run_trial import longest_s
from realtime_nb.lab.running.sweep_grades import SweepGrades
from realtime_nb.lab.running.sweep_options import SweepOptions
from realtime_nb.lab.running.trial_money import TrialMoney
from realtime_nb.lab.trial import Row, Trial, TrialOutcome, TrialSetup, with_columns

_log = logging.getLogger(__name__)

EndReason = Literal["done", "budget", "minutes", "early", "executor", "prices", "disk"]
Look: TypeAlias = "Callable[[int, Sequence[Row]], str | None]"
"""From the number of complete rounds and all rows so far: why the sweep may stop, or None."""

WARM_S = 600.0
"""So long a warm-up holds: a sweep that goes on later warms up again."""
_FIRST_WAIT_S = 1.0
_LAST_WAIT_S = 30.0
_GIVE_UP_S = 3.0
"""After an interruption, sessions have so long to close."""


@dataclass(frozen=True)
class SweepEnd:
    """How a sweep ended.

    Attributes:
        reason: `"done"`: every trial has a row. `"budget"`, `"minutes"`: the rest could exceed that limit. `"early"`:
            the comparisons are decided. `"executor"`: it can run nothing any more. `"prices"`: a trial cost more than
            its bound. `"disk"`: a trial could not be kept.
        words: the same for people; empty for `"done"`.
        ran: trials that this sweep ran, warm-up trials included.
        cached: trials that were there before.
        not_run: trials of the plan that have no row.
        spent_usd: what was spent, earlier runs of the same trials included.
        cut: trials whose row has the error that the budget ended them; a run with more money runs them again.
    """

    reason: EndReason
    words: str
    ran: int
    cached: int
    not_run: int
    spent_usd: float
    cut: int = 0


async def sweep(
    trials: Sequence[Trial],
    setup: TrialSetup,
    folder: RunFolder,
    options: SweepOptions | None = None,
    *,
    graders: Sequence[Grader] = (),
    executor: Executor | None = None,
    runner: TrialRunner | None = None,
    on_progress: Callable[[SweepProgress], object] | None = None,
    look: Look | None = None,
) -> SweepEnd:
    """Run all trials that the folder does not have.

    A cancellation ends it: sessions under way are closed, and what has ended is kept. On the sweep's loop runs nothing
    but sessions: call it with `on_own_loop`.

    Args:
        trials: in the order in which they begin; warm-up trials first.
        setup: what they have in common.
        folder: open for writing.
        options: limits.
        graders: grade each trial as it ends, in this process; their grades are kept with the run.
        executor: runs the trials; None: this loop.
        runner: runs the trials instead of both, for simulations.
        on_progress: called on this loop.
        look: called in a thread after each complete round.

    Raises:
        ConfigError: a key that would travel, or a trial without a bound in a sweep with a budget. BudgetError: not one
            trial fits into the budget or the time.
    """
    options = options or SweepOptions()
    if runner is None:
        variants = {id(trial.variant): trial.variant for trial in trials}.values()
        runner = (
            HereRunner(setup) if executor is None else ExecutorRunner(executor, setup, variants, options.concurrency)
        )
    return await _Sweep(trials, setup, folder, options, graders, runner, on_progress, look).run()


@dataclass
class _State:
    """What a sweep has done so far."""

    rows: dict[str, tuple[Row, ...]] = field(default_factory=dict)
    complete: set[str] = field(default_factory=set)
    ran: int = 0
    cached: int = 0
    done: int = 0
    failed: int = 0
    retries: int = 0
    looked: int = 0
    end: tuple[EndReason, str] | None = None
    not_before: float = 0.0
    cut: int = 0


class _Sweep:
    """One sweep. Arguments as for `sweep`."""

    def __init__(
        self,
        trials: Sequence[Trial],
        setup: TrialSetup,
        folder: RunFolder,
        options: SweepOptions,
        graders: Sequence[Grader],
        runner: TrialRunner,
        on_progress: Callable[[SweepProgress], object] | None,
        look: Look | None,
    ) -> None:
        self._trials, self._setup, self._folder, self._options = trials, setup, folder, options
        self._graders, self._on_progress, self._look = tuple(graders), on_progress, look
        self._runner = runner
        twice = len(trials) - len({trial.id for trial in trials})
        if twice:
            raise ConfigError(f"{twice} trials have the id of another one: they would be one measurement counted twice")
        if options.budget_usd is not None:
            unbound = next((trial for trial in trials if trial.bound_usd is None), None)
            if unbound is not None:
                raise ConfigError(
                    f"a trial of {unbound.variant.name!r} has no bound of its cost, so that budget_usd="
                    f"{options.budget_usd!r} cannot be kept: give prices=, or budget_usd=None for no limit"
                )
        self._spending = SpendingLog(folder.path)
        budget = Budget(options.budget_usd, spent_usd=self._spending.spent_usd({trial.id for trial in trials}))
        self._asks = runner.asks and options.budget_usd is not None
        self._money = TrialMoney(budget, self._spending, asks=self._asks, graders=self._graders)
        self._notes = TrialNotes(folder.path)
        self._state = _State()
        self._disk = asyncio.Lock()
        self._begun_at = time.monotonic()
        minutes = options.max_minutes
        self._ends_at = math.inf if minutes is None else self._begun_at + 60 * minutes
        self._running: set[asyncio.Task[None]] = set()
        self._grading: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._grades = SweepGrades(folder, options)
        self._total = sum(not trial.warmup for trial in trials)

    async def run(self) -> SweepEnd:
        try:
            return await self._run()
        finally:
            tasks = self._running | self._grading
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=_GIVE_UP_S)
            self._spending.close()

    async def _run(self) -> SweepEnd:
        said = {turn.hash: turn for trial in self._trials for turn in trial.turns}
        await asyncio.to_thread(self._folder.keep_said, list(said.values()))
        graded = await asyncio.to_thread(self._notes.graded)
        wanted = [trial for trial in self._trials if not self._take_kept(trial, graded)]
        self._notes.write_into([row for rows in self._state.rows.values() for row in rows])
        self._refuse_hopeless(wanted)
        self._report()
        await self._run_all([trial for trial in wanted if trial.warmup])
        await self._run_all([trial for trial in wanted if not trial.warmup])
        while self._grading:
            await asyncio.wait(self._grading)
        self._report()
        return self._ended()

    def _ended(self) -> SweepEnd:
        state = self._state
        not_run = sum(not trial.warmup and trial.id not in state.rows for trial in self._trials)
        reason, words = state.end if state.end is not None else ("done", "")
        if not not_run and not state.cut and reason in ("budget", "minutes"):
            reason, words = "done", ""
        return SweepEnd(reason, words, state.ran, state.cached, not_run, self._money.spent_usd, state.cut)

    # What the folder has

    def _take_kept(self, trial: Trial, grades: Mapping[tuple[str, str], str]) -> bool:
        """Use the kept rows of a trial; return whether it need not run."""
        rows = self._folder.trials.get(trial.id)
        if not rows or not is_final(rows, trial):
            return False
        self._have(trial, tuple({**row, "cached": True} for row in rows))
        if trial.warmup:
            return True
        self._state.cached += 1
        missing = [each for each in self._graders if grades.get((trial.id, each.name)) != each.about]
        self._grade_later(trial, missing)
        return True

    # Which trial begins when

    def _refuse_hopeless(self, wanted: Sequence[Trial]) -> None:
        """Raise where not one trial can begin, and none was run before."""
        if not wanted or self._state.cached:
            return
        budget, minutes = self._options.budget_usd, self._options.max_minutes
        if budget is not None and all(self._money.fit(trial) == "never" for trial in wanted):
            bound = min(self._money.needed_usd(trial) for trial in wanted)
            spent = f", of which ${self._money.spent_usd:.4f} is spent" if self._money.spent_usd else ""
            raise BudgetError(
                f"budget_usd={budget:g}{spent} is below the ${bound:.4f} that one trial may cost: raise it, or lower "
                "max_output_tokens, limit_s or max_responses",
                limit="budget_usd",
                value=budget,
                used=self._money.spent_usd,
            )
        shortest = min(self._longest_s(trial) for trial in wanted)
        if minutes is not None and shortest > 60 * minutes:
            raise BudgetError(
                f"max_minutes={minutes:g} is below the {shortest / 60:.1f} minutes that one trial may take: raise it, "
                "or lower limit_s",
                limit="max_minutes",
                value=minutes,
                used=0.0,
            )

    def _longest_s(self, trial: Trial) -> float:
        return longest_s(trial, self._setup.options)

    async def _run_all(self, trials: Sequence[Trial]) -> None:
        """Begin the trials in their order, and return when all have ended that could begin."""
        waiting = list(trials)
        while True:
            self._news.clear()
            pause_s = max(0.0, self._state.not_before - time.monotonic())
            while waiting and not pause_s and len(self._running) < self._options.concurrency:
                begun = self._begin_next(waiting)
                if begun is None:
                    break
                task = asyncio.create_task(self._run_trial(*begun))
                self._running.add(task)
                task.add_done_callback(self._on_end)
                self._report()
            if not self._running and not (waiting and (pause_s or self._grading)):
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s or None):
                    await self._news.wait()

    def _begin_next(self, waiting: list[Trial]) -> tuple[Trial, Reservation] | None:
        """Take the first trial that fits now out of `waiting`, and reserve its bound; None where none fits now."""
        if self._state.end is not None and self._state.end[0] not in ("budget", "minutes"):
            waiting.clear()
        while waiting:
            trial = waiting[0]
            if time.monotonic() + self._longest_s(trial) > self._ends_at:
                self._skip(waiting, "minutes", f"max_minutes={self._options.max_minutes:g} leaves no time for the rest")
                continue
            reservation = self._money.reserve(trial)
            if reservation is not None:
                return waiting.pop(0), reservation
            if self._money.fit(trial) != "never":
                return None  # it may fit when another has settled below its bound: the order stays as it was drawn
            spent, needed = self._money.spent_usd, self._money.needed_usd(trial)
            words = f"${spent:.4g} of budget_usd={self._options.budget_usd:g} is spent, and one more trial could cost "
            self._skip(waiting, "budget", f"{words}${needed:.4g}")
        return None

    def _skip(self, waiting: list[Trial], reason: EndReason, words: str) -> None:
        del waiting[0]  # a cheaper or shorter one behind it may fit
        self._state.end = self._state.end or (reason, words)

    def _on_end(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._news.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a trial of a sweep failed in this package's own code", exc_info=error)
            self._stop("disk" if isinstance(error, OSError) else "executor", f"{type(error).__name__}: {error}")
        self._report()

    def _stop(self, reason: EndReason, words: str) -> None:
        """Begin no further trial; those under way end."""
        if self._state.end is None or self._state.end[0] in ("budget", "minutes"):
            self._state.end = (reason, words)
        self._news.set()

    # One trial

    async def _run_trial(self, trial: Trial, reservation: Reservation) -> None:
        errors: list[str] = []
        while True:
            outcome, reservation_left = await self._attempt(trial, reservation)
            if outcome is None:
                return
            wait_s = self._wait_before_next(trial, outcome, len(errors))
            if wait_s is not None and reservation_left is None:
                # Its worker was lost, and what it may have cost is spent: the repetition needs money of its own.
                reservation_left = self._money.reserve(trial)
            if wait_s is None or reservation_left is None:
                break
            reservation = reservation_left
            errors.append(outcome.error or "")
            self._state.retries += 1
            try:
                await asyncio.sleep(wait_s)
            except asyncio.CancelledError:
                self._settle(reservation, 0.0)
                raise
        if reservation_left is not None:
            self._settle(reservation_left, 0.0)
        columns: Row = {"attempts": len(errors) + 1, "earlier_errors": "; ".join(errors) or None}
        if outcome.by_budget:
            limit = f"budget_usd={self._options.budget_usd:g}"
            self._state.end = self._state.end or ("budget", f"{limit} did not suffice for the rest of a trial")
            self._state.cut += not trial.warmup
        # A later run, with more money, runs a trial again that the budget ended.
        columns["retryable"] = outcome.retryable or outcome.by_budget
        await self._keep(trial, with_columns(outcome, **columns))

    async def _attempt(
        self, trial: Trial, reservation: Reservation
    ) -> tuple[TrialOutcome | None, Reservation | None]:  # fmt: skip
        """Run one attempt, and settle what it cost; an attempt without cost leaves its reservation."""
        granted = self._money.begin(trial, reservation)
        try:
            outcome = await self._runner.run(trial, granted if self._asks else None)
        except ExecutorFailed as error:
            self._settle(reservation, None)
            self._stop("executor", str(error))
            return None, None
        except BaseException:
            # Interrupted: what it cost is not known, here and in the file.
            self._settle(reservation, None)
            raise
        cost = outcome.attempt.cost_usd
        self._money.end(granted, cost)
        if not outcome.attempt.billed and not cost:
            return outcome, reservation
        self._settle(reservation, cost)
        return outcome, None

    def _settle(self, reservation: Reservation, cost_usd: float | None) -> None:
        try:
            # Without a budget a trial may have no bound; its cost counts all the same.
            self._money.settle(reservation, cost_usd)
        except BudgetError as error:
            if self._options.budget_usd is not None:
                self._stop("prices", str(error))

    def _wait_before_next(self, trial: Trial, outcome: TrialOutcome, tried: int) -> float | None:
        """Return how long to wait before another attempt; None where there is none."""
        if outcome.error is None or not outcome.retryable or tried >= self._options.retries:
            return None
        if self._state.end is not None and self._state.end[0] not in ("budget", "minutes"):
            return None
        asked = outcome.retry_after_s
        # A server that asks for an hour would hold the sweep: the trial is a row with its error.
        if asked is not None and asked > self._setup.options.limit_s:
            return None
        wait_s = min(_FIRST_WAIT_S * 2**tried, _LAST_WAIT_S) if asked is None else max(asked, 0.0)
        if time.monotonic() + wait_s + self._longest_s(trial) > self._ends_at:
            return None
        if asked is not None:  # it is about the rate of all sessions
            self._state.not_before = max(self._state.not_before, time.monotonic() + wait_s)
        return wait_s

    # What is kept

    async def _keep(self, trial: Trial, outcome: TrialOutcome) -> None:
        async def write() -> None:
            async with self._disk:
                await asyncio.to_thread(self._folder.keep, trial.id, outcome.rows, outcome.record)

        # An interruption must not tear a trial that has ended: it is written, and then the interruption goes on.
        writing = asyncio.ensure_future(write())
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            raise
        self._have(trial, outcome.rows)
        self._state.ran += 1
        if not trial.warmup:
            self._grade_later(trial, self._graders)

    def _have(self, trial: Trial, rows: tuple[Row, ...]) -> None:
        self._state.rows[trial.id] = rows
        if not trial.warmup:
            self._state.done += 1
            self._state.failed += any(row.get("error") is not None for row in rows)

    def _grade_later(self, trial: Trial, graders: Sequence[Grader]) -> None:
        """Grade a trial beside the sessions: a grader that takes long holds no session's place."""
        task = asyncio.create_task(self._grade(trial, graders))
        self._grading.add(task)
        task.add_done_callback(self._on_graded)

    def _on_graded(self, task: asyncio.Task[None]) -> None:
        self._grading.discard(task)
        self._news.set()  # the money that its grades did not use may let another trial begin
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("grades could not be kept", exc_info=error)
            self._stop("disk", f"{type(error).__name__}: {error}")

    async def _grade(self, trial: Trial, graders: Sequence[Grader]) -> None:
        rows = self._state.rows[trial.id]
        money = self._money.grades_of(trial)
        try:
            lines = await self._grades.lines(trial.id, rows, graders, money)
        finally:
            if money is not None:
                self._settle(money.reservation, money.cost_usd)
        if lines:
            async with self._disk:
                await asyncio.to_thread(self._notes.add_grades, rows, lines)
        self._state.complete.add(trial.id)
        await self._look_at_rounds()

    async def _look_at_rounds(self) -> None:
        """Let `look` decide after each round whose trials are all there."""
        if self._look is None or self._state.end is not None:
            return
        rounds = 0
        while True:
            ids = [trial.id for trial in self._trials if not trial.warmup and trial.repeat == rounds]
            if not ids or not self._state.complete.issuperset(ids):
                break
            rounds += 1
        if rounds <= self._state.looked:
            return
        self._state.looked = rounds
        rows = [dict(row) for trial in self._trials if not trial.warmup for row in self._state.rows.get(trial.id, ())]
        why = await asyncio.to_thread(self._look, rounds, rows)
        if why is not None:
            self._stop("early", why)

    def _report(self) -> None:
        if self._on_progress is None:
            return
        state = self._state
        self._on_progress(
            SweepProgress(
                total=self._total,
                done=state.done,
                cached=state.cached,
                failed=state.failed,
                running=len(self._running),
                retries=state.retries,
                spent_usd=self._money.spent_usd,
                elapsed_s=time.monotonic() - self._begun_at,
            )
        )


def is_final(rows: Sequence[Mapping[str, Any]], trial: Trial) -> bool:
    """Return whether kept rows stand: a session that failed at no cost is no measurement, and is run again."""
    if any(row.get("error") is not None and row.get("retryable") for row in rows):
        return False
    return not trial.warmup or time.time() - float(rows[0].get("started_at") or 0.0) < WARM_S
