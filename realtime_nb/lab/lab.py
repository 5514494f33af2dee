"""`Lab`: an experiment that compares settings of a conversation on the same utterances.

Owns the options of an experiment and their checks. Must not know how a trial is run, kept or compared: `running`,
`keeping` and `results` do that.
"""

from __future__ import annotations

import asyncio
import html
import inspect
import math
import shutil
import tempfile
import warnings
import weakref
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from realtime_nb.backends import address_and_billing, identity_at, local_backend
from realtime_nb.client.caller import caller
from realtime_nb.client.pending_answer import Pending
from realtime_nb.client.replay.options import ReplayOptions
from realtime_nb.client.replay.trace import Pacing
from realtime_nb.client.settings import check_backend_option, check_model, check_seconds, is_local_models
from realtime_nb.client.variant import Variant
from realtime_nb.conversation.prices import Billing
from realtime_nb.errors import ConfigError
from realtime_nb.keys.address import concealed_address
from realtime_nb.keys.secret import ApiKey, check_key, concealed, concealed_by_mistake
from realtime_nb.lab.grading.gradable import RENAME_GRADER, Grader, as_grader
from realtime_nb.lab.keeping.run_folder import RunFolder, holds_runs
from realtime_nb.lab.planning.order import Order, schedule
from realtime_nb.lab.planning.plan import (
    NOT_GIVEN,
    BudgetUsd,
    SweepPlan,
    check_budget_given,
    check_whole,
    count,
    make_plan,
)
from realtime_nb.lab.planning.price_bound import has_sound
from realtime_nb.lab.results.early_stop import EarlyStop
from realtime_nb.lab.results.metrics import FIRST, FIRST_TYPED, MEASURED
from realtime_nb.lab.results.results import Results
from realtime_nb.lab.running.progress import SweepProgress
from realtime_nb.lab.running.progress_bar import ProgressBar
from realtime_nb.lab.running.run_plan import KeptRun, new_run, run_plan
from realtime_nb.lab.running.sweep import is_final
from realtime_nb.lab.running.sweep_options import SweepOptions
from realtime_nb.lab.running.trials import trials_of
from realtime_nb.lab.trial import Trial, TrialSetup
from realtime_nb.lab.utterances import Said, as_utterances
from realtime_nb.lab.variants import as_variants
from realtime_nb.recording.no_math import NO_MATH
from realtime_nb.redact import without_credentials
from realtime_nb.wire.realtime import nearest

_CONCURRENCY = 8


