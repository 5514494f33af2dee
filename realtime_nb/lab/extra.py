"""Imports the packages of the extra `lab` where they are used, so that importing the lab is quick.

Owns the error for an environment without the extra. Must not know the users of the packages.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from realtime_nb.errors import ConfigError


def needed(module: str, wanted: str, *, otherwise: str = "") -> Any:
    """Import a module of the extra `lab`.

    Args:
        module: its dotted name.
        wanted: what needs it, with the verb, such as `"figures need"`.
        otherwise: what to do instead of installing it.

    Raises:
        ConfigError: its package is not installed; says how to install it.
    """
    package = module.partition(".")[0]
    try:
        import_module(package)  # first, because its absence is what the error names
        return import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"{wanted} {package}, which is not installed: pip install 'realtime-nb[lab]'{otherwise}"
        ) from error


def scipy_stats() -> Any:
    """Return the module `scipy.stats`; raises as `needed`."""
    return needed("scipy.stats", "the lab's statistics need")


def pandas() -> Any:
    """Return the module `pandas`; raises as `needed`."""
    return needed("pandas", "results as a data frame need")
