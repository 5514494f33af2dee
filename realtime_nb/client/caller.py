"""Finds the line of a user's code that called this package, and warns about it.

Owns how that line is found. Must not know what the warnings are about.
"""

from __future__ import annotations

import sys
import warnings


def caller() -> tuple[str, int]:
    """Return the file and the line of the first call on the stack from outside of this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "realtime_nb":
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def warn_caller(message: str, category: type[Warning] = UserWarning) -> None:
    """Issue a warning that names the line that called this package."""
    warnings.warn_explicit(message, category, *caller())
