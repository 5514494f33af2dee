"""One line of the speed table, and how it is printed. Must not know what is measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_WIDTHS = (40, 20, 40, 20, 22)


@dataclass(frozen=True)
class Line:
    """One thing measured: ours, beside what was measured with it in the same run, and what it should be."""

    what: str
    ours: str
    reference: str = ""
    ratio: str = ""
    target: str = ""


def show(lines: Iterable[Line]) -> None:
    """Print each line as soon as it is known."""
    for line in lines:
        cells = zip((line.what, line.ours, line.reference, line.ratio, line.target), _WIDTHS, strict=True)
        print("".join(f"{cell:<{width}}" for cell, width in cells).rstrip(), flush=True)


def less(ours: float, theirs: float) -> str:
    """How many times less ours is; below one, ours is more."""
    return f"{theirs / ours:.1f}x less"
