"""Prints what each kind of fault costs today: `python -m tests.faults`.

One line a kind: the shared mechanism that mends it, how many cases there are, how many held, and how many are known
not to hold yet. Every case runs over a real socket in this process, within a limit of its own. The exit status is 1
where a case fails that should hold.

`python -m tests.faults names calls` leaves out all other kinds; `-v` says of each case what happened.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence

from tests.faults.registry import KINDS, NOT_YET, Case, Kind, load

_AT_ONCE = 4


async def outcome(case: Case) -> str | None:
    """Why a case failed, in words; None where it held."""
    try:
        async with asyncio.timeout(case.limit_s):
            await case.run()
    except TimeoutError as error:
        return str(error) or f"it took more than {case.limit_s:g} s"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:300]}"
    return None


async def _outcomes(cases: Sequence[Case]) -> dict[Case, str | None]:
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(case: Case) -> str | None:
        async with free:
            return await outcome(case)

    # Not one after the other: most of the time of a case is waiting.
    return dict(zip(cases, await asyncio.gather(*map(one, cases)), strict=True))


def main() -> int:
    """Run, print, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("kind", nargs="*", help=f"which kinds: {', '.join(KINDS)}; default all")
    parser.add_argument("-v", "--verbose", action="store_true", help="say of each case what happened")
    given = parser.parse_args()
    for name in given.kind:
        if name not in KINDS:
            parser.error(f"{name!r} is no kind: {', '.join(KINDS)}")
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    logging.getLogger("realtime_nb").addHandler(logging.NullHandler())  # keeps warnings off the screen
    cases = [case for case in load() if not given.kind or case.kind.name in given.kind]
    outcomes = asyncio.run(_outcomes(cases))
    _say(f"{'kind':<14} {'cases':>5} {'held':>5} {'not yet':>8}  mended by")
    for kind in KINDS.values():
        told = {case: why for case, why in outcomes.items() if case.kind == kind}
        if told:
            _say(_line(kind, told))
    failed = {case: why for case, why in outcomes.items() if why is not None and case.name not in NOT_YET}
    early = [case for case, why in outcomes.items() if why is None and case.name in NOT_YET]
    for case, why in (outcomes if given.verbose else failed).items():
        _say(f"  {case.name}: {why or 'held'}")
    for case in early:
        _say(f"  {case.name}: holds, and can be taken off NOT_YET")
    return 1 if failed else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _line(kind: Kind, told: dict[Case, str | None]) -> str:
    held = sum(why is None for why in told.values())
    late = sum(why is not None and case.name in NOT_YET for case, why in told.items())
    return f"{kind.name:<14} {len(told):>5} {held:>5} {late or '':>8}  {kind.mended_by}"


if __name__ == "__main__":
    sys.exit(main())
