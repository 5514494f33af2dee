"""Sweeps over a socket: killed processes, hostile servers, and a second process in one folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from realtime_nb.client.replay.options import ReplayOptions
from realtime_nb.errors import ConfigError
from realtime_nb.lab.keeping.run_folder import RunFolder
from realtime_nb.lab.running.sweep import sweep
from realtime_nb.lab.running.sweep_options import SweepOptions
from realtime_nb.lab.trial import TrialSetup
from realtime_nb.testing import SimulatedBackend
from tests.bench.lab_kills import run_with_kills, setup_of, trials_of


def test_killed_sweep_goes_on_and_repeats_nothing_that_finished(tmp_path: Path) -> None:
    found = run_with_kills(kills=3, count=24, seed=1, folder=tmp_path / "run")
    assert found["trials"] == 24
    assert found["ran"] + found["cached"] == 24


async def test_hostile_server_leaves_a_row_for_every_trial(tmp_path: Path) -> None:
    faults = {"refuse": 0.15, "deaf": 0.1, "never": 0.1, "drip": 0.1, "close": 0.1, "abort": 0.1, "fail": 0.1}
    async with SimulatedBackend(base_ms=5.0, faults=faults, retry_after_s=0.05, seed=3) as backend:
        setup = setup_of(backend.url)
        setup = TrialSetup(options=ReplayOptions(limit_s=2.0, open_timeout_s=2.0), backend=setup.backend)
        with RunFolder(tmp_path / "f", write=True) as kept:
            end = await sweep(trials_of(40, setup, 0.02), setup, kept, SweepOptions(concurrency=8, budget_usd=2.0))
    assert (end.reason, end.not_run) == ("done", 0)
    rows = [row for rows in RunFolder(tmp_path / "f").trials.values() for row in rows]
    assert len(rows) == 40
    failed = [row for row in rows if row["error"] is not None]
    assert 5 < len(failed) < 35
    assert all(row["total_ms"] is not None for row in rows if row["error"] is None)
    assert any(row["attempts"] > 1 for row in rows)
    assert end.spent_usd <= 2.0


def test_second_process_is_refused_with_the_number_of_the_first(tmp_path: Path) -> None:
    other = "import sys, time; from realtime_nb.lab.keeping.run_folder import RunFolder\n"
    other += f"f = RunFolder({str(tmp_path / 'f')!r}, write=True); print('open', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", other], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        with pytest.raises(ConfigError, match=rf"process {process.pid} "):
            RunFolder(tmp_path / "f", write=True)
        process.kill()
    RunFolder(tmp_path / "f", write=True).close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_worker_processes_that_outlive_a_killed_run_do_not_lock_its_folder(tmp_path: Path) -> None:
    code = f"""if True:
        import os, time
        from realtime_nb.lab.keeping.run_folder import RunFolder
        folder = RunFolder({str(tmp_path / "f")!r}, write=True)
        forked = os.fork()
        # One write: `print` writes a line and its end apart, and the two processes write at the same time.
        os.write(1, f"{{forked or os.getpid()}}\\n".encode())
        time.sleep(600)
    """
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        # Both print the fork's number: it has let the lock go once it runs.
        forked, same = (int(process.stdout.readline()) for _ in range(2))
        assert forked == same
        try:
            with pytest.raises(ConfigError, match="another run writes"):
                RunFolder(tmp_path / "f", write=True)
            process.kill()
            process.wait()
            os.kill(forked, 0)  # it lives
            RunFolder(tmp_path / "f", write=True).close()
        finally:
            os.kill(forked, signal.SIGKILL)
