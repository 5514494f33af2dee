"""Sweeps against a simulated backend for tests and benches: recordings, trials in the lab's order, rows, comparisons.

Owns the recordings and how a sweep is put together. Must not know what is claimed about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from realtime_nb.client.replay.options import ReplayOptions
from realtime_nb.client.replay.trace import Pacing
from realtime_nb.client.utterance import Utterance
from realtime_nb.client.variant import Variant
from realtime_nb.lab.grading.gradable import Grader
from realtime_nb.lab.keeping.cache_key import trial_key
from realtime_nb.lab.keeping.run_folder import RunFolder
from realtime_nb.lab.planning.order import Order, schedule
from realtime_nb.lab.results.trial_notes import TrialNotes
from realtime_nb.lab.running.own_loop import on_own_loop
from realtime_nb.lab.running.sweep import SweepEnd, sweep
from realtime_nb.lab.running.sweep_options import SweepOptions
from realtime_nb.lab.statistics.compare import Comparison, compare
from realtime_nb.lab.trial import Row, Trial, TrialSetup

RATE_HZ = 24_000


def recordings(count: int, *, seconds: float = 0.6, seed: int = 0) -> list[Utterance]:
    """Return so many recordings of sound that counts as speech by its level, each with words of its own."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
        syllables = 0.6 + 0.4 * np.sin(2 * np.pi * rng.uniform(3, 5) * at + rng.uniform(0, 6))
        sound = 9000 * syllables * np.sin(2 * np.pi * rng.uniform(120, 250) * at)
        words = f"question {number}"
        made.append(Utterance(samples=sound.astype(np.int16), label=words, said=words))
    return made


def paused_recording(pauses_ms: Sequence[int], *, seed: int = 0, seconds: float = 0.6) -> Utterance:
    """Return one recording of a turn with these pauses inside."""
    parts = [each.sound for each in recordings(len(pauses_ms) + 1, seconds=seconds, seed=seed)]
    for place, pause_ms in reversed(list(enumerate(pauses_ms, 1))):
        parts.insert(place, np.zeros(pause_ms * RATE_HZ // 1000, np.int16))
    return Utterance(samples=np.concatenate(parts), label=f"pauses of {', '.join(map(str, pauses_ms))} ms")


def with_instructions(*instructions: str, silence_ms: int = 200) -> list[Variant]:
    """Return a variant for each text, with a short silence that ends a turn."""
    detection = {"type": "server_vad", "silence_duration_ms": silence_ms}
    return [
        Variant(text, {"instructions": text, "turn_detection": detection, "transcription": False})
        for text in instructions
    ]


async def swept(
    url: str,
    utterances: Sequence[Utterance],
    variants: Sequence[Variant],
    *,
    repeats: int,
    order: Order = "blocks",
    seed: int = 0,
    pacing: Pacing = "realtime",
    limit_s: float = 30.0,
    open_timeout_s: float = 15.0,
    concurrency: int = 8,
    retries: int = 2,
    graders: Sequence[Grader] = (),
    grade_timeout_s: float = 60.0,
    warmup: bool = True,
) -> tuple[list[Row], SweepEnd]:
    """Run a sweep as the lab does; return the rows of its trials with their grades, and how it ended."""
    options = ReplayOptions(pacing=pacing, limit_s=limit_s, open_timeout_s=open_timeout_s)
    setup = TrialSetup(options=options, backend=url, model="simulated", order_seed=seed)
    slots = [(slot.utterance, slot.variant, slot.repeat) for slot in schedule(
        len(utterances), len(variants), repeats, seed=seed, order=order
    )]  # fmt: skip
    warm = [(0, variant, -1) for variant in range(len(variants))] if warmup else []
    trials = [
        Trial(
            id=trial_key(
                utterances[u], variants[v], options, endpoint=url, model="simulated", repeat=repeat
            ),
            said=utterances[u],
            variant=variants[v],
            repeat=repeat,
            place=place,
            warmup=repeat < 0,
        )
        for place, (u, v, repeat) in enumerate([*warm, *slots])
    ]  # fmt: skip
    limits = SweepOptions(concurrency=concurrency, retries=retries, grade_timeout_s=grade_timeout_s)
    with TemporaryDirectory() as path, RunFolder(Path(path), write=True) as folder:
        end = await on_own_loop(lambda: sweep(trials, setup, folder, limits, graders=graders))
        rows = [dict(row) for trial in trials if not trial.warmup for row in folder.trials.get(trial.id, ())]
        TrialNotes(Path(path)).write_into(rows)
    return rows, end


def shift(rows: Sequence[Row], baseline: str, variant: str, metric: str) -> Comparison:
    """Return the lab's comparison of two variants."""
    cells: dict[str, dict[str, list[float | None]]] = {baseline: {}, variant: {}}
    for row in rows:
        cells[row["variant"]].setdefault(row["utterance"], []).append(row[metric])
    (found,) = compare(cells[baseline], {variant: cells[variant]}, baseline_name=baseline, metric=metric, unit="ms")
    return found
