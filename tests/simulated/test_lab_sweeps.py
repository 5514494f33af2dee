"""Whole sweeps against a simulated backend, small and seeded; `python -m tests.bench lab_sweep` has the large ones.

No test here asserts how fast this machine is: injected differences are many times its noise.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from realtime_nb.client.variant import Variant
from realtime_nb.lab.grading.gradable import Grader
from realtime_nb.lab.planning.order import Order
from realtime_nb.testing import Asked, SimulatedBackend
from tests.swept import paused_recording, recordings, shift, swept, with_instructions

METRIC = "speech_end_to_first_audio_ms"


async def test_sweep_recovers_an_injected_difference() -> None:
    said = recordings(10, seconds=0.3)
    with SimulatedBackend(base_ms=50, shifts_ms={"B": 400}, utterance_sd_ms=20, trial_sd_ms=10, seed=1) as backend:
        rows, end = await swept(backend.url, said, with_instructions("A", "B"), repeats=1, pacing="fast", seed=1)
        found = shift(rows, "A", "B", METRIC)
        asked = backend.asked
    assert (end.reason, len(rows), {row["error"] for row in rows}) == ("done", 20, {None})
    assert 200 < found.typical.value < 800
    assert found.clear
    # Two warm-up trials, which are no rows.
    assert len(asked) == 22
    for row in rows:
        assert row[METRIC] >= row["speech_end_to_response_ms"]


async def test_drift_fools_the_sequential_order_and_not_the_blocks() -> None:
    said = recordings(10, seconds=0.3)
    found = {}
    orders: tuple[Order, ...] = ("sequential", "blocks")
    for order in orders:
        # By the count of answers, not by the clock: 20 trials have the drift of an hour.
        with SimulatedBackend(base_ms=20, drift_ms_per_answer=25, seed=2) as backend:
            await swept(
                backend.url, said, with_instructions("A", "B"), repeats=1, order=order, pacing="fast", seed=3,
                warmup=False,
            )  # fmt: skip
            # The latencies as the server kept them: what this machine adds is no drift.
            kept = [
                {"variant": asked.instructions, "utterance": asked.utterance, "latency_ms": asked.latency_ms}
                for asked in backend.asked
            ]
        found[order] = shift(kept, "A", "B", "latency_ms")
    assert found["sequential"].clear
    assert found["sequential"].typical.value > 150
    assert not found["blocks"].clear
    assert abs(found["blocks"].typical.value) < 50


async def test_hostile_graders_are_missing_values_with_reasons_and_never_zero() -> None:
    def raises(_: Any) -> float:
        raise ZeroDivisionError("no words")

    async def hangs(_: Any) -> float:
        await asyncio.sleep(3600)
        return 1.0

    def hangs_in_its_thread(_: Any) -> float:
        time.sleep(3)
        return 1.0

    graders = [
        Grader("raises", raises),
        Grader("nan", lambda _: float("nan")),
        Grader("nothing", lambda _: None),
        Grader("hangs", hangs),
        Grader("sleeps", hangs_in_its_thread),
        Grader("exits", lambda _: exit(3)),
        Grader("good", lambda trial: len(trial.text)),
    ]
    with SimulatedBackend(base_ms=10, answers="four words are here") as backend:
        rows, end = await swept(
            backend.url, recordings(3, seconds=0.3), with_instructions("A"), repeats=2, pacing="fast", graders=graders,
            grade_timeout_s=0.5,
        )  # fmt: skip
    assert (end.reason, len(rows)) == ("done", 6)
    for row in rows:
        assert row["good"] == len("four words are here")
        for name in ("raises", "nan", "nothing", "hangs", "sleeps", "exits"):
            assert row[name] is None
            assert row[f"{name}_missing"]
    assert "no words" in rows[0]["raises_missing"]
    assert "0.5 s" in rows[0]["hangs_missing"]


async def test_longer_silence_cuts_off_less_on_the_same_input() -> None:
    said = paused_recording((150, 300, 600))
    variants = [
        Variant(str(ms), {"turn_detection": {"type": "server_vad", "silence_duration_ms": ms}, "transcription": False})
        for ms in (200, 400, 800)
    ]
    with SimulatedBackend(base_ms=100) as backend:
        rows, _ = await swept(backend.url, [said], variants, repeats=1, warmup=False)
        inputs = backend.inputs
    by_silence = {row["variant"]: row for row in rows}
    assert [by_silence[each]["cut_offs"] for each in ("200", "400", "800")] == [2, 1, 0]
    assert by_silence["800"]["speech_end_to_stopped_ms"] > by_silence["200"]["speech_end_to_stopped_ms"]
    assert len(inputs) == 3
    assert len({each.sound_hash for each in inputs}) == 1


async def test_pass_rates_are_those_of_the_answers() -> None:
    def answer(asked: Asked) -> str:
        share = 0.9 if asked.instructions == "B" else 0.2
        return "Paris" if asked.random.random() < share else "Rome"

    graders = [Grader("right", lambda trial: "Paris" in trial.text)]
    with SimulatedBackend(base_ms=0, answers=answer, seed=5) as backend:
        rows, _ = await swept(
            backend.url, recordings(8, seconds=0.3), with_instructions("A", "B"), repeats=3, pacing="fast",
            graders=graders, warmup=False,
        )  # fmt: skip
    passed = {name: [row["right"] for row in rows if row["variant"] == name] for name in ("A", "B")}
    assert len(passed["A"]) == len(passed["B"]) == 24
    assert sum(passed["A"]) < 12 < sum(passed["B"])
