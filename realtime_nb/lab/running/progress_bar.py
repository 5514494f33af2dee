"""The progress bar of a sweep: trials, cost, failures and the time left.

Owns what the bar shows. Must not know how a sweep runs. tqdm draws it: a line in a terminal, a widget in a notebook.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from realtime_nb.errors import ConfigError
from realtime_nb.lab.extra import needed
from realtime_nb.lab.running.progress import SweepProgress

_EVERY_S = 0.5  # while no trial ends
Report = Callable[[SweepProgress], object]


class ProgressBar:
    """A bar that is open for as long as its context; use it on the thread that made it.

    Args:
        show: True for a bar, False for none, or a function that gets each `SweepProgress` instead.
        total: how many trials there are.
        is_free: whether no cost is shown.

    Raises:
        ConfigError: a bar is wanted, and tqdm is not installed; or `show` is none of these.
    """

    def __init__(self, show: bool | Report, total: int, *, is_free: bool) -> None:
        if not isinstance(show, bool) and not callable(show):
            raise ConfigError(f"progress={show!r} must be True, False, or a function of the progress")
        self._report = None if isinstance(show, bool) else show
        self._is_free = is_free
        self._bar: Any = None
        self._shown_at = 0.0
        if show is True:
            tqdm = needed("tqdm.auto", "the progress bar needs", otherwise=", or progress=False").tqdm
            self._bar = tqdm(total=total, unit="trial", desc="lab")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self, progress: SweepProgress) -> None:
        """Show how far the sweep is."""
        if self._report is not None:
            self._report(progress)
        now = time.monotonic()
        if self._bar is not None and (progress.done != self._bar.n or now - self._shown_at >= _EVERY_S):
            self._shown_at = now
            self._bar.n = progress.done
            self._bar.set_postfix_str(self._words(progress), refresh=False)
            self._bar.refresh()

    def _words(self, progress: SweepProgress) -> str:
        parts = [] if self._is_free else [f"${progress.spent_usd:.4f}"]
        for number, word in (
            (progress.running, "running"),
            (progress.cached, "from the cache"),
            (progress.failed, "failed"),
            (progress.retries, "tried again"),
        ):
            if number:
                parts.append(f"{number} {word}")
        return ", ".join(parts)
