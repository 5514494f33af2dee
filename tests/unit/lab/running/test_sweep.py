"""A sweep's limits with trials whose cost and length are simulated: money, time, order, repetition, interruption."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from realtime_nb.client.replay.allowance import SessionUse
from realtime_nb.client.replay.options import ReplayOptions
from realtime_nb.client.replay.trace import ReplayRecord
from realtime_nb.client.utterance import Utterance
from realtime_nb.client.variant import Variant
from realtime_nb.conversation.prices import Prices, response_cost_usd
from realtime_nb.conversation.usage import from_response
from realtime_nb.errors import BudgetError, ConfigError
from realtime_nb.lab.grading.gradable import Grader
from realtime_nb.lab.keeping.run_folder import RunFolder
from realtime_nb.lab.keeping.spending_log import SpendingLog
from realtime_nb.lab.planning.price_bound import CostBound
from realtime_nb.lab.running.executor import ExecutorFailed
from realtime_nb.lab.running.progress import SweepProgress
from realtime_nb.lab.running.sweep import SweepEnd, sweep
from realtime_nb.lab.running.sweep_options import SweepOptions
from realtime_nb.lab.trial import Trial, TrialOutcome, TrialSetup, outcome_of
from realtime_nb.wire.realtime.response import OutputTokens, ResponseUsage

_SETUP = TrialSetup(options=ReplayOptions(limit_s=5.0, open_timeout_s=1.0))
_VARIANTS = [Variant("brief", {"instructions": "Be brief."}), Variant("kind", {"instructions": "Be kind."})]
_SAID = Utterance("What is the time?")


def _trials(count: int, bound_usd: float | Callable[[int], float] | None = None, warmups: int = 0) -> list[Trial]:
    def bound(number: int) -> float | None:
        return bound_usd(number) if callable(bound_usd) else bound_usd

    made = []
    for number in range(count + warmups):
        place = number - warmups
        trial_id = f"trial{place}" if place >= 0 else f"warmup{number}"
        variant, repeat = _VARIANTS[place % 2], max(place, 0) // 2
        made.append(Trial(trial_id, _SAID, variant, repeat, place, place < 0, bound(number)))
    return made


class _Simulated:
    """Runs trials that take a few turns of the loop and cost what `cost` says."""

    asks = False

    def __init__(self, cost: Callable[[Trial], float] = lambda trial: 0.0, ends: Any = None) -> None:
        self.cost, self.ends = cost, ends
        self.begun: list[str] = []
        self.spent = self.at_risk = self.worst = 0.0
        self.at_once = self.most_at_once = 0
        self._random = random.Random(1)

    async def run(self, trial: Trial, guard: Any = None) -> TrialOutcome:
        self.begun.append(trial.id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.at_risk += trial.bound_usd or 0.0
        self.worst = max(self.worst, self.spent + self.at_risk)
        try:
            for _ in range(self._random.randrange(1, 6)):
                await asyncio.sleep(0)
            outcome = None if self.ends is None else await self.ends(trial, self.begun.count(trial.id))
        finally:
            self.at_once -= 1
            self.at_risk -= trial.bound_usd or 0.0
        if outcome is None:
            outcome = outcome_of(trial, ReplayRecord(turns=(), billed=True, started_at=time.time()), _SETUP)
            outcome = replace(outcome, attempt=replace(outcome.attempt, cost_usd=self.cost(trial)))
            outcome = replace(outcome, rows=tuple({**row, "error": None} for row in outcome.rows))
            self.spent += self.cost(trial)
        return outcome


def _failed(
    trial: Trial, error: str, *, retryable: bool, after_s: float | None = None, billed: bool = False
) -> TrialOutcome:
    record = ReplayRecord(turns=(), error=error, retryable=retryable, retry_after_s=after_s, billed=billed)
    return outcome_of(trial, record, _SETUP)


async def _run(folder: Path, trials: list[Trial], runner: Any, **options: Any) -> SweepEnd:
    further = {name: options.pop(name) for name in ("graders", "on_progress", "look") if name in options}
    with RunFolder(folder, write=True) as kept:
        return await sweep(trials, _SETUP, kept, SweepOptions(**options), runner=runner, **further)


def _grades(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "grades.jsonl").read_text().splitlines()]


async def budget_plan(seed: int, folder: Path) -> dict[str, Any]:
    """Run a random plan with a budget; return what was spent, and the most that was ever at risk."""
    rng = random.Random(seed)
    typical = rng.uniform(0.001, 0.05)
    bounds = [typical * rng.uniform(0.5, 1.5) for _ in range(160)]
    costs = {f"trial{place}": bound * rng.uniform(0.05, 1) for place, bound in enumerate(bounds)}
    budget = typical * rng.uniform(16, 40)
    runner = _Simulated(lambda trial: costs[trial.id])
    end = await _run(folder, _trials(160, lambda n: bounds[n]), runner, budget_usd=budget, concurrency=8)
    assert runner.worst <= budget  # spent, and everything that the trials under way might still cost
    assert end.spent_usd <= budget
    assert end.spent_usd == pytest.approx(runner.spent, abs=1e-6)
    assert runner.most_at_once <= 8
    if end.not_run:
        assert end.reason == "budget"
        assert runner.spent >= 0.9 * budget
    return {"used": runner.spent / budget, "at_risk": runner.worst / budget, "not_run": end.not_run}


@pytest.mark.parametrize("seed", range(12))  # `python -m tests.bench.lab_budget` runs a hundred
async def test_budget_is_never_exceeded_and_nearly_used(seed: int, tmp_path: Path) -> None:
    await budget_plan(seed, tmp_path / "f")


_BOUND = CostBound(
    Prices(text_in=4, text_out=16, audio_in=32, audio_out=64),
    text=600,
    images=0,
    output=400,
    tool_results=0,
    spoken=True,
    transcription=None,
)


class _Asking:
    """Runs trials whose server answers one to four times, and which ask before each further answer.

    `billed` is the server's bill.
    """

    asks = True

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.billed = 0.0
        self.cut = self.ran = 0

    async def run(self, trial: Trial, guard: Any = None) -> TrialOutcome:
        rng = random.Random(f"{self._random.random()}")
        answers, cost, by_budget = rng.choice([1, 1, 2, 4]), 0.0, False
        done: list[ResponseUsage] = []
        for number in range(answers):
            usage = ResponseUsage(input_tokens=100, output_tokens=rng.choice([40, 150, 400]))
            for _ in range(rng.randrange(1, 4)):
                await asyncio.sleep(0)
            # The server's bill is for sound; without details these tokens cost less.
            usage.output_token_details = OutputTokens(audio_tokens=usage.output_tokens)
            this = response_cost_usd(from_response(usage), _BOUND.prices) or 0.0
            self.billed += this
            cost += this
            last = number == answers - 1
            use = SessionUse(tuple(done), open=2, heard_s=8.0, needed=not last)
            done.append(usage)
            if not guard.allows(use) and not last:
                by_budget = True
                break
        self.ran += 1
        self.cut += by_budget
        error = "ended by the budget" if by_budget else None
        record = ReplayRecord(turns=(), billed=True, started_at=time.time(), error=error, by_budget=by_budget)
        outcome = outcome_of(trial, record, _SETUP)
        outcome = replace(outcome, attempt=replace(outcome.attempt, cost_usd=cost))
        return replace(outcome, rows=tuple({**row, "error": error, "cost_usd": cost} for row in outcome.rows))


@pytest.mark.parametrize("seed", range(20))
async def test_trials_that_ask_for_money_never_exceed_a_budget_of_few_bounds_and_nearly_use_it(
    seed: int, tmp_path: Path
) -> None:
    first, most = _BOUND.usd(SessionUse(open=1, heard_s=8.0)), _BOUND.usd(SessionUse(open=6, heard_s=60.0))
    trials = [replace(trial, bound=_BOUND, bound_usd=most, first_usd=first, likely_usd=first) for trial in _trials(200)]
    budget = random.Random(seed).uniform(2, 5) * most
    runner = _Asking(seed)
    end = await _run(tmp_path / "f", trials, runner, budget_usd=budget, concurrency=8)
    assert end.reason == "budget"
    assert 0.9 * budget <= runner.billed <= budget
    assert end.spent_usd == pytest.approx(runner.billed, abs=1e-5)
    assert runner.cut <= 16
    rows = [row for rows in RunFolder(tmp_path / "f").trials.values() for row in rows]
    assert len(rows) == runner.ran == 200 - end.not_run
    assert sum(bool(row["retryable"]) for row in rows) == runner.cut == end.cut


async def test_trials_begin_in_their_order_with_warm_ups_first_and_apart(tmp_path: Path) -> None:
    runner = _Simulated()
    end = await _run(tmp_path / "f", _trials(20, warmups=2), runner, concurrency=5)
    assert runner.begun == ["warmup0", "warmup1", *(f"trial{n}" for n in range(20))]
    assert (end.reason, end.ran, end.not_run) == ("done", 22, 0)
    assert runner.most_at_once == 5


async def test_second_run_repeats_nothing_and_counts_what_was_spent(tmp_path: Path) -> None:
    first = _Simulated(lambda trial: 0.1)
    await _run(tmp_path / "f", _trials(10, 0.2, warmups=1), first, budget_usd=0.75)
    second = _Simulated(lambda trial: 0.1)
    end = await _run(tmp_path / "f", _trials(10, 0.2, warmups=1), second, budget_usd=5.0)
    assert sorted(first.begun + second.begun) == sorted(trial.id for trial in _trials(10, warmups=1))
    assert end.spent_usd == pytest.approx(1.1)
    third = _Simulated()
    assert (await _run(tmp_path / "f", _trials(10, 0.2, warmups=1), third, budget_usd=0.0)).cached == 10
    assert third.begun == []


async def test_trial_that_was_under_way_when_the_process_died_counts_at_its_bound(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "f", write=True):
        log = SpendingLog(tmp_path / "f")
        log.begin("trial0", 0.6)
        log.end("trial1", log.begin("trial1", 0.6), 0.1)
        log.close()
    (tmp_path / "f" / "spending.jsonl").open("ab").write(b'{"id": "trial2", "n": "torn')
    runner = _Simulated(lambda trial: 0.1)
    end = await _run(tmp_path / "f", _trials(10, 0.2), runner, budget_usd=1.0)
    assert end.spent_usd <= 1.0
    assert runner.spent <= 0.3


@pytest.mark.parametrize(
    ("limit", "raised"), [({"budget_usd": 0.1}, "budget_usd"), ({"max_minutes": 0.1}, "max_minutes")]
)
async def test_limit_below_one_trial_is_refused_before_the_start(limit: Any, raised: str, tmp_path: Path) -> None:
    runner = _Simulated()
    with pytest.raises(BudgetError, match=f"{raised}=0.1 .*is below") as error:
        await _run(tmp_path / "f", _trials(4, 0.2), runner, **limit)
    assert error.value.limit == raised
    assert runner.begun == []


async def test_trial_without_a_bound_is_refused_with_a_budget(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no bound"):
        await _run(tmp_path / "f", _trials(4), _Simulated(), budget_usd=1.0)


async def test_trial_that_could_exceed_the_time_is_not_started(tmp_path: Path) -> None:
    async def slow(trial: Trial, attempt: int) -> None:
        await asyncio.sleep(0.3)

    # A trial may take 21 s: those begin that do so in the first 0.6 s.
    end = await _run(tmp_path / "f", _trials(400), _Simulated(ends=slow), max_minutes=21.6 / 60, concurrency=4)
    assert end.reason == "minutes"
    assert end.ran + end.not_run == 400
    assert end.not_run > 0


async def test_refused_session_is_tried_again_and_a_begun_answer_is_not(tmp_path: Path) -> None:
    async def ends(trial: Trial, attempt: int) -> TrialOutcome | None:
        if trial.place == 0:
            return _failed(trial, f"busy {attempt}", retryable=True, after_s=0.01) if attempt < 3 else None
        if trial.place == 1:
            return _failed(trial, "closed", retryable=True, billed=True)
        if trial.place == 2:
            return _failed(trial, "wrong key", retryable=False)
        if trial.place == 3:
            return _failed(trial, "come back tomorrow", retryable=True, after_s=86_400.0)
        return _failed(trial, "busy", retryable=True, after_s=0.01) if trial.place == 4 else None

    runner = _Simulated(lambda trial: 0.05, ends)
    end = await _run(tmp_path / "f", _trials(6, 0.1), runner, budget_usd=1.0, retries=2)
    assert [runner.begun.count(f"trial{n}") for n in range(6)] == [3, 1, 1, 1, 3, 1]
    kept = RunFolder(tmp_path / "f").trials
    rows = [kept[f"trial{n}"][0] for n in range(6)]
    assert [row["error"] for row in rows] == [None, "closed", "wrong key", "come back tomorrow", "busy", None]
    assert (rows[0]["attempts"], rows[0]["earlier_errors"]) == (3, "busy 1; busy 2")
    # Two answers, and the bound of the one that broke off.
    assert end.spent_usd == pytest.approx(0.2)
    assert end.not_run == 0
    # Sessions that failed at no cost for a passing reason are no measurements: the next run tries them again.
    again = _Simulated(lambda trial: 0.05)
    await _run(tmp_path / "f", _trials(6, 0.1), again, budget_usd=1.0)
    assert again.begun == ["trial3", "trial4"]


async def test_lost_worker_is_paid_for_twice_within_the_budget(tmp_path: Path) -> None:
    async def ends(trial: Trial, attempt: int) -> TrialOutcome | None:
        if attempt == 1 and trial.place < 2:
            return replace(_failed(trial, "the worker was lost", retryable=True, billed=True), retryable=True)
        return None

    # The second lost one has no money left for its repetition: it is a row with its error, and run again later.
    runner = _Simulated(lambda trial: 0.1, ends)
    end = await _run(tmp_path / "f", _trials(2, 0.1), runner, budget_usd=0.35, concurrency=2)
    assert end.spent_usd == pytest.approx(0.3)
    assert len(runner.begun) == 3


async def test_interruption_keeps_what_is_done_and_grades_it_later(tmp_path: Path) -> None:
    begun = asyncio.Event()
    count = itertools.count()

    async def ends(trial: Trial, attempt: int) -> None:
        if next(count) >= 6:
            begun.set()
            await asyncio.sleep(3600)

    async def slow_grade(trial: Any) -> bool:
        await asyncio.sleep(3600)
        return True

    runner = _Simulated(ends=ends)
    options: Any = {"graders": [Grader("good", slow_grade)], "concurrency": 3}
    running = asyncio.create_task(_run(tmp_path / "f", _trials(20), runner, **options))
    await begun.wait()
    index = tmp_path / "f" / "index.jsonl"
    while index.read_bytes().count(b"\n") < 6:  # noqa: ASYNC110 - they are written in a thread
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    kept = RunFolder(tmp_path / "f").trials
    assert sorted(kept) == sorted(f"trial{n}" for n in range(6))
    graded: list[str] = []

    def good(trial: Any) -> bool:
        graded.append(trial.trial_id)
        return True

    again = _Simulated()
    end = await _run(tmp_path / "f", _trials(20), again, graders=[Grader("good", good)])
    assert (end.cached, end.ran) == (6, 14)
    assert sorted(graded) == sorted(f"trial{n}" for n in range(20))
    assert len(_grades(tmp_path / "f")) == 20


async def test_hostile_graders_leave_rows_with_reasons(tmp_path: Path) -> None:
    def raises(trial: Any) -> bool:
        raise ValueError("no")

    def hangs(trial: Any) -> bool:
        time.sleep(3)
        return True

    graders = [
        Grader("raises", raises), Grader("hangs", hangs), Grader("nan", lambda t: float("nan")),
        Grader("none", lambda t: None), Grader("good", lambda t: 1),
    ]  # fmt: skip
    end = await _run(tmp_path / "f", _trials(8), _Simulated(), graders=graders, grade_timeout_s=0.2)
    assert end.reason == "done"
    lines = _grades(tmp_path / "f")
    assert len(lines) == 40
    for line in lines:
        name = line["grader"]
        assert line["values"] == {name: 1 if name == "good" else None}
        assert bool(line["reasons"]) == (name != "good")


async def test_look_after_a_round_ends_the_sweep(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def look(rounds: int, rows: Any) -> str | None:
        seen.append((rounds, sum(row["repeat"] < rounds and row["mark"] == 1 for row in rows)))
        return "decided" if rounds >= 3 else None

    runner = _Simulated()
    end = await _run(
        tmp_path / "f", _trials(40), runner, look=look, concurrency=1, graders=[Grader("mark", lambda trial: 1)]
    )  # fmt: skip
    assert (end.reason, end.words) == ("early", "decided")
    assert all(marked == 2 * rounds for rounds, marked in seen)  # whole rounds, with their grades
    assert end.ran < 40


async def test_broken_executor_and_full_disk_end_the_sweep_and_keep_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ends(trial: Trial, attempt: int) -> None:
        if trial.place == 5:
            raise ExecutorFailed("the pool is broken")

    end = await _run(tmp_path / "f", _trials(20), _Simulated(ends=ends), concurrency=1)
    assert (end.reason, end.ran, end.not_run) == ("executor", 5, 15)
    assert "broken" in end.words
    keep = RunFolder.keep

    def full(self: RunFolder, trial_id: str, *rest: Any) -> None:
        if trial_id == "trial9":
            raise OSError(28, "No space left on device")
        keep(self, trial_id, *rest)

    monkeypatch.setattr(RunFolder, "keep", full)
    end = await _run(tmp_path / "f", _trials(20), _Simulated(), concurrency=1)
    assert end.reason == "disk"
    assert "No space left" in end.words
    assert end.not_run >= 10


async def test_cost_above_its_bound_stops_the_sweep(tmp_path: Path) -> None:
    runner = _Simulated(lambda trial: 0.3)
    end = await _run(tmp_path / "f", _trials(20, 0.2), runner, budget_usd=5.0, concurrency=2)
    assert end.reason == "prices"
    assert len(runner.begun) <= 4
    assert end.spent_usd == pytest.approx(runner.spent)


async def test_progress_counts_trials_and_money(tmp_path: Path) -> None:
    seen: list[SweepProgress] = []
    await _run(tmp_path / "f", _trials(4, 0.1), _Simulated(lambda trial: 0.1), on_progress=seen.append)
    seen.clear()
    await _run(tmp_path / "f", _trials(8, 0.1, warmups=1), _Simulated(lambda trial: 0.1), on_progress=seen.append)
    assert (seen[0].total, seen[0].done, seen[0].cached, seen[0].left_s) == (8, 4, 4, None)
    last = seen[-1]
    assert (last.done, last.running, last.failed, last.left_s) == (8, 0, 0, 0.0)
    assert last.spent_usd == pytest.approx(0.9)
    assert [each.done for each in seen] == sorted(each.done for each in seen)


async def test_two_trials_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="id of another one"):
        await _run(tmp_path / "f", _trials(2) * 2, _Simulated())


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"concurrency": True}, {"retries": -1}, {"max_minutes": 0}])
def test_wrong_option_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        SweepOptions(**wrong)
