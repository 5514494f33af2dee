"""Kills connections at random frames, and counts what was lost, doubled or mismatched: `python -m tests.faults.kills`.

Every conversation has its own seed, and is the same each time in simulated time. The exit status is 1 where anything
is wrong.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time

from tests.faults.kills.conversation import Outcome, over_sockets, simulated
from tests.faults.kills.server import DIALECTS

_EACH = 40


def main() -> int:
    """Run, print, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=2000, help="how many connections are killed, in all")
    parser.add_argument("--seed", type=int, default=0, help="of the first conversation")
    parser.add_argument("--dialect", choices=[*DIALECTS, "all"], default="usual", help="how the server differs")
    parser.add_argument("--each", type=int, default=_EACH, help="kills in one conversation")
    parser.add_argument("--sockets", action="store_true", help="over real websockets, in real time")
    parser.add_argument("-v", "--verbose", action="store_true", help="one line for each question that was given up")
    given = parser.parse_args()
    logging.getLogger("realtime_nb").addHandler(logging.NullHandler())
    logging.getLogger("realtime_nb").propagate = False
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    run = over_sockets if given.sockets else simulated
    bad = False
    for dialect in DIALECTS if given.dialect == "all" else [given.dialect]:
        total, seed, began = Outcome(), given.seed, time.monotonic()
        while total.kills < given.kills and len(total.lost) < 20:
            told = run(seed, min(given.each, given.kills - total.kills), dialect)
            for name, lines in told.faults().items():
                for line in lines[:3]:
                    _say(f"  seed {seed}: {name}: {line}")
            total.add(told)
            seed += 1
        faults = {name: len(lines) for name, lines in total.faults().items()}
        bad = bad or any(faults.values())
        counts = ", ".join(f"{count} {name}" for name, count in faults.items())
        _say(
            f"{dialect}: {total.kills} kills, {total.asked} questions, {total.answered} answered, "
            f"{len(total.gave_up)} refused after several losses; {counts} ({time.monotonic() - began:.0f} s)"
        )
        for line in total.gave_up if given.verbose else ():
            _say(f"  {line}")
    return 1 if bad else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
