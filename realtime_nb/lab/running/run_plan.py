"""Runs a plan: opens the folder, writes what describes the run, and sweeps on a loop of its own.

Owns the order of these steps. Must not know a user's options: `lab.py` checks them.
"""

from __future__ import annotations

import platform
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from realtime_nb.client.replay.scenario import Scenario
from realtime_nb.lab.grading.gradable import Grader
from realtime_nb.lab.keeping.run_folder import RunFolder
from realtime_nb.lab.planning.plan import SweepPlan
from realtime_nb.lab.results.early_stop import EarlyStop, decide
from realtime_nb.lab.results.manifest import ListedTrial, Manifest
from realtime_nb.lab.running.own_loop import on_own_loop, posted
from realtime_nb.lab.running.progress import SweepProgress
from realtime_nb.lab.running.sweep import Look, SweepEnd, is_final, sweep
from realtime_nb.lab.running.sweep_options import SweepOptions
from realtime_nb.lab.trial import Trial, TrialSetup, setting_columns


@dataclass(frozen=True)
class KeptRun:
    """Where a run is kept.

    Attributes:
        folder: the folder.
        name: of the run in it.
    """

    folder: Path
    name: str


def new_run(folder: Path) -> KeptRun:
    """Return a run with a name of its own."""
    return KeptRun(folder, f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}")


async def run_plan(
    plan: SweepPlan,
    trials: Sequence[Trial],
    setup: TrialSetup,
    run: KeptRun,
    options: SweepOptions,
    *,
    graders: Sequence[Grader] = (),
    executor: Executor | None = None,
    early: EarlyStop | None = None,
    on_progress: Callable[[SweepProgress], object],
) -> SweepEnd:
    """Run the trials of a plan that the folder does not have; `on_progress` is called on the caller's loop.

    Raises:
        ConfigError: another run writes into the folder, or a key would travel. BudgetError: no trial fits.
    """
    with RunFolder(run.folder, write=True) as folder:
        manifest = Manifest(
            trials=tuple(
                ListedTrial(trial.id, _names(trial, setup, is_kept=_is_kept(folder, trial)))
                for trial in trials
                if not trial.warmup
            ),
            variants=tuple(plan.variants),
            trials_a_round=len(plan.utterances) * len(plan.variants),
            early=early,
            about=_about(plan),
        )
        folder.keep_run(run.name, manifest.to_dict())
        look: Look | None = None if early is None else _look(early, [variant.name for variant in plan.variants])
        report = posted(on_progress)
        return await on_own_loop(
            lambda: sweep(
                trials, setup, folder, options, graders=graders, executor=executor, on_progress=report, look=look
            )
        )


def _is_kept(folder: RunFolder, trial: Trial) -> bool:
    rows = folder.trials.get(trial.id)
    return bool(rows) and is_final(rows or (), trial)


def _names(trial: Trial, setup: TrialSetup, *, is_kept: bool) -> tuple[dict[str, Any], ...]:
    """Return the columns of each user turn that depend on names: a kept trial may have been run under others."""
    scenario = trial.said.label if isinstance(trial.said, Scenario) else None
    columns = {"variant": trial.variant.name, "repeat": trial.repeat, "place": trial.place, "scenario": scenario}
    columns |= {"cached": is_kept}
    columns |= {"order_seed": setup.order_seed, **setting_columns(trial.variant, setup)}
    return tuple(
        {
            **columns,
            "utterance": str(utterance.label) if scenario is None else f"{scenario}, turn {turn + 1}",
            "said": utterance.said if utterance.text is None else utterance.text,
            "twin": utterance.twin,
            "synthetic": utterance.synthetic,
        }
        for turn, utterance in enumerate(trial.turns)
    )


def _about(plan: SweepPlan) -> dict[str, Any]:
    """Return further facts of a run, as plain values."""
    return {
        "began_at": time.time(),
        "seed": plan.seed,
        "order": plan.scheme,
        "repeats": plan.repeats,
        "pacing": plan.options.pacing,
        "limit_s": plan.options.limit_s,
        "concurrency": plan.concurrency,
        "budget_usd": plan.budget_usd if plan.has_budget else None,
        "max_minutes": plan.max_minutes,
        "expected_usd": plan.expected_usd,
        "trial_bound_usd": plan.trial_bound_usd,
        "versions": {"python": platform.python_version(), **_versions()},
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in ("realtime-nb", "numpy", "scipy", "pandas", "jiwer", "whisper-normalizer"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _look(early: EarlyStop, variants: Sequence[str]) -> Look:
    def look(rounds: int, rows: Sequence[Any]) -> str | None:
        decision = decide(rows, early, rounds, variants=variants)
        return decision.reason if decision.stop else None

    return look