class Lab:
    """An experiment: every variant answers every utterance, several times, in random order.

    Args:
        utterances: what is said: texts, sound files, arrays, `rt.Utterance`s, `rt.Scenario`s, a folder of sound files,
            a data frame, the turns of a conversation, or a list of all these.
        variants: what is compared: `rt.grid(...)`, `rt.Variant`s, or a dict from names to settings. None:
            the widget's defaults, measured alone.
        repeats: trials of each utterance with each variant.
        graders: `rt.graders`, or functions from a trial to a number, a bool, a label or a dict of these.
        backend, model, api_key: as for `rt.RealtimeWidget`; a variant's own backend or model comes first.
        pacing: `"realtime"`: sound as it was spoken, and the server's turn detection; `"manual_commit"`: the same with
            turn detection off and a commit at the end; `"fast"`: as fast as the server reads it, with a commit.
        order: `"blocks"`: random blocks of one utterance with all variants; `"shuffled"`; or `"sequential"`, which
            takes any drift for a difference.
        seed: of the order.
        warmup: trials of each variant beforehand that do not count.
        limit_s: a user turn ends after so many seconds, whatever the server sends.
        retries: how often a trial is tried again that failed for a passing reason.
        max_responses: of one session at most; fewer make the bound of a trial's cost smaller.
        open_timeout_s: for the opening of a session.
        grade_timeout_s: a grade that takes longer is missing.

    Raises:
        ConfigError: an option is invalid. AudioError: a recording holds no speech. FileNotFoundError: there is no such
            file. TypeError: an unknown option; says where it belongs, or names the nearest one.

    Example:
        >>> lab = rt.Lab(["What time is it?"], rt.grid(instructions=["Be brief.", None]))  # doctest: +SKIP
        >>> lab.plan()  # doctest: +SKIP
        >>> results = await lab.run(budget_usd=0.5)  # doctest: +SKIP
    """

    def __init__(
        self,
        utterances: Any,
        variants: Any = None,
        repeats: int = 3,
        graders: Iterable[Grader | Callable[[Any], Any]] = (),
        *,
        backend: Any = "auto",
        model: str | None = None,
        api_key: ApiKey | None = None,
        pacing: Pacing = "realtime",
        order: Order = "blocks",
        seed: int = 0,
        warmup: int = 1,
        limit_s: float = 60.0,
        retries: int = 2,
        max_responses: int = 8,
        open_timeout_s: float = 15.0,
        grade_timeout_s: float = 60.0,
        **unknown: Any,
    ) -> None:
        # First of all: a verbose traceback shows the variables of this call.
        api_key = concealed(api_key)
        backend, model = concealed_address(concealed_by_mistake(backend), "backend"), concealed_by_mistake(model)
        names = [*unknown]
        del unknown
        _refuse_unknown("rt.Lab", names)
        check_key(api_key)
        check_backend_option(backend)
        check_model(model)
        self._backend, self._model, self._api_key = backend, model, api_key
        self._results: Results | None = None
        self.variants = as_variants(variants if variants is not None else Variant("default"))
        self.utterances: tuple[Said, ...] = as_utterances(utterances)
        self.graders = _graders(graders)
        self.repeats, self.order, self.seed, self.warmup, self.retries = repeats, order, seed, warmup, retries
        self._grade_timeout_s = check_seconds("grade_timeout_s", grade_timeout_s)
        for name, value in (("seed", seed), ("warmup", warmup), ("retries", retries)):
            check_whole(name, value, 0)
        self.options = ReplayOptions(
            pacing=pacing, limit_s=limit_s, open_timeout_s=open_timeout_s, max_responses=max_responses
        )
        schedule(len(self.utterances), len(self.variants), repeats, seed=0, order=order)  # refuses what cannot be

    @property
    def backend(self) -> Any:
        """The backend of variants without one, as it was given; an address without credentials."""
        return without_credentials(self._backend)

    @property
    def model(self) -> str | None:
        """The model of variants without one; None: the backend's current one."""
        return self._model

    def __repr__(self) -> str:
        counts = f"{count(len(self.utterances), 'utterance')}, {count(len(self.variants), 'variant')}, "
        counts += f"repeats={self.repeats}"
        graded = f", graders: {', '.join(grader.name for grader in self.graders)}" if self.graders else ""
        return f"Lab({counts}{graded}; lab.plan() shows what it costs)"

    def _repr_html_(self) -> str:
        said = "".join(f"<li>{html.escape(str(each.label))}</li>" for each in self.utterances[:12])
        tried = "".join(f"<li>{html.escape(each.name)}</li>" for each in self.variants[:12])
        return (
            f"<div class='{NO_MATH}'>{html.escape(repr(self))}<table><tr><th>utterances</th><th>variants</th></tr>"
            f"<tr style='vertical-align:top'><td style='text-align:left'><ul>{said}</ul></td>"
            f"<td style='text-align:left'><ul>{tried}</ul></td></tr></table></div>"
        )

    @property
    def results(self) -> Results | None:
        """The results of the last run, also of one that was interrupted; None before the first trial has ended."""
        return self._results

    def plan(
        self,
        *,
        concurrency: int | None = None,
        budget_usd: BudgetUsd = NOT_GIVEN,
        max_minutes: float | None = None,
        cache: str | Path | None = None,
        **unknown: Any,
    ) -> SweepPlan:
        """Return what `run` with the same arguments would do: trials, order, cost and time; nothing is sent.

        It needs no key of OpenAI's: the price of a hosted sweep can be asked for without an account.

        Args:
            concurrency: as for `run`.
            budget_usd: as for `run`; without it the plan says what is needed.
            max_minutes: as for `run`.
            cache: as for `run`: the plan counts what is there.
            **unknown: refused, with the call that has such an option.

        Raises:
            ConfigError, BudgetError, TypeError: as for `run`.
        """
        _refuse_unknown("lab.plan", unknown)
        shared = self._shared_part()
        return make_plan(
            self.utterances,
            self.variants,
            repeats=self.repeats,
            order=self.order,
            seed=self.seed,
            warmup=self.warmup,
            options=self.options,
            billing_of=self._billing_of,
            concurrency=concurrency if concurrency is not None else 1 if shared else _CONCURRENCY,
            shared_part=shared,
            budget_usd=budget_usd,
            max_minutes=max_minutes,
            grade_usd=self._grade_usd(limited=budget_usd is not None and budget_usd is not NOT_GIVEN),
            count_cached=None if cache is None else lambda plan: self._cached(plan, Path(cache)),
        )

    def run(
        self,
        concurrency: int | None = None,
        *,
        budget_usd: BudgetUsd = NOT_GIVEN,
        max_minutes: float | None = None,
        cache: str | Path | None = None,
        executor: Executor | None = None,
        stop_early: bool | str = False,
        progress: bool | Callable[[SweepProgress], object] = True,
        **unknown: Any,
    ) -> Pending[Results]:
        """Run the plan, and return its results. Interrupting it keeps what is done: `lab.results`.

        Each trial is kept as it ends. A run with the same `cache` goes on where another one stopped, and repeats no
        trial that could not come out differently.

        Args:
            concurrency: sessions at a time, wherever they run. None: 8; or 1 where sound goes to the local backend,
                which recognises one turn at a time, and where a language model on this computer answers: others would
                wait, and their waits be taken for latencies.
            budget_usd: the most that the sweep may cost, in US dollars, what was spent on the same trials before and
                what a judge of answers costs included: a trial that could exceed it is not started. Needed unless the
                backend is free; None is unlimited. With a budget, answers have at most 400 tokens where a variant gives
                no `max_output_tokens`.
            max_minutes: a trial that could end later is not started.
            cache: a folder, made where it is missing; None: one that goes with the results.
            executor: runs the trials, such as a cluster's `client.get_executor()`; keys are read by its workers.
            stop_early: whether to stop after a round in which every comparison with the first variant is decided; or
                the name of the column that decides it. The chance of a false claim stays 5 %.
            progress: a progress bar; or a function that gets each `SweepProgress`.
            **unknown: refused, with the call that has such an option.

        Raises:
            ConfigError: an option is invalid, no `budget_usd` is given, a price is unknown, or another run writes into
                the folder. BudgetError: one trial could cost more than the budget. TypeError: an unknown option.
        """
        _refuse_unknown("lab.run", unknown)
        where = caller()

        def begin() -> Coroutine[Any, Any, Results]:
            return self._run(concurrency, budget_usd, max_minutes, cache, executor, stop_early, progress, where)

        return Pending("lab.run()", "run", "results = await lab.run(...)", begin)

    async def _run(
        self,
        concurrency: int | None,
        budget_usd: BudgetUsd,
        max_minutes: float | None,
        cache: str | Path | None,
        executor: Executor | None,
        stop_early: bool | str,
        progress: bool | Callable[[SweepProgress], object],
        where: tuple[str, int],
    ) -> Results:
        """As `run`; `where` is the line that a warning names."""
        plan = self.plan(concurrency=concurrency, budget_usd=budget_usd, max_minutes=max_minutes)
        check_budget_given(plan)
        early = self._early(stop_early)
        trials = trials_of(plan, self._endpoint_of, self._model_of)
        setup = TrialSetup(
            options=self.options,
            backend=self._backend,
            model=self._model,
            api_key=self._api_key,
            order_seed=self.seed,
        )
        options = SweepOptions(
            concurrency=plan.concurrency,
            retries=self.retries,
            budget_usd=None if not plan.has_budget else plan.budget_usd,  # type: ignore[arg-type] # it is an amount
            max_minutes=max_minutes,
            grade_timeout_s=self._grade_timeout_s,
        )
        kept = new_run(Path(tempfile.mkdtemp(prefix="realtime-nb-lab-")) if cache is None else Path(cache))
        bar = ProgressBar(progress, plan.trials, is_free=plan.is_free)
        self._results = None
        try:
            with bar:
                end = await run_plan(
                    plan,
                    trials,
                    setup,
                    kept,
                    options,
                    graders=self.graders,
                    executor=executor,
                    early=early,
                    on_progress=bar.update,
                )
        except asyncio.CancelledError as interrupted:
            interrupted.add_note(f"What is done is kept: lab.results, or a run with cache={str(kept.folder)!r}.")
            raise
        finally:
            self._results = self._open(kept, plan, temporary=cache is None)
        if end.reason not in ("done", "early"):
            cut = f", and {count(end.cut, 'trial')} ended before the answer was whole" if end.cut else ""
            words = f"{end.not_run} of {plan.trials} trials were not run{cut}: {end.words}"
            warnings.warn_explicit(words, UserWarning, *where)
        if self._results is None:
            raise ConfigError(f"no trial was run: {end.words or 'see the messages above'}")
        return self._results

    def _early(self, given: bool | str) -> EarlyStop | None:
        if not isinstance(given, (bool, str)):
            raise ConfigError(f"stop_early={given!r} must be True, False, or the name of the column that decides")
        if given is False:
            return None
        if len(self.variants) < 2:
            raise ConfigError("stop_early= needs at least two variants: there is nothing to decide")
        if isinstance(given, str):
            column = given.partition("=")[0]
            graded = any(column == name or column.startswith(f"{name}.") for name in (g.name for g in self.graders))
            if column not in MEASURED and not graded:
                known = [*sorted(MEASURED), *(grader.name for grader in self.graders)]
                raise ConfigError(
                    f"stop_early={given!r} names no column.{nearest(column, known)} Use one that is measured or "
                    "graded, such as 'total_ms'."
                )
            return EarlyStop(self.repeats, given)
        silent = any(variant.whole["output"] == "text" for variant in self.variants)
        return EarlyStop(self.repeats, FIRST_TYPED if silent else FIRST)

    def _open(self, kept: KeptRun, plan: SweepPlan, *, temporary: bool) -> Results | None:
        """Return what a run has found so far, or None; a temporary folder goes with it."""
        try:
            found = Results.open(kept.folder, kept.name, variants=plan.variants)
        except ConfigError:  # it has no trial
            if temporary:
                shutil.rmtree(kept.folder, ignore_errors=True)
            return None
        if temporary:
            weakref.finalize(found, shutil.rmtree, str(kept.folder), ignore_errors=True)
        return found

    def _grade_usd(self, *, limited: bool) -> float | None:
        """Return the most that the grades of one answer usually cost; None where that is not known.

        Raises:
            ConfigError: it is not known, and there is a budget.
        """
        try:
            return sum(grader.bound_usd(None) for grader in self.graders if grader.bound_usd is not None)
        except ConfigError:
            if limited:
                raise
            return None

    def _cached(self, plan: SweepPlan, folder: Path) -> tuple[int, dict[int, float]]:
        """Return how many trials of a plan the folder has, and what one costs, by the place of its variant."""
        if not holds_runs(folder):
            return 0, {}
        kept = RunFolder(folder).trials
        trials: list[Trial] = trials_of(
            plan, lambda variant: self._endpoint_of(variant, needs_key=False), self._model_of
        )
        costs: dict[int, list[float]] = {}
        places = {id(variant): place for place, variant in enumerate(plan.variants)}
        count_kept = 0
        for trial in trials:
            rows = kept.get(trial.id)
            if rows is None or trial.warmup or not is_final(rows, trial):
                continue
            count_kept += 1
            cost = [row.get("cost_usd") for row in rows if row.get("error") is None]
            if cost and None not in cost:
                costs.setdefault(places[id(trial.variant)], []).append(math.fsum(each or 0.0 for each in cost))
        return count_kept, {place: math.fsum(found) / len(found) for place, found in costs.items()}

    def _shared_part(self) -> str | None:
        """Return why sessions would wait for each other, or None."""
        local = [local_backend(*self._backend_of(variant)) for variant in self.variants]
        if any(local) and any(map(has_sound, self.utterances)):
            return "the local backend recognises one turn at a time"
        if any(each is not None and each != "local" and each.whereabouts is None for each in local):
            return "a language model on this computer divides its time among the sessions"
        return None

    def _endpoint_of(self, variant: Variant, *, needs_key: bool = True) -> str:
        """Return what answers a variant, as ids of trials have it: the port of a server for tests says nothing."""
        address = self._server_of(variant, needs_key=needs_key)[0]
        return identity_at(address) or address

    def _billing_of(self, variant: Variant) -> Billing:
        return self._server_of(variant, needs_key=False)[1]

    def _server_of(self, variant: Variant, *, needs_key: bool = True) -> tuple[str, Billing]:
        """Return the address that answers a variant, and how it is paid for; chosen as `backends.connector_of` does."""
        backend, key = self._backend_of(variant)
        return address_and_billing(backend, self._model_of(variant), key, needs_key=needs_key)

    def _backend_of(self, variant: Variant) -> tuple[Any, ApiKey | None]:
        own = variant.backend is not None
        # The experiment's key is for the experiment's backend.
        key = None if own and variant.backend != self._backend else self._api_key
        return variant.backend if own else self._backend, key

    def _model_of(self, variant: Variant) -> str | None:
        own_models = variant.backend is not None and is_local_models(variant.backend)
        return variant.model or (None if own_models else self._model)


