"""A hundred random plans with a budget at a concurrency of 8: `python -m tests.bench.lab_budget`.

Checked after each: what was spent and what was at risk never exceeded the budget, and 0.9 of it was used. `--spoken N`
runs N plans of spoken turns over a socket instead, on servers that detect turns and bill what they begin.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
from pathlib import Path

from tests.spoken_plans import KINDS, spoken_plan
from tests.unit.lab.running.test_sweep import budget_plan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--spoken", type=int, default=0)
    options = parser.parse_args()
    if options.spoken:
        return _spoken(options.spoken, options.seed)
    found = []
    for seed in range(options.seed, options.seed + options.plans):
        with tempfile.TemporaryDirectory() as folder:
            found.append(asyncio.run(budget_plan(seed, Path(folder) / "run")))
    cut = [each for each in found if each["not_run"]]
    print(f"{len(found)} plans, of which {len(cut)} were ended by their budget")
    print(f"used at least {min((each['used'] for each in cut), default=1.0):.3f} of the budget")
    print(f"spent and at risk at most {max(each['at_risk'] for each in found):.6f} of the budget")


def _spoken(plans: int, seed: int) -> None:
    ended = []
    for place, kind in enumerate(itertools.islice(itertools.cycle(KINDS), plans)):
        with tempfile.TemporaryDirectory() as folder:
            end = asyncio.run(spoken_plan(seed + place, Path(folder) / "run", kind=kind))
        what = (
            f"{end.not_run} of {end.trials} trials not run, {end.cut} ended" if end.ended else "not ended by its budget"
        )
        print(f"{kind:7} {end.bounds:.1f} bounds: {end.billed:.3f} of the budget billed, {what}", flush=True)
        ended += [end] if end.ended else []
    print(f"{plans} plans, of which {len(ended)} were ended by their budget")
    print(
        f"billed at least {min((each.billed for each in ended), default=1.0):.3f} of the budget, and never more than it"
    )


if __name__ == "__main__":
    main()
