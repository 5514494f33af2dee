"""End-to-end sweeps over a socket against a server whose truth is known: `python -m tests.bench lab_sweep`.

Owns four experiments and their lines, about six minutes: an injected difference is recovered; a drift fools the order
one variant after the other, and not the random one; a hundred hostile sessions end in time with a hundred rows; turn
detection on one recording. The drift is compressed in time: each answer adds what 10 ms a minute add while a trial of
20 s runs, one after the other, though the trials here take about a second.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

import realtime_nb as rt
from realtime_nb.client.variant import Variant
from realtime_nb.lab.grading.gradable import Grader
from realtime_nb.lab.planning.order import Order
from realtime_nb.lab.statistics.compare import Comparison
from realtime_nb.testing import SimulatedBackend
from tests.bench.table import Line, show
from tests.swept import paused_recording, recordings, swept, with_instructions

A, B = "Be brief.", "Think first."
SHIFT_MS = 50.0
WITHIN_MS = 15.0
DRIFT_MS_A_MINUTE = 10.0
TRIAL_S = 20.0
"""What a spoken turn with its answer takes at a hosted service, more or less."""
ORDERS: tuple[tuple[Order, str], ...] = (("sequential", "fooled"), ("blocks", "not fooled"))
METRIC = "speech_end_to_first_audio_ms"
HOSTILE = dict.fromkeys(("refuse", "hang", "deaf", "never", "drip", "close", "abort"), 0.12)
PAUSES_MS = (150, 300, 600)
SILENCES_MS = (200, 400, 800)


def lines(seed: int = 1) -> Iterator[Line]:
    """Yield what each experiment found."""
    yield recovered(seed)
    yield from drifted(seed)
    yield hostile(seed)
    yield from detected(seed)


def recovered(seed: int, *, utterances: int = 20, repeats: int = 10, trial_sd_ms: float = 40.0) -> Line:
    """Recover an injected difference from noise, stalls and utterances that differ."""
    said = recordings(utterances, seed=seed)
    truth = SimulatedBackend(
        shifts_ms={B: SHIFT_MS},
        utterance_sd_ms=80,
        trial_sd_ms=trial_sd_ms,
        noise="lognormal",
        stalls=0.03,
        seed=seed,
    )
    with truth as backend:
        results, found = _compared(backend.url, said, repeats, "blocks", seed)
    # What this machine itself adds to arrivals: where it is large, nothing here can be exact.
    lag = float(np.percentile(results.frame["loop_lag_ms"], 95))
    off = found.typical.value - backend.difference_ms(A, B, said)
    return Line(
        f"{SHIFT_MS:g} ms injected, {len(results.frame)} trials",
        f"{found.typical.value:+.1f} [{found.typical.low:.0f}, {found.typical.high:.0f}]",
        f"sd {trial_sd_ms:g} ms, 3 % stalls; loop lag {lag:.0f} ms",
        f"off by {off:+.1f} ms",
        f"within {WITHIN_MS:g} ms",
    )


def _compared(
    url: str, said: Sequence[rt.Utterance], repeats: int, order: Order, seed: int
) -> tuple[rt.Results, Comparison]:
    """Compare the two instructions as a user of the lab does."""
    lab = rt.Lab(
        said, with_instructions(A, B), repeats, backend=url, model="simulated", order=order, seed=seed
    )  # fmt: skip
    results = asyncio.run(lab.run(concurrency=4, budget_usd=None, progress=False))
    (found,) = results.compare("instructions", metric=METRIC)
    assert isinstance(found, Comparison)
    return results, found


def drifted(seed: int, *, utterances: int = 12, repeats: int = 6) -> Iterator[Line]:
    """Compare two equal variants at a server that grows slower, in both orders."""
    said = recordings(utterances, seed=seed)
    drift = DRIFT_MS_A_MINUTE * TRIAL_S / 60
    for order, target in ORDERS:
        with SimulatedBackend(trial_sd_ms=20, drift_ms_per_answer=drift, seed=seed) as backend:
            results, found = _compared(backend.url, said, repeats, order, seed)
        yield Line(
            f"no difference, drift, order={order!r}",
            f"{found.typical.value:+.1f} [{found.typical.low:.0f}, {found.typical.high:.0f}]",
            f"{len(results.frame)} trials as of {TRIAL_S:g} s",
            "claims a difference" if found.clear else "claims none",
            target,
        )


def hostile(seed: int, *, limit_s: float = 3.0) -> Line:
    """Run a hundred trials against a server that fails in every way."""
    said = recordings(10, seed=seed)
    began = time.monotonic()
    with SimulatedBackend(base_ms=50, faults=HOSTILE, retry_after_s=0.2, seed=seed) as backend:
        rows, _ = asyncio.run(
            swept(
                backend.url, said, with_instructions(A, B), repeats=5, seed=seed,
                limit_s=limit_s, open_timeout_s=limit_s, concurrency=10, warmup=False,
                graders=[Grader("raises", _raises), Grader("hangs", _hangs)], grade_timeout_s=1.0,
            )
        )  # fmt: skip
        faults = Counter(each.fault for each in backend.inputs)
    took_s = time.monotonic() - began
    missing = sum(row[name] is None and bool(row[f"{name}_missing"]) for row in rows for name in ("raises", "hangs"))
    errors = sum(row["error"] is not None for row in rows)
    return Line(
        "100 trials, hostile server",
        f"{len(rows)} rows, {took_s:.0f} s",
        f"{errors} rows with an error; {missing} of {2 * len(rows)} grades missing",
        f"{sum(faults.values()) - faults[None]} faults",
        f"100 rows, under {10 * 3 * (2 * limit_s + 8):.0f} s",
    )


def detected(seed: int) -> Iterator[Line]:
    """Say one recording with pauses to three lengths of silence that end a turn."""
    said = paused_recording(PAUSES_MS, seed=seed)
    variants = [
        Variant(str(ms), {"turn_detection": {"type": "server_vad", "silence_duration_ms": ms}, "transcription": False})
        for ms in SILENCES_MS
    ]
    with SimulatedBackend(base_ms=100, seed=seed) as backend:
        rows, _ = asyncio.run(swept(backend.url, [said], variants, repeats=3, seed=seed, warmup=False))
        inputs = {each.sound_hash for each in backend.inputs}
    for ms in SILENCES_MS:
        own = [row for row in rows if row["variant"] == str(ms)]
        delay = np.median([row["speech_end_to_stopped_ms"] for row in own])
        yield Line(
            f"pauses {'/'.join(map(str, PAUSES_MS))}, silence {ms} ms",
            f"delay {delay:.0f} ms",
            f"{np.mean([row['cut_offs'] for row in own]):.1f} cut-offs; {len(inputs)} input in all sessions",
        )


def _raises(_: object) -> float:
    raise ValueError("a hostile grader")


async def _hangs(_: object) -> float:
    await asyncio.sleep(3600)
    return 0.0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    show(lines(parser.parse_args().seed))