def _refuse_unknown(call: str, names: Iterable[str]) -> None:
    """Raise `TypeError` for an option that a call does not have: it says which other call has it."""
    name = next(iter(names), None)
    if name is None:
        return
    calls: dict[str, Any] = {"rt.Lab": Lab, "lab.run": Lab.run, "lab.plan": Lab.plan}
    takes = {
        each: [option for option in inspect.signature(made).parameters if option not in ("self", "unknown")]
        for each, made in calls.items()
    }
    others = [f"{each}({name}=...)" for each, options in takes.items() if name in options]
    hint = f" Give it to {' and '.join(others)}." if others else nearest(name, takes[call])
    raise TypeError(f"{call}() has no option {name!r}.{hint or ' It takes ' + ', '.join(takes[call]) + '.'}")


def _graders(given: Any) -> tuple[Grader, ...]:
    if isinstance(given, Grader) or (callable(given) and not hasattr(given, "__iter__")):
        given = [given]
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ConfigError(f"graders={given!r} must be a list of functions of a trial, such as [rt.graders.length()]")
    graders = tuple(as_grader(grader) for grader in given)
    for grader in graders:
        if not callable(grader.function):
            raise ConfigError(f"{grader.function!r} is no grader: give a function of a trial, or one of rt.graders")
    names = [grader.name for grader in graders]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"{', '.join(map(repr, twice))} names two graders, and their columns: {RENAME_GRADER}")
    return graders
