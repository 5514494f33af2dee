"""Prints the speed table: `python -m tests.bench`, on a quiet machine, in about ten minutes.

Each line has the measurement, ours, the reference, their ratio and the target; the two sides of a ratio are measured
alternately in one run. Arguments select sections: `python -m tests.bench wire sessions`.

- `wire`: CPU per message, against openai-python and openai-node; needs npm for the latter.
- `sessions`: how many one core carries at real-time pace.
- `memory`: what a connection holds.
- `served`: what `realtime-nb serve` holds after many sessions.
- `long`: what a delta costs after thousands of turns.
- `reconnect`: from a broken socket to ready.
- `comm`: CPU per message of the page, beside Jupyter's own.
- `local`: what local models wait for the backend, barge-in, and memory after long answers; needs espeak-ng.
- `lab_pacing`: how late the sound of 200 replayed sessions leaves.
- `lab_sweep`: whole sweeps against a server whose truth is known, drift and hostile servers among them.
- `imports`: importing, and the first connection to a local backend.
- `notebook`: the comm's round trip and stop-to-silence in a real JupyterLab; needs Chromium.

`--no-browser` leaves out `notebook`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from importlib import import_module

from tests.bench.table import Line, show

_SECTIONS = (
    *("wire", "sessions", "memory", "served", "long", "reconnect", "comm", "local", "lab_pacing"),
    *("lab_sweep", "imports", "notebook"),
)


def main() -> None:
    """Measure and print, line by line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("section", nargs="*", help=f"what to measure: {', '.join(_SECTIONS)}; default all")
    parser.add_argument("--no-browser", action="store_true", help="leave out what needs JupyterLab and Chromium")
    given = parser.parse_args()
    for name in given.section:
        if name not in _SECTIONS:
            parser.error(f"{name!r} is not a section: {', '.join(_SECTIONS)}")
    show([Line("what", "ours", "reference", "ratio", "target")])
    for name in given.section or _SECTIONS:
        if name != "notebook" or not given.no_browser:
            # Imported when its turn comes: what one section loads is no part of another.
            lines: Callable[[], Iterator[Line]] = import_module(f"tests.bench.{name}").lines
            show(lines())


if __name__ == "__main__":
    main()
