"""Imports scipy for the statistics, when a method needs it.

Owns the error for an environment without the extra `lab`. Must not know the methods.
"""

from __future__ import annotations

from typing import Any

from realtime_nb.errors import ConfigError


def scipy_stats() -> Any:
    """Return the module `scipy.stats`.

    Raises:
        ConfigError: scipy is not installed; says how to install it.
    """
    try:
        from scipy import stats
    except ImportError as error:
        raise ConfigError(
            "the lab's statistics need scipy, which is not installed: pip install 'realtime-nb[lab]'"
        ) from error
    return stats
