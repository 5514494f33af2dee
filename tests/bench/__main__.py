"""Prints the speed table: `python -m tests.bench`, on a quiet machine. Each ratio is of things measured together.

`--no-browser` leaves out what needs JupyterLab and Chromium.
"""

from __future__ import annotations

import asyncio
import sys

from tests.bench import imports, notebook, wire

_TARGETS = {
    "audio delta of 4 KB, codec": 8,
    "audio delta of 4 KB, connection": 8,
    "text delta, codec": 12,
    "text delta, connection": 12,
    "append of 20 ms, codec": 12,
    "append of 20 ms, connection": 12,
}


def main(arguments: list[str]) -> None:
    """Measure and print, line by line."""
    _line("what", "ours (socket)", "reference", "ratio", "target")
    for what, ours, theirs, bare in wire.rows():
        # Over a socket the ratio has a ceiling: what websockets itself takes, for both.
        _line(
            f"CPU: {what}",
            f"{ours:.1f} us" + (f" ({bare:.1f})" if bare else ""),
            f"openai {theirs:.1f} us",
            f"{theirs / ours:.1f}x less",
            f"{_TARGETS[what]}x",
        )
    took = imports.seconds()
    _line(
        "import up to rt.connect",
        f"{took['connect']:.3f} s",
        f"openai {took['openai']:.3f} s",
        f"{took['connect'] / took['openai']:.2f}",
        "0.25 and 0.25 s",
    )
    _line(
        "import up to rt.RealtimeWidget",
        f"{took['widget']:.3f} s",
        f"anywidget {took['anywidget']:.3f} s",
        f"{took['widget'] / took['anywidget']:.2f}",
        "1.3",
    )
    _line("first connect, backend started", f"{imports.first_connect_s():.2f} s", "", "", "")
    if "--no-browser" in arguments:
        return
    found = asyncio.run(notebook.measure())
    if not found:
        _line("notebook", "no Chromium: not measured", "", "", "")
        return
    _line(
        "comm round trip, p50",
        f"{found['ours']:.1f} ms",
        f"bare anywidget {found['bare']:.1f} ms",
        f"{found['ours'] / found['bare']:.2f}",
        "1.2",
    )
    _line("stop to silence, p50 (worst)", f"{found['stop']:.1f} ms ({found['worst stop']:.1f})", "", "", "10 ms")
    _line("  by way of the kernel", f"{found['far stop']:.1f} ms ({found['worst far stop']:.1f})", "", "", "")


def _line(*cells: str) -> None:
    print(
        "".join(f"{cell:<{width}}" for cell, width in zip(cells, (38, 16, 26, 14, 16), strict=True)).rstrip(),
        flush=True,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
