"""Trials in other processes: the same answers and costs as here, stamped and with keys read there; no key travels."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from realtime_nb.backends import Backend
from realtime_nb.client.variant import Variant
from realtime_nb.errors import ConfigError
from realtime_nb.keys.secret import EnvKey
from realtime_nb.lab.grading.gradable import Grader
from realtime_nb.lab.keeping.run_folder import RunFolder
from realtime_nb.lab.running.executor import refuse_keys
from realtime_nb.lab.running.own_loop import on_own_loop
from realtime_nb.lab.running.sweep import SweepEnd, sweep
from realtime_nb.lab.running.sweep_options import SweepOptions
from realtime_nb.lab.trial import TrialSetup, this_worker
from realtime_nb.testing import SimulatedBackend
from tests.bench.lab_dask import outcome_hash
from tests.bench.lab_kills import setup_of, trials_of, words


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=_set_key) as executor:
        yield executor


def _set_key() -> None:
    os.environ["KEY_OF_THE_WORKERS"] = "a-key-that-only-workers-have"


def _key() -> str:
    return "a-key-that-only-workers-have"


async def _swept(folder: Path, executor: Executor | None, setup: TrialSetup, count: int = 10) -> SweepEnd:
    async def run() -> SweepEnd:
        with RunFolder(folder, write=True) as kept:
            options = SweepOptions(concurrency=3, budget_usd=1.0)
            graders = [Grader("words", words)]
            trials = trials_of(count, setup, 0.01)
            return await sweep(trials, setup, kept, options, graders=graders, executor=executor)

    return await on_own_loop(run)


async def test_processes_give_the_same_ids_answers_grades_and_costs(tmp_path: Path, pool: ProcessPoolExecutor) -> None:
    spent = []
    for name, executor in (("here", None), ("there", pool)):
        async with SimulatedBackend(base_ms=10.0) as backend:
            setup = setup_of(backend.url)
            if executor is not None:  # which this process could not read
                setup = replace(setup, api_key=EnvKey("KEY_OF_THE_WORKERS"))
            end = await _swept(tmp_path / name, executor, setup)
        assert end.reason == "done"
        spent.append(end.spent_usd)
    assert outcome_hash(tmp_path / "here") == outcome_hash(tmp_path / "there")
    assert spent[0] == pytest.approx(spent[1])
    rows = [row for rows in RunFolder(tmp_path / "there").trials.values() for row in rows]
    assert all(row["error"] is None for row in rows)
    assert this_worker() not in {row["worker"] for row in rows}
    assert RunFolder(tmp_path / "there").record(rows[0]["trial_id"]) is not None


async def test_broken_pool_ends_the_sweep_and_the_next_one_goes_on(tmp_path: Path) -> None:
    async with SimulatedBackend(base_ms=10.0) as backend:
        setup = setup_of(backend.url)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as broken:
            ended = broken.submit(os._exit, 3)
            assert ended.exception() is not None
            end = await _swept(tmp_path / "f", broken, setup)
        assert (end.reason, end.ran) == ("executor", 0)
        assert "new executor" in end.words
        with ThreadPoolExecutor(3) as threads:
            end = await _swept(tmp_path / "f", threads, setup)
    assert (end.reason, end.ran, end.not_run) == ("done", 10, 0)


def _local_function() -> Any:
    secret = "a-key-in-a-closure"
    return lambda: secret


@pytest.mark.parametrize(
    "setup",
    [
        TrialSetup(api_key="a-key-as-a-value"),
        TrialSetup(backend=Backend(url="wss://example.com", api_key="a-key-as-a-value")),
        TrialSetup(backend=Backend(url="wss://example.com", headers={"Authorization": "Bearer a-key-as-a-value"})),
        TrialSetup(api_key=_local_function()),
        TrialSetup(backend=Backend(url="wss://example.com", api_key=_local_function())),
    ],
)
async def test_key_that_would_travel_is_refused(setup: TrialSetup, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as executor, pytest.raises(ConfigError, match=r"key|headers") as error:
        await _swept(tmp_path / "f", executor, setup)
    assert "EnvKey" in str(error.value)
    assert "as-a-value" not in str(error.value)
    with pytest.raises(ConfigError):
        refuse_keys(TrialSetup(), [Variant("one", backend=setup.backend if setup.api_key is None else Backend(
            url="wss://example.com", api_key=setup.api_key))])  # fmt: skip


async def test_client_of_a_cluster_is_no_executor(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="get_executor"):
        await _swept(tmp_path / "f", object(), TrialSetup())  # type: ignore[arg-type]


def test_place_of_a_key_travels() -> None:
    refuse_keys(TrialSetup(api_key=EnvKey("X"), backend=Backend(url="wss://example.com", api_key=_key)), [])


async def test_caller_can_cancel_a_sweep_on_its_own_loop(tmp_path: Path) -> None:
    async with SimulatedBackend(base_ms=60_000.0) as backend:
        running = asyncio.create_task(_swept(tmp_path / "f", None, setup_of(backend.url)))
        while not backend.inputs:  # noqa: ASYNC110 - the server's thread has no event of this loop
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    # The lock is free again, and nothing was kept.
    with RunFolder(tmp_path / "f", write=True) as kept:
        assert not kept.trials
