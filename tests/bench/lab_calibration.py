"""Prints how well the lab's statistics are calibrated: `python -m tests.bench.lab_calibration`, in a few minutes.

2,000 simulated sweeps a cell, nominal 95 %. Of each cell: how often the interval covers the true shift of 50 ms, how
often a claim is made where nothing is true, and the mean width against the better of the t intervals on utterance
means and utterance medians. `--sweeps` and `--seed` change both; sections: `shift within family rates
rates-within results early tail percentiles spread sequential`. The exit status is 1 if a cell misses its target.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np

from realtime_nb.errors import ConfigError
from realtime_nb.lab.results.early_stop import EarlyStop, decide
from realtime_nb.lab.results.results import Results
from realtime_nb.lab.statistics import holm, pass_rates, proportions, rank_sum, sign_flip, signed_rank, student, tail
from realtime_nb.lab.statistics.sequential import SequentialPlan, Spending
from realtime_nb.lab.statistics.spread import spread
from realtime_nb.lab.statistics.trials import FEWEST_UTTERANCES, as_trials, pair
from tests.bench.lab_sweeps import GRID, Cell, Floats

SHIFT_MS = 50.0
_FLIPS = 1_999
_FEW = tuple(Cell(n, cell.repeats, cell.noise, 0.0) for n in (1, 3, 5, 9) for cell in GRID[:18:2])
_KINDS: tuple[tuple[int, pass_rates.Kind], ...] = ((1, "at"), (3, "at"), (3, "all"))


@dataclass(frozen=True)
class Row:
    """One result: numbers by name, and which of them miss their target."""

    what: str
    numbers: dict[str, float]
    missed: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = "  ".join(
            f"{name} {value:.4g}{'!' if name in self.missed else ''}" for name, value in self.numbers.items()
        )
        return f"{self.what:52} {shown}"


def _row(what: str, numbers: dict[str, float], *, least: float = 0.93) -> Row:
    missed = [name for name, value in numbers.items() if name.startswith("cover") and not value >= least]
    missed += [name for name, value in numbers.items() if name.startswith("false") and not value <= 0.07]
    missed += [name for name, value in numbers.items() if name.startswith("width") and not value <= 1.3]
    return Row(what, numbers, tuple(missed))


def _coverage(low: Floats, high: Floats, truth: float) -> float:
    return float(((low <= truth) & (truth <= high)).mean())


def shift(sweeps: int, seed: int) -> Iterator[Row]:
    """The typical shift and the mean over the grid."""
    for index, cell in enumerate(GRID):
        rng = np.random.default_rng((seed, index))
        base, other = cell.sweeps(rng, sweeps, SHIFT_MS)
        d = np.median(other[0], axis=-1) - np.median(base, axis=-1)
        means = other[0].mean(axis=-1) - base.mean(axis=-1)
        widths = [float((high - low).mean()) for _, low, high in (student.interval(means), student.interval(d))]
        _, low, high = signed_rank.interval(d)
        typical = {
            "cover": _coverage(low, high, SHIFT_MS),
            "false": float((signed_rank.p_value(d - SHIFT_MS) <= 0.05).mean()),
            "width": float((high - low).mean()) / min(widths),
        }
        yield _row(f"typical {cell}", typical)
        _, low, high = sign_flip.interval(means, flips=_FLIPS)
        mean = {
            "cover": _coverage(low, high, SHIFT_MS),
            "false": float((sign_flip.p_value(means - SHIFT_MS, flips=_FLIPS) <= 0.05).mean()),
            "width": float((high - low).mean()) / widths[0],
        }
        yield _row(f"mean    {cell}", mean)


def within(sweeps: int, seed: int) -> Iterator[Row]:
    """Under ten utterances: the same utterances in every sweep, and only trials are repeated."""
    for index, cell in enumerate(_FEW):
        rng = np.random.default_rng((seed, 1, index))
        base, other = cell.sweeps(rng, sweeps, SHIFT_MS)
        counts = np.zeros(4)
        for b, o in zip(base, other[0], strict=True):
            pairs = pair(_values(b), _values(o))
            _, low, high = rank_sum.interval(pairs)
            _, mean_low, mean_high, _ = student.interval_within(pairs)
            null = pair(_values(b), _values(o - SHIFT_MS))
            counts += (
                low <= SHIFT_MS <= high,
                rank_sum.p_value(null) <= 0.05,
                mean_low <= SHIFT_MS <= mean_high,
                student.interval_within(null)[3] <= 0.05,
            )
        numbers = dict(zip(("cover", "false", "cover of mean", "false of mean"), counts / sweeps, strict=True))
        yield _row(f"within  {cell}", numbers)


def _values(trials: Floats) -> dict[str, list[float]]:
    return {f"u{i}": list(row) for i, row in enumerate(trials)}


def family(sweeps: int, seed: int) -> Iterator[Row]:
    """Seven comparisons with one baseline and nothing true: any claim is false."""
    for cell in (Cell(10, 5, "stalls", 0.0), Cell(20, 5, "lognormal", 40.0), Cell(30, 3, "gaussian", 0.0)):
        base, others = cell.sweeps(np.random.default_rng((seed, 2)), sweeps, 0.0, variants=7)
        d = np.median(others, axis=-1) - np.median(base, axis=-1)
        p = signed_rank.p_value(d).T
        corrected = np.array([min(holm.adjusted(each)) for each in p])
        yield _row(
            f"seven comparisons {cell}",
            {"any p at most 0.05": float((p.min(axis=1) <= 0.05).mean()), "false": float((corrected <= 0.05).mean())},
        )


def rates(sweeps: int, seed: int) -> Iterator[Row]:
    """Pass rates over utterances that differ: beta distributed, from alike to all or nothing."""
    for (n, r), (a, b) in (
        (size, shape)
        for size in ((10, 5), (20, 5), (30, 10))
        for shape in ((2.0, 2.0), (0.7, 0.3), (8.0, 2.0), (4.0, 0.4), (60.0, 40.0))
    ):
        rng = np.random.default_rng((seed, 3, n, r, round(10 * a)))
        rate = rng.beta(a, b, (sweeps, n, 1))
        passed = rng.random((sweeps, n, r)) < rate
        many = rng.beta(a, b, 2_000_000)
        numbers = {}
        for k, kind in _KINDS:
            truth = float((1 - (1 - many) ** k).mean() if kind == "at" else (many**k).mean())
            every = as_trials({str(c): [1.0] * c + [0.0] * (r - c) for c in range(r + 1)})
            table = pass_rates.utterance_rates(every, k, kind)
            _, low, high = proportions.interval(table[passed.sum(axis=-1)], n * r // k)
            name = "pass@" if kind == "at" else "pass^"
            numbers[f"cover {name}{k}"] = _coverage(low, high, truth)
        # Two variants with one utterance effect each, as large as the spread allows: the difference is 0 on average.
        other = rng.random((sweeps, n, r)) < rng.beta(a, b, (sweeps, n, 1))
        d = other.mean(axis=-1) - passed.mean(axis=-1)
        _, low, high = sign_flip.interval(d, flips=_FLIPS)
        numbers["cover of difference"] = _coverage(low, high, 0.0)
        yield _row(f"pass rates {n} x {r}, beta({a:g}, {b:g})", numbers)


def rates_within(sweeps: int, seed: int) -> Iterator[Row]:
    """Pass rates under ten utterances: the same utterances in every sweep, and only trials are repeated."""
    for n, r in ((1, 2), (1, 10), (3, 3), (5, 5), (9, 3)):
        rng = np.random.default_rng((seed, 9, n, r))
        base = rng.beta(2.0, 1.0, n)
        other = np.clip(base + 0.15, 0.0, 1.0)
        truth = float((other - base).mean())
        counts = np.zeros(2)
        for _ in range(sweeps):
            first, equal, second = (
                _values((rng.random((n, r)) < rate[:, None]).astype(float)) for rate in (base, base, other)
            )
            counts += (
                pass_rates.rate_shift(first, second)[0].covers(truth),
                pass_rates.rate_shift(first, equal)[1] <= 0.05,
            )
        yield _row(f"pass rates within {n} x {r}", dict(zip(("cover", "false"), counts / sweeps, strict=True)))


def whole_results(sweeps: int, seed: int) -> Iterator[Row]:
    """Rows of a grid of 2 voices x 3 instructions, compared as a user does: only the voices differ, by 50 ms.

    Under ten utterances the effect is the same in each: the intervals are about these utterances only.
    """
    for n, r in ((12, 3), (20, 5), (6, 5)):
        counts = np.zeros(6)
        for sweep in range(max(sweeps // 10, 20)):  # a sweep takes 20 ms
            rng = np.random.default_rng((seed, 10, n, sweep))
            results = Results(_grid_rows(rng, n, r))
            (voice,) = results.compare("voice", metric="total_ms")
            instructions = results.compare("instructions", metric="total_ms")
            passes = results.compare("instructions", metric="passed")
            try:
                winner = results.best("total_ms", "instructions").value
            except ConfigError:
                winner = ""
            counts += (
                voice.decisive.covers(SHIFT_MS),
                voice.clear,
                any(each.clear for each in instructions),
                any(each.clear for each in passes),
                all(each.decisive.covers(0.0) for each in passes[:1]),
                bool(winner),
            )
        names = ("cover", "power", "false", "false of passes", "cover of passes", "false best")
        shares = dict(zip(names, counts / max(sweeps // 10, 20), strict=True))
        yield _row(f"results of a grid, {n} x {r}, {max(sweeps // 10, 20)} sweeps", shares, least=0.9)


def early_stops(sweeps: int, seed: int) -> Iterator[Row]:
    """`decide` after each of six rounds of three voices, from rows: false claims, and rounds until a stop."""
    count = max(sweeps // 10, 20)  # a sweep takes 0.1 s
    for n in (12, 6):
        plan = EarlyStop(6, "total_ms", "voice")
        counts = np.zeros(3)
        for sweep in range(count):
            rng = np.random.default_rng((seed, 11, n, sweep))
            nothing, real = (_voice_rows(rng, n, shift) for shift in (0.0, 150.0))
            looks = [decide(nothing, plan, done) for done in range(1, 7)]
            stops = [decide(real, plan, done).stop for done in range(1, 7)]
            counts += (
                any(any(look.clear.values()) for look in looks),
                stops[-1],
                (stops.index(True) if any(stops) else 5) + 1,
            )
        yield _row(
            f"stop early, {n} utterances, {count} sweeps",
            dict(zip(("false", "power at the end", "mean rounds"), counts / count, strict=True)),
        )


def _voice_rows(rng: np.random.Generator, utterances: int, shift_ms: float) -> list[dict[str, Any]]:
    base = rng.normal(800, 150, utterances)
    shifts = {"marin": 0.0, "cedar": shift_ms, "ash": -shift_ms}
    return [
        {
            "trial_id": f"{u} {voice} {repeat}", "turn": 0, "utterance": f"u{u}", "utterance_hash": f"u{u}",
            "variant": voice, "voice": voice, "repeat": repeat, "error": None,
            "total_ms": float(base[u] + shifts[voice] + rng.normal(0, 120) + 1_500 * (rng.random() < 0.03)),
        }
        for repeat, u, voice in product(range(6), range(utterances), shifts)
    ]  # fmt: skip


def _grid_rows(rng: np.random.Generator, utterances: int, repeats: int) -> list[dict[str, Any]]:
    base, rate = rng.normal(800, 150, utterances), rng.beta(2.0, 1.0, utterances)
    differ = 40.0 if utterances >= FEWEST_UTTERANCES else 0.0
    effect = {voice: late + rng.normal(0, differ, utterances) for voice, late in (("marin", 0.0), ("cedar", SHIFT_MS))}
    rows: list[dict[str, Any]] = []
    for u, voice, instructions, repeat in product(range(utterances), effect, ("brief", "warm", "long"), range(repeats)):
        own = {"utterance": f"u{u}", "utterance_hash": f"u{u}", "variant": f"{voice}, {instructions}", "repeat": repeat}
        late = base[u] + effect[voice][u] + rng.normal(0, 120) + 1_500 * (rng.random() < 0.03)
        settings = {"voice": voice, "instructions": instructions}
        measured = {"total_ms": float(late), "passed": bool(rng.random() < rate[u]), "error": None}
        rows.append({"trial_id": f"{len(rows)}", "turn": 0, **own, **settings, **measured})
    return rows


def stalls(sweeps: int, seed: int) -> Iterator[Row]:
    """The share of stalls, 3 % and 8 %, and the difference, with the limit taken from the data."""
    for n, r in ((10, 5), (20, 5), (30, 10)):
        rng = np.random.default_rng((seed, 4, n))
        base, other = Cell(n, r, "gaussian", 40.0).sweeps(rng, sweeps, SHIFT_MS)
        base += (rng.random(base.shape) < 0.03) * 1500.0
        other += (rng.random(other.shape) < 0.08) * 1500.0
        counts = np.zeros(3)
        for b, o in zip(base, other[0], strict=True):
            first, second = _values(b), _values(o)
            excess = tail.default_excess(as_trials(first), as_trials(second)) or 0.0
            counts += (
                tail.stalls(first, excess=excess).covers(0.03),
                tail.stalls(second, excess=excess).covers(0.08),
                tail.stall_shift(first, second, excess=excess).covers(0.05),
            )
        names = ("cover of 3 %", "cover of 8 %", "cover of difference")
        yield _row(f"stalls {n} x {r}", dict(zip(names, counts / sweeps, strict=True)))


def percentiles(sweeps: int, seed: int) -> Iterator[Row]:
    """The 95th and 99th percentiles of trials of utterances that differ."""
    for n, r in ((10, 10), (20, 5), (30, 10)):
        cell = Cell(n, r, "lognormal", 0.0)
        rng = np.random.default_rng((seed, 5, n))
        many = cell.sweeps(rng, 3000, 0.0)[0].ravel()
        base, _ = cell.sweeps(rng, sweeps, 0.0)
        numbers = {}
        for q in (95.0, 99.0):
            truth = float(np.percentile(many, q))
            numbers[f"cover p{q:g}"] = float(np.mean([tail.percentile(_values(b), q).covers(truth) for b in base]))
        yield _row(f"percentiles {n} x {r}", numbers, least=0.9)


def predictions(sweeps: int, seed: int) -> Iterator[Row]:
    """What `spread` of 10 utterances x 3 predicts, against the widths of larger sweeps."""
    for noise, sd in (("gaussian", 0.0), ("gaussian", 80.0), ("stalls", 40.0)):
        rng = np.random.default_rng((seed, 6))
        small = Cell(10, 3, noise, sd)  # type: ignore[arg-type]
        base, other = small.sweeps(rng, min(sweeps, 400), SHIFT_MS)
        guesses = [spread(_values(b), _values(o)) for b, o in zip(base, other[0], strict=True)]
        for n, r in ((20, 3), (10, 9), (40, 5)):
            b, o = Cell(n, r, noise, sd).sweeps(rng, 1000, SHIFT_MS)  # type: ignore[arg-type]
            d = np.median(o[0], axis=-1) - np.median(b, axis=-1)
            _, low, high = signed_rank.interval(d)
            real = float(np.median(high - low)) / 2
            power = float((signed_rank.p_value(d) <= 0.05).mean())
            yield Row(
                f"spread, {small} -> {n} x {r}",
                {
                    "predicted +-": float(np.median([guess.half_width(n, r) for guess in guesses])),
                    "real +-": real,
                    "predicted power": float(np.median([guess.power(SHIFT_MS, n, r) for guess in guesses])),
                    "real power": power,
                },
            )


def sequential(sweeps: int, seed: int) -> Iterator[Row]:
    """Looks after each of ten rounds: false claims, rounds until decided, power, exaggeration."""
    spendings: tuple[Spending, ...] = ("pocock", "obrien-fleming")
    for cell in (Cell(20, 10, "gaussian", 0.0), Cell(20, 10, "stalls", 40.0), Cell(12, 10, "lognormal", 80.0)):
        nothing = _looks(cell, np.random.default_rng((seed, 7)), sweeps, 0.0)
        real = _looks(cell, np.random.default_rng((seed, 8)), sweeps, SHIFT_MS)
        naive = float((nothing[0] <= 0.05).any(axis=0).mean())
        fixed = float((real[0][-1] <= 0.05).mean())
        yield Row(f"no plan {cell}", {"false claims": naive, "power at the end": fixed})
        for spending in spendings:
            plan = SequentialPlan(cell.repeats, spending=spending)
            levels = np.array([plan.level_at(done) for done in range(1, cell.repeats + 1)])[:, None]
            hit = real[0] <= levels
            at = np.where(hit.any(axis=0), hit.argmax(axis=0), cell.repeats - 1)
            estimate = np.take_along_axis(real[1], at[None], axis=0)[0]
            yield _row(
                f"{spending} {cell}",
                {
                    "false": float((nothing[0] <= levels).any(axis=0).mean()),
                    "power": float(hit.any(axis=0).mean()),
                    "mean rounds": float(at.mean() + 1),
                    "mean estimate": float(estimate.mean()),
                    "cover at the stop": _stop_coverage(cell, seed, sweeps, levels[:, 0], at),
                },
            )


def median_correlations(most: int, sweeps: int = 200_000) -> list[tuple[float, float]]:
    """Return the squared correlations between the differences of medians of r and r + 1 trials, r = 1...most.

    By ranks, of normal trials and of lognormal ones with stalls: where `sequential.py` has its table from.
    """
    out = []
    for noise in ("gaussian", "stalls"):
        trials = Cell(2, most + 1, noise, 0.0).noise_of(np.random.default_rng(12), (2, sweeps, most + 1))
        ranks = []
        for r in range(1, most + 2):
            medians = np.median(trials[..., :r], axis=-1)
            ranks.append(np.argsort(np.argsort(medians[1] - medians[0])))
        found = [np.corrcoef(first, second)[0, 1] for first, second in pairwise(ranks)]
        out.append([float(2 * np.sin(np.pi * each / 6)) ** 2 for each in found])
    return list(zip(*out, strict=True))


def _looks(cell: Cell, rng: np.random.Generator, sweeps: int, shift_ms: float) -> tuple[Floats, Floats]:
    """Return p values and estimates after each round; shape `(rounds, sweeps)`."""
    base, other = cell.sweeps(rng, sweeps, shift_ms)
    p, estimates = [], []
    for done in range(1, cell.repeats + 1):
        d = np.median(other[0, ..., :done], axis=-1) - np.median(base[..., :done], axis=-1)
        p.append(signed_rank.p_value(d))
        estimates.append(signed_rank.interval(d)[0])
    return np.array(p), np.array(estimates)


def _stop_coverage(cell: Cell, seed: int, sweeps: int, levels: Floats, at: Floats) -> float:
    base, other = cell.sweeps(np.random.default_rng((seed, 8)), sweeps, SHIFT_MS)
    covered = 0
    for done, level in enumerate(levels, 1):
        stopped = at == done - 1
        d = np.median(other[0, stopped, :, :done], axis=-1) - np.median(base[stopped, :, :done], axis=-1)
        _, low, high = signed_rank.interval(d, 1 - float(level))
        covered += int(((low <= SHIFT_MS) & (high >= SHIFT_MS)).sum())
    return covered / sweeps


_SECTIONS = {
    "shift": shift,
    "within": within,
    "family": family,
    "rates": rates,
    "rates-within": rates_within,
    "results": whole_results,
    "early": early_stops,
    "tail": stalls,
    "percentiles": percentiles,
    "spread": predictions,
    "sequential": sequential,
}


def main() -> int:
    """Print the sections asked for; 1 if a number misses its target."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.lab_calibration", description=__doc__)
    parser.add_argument("section", nargs="*", choices=[*_SECTIONS, []], help="default all")
    parser.add_argument("--sweeps", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=11)
    given = parser.parse_args()
    missed = 0
    for name in given.section or _SECTIONS:
        for row in _SECTIONS[name](given.sweeps, given.seed):
            sys.stdout.write(f"{row}\n")
            sys.stdout.flush()
            missed += bool(row.missed)
    sys.stdout.write(f"{missed} rows miss a target (marked !)\n")
    return missed > 0


if __name__ == "__main__":
    sys.exit(main())
