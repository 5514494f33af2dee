"""A new session before the service ends the old one.

Owns when: the service closes a session after an hour (`expires_at`), so some minutes before that, and between turns,
another is begun. Must not know how.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from realtime_nb.errors import RealtimeError

__all__ = ["Renewal"]

_log = logging.getLogger(__name__)
_MARGIN_S = 300.0
_MARGIN = 0.1
"""Five minutes before the end, or the last tenth of a shorter session."""
_AGAIN_S = 10.0


class Renewal:
    """Renews a session in time, again and again.

    Args:
        renew: goes on in a new session, and waits for a moment between turns.
        wall: seconds since 1970, the clock of `expires_at`.
    """

    def __init__(self, renew: Callable[[], Awaitable[None]], wall: Callable[[], float]) -> None:
        self._renew = renew
        self._wall = wall
        self._task: asyncio.Task[None] | None = None

    def began(self, expires_at: Any) -> None:
        """A session has begun; `expires_at` as the server says it, or nothing."""
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        if not isinstance(expires_at, int):
            return
        left_s = expires_at - self._wall()
        if left_s > 0:  # a clock that is wrong by more says nothing; the server's own end is then what counts
            margin_s = min(_MARGIN_S, _MARGIN * left_s)
            self._task = asyncio.get_running_loop().create_task(
                self._in_time(left_s - margin_s, margin_s), name="realtime renewal"
            )

    def stop(self) -> None:
        """The conversation is over."""
        if self._task is not None:
            self._task.cancel()

    async def _in_time(self, wait_s: float, margin_s: float) -> None:
        await asyncio.sleep(wait_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(margin_s):
                while True:
                    try:
                        await self._renew()
                    except RealtimeError as error:
                        _log.warning("the session could not be renewed yet: %s", error)
                        await asyncio.sleep(min(_AGAIN_S, margin_s / 10))
                    else:
                        return
        # Too late: the server ends the session, and the connection is opened again after it did.
