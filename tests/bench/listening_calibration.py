"""Prints how well the intervals of blind listening are calibrated: `python -m tests.bench.listening_calibration`.

Listeners are simulated with known strengths, one or more votes on each utterance and pair, tastes that differ between
utterances, and ties. Of each cell: how often the interval of the share of votes holds the truth (nominal 95 %), its
mean width, the same of a percentile bootstrap over utterances for comparison, and how often two equal variants are
called different. The truth is the share in 4,000 utterances. The exit status is 1 if a cell covers less than 91 %.
"""

from __future__ import annotations

import argparse
import sys
from itertools import combinations, product

import numpy as np

from realtime_nb.lab.listening.ranking import Ballot, rank

_STRENGTHS = ((0.0, 0.0), (1.5, -1.5), (0.0, 0.0, 0.0), (0.8, 0.0, -0.8), (0.6, 0.2, -0.2, -0.6))
_SIZES = ((5, 2), (10, 1), (12, 2), (20, 1), (30, 1))
_BOOTSTRAPS = 100


def ballots(
    rng: np.random.Generator, strengths: tuple[float, ...], utterances: int, votes: int, sd: float, ties: float
) -> list[list[Ballot]]:
    """Return the votes of each utterance."""
    found = []
    for unit in range(utterances):
        here = np.asarray(strengths) + sd * rng.standard_normal(len(strengths))
        of_unit = []
        for (i, j), _ in product(combinations(range(len(strengths)), 2), range(votes)):
            won = float(rng.random() < 1 / (1 + np.exp(here[j] - here[i])))
            of_unit.append(Ballot(str(unit), str(i), str(j), 0.5 if rng.random() < ties else won))
        found.append(of_unit)
    return found


def _share(each: list[list[Ballot]]) -> tuple[float, float, float]:
    ranking = rank([ballot for unit in each for ballot in unit])
    estimate = next(ranked.preferred for ranked in ranking.all if ranked.name == "0")
    return estimate.value, estimate.low, estimate.high


def _truth(rng: np.random.Generator, strengths: tuple[float, ...], sd: float, ties: float) -> float:
    every = [ballot for unit in ballots(rng, strengths, 4_000, 1, sd, ties) for ballot in unit]
    # As if of one utterance: the ranking would leave out each of 4,000, and only the share is needed.
    return _share([[Ballot("all", each.first, each.second, each.score) for each in every]])[0]


def _bootstrap(rng: np.random.Generator, each: list[list[Ballot]]) -> tuple[float, float]:
    shares = [_share([each[i] for i in rng.integers(0, len(each), len(each))])[0] for _ in range(_BOOTSTRAPS)]
    low, high = np.percentile(shares, [2.5, 97.5])
    return float(low), float(high)


def main() -> int:
    """Run the cells."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listenings", type=int, default=300, help="simulated listenings a cell (default 300)")
    parser.add_argument("--bootstrap", action="store_true", help="also the percentile bootstrap; takes 50 times longer")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    missed = False
    for strengths, (utterances, votes), sd, ties in product(_STRENGTHS, _SIZES, (0.0, 0.7), (0.0, 0.4)):
        if utterances < 10 and sd:
            continue  # below ten utterances the intervals are about these utterances only
        rng = np.random.default_rng(given.seed)
        truth = _truth(rng, strengths, sd, ties)
        held, width, by_bootstrap, false = 0, 0.0, 0, 0
        for _ in range(given.listenings):
            each = ballots(rng, strengths, utterances, votes, sd, ties)
            _, low, high = _share(each)
            held += low <= truth <= high
            width += (high - low) / given.listenings
            if not any(strengths):
                false += any(pair.clear for pair in rank([b for u in each for b in u]).pairs)
            if given.bootstrap:
                low, high = _bootstrap(rng, each)
                by_bootstrap += low <= truth <= high
        cover = held / given.listenings
        missed |= cover < 0.91
        what = f"strengths {strengths}, {utterances} utterances x {votes}, sd {sd}, ties {ties}"
        shown = f"cover {cover:.3f}{'!' if cover < 0.91 else ''}  width {width:.2f}"
        shown += f"  bootstrap covers {by_bootstrap / given.listenings:.3f}" if given.bootstrap else ""
        shown += f"  false {false / given.listenings:.3f}" if not any(strengths) else ""
        print(f"{what:72} {shown}", flush=True)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
