"""Warns about the line of a user's code that called this package.

Owns how that line is found. Must not know what the warnings are about.
"""

from __future__ import annotations

import sys
import warnings


def warn_caller(message: str, category: type[Warning] = UserWarning) -> None:
    """Issue a warning that names the first line on the stack outside of this package."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "realtime_nb":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
