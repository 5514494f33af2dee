"""Random spoken plans with a budget, against a server that detects turns, and whose own bill is known.

Owns the server's bill and the plans. Must not know how a budget is kept.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import realtime_nb as rt
from realtime_nb.conversation.prices import response_cost_usd
from realtime_nb.conversation.usage import from_response
from realtime_nb.testing import simulated_session
from realtime_nb.wire.realtime import ResponseCreated, ResponseDone
from tests.swept import RATE_HZ, paused_recording

PRICES = rt.Prices(text_in=4, text_out=16, audio_in=32, audio_out=64, transcription_in=1, transcription_out=1)
MOST_TOKENS = 400
KINDS = ("usual", "full", "pauses", "short", "slow")
_TOKENS_A_SECOND = 10
_TEXT_TOKENS = 100  # of short instructions


class Bill:
    """What a simulated backend asks for: a response that its client left counts as if it had been spoken to the end."""

    def __init__(self) -> None:
        self.usd = 0.0
        self.responses = 0
        self.left = 0


@contextmanager
def billed() -> Iterator[Bill]:
    """Note the bill of every simulated session that is served from now on."""
    bill, plain = Bill(), simulated_session.SimulatedSession

    class Billed(plain):  # type: ignore[valid-type, misc]
        _open = 0
        _written = 0

        async def run(self) -> None:
            try:
                await super().run()
            finally:
                heard = self._heard.samples / RATE_HZ * _TOKENS_A_SECOND
                each = heard * 32 + self._written * 32 + _TEXT_TOKENS * 4 + MOST_TOKENS * 64
                bill.usd += self._open * each / 1e6
                bill.left += self._open

        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            drain = self._machine.drain

            def noted() -> Any:
                events, jobs = drain()
                for event in events:
                    self._note(event)
                return events, jobs

            self._machine.drain = noted

        def _note(self, event: Any) -> None:
            if isinstance(event, ResponseCreated):
                self._open += 1
                bill.responses += 1
            elif isinstance(event, ResponseDone) and event.response.usage is not None:
                self._open -= 1
                usage = from_response(event.response.usage)
                self._written += usage.output_tokens
                bill.usd += response_cost_usd(usage, PRICES) or 0.0

    simulated_session.SimulatedSession = Billed  # type: ignore[assignment, misc]
    try:
        yield bill
    finally:
        simulated_session.SimulatedSession = plain  # type: ignore[misc]


@dataclass(frozen=True)
class PlanEnd:
    """How a plan with a budget ended, as shares of the budget.

    Attributes:
        billed: the server's bill.
        counted: what the lab counted as spent.
        not_run: trials that were not run.
        cut: trials that the budget ended.
        trials: of the plan.
        bounds: how many bounds of a trial the budget was.
        ended: whether the budget ended the plan.
    """

    billed: float
    counted: float
    not_run: int
    cut: int
    trials: int
    bounds: float
    ended: bool


def paused(rng: random.Random, pauses_ms: list[int], number: int) -> rt.Utterance:
    """Return a recording with pauses inside."""
    made = paused_recording(pauses_ms, seed=rng.randrange(10_000), seconds=0.35)
    return rt.Utterance(samples=made.sound, label=f"recording {number}")


async def spoken_plan(
    seed: int,
    folder: Path,
    *,
    kind: str = "any",
    concurrency: int = 8,
    bounds: float | None = None,
    most_recordings: int = 10,
) -> PlanEnd:
    """Run a random spoken plan with a budget, and check that it was kept.

    Args:
        seed: of everything.
        folder: for the run.
        kind: of the server: `"short"` and `"usual"` answers, `"full"`: every answer reaches its limit of tokens;
            `"pauses"`: it answers in each pause of the recording; `"slow"`: it answers in each pause, and takes so long
            that the next words interrupt it. `"any"`: one of them.
        concurrency: sessions at a time.
        bounds: how many bounds of a trial the budget is; None: 2 to 5.
        most_recordings: of the plan, each of which is said six times.
    """
    rng = random.Random(seed)
    if kind == "any":
        kind = rng.choice(KINDS)
    silence_ms = rng.choice([200, 300])
    in_pauses = kind in ("pauses", "slow")
    # Shorter ones end no turn; longer ones do.
    pauses = [rng.choice([500, 600]) if in_pauses else 80 for _ in range(rng.randint(1, 2))]
    said = [paused(rng, pauses, number) for number in range(rng.randint(min(5, most_recordings), most_recordings))]

    def answer(asked: rt.testing.Asked) -> rt.testing.Reply:
        seconds = {"short": (1.5, 3.0), "usual": (4.0, 9.0), "full": (30.0, 30.0)}.get(kind, (3.0, 8.0))
        return rt.testing.Reply(text="so it is", audio_ms=1000 * asked.random.uniform(*seconds))

    settings = rt.grid(
        instructions=["Be brief.", "Be kind."],
        turn_detection=rt.ServerVad(silence_duration_ms=silence_ms),
        transcription=False,
    )
    with (
        billed() as bill,
        rt.testing.SimulatedBackend(
            base_ms=rng.choice([20.0, 150.0]) if kind != "slow" else 900.0, trial_sd_ms=10, answers=answer, seed=seed
        ) as server,
    ):
        backend = rt.Backend(url=server.url, prices=PRICES)
        lab = rt.Lab(said, settings, repeats=3, backend=backend, seed=seed, warmup=rng.choice([0, 1]), limit_s=60)
        bound = lab.plan(budget_usd=100.0).trial_bound_usd
        assert bound is not None
        bounds = rng.uniform(2.0, 5.0) if bounds is None else bounds
        budget = bounds * bound
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            results = await lab.run(concurrency, budget_usd=budget, cache=folder, progress=False)
    spent = _spent(results)
    assert bill.usd <= budget, f"{bill.usd} of {budget} was billed, in a plan of kind {kind!r} with the seed {seed}"
    assert spent <= budget
    assert bill.usd <= spent + 1e-9
    frame = results.frame
    cut = int(frame["error"].astype(str).str.startswith("ended by the budget").sum())
    trials = len(said) * 2 * 3
    not_run = trials - len(frame)
    return PlanEnd(bill.usd / budget, spent / budget, not_run, cut, trials, bounds, bool(not_run or cut))


def _spent(results: Any) -> float:
    from realtime_nb.lab.keeping.spending_log import SpendingLog

    log = SpendingLog(results.folder)
    try:
        return log.spent_usd(_Everything())
    finally:
        log.close()


class _Everything:
    """A container of everything."""

    def __contains__(self, item: object) -> bool:
        return True
