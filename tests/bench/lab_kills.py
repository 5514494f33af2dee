"""Kills the process of a sweep at random moments, and resumes it each time: `python -m tests.bench.lab_kills`.

Checked after each kill: what was finished is still there, unchanged, and is never asked for again; at the end every
trial is there with its events and its sound. Every second time the killed process also leaves a torn last line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from realtime_nb.backends import Backend
from realtime_nb.client.replay.options import ReplayOptions
from realtime_nb.client.utterance import Utterance
from realtime_nb.client.variant import Variant
from realtime_nb.conversation import Prices
from realtime_nb.lab.grading.gradable import Grader
from realtime_nb.lab.keeping.cache_key import trial_key
from realtime_nb.lab.keeping.run_folder import RunFolder
from realtime_nb.lab.planning.order import schedule
from realtime_nb.lab.running.sweep import sweep
from realtime_nb.lab.running.sweep_options import SweepOptions
from realtime_nb.lab.trial import Trial, TrialSetup
from realtime_nb.testing import SimulatedBackend

PRICES = Prices(text_in=4.0, text_out=16.0, audio_in=32.0, audio_out=64.0)
VARIANTS = (
    Variant("brief", {"instructions": "Be brief.", "output": "text"}),
    Variant("spoken", {"instructions": "Speak.", "transcription": False}),
)


def setup_of(url: str) -> TrialSetup:
    backend = Backend(url=url, prices=PRICES)
    return TrialSetup(options=ReplayOptions(limit_s=30.0), backend=backend, order_seed=1)


def trials_of(count: int, setup: TrialSetup, bound_usd: float | None = None) -> list[Trial]:
    """Return so many trials, each of which is asked for with words or instructions of its own."""
    utterances = [Utterance(f"What is {number} and one?") for number in range((count + 1) // 2)]
    made = []
    for place, slot in enumerate(schedule(len(utterances), len(VARIANTS), 1, seed=1)[:count]):
        said, variant = utterances[slot.utterance], VARIANTS[slot.variant]
        key = trial_key(said, variant, setup.options, endpoint="simulated", model=None, repeat=0)
        made.append(Trial(key, said, variant, 0, place, bound_usd=bound_usd))
    return made


def words(trial: Any) -> int:
    return len(trial.text.split())


async def _child(folder: Path, url: str, count: int) -> None:
    setup = setup_of(url)
    with RunFolder(folder, write=True) as kept:
        print("begun", flush=True)
        end = await sweep(
            trials_of(count, setup), setup, kept, SweepOptions(concurrency=8), graders=[Grader("words", words)]
        )  # fmt: skip
    print(json.dumps({"reason": end.reason, "ran": end.ran, "cached": end.cached, "not_run": end.not_run}), flush=True)


def run_with_kills(kills: int, count: int, seed: int, folder: Path) -> dict[str, Any]:
    """Run a sweep that is killed so many times and then left alone; return what was seen.

    Raises:
        AssertionError: a finished trial was repeated, changed or lost.
    """
    logging.getLogger("websockets.server").setLevel(logging.CRITICAL)  # killed clients leave half a handshake
    rng = random.Random(seed)
    killed_at = []
    checks: list[tuple[int, set[tuple[str, str]]]] = []  # how much was asked at a kill, and what was finished
    with SimulatedBackend(base_ms=20.0, trial_sd_ms=5.0, seed=seed) as backend:
        names = {
            trial.id: (trial.variant.settings["instructions"], str(trial.said.text))  # type: ignore[union-attr]
            for trial in trials_of(count, setup_of(backend.url))
        }
        for kill in range(kills):
            child = _start(folder, backend.url, count)
            have = _finished(folder)
            # After so many further trials, and a little later: in the middle of anything.
            wanted = rng.randrange(1, max(2, (count - len(have)) // (kills - kill + 1)))
            ends = time.monotonic() + 60
            while len(_finished(folder)) < len(have) + wanted and child.poll() is None and time.monotonic() < ends:
                time.sleep(0.002)
            time.sleep(rng.uniform(0, 0.05))
            child.send_signal(signal.SIGKILL)
            child.wait()
            after = _finished(folder)
            asked = len(backend.asked)
            killed_at.append(len(after))
            assert all(after[trial_id] == rows for trial_id, rows in have.items()), (
                "a finished trial was changed or lost"
            )
            if kill % 2:
                with (folder / "index.jsonl").open("ab") as index:
                    index.write(b'{"id": "0123", "rows": [{"trial_id": "01')
            checks.append((asked, {names[trial_id] for trial_id in after}))
        child = _start(folder, backend.url, count)
        out, _ = child.communicate()
        end = json.loads(out.splitlines()[-1])
        asked_all = [(each.instructions, each.words) for each in backend.asked]
        for position, finished in checks:
            again = finished.intersection(asked_all[position:])
            assert not again, f"asked for again although finished: {sorted(again)[:3]}"
        repeated = len(asked_all) - len(set(asked_all))
    kept = RunFolder(folder)
    assert set(kept.trials) == set(names), "a trial is missing"
    for trial_id, rows in kept.trials.items():
        assert rows[0]["error"] is None, rows[0]["error"]
        record = kept.record(trial_id)
        assert record is not None
        assert len(record.turns[0].events) > 2
        if rows[0]["variant"] == "spoken":
            assert kept.sound(trial_id) is not None
    graded = {json.loads(line)["trial_id"] for line in _lines(folder / "grades.jsonl")}
    assert graded == set(names), "a grade is missing"
    return {"trials": len(kept.trials), "killed_at": killed_at, "under_way_at_kills": repeated, **end}


def _start(folder: Path, url: str, count: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.bench.lab_kills", "--child", str(folder), url, str(count)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert child.stdout is not None
    assert child.stdout.readline().strip() == b"begun"
    return child


def _lines(path: Path) -> list[bytes]:
    data = path.read_bytes() if path.exists() else b""
    whole = data[: data.rfind(b"\n") + 1].splitlines()
    return [line for line in whole if line.endswith(b"}")]


def _finished(folder: Path) -> dict[str, bytes]:
    return {json.loads(line)["id"]: line for line in _lines(folder / "index.jsonl")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", nargs=3)
    options = parser.parse_args()
    if options.child:
        asyncio.run(_child(Path(options.child[0]), options.child[1], int(options.child[2])))
        return
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        found = run_with_kills(options.kills, options.trials, options.seed, Path(folder) / "run")
        print(json.dumps({**found, "seconds": round(time.monotonic() - begun, 1)}))


if __name__ == "__main__":
    main()
