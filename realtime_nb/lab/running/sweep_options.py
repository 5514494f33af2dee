"""How a sweep runs: its limits, and the checks of them.

Owns the options of a sweep. Must not know trials.
"""

from __future__ import annotations

from dataclasses import dataclass

from realtime_nb.client.settings import check_limit
from realtime_nb.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """How a sweep runs.

    Attributes:
        concurrency: sessions at a time, wherever they run.
        retries: how often a trial is tried again.
        budget_usd: the most that may be spent on these trials, earlier runs of them included; None is unlimited.
        max_minutes: the most minutes from now; a trial that could exceed it is not started.
        grade_timeout_s: a grade that takes longer is missing.

    Raises:
        ConfigError: a bad value.
    """

    concurrency: int = 8
    retries: int = 2
    budget_usd: float | None = None
    max_minutes: float | None = None
    grade_timeout_s: float = 60.0

    def __post_init__(self) -> None:
        for name, least in (("concurrency", 1), ("retries", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(f"{name}={value!r} must be a whole number of at least {least}")
        check_limit("max_minutes", self.max_minutes)
        check_limit("grade_timeout_s", self.grade_timeout_s)
