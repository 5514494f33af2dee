"""A sweep on a Dask LocalCluster of worker processes against the same sweep here: `python -m tests.bench.lab_dask`.

Checked: the same ids, answers, grades and costs by a hash that does not depend on the order; arrivals stamped in the
workers; sessions at a time and money within their limits over all workers; and the same with a worker that is killed in
mid-sweep. The server's latencies follow its seed, and its answers what was asked.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import logging
import os
import signal
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from importlib import import_module
from pathlib import Path
from typing import Any

from realtime_nb.keys.secret import EnvKey
from realtime_nb.lab.grading.gradable import Grader
from realtime_nb.lab.keeping.run_folder import RunFolder
from realtime_nb.lab.running.own_loop import on_own_loop
from realtime_nb.lab.running.progress import SweepProgress
from realtime_nb.lab.running.sweep import SweepEnd, sweep
from realtime_nb.lab.running.sweep_options import SweepOptions
from realtime_nb.lab.trial import Trial, TrialSetup, this_worker
from realtime_nb.testing import SimulatedBackend
from tests.bench.lab_kills import setup_of, trials_of, words

BOUND_USD = 0.01
WORKERS, THREADS, CONCURRENCY = 3, 3, 6


def outcome_hash(folder: Path) -> str:
    """Return a hash of the ids, answers, grades and costs of all trials, whatever their order."""
    grades = {}
    for line in (folder / "grades.jsonl").read_text().splitlines():
        grade = json.loads(line)
        grades[grade["trial_id"]] = grade["values"]
    parts = sorted(
        json.dumps([key, row["text"], row["cost_usd"], row["error"], grades.get(key)])
        for key, rows in RunFolder(folder).trials.items()
        for row in rows
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


async def run_one(
    folder: Path, trials: Sequence[Trial], setup: TrialSetup, executor: Executor | None, on_progress: Any = None
) -> SweepEnd:
    """Run a sweep on a loop of its own, with a budget."""
    options = SweepOptions(concurrency=CONCURRENCY, budget_usd=BOUND_USD * len(trials) * 2)

    async def run() -> SweepEnd:
        with RunFolder(folder, write=True) as kept:
            return await sweep(
                trials, setup, kept, options, graders=[Grader("words", words)], executor=executor,
                on_progress=on_progress,
            )  # fmt: skip

    return await on_own_loop(run)


def compare(count: int, executor: Executor, workers: Sequence[int], folder: Path, seed: int) -> dict[str, Any]:
    """Run the same sweep here and on an executor, and once more with a worker that is killed."""
    found: dict[str, Any] = {}
    os.environ["LAB_KEY"] = "a-key-of-this-sweep"
    for name in ("here", "there", "loss"):
        # A server each: what was asked before changes the noise of what is asked again.
        with SimulatedBackend(base_ms=600.0, trial_sd_ms=5.0, seed=seed) as backend:
            setup = setup_of(backend.url)
            setup = TrialSetup(options=setup.options, backend=setup.backend, order_seed=1, api_key=EnvKey("LAB_KEY"))
            trials = trials_of(count, setup, BOUND_USD)
            reports: list[SweepProgress] = []
            killed = threading.Event()

            def note(
                report: SweepProgress, name: str = name, reports: Any = reports, killed: Any = killed
            ) -> None:  # fmt: skip
                reports.append(report)
                if name == "loss" and report.done >= count // 3 and not killed.is_set():
                    killed.set()
                    os.kill(workers[0], signal.SIGKILL)

            begun = time.monotonic()
            end = asyncio.run(run_one(folder / name, trials, setup, None if name == "here" else executor, note))
            rows = [row for each in RunFolder(folder / name).trials.values() for row in each]
            assert end.reason == "done", end
            assert max(report.running for report in reports) <= CONCURRENCY
            assert end.spent_usd <= BOUND_USD * count * 2
            where = {row["worker"] for row in rows}
            assert (this_worker() in where) == (name == "here"), where
            assert all(0 < row["total_ms"] < 60_000 for row in rows)
            found[name] = {
                "hash": outcome_hash(folder / name)[:16],
                "trials": len(rows),
                "workers": len(where),
                "retries": reports[-1].retries,
                "asked": len(backend.asked),
                "spent_usd": round(end.spent_usd, 6),
                "cost_usd": round(sum(row["cost_usd"] for row in rows), 6),
                "seconds": round(time.monotonic() - begun, 1),
            }
    assert found["here"]["hash"] == found["there"]["hash"] == found["loss"]["hash"], found
    assert found["loss"]["retries"] >= 1, found
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=90)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    distributed: Any = import_module("distributed")  # it has no types

    for name in ("distributed", "distributed.worker", "websockets.server"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # the loss is meant
    os.environ["LAB_KEY"] = "a-key-of-this-sweep"  # the workers' environment, too
    with (
        tempfile.TemporaryDirectory() as folder,
        distributed.LocalCluster(
            n_workers=WORKERS, threads_per_worker=THREADS, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        workers = list(client.run(os.getpid).values())
        print(json.dumps(compare(options.trials, client.get_executor(), workers, Path(folder), options.seed), indent=1))


if __name__ == "__main__":
    main()
