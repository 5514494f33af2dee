"""A hundred random plans with a budget at a concurrency of 8: `python -m tests.bench.lab_budget`.

Checked after each: what was spent and what was at risk never exceeded the budget, and 0.9 of it was used.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from tests.unit.lab.running.test_sweep import budget_plan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found = []
    for seed in range(options.seed, options.seed + options.plans):
        with tempfile.TemporaryDirectory() as folder:
            found.append(asyncio.run(budget_plan(seed, Path(folder) / "run")))
    cut = [each for each in found if each["not_run"]]
    print(f"{len(found)} plans, of which {len(cut)} were ended by their budget")
    print(f"used at least {min((each['used'] for each in cut), default=1.0):.3f} of the budget")
    print(f"spent and at risk at most {max(each['at_risk'] for each in found):.6f} of the budget")


if __name__ == "__main__":
    main()
