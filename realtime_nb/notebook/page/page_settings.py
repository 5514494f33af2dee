"""The settings that a page may write, and how long a text it may write.

Owns both. Must not know traits or messages. The values are checked with those that Python sets.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

from realtime_nb.errors import ConfigError

PageSetting: TypeAlias = Literal["instructions", "voice", "speed", "turn_detection"]
PAGE_SETTINGS: tuple[str, ...] = get_args(PageSetting)
"""The settings that a person can change in the card."""

_MAX_PAGE_TEXT = 100_000


def check_page_text(name: str, value: Any) -> None:
    """Refuse a text that is too long for a page to write.

    Raises:
        ConfigError: as said; names the setting and both lengths.
    """
    if isinstance(value, str) and len(value) > _MAX_PAGE_TEXT:
        raise ConfigError(f"{name} has {len(value)} characters; a page may write {_MAX_PAGE_TEXT}.")
