"""How long a server asks to wait before the next attempt, and which refusals are about the rate of requests.

Owns the forms in which a wait is said: the header `Retry-After`, and the words of an error. Must not know sockets.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SAID = re.compile(
    r"(?:try again|retry) (?:in|after) ((?:\d+(?:\.\d+)?\s?(?:ms|h|m|s)(?:ec\w*|in\w*)?\s?)+)", re.IGNORECASE
)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s?(ms|h|m|s)", re.IGNORECASE)
_LONGEST_S = 24 * 3600.0


def said_wait_s(message: str | None) -> float | None:
    """Return the seconds of "Please try again in 6m0.5s" in an error's words; None where they name none."""
    found = _SAID.search(message or "")
    if found is None:
        return None
    return min(sum(float(n) * _UNITS_S[unit.lower()] for n, unit in _PART.findall(found[1])), _LONGEST_S)


def header_wait_s(value: str | None) -> float | None:
    """Return the seconds of a `Retry-After` header, which is a number or a date; None where it is neither."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (date - datetime.now(UTC if date.tzinfo else None)).total_seconds()
    return min(max(seconds, 0.0), _LONGEST_S) if seconds == seconds else None


def is_rate_limit(*codes: str | None) -> bool:
    """Whether an error's code or type says that requests came too fast."""
    return any(code is not None and "rate_limit" in code for code in codes)
