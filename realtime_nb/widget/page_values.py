"""How values become what a page reads, and what a page may write.

Owns the translation of settings and latency to JSON, and the list of what a person can change in the card. Pure.
"""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from typing import Any

import msgspec

from realtime_nb.errors import ConfigError

__all__ = ["PAGE_WRITES", "check_page_value", "latency_to_page", "to_page"]

PAGE_WRITES = ("muted", "instructions", "voice", "speed", "turn_detection")
"""What a person can change in the card; everything else from a page is refused."""

_MAX_PAGE_TEXT = 100_000


def to_page(value: Any, _: Any = None) -> Any:
    """A setting as JSON: what was never named is left out."""
    return msgspec.to_builtins(value)


def latency_to_page(value: Any) -> dict[str, float | None]:
    """A latency as JSON; empty where there is none."""
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else {}


def check_page_value(name: str, value: Any) -> Any:
    """The value that a page wants to write, checked as far as a page is concerned; a setting checks itself too.

    Raises:
        ConfigError: not for a page to change, or a bad value; says why.
    """
    if name not in PAGE_WRITES:
        raise ConfigError("The card cannot change it; set it from Python, if it can be set at all.")
    if name == "muted":
        if not isinstance(value, bool):
            raise ConfigError("muted must be true or false.")
        return value
    if isinstance(value, str) and len(value) > _MAX_PAGE_TEXT:
        raise ConfigError(f"{name} has {len(value)} characters; a page may write {_MAX_PAGE_TEXT}.")
    return value
