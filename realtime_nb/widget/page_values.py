"""The values of synced traits: their translation to JSON for a page, and the check of those that a page writes.

Owns the list of traits that a page may write (`tests/contract/traits.json` has it too). Must not know the widget. Pure.
"""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from typing import Any

import msgspec

from realtime_nb.client.settings import check_setting
from realtime_nb.errors import ConfigError
from realtime_nb.notebook.page.page_settings import PAGE_SETTINGS, check_page_text

PAGE_WRITES = ("muted", *PAGE_SETTINGS)
"""The traits that a person can change in the card; a page that writes another is refused."""


def to_page(value: Any, _: Any = None) -> Any:
    """Return a setting as JSON; fields that were not set are left out."""
    return msgspec.to_builtins(value)


def latency_to_page(value: Any) -> dict[str, float | None]:
    """Return a latency as JSON; empty where there is none."""
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else {}


def check_page_value(name: str, value: Any) -> Any:
    """Check what a page writes to a trait, and return it as the trait keeps it.

    Raises:
        ConfigError: no page may write this trait, or the value is bad; says why.
    """
    if name not in PAGE_WRITES:
        raise ConfigError("The card cannot change it; set it from Python, if it can be set at all.")
    if name == "muted":
        if not isinstance(value, bool):
            raise ConfigError("muted must be true or false.")
        return value
    check_page_text(name, value)
    return check_setting(name, value)
