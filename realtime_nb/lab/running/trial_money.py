"""The money of trials: what each reserves before it begins, and what it is granted while it runs.

Owns these amounts, and the lines about them on disk. Must not know sessions, or the order of trials.

A judge of answers costs money, too: the bound of its grades is reserved with the trial.

A trial whose runner asks reserves what its session needs to begin; the session asks before it may cost more. One that
is refused ends, and its money is lost: so a trial begins only where those under way can still have what trials of the
same kind have needed so far.
"""

from __future__ import annotations

from collections.abc import Sequence

from realtime_nb.client.replay.allowance import SessionUse
from realtime_nb.lab.grading.gradable import Grader
from realtime_nb.lab.keeping.spending_log import SpendingLog
from realtime_nb.lab.planning.budget import Budget, Fit, Reservation
from realtime_nb.lab.trial import Trial

_Kind = tuple[int, int]


class TrialMoney:
    """The money of one sweep.

    Args:
        budget: of the sweep.
        log: what trials cost, on disk.
        asks: whether the runner of trials asks for more while they run.
        graders: of the sweep; those that cost money are paid from the same budget.

    Raises:
        ConfigError: nothing bounds the cost of a grader.
    """

    def __init__(self, budget: Budget, log: SpendingLog, *, asks: bool, graders: Sequence[Grader] = ()) -> None:
        self._budget, self._log, self._asks = budget, log, asks
        self._usual_grades_usd = 0.0
        if budget.is_limited:
            self._usual_grades_usd = sum(each.bound_usd(None) for each in graders if each.bound_usd is not None)
        self._grades: dict[str, Reservation] = {}  # by trial
        self._needed: dict[_Kind, float] = {}  # the most that a trial of this kind has asked for
        self._refused: dict[_Kind, float] = {}  # the most that one was refused
        self._running: dict[Reservation, Trial] = {}

    @property
    def spent_usd(self) -> float:
        """What settled trials have cost."""
        return self._budget.spent_usd

    def first_usd(self, trial: Trial) -> float:
        """Return what a trial reserves before it begins."""
        if not self._asks or trial.first_usd is None:
            return trial.bound_usd or 0.0
        return max(trial.first_usd, self._refused.get(_kind(trial), 0.0))

    def needed_usd(self, trial: Trial) -> float:
        """Return what must be free for a trial to begin, its grades included."""
        return self.first_usd(trial) + self._grades_usd(trial)

    def fit(self, trial: Trial) -> Fit:
        """Return whether a trial fits now, may fit when others have settled, or never will."""
        return self._budget.fit(self.needed_usd(trial))

    def reserve(self, trial: Trial) -> Reservation | None:
        """Reserve what a trial needs to begin, and its grades; None where it does not fit now."""
        first, grades = self.first_usd(trial), self._grades_usd(trial)
        spare = 0.0 if trial.id in self._grades else grades
        if self._running and self._asks:
            spare += max(self._needed_usd(trial) - first, 0.0)
            for held, other in self._running.items():
                spare += max(self._needed_usd(other) - self._budget.reserved_for(held), 0.0)
        reservation = self._budget.reserve(first, spare_usd=spare)
        if reservation is not None:
            self._running[reservation] = trial
            if grades and trial.id not in self._grades and (apart := self._budget.reserve(grades)) is not None:
                self._grades[trial.id] = apart
        return reservation

    def begin(self, trial: Trial, reservation: Reservation) -> GrantedTrial:
        """Note on disk that an attempt begins, before it can cost anything."""
        number = self._log.begin(trial.id, self._budget.reserved_for(reservation))
        return GrantedTrial(self, trial, reservation, number)

    def end(self, granted: GrantedTrial, cost_usd: float | None) -> None:
        """Note on disk what an attempt cost; None: what was granted."""
        cost = self._budget.reserved_for(granted.reservation) if cost_usd is None else cost_usd
        self._log.end(granted.trial.id, granted.number, cost)

    def grades_of(self, trial: Trial) -> GradesMoney | None:
        """Return the money for the grades of a trial, once; None where no grade costs any."""
        held = self._grades.pop(trial.id, None)
        if held is None and self._usual_grades_usd:  # its trial is from an earlier run
            held = self._budget.reserve(0.0)
        return None if held is None else GradesMoney(self._budget, self._log, trial.id, held)

    def _grades_usd(self, trial: Trial) -> float:
        return 0.0 if trial.warmup else self._usual_grades_usd * len(trial.turns)

    def settle(self, reservation: Reservation, cost_usd: float | None) -> None:
        """As `Budget.settle`."""
        self._running.pop(reservation, None)
        self._budget.settle(reservation, cost_usd)

    def allows(self, granted: GrantedTrial, use: SessionUse) -> bool:
        """Reserve what a session can cost by its use; False where it does not fit."""
        trial = granted.trial
        if trial.bound is None:
            return True
        usd = trial.bound.usd(use)
        kind = _kind(trial)
        if use.needed:
            self._needed[kind] = max(usd, self._needed.get(kind, 0.0))
        if usd > self._budget.reserved_for(granted.reservation):
            self._log.grow(trial.id, granted.number, usd)  # before it can cost so much
        if self._budget.resize(granted.reservation, usd):
            return True
        self._log.grow(trial.id, granted.number, self._budget.reserved_for(granted.reservation))
        if use.needed:
            self._refused[kind] = max(usd, self._refused.get(kind, 0.0))
        return False

    def _needed_usd(self, trial: Trial) -> float:
        likely = trial.likely_usd if trial.likely_usd is not None else self.first_usd(trial)
        return self._needed.get(_kind(trial), likely)


class GrantedTrial:
    """One attempt at a trial, which asks for money while it runs; a `SpendingGuard`.

    Attributes:
        trial: that runs.
        reservation: its money.
        number: of the attempt, on disk.
    """

    def __init__(self, money: TrialMoney, trial: Trial, reservation: Reservation, number: str) -> None:
        self._money = money
        self.trial, self.reservation, self.number = trial, reservation, number

    def allows(self, use: SessionUse) -> bool:
        """Return whether the money suffices for what a session may use next."""
        return self._money.allows(self, use)


class GradesMoney:
    """The money for the grades of one trial.

    Attributes:
        reservation: of all of them.
        cost_usd: what those so far have cost.
    """

    def __init__(self, budget: Budget, log: SpendingLog, trial_id: str, reservation: Reservation) -> None:
        self._budget, self._log, self._trial_id = budget, log, trial_id
        self.reservation = reservation
        self.cost_usd = 0.0

    def begin(self, bound_usd: float) -> str | None:
        """Reserve the bound of a grade, and note it on disk; None where it does not fit."""
        needed = self.cost_usd + bound_usd
        enough = needed <= self._budget.reserved_for(self.reservation)
        if not enough and not self._budget.resize(self.reservation, needed):
            return None
        return self._log.begin(self._trial_id, bound_usd)

    def end(self, number: str, bound_usd: float, cost_usd: float | None) -> None:
        """Note what a grade cost; None: that is not known, and its bound counts."""
        cost = bound_usd if cost_usd is None else cost_usd
        self.cost_usd += cost
        self._log.end(self._trial_id, number, cost)


def _kind(trial: Trial) -> _Kind:
    return id(trial.said), id(trial.variant)
