"""Renew a session shortly before the service ends it.

Owns when: the service closes a session after an hour (`expires_at`; docs/protocol.md 7), so a new one is begun some
minutes earlier, between turns. Must not know how a session is renewed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from realtime_nb.errors import RealtimeError

_log = logging.getLogger(__name__)
_MARGIN_S = 300.0
"""How long before its end a session is renewed; at most half of what is left of it."""
_SHORT_S = 1800.0
"""A session with less time left than this is renewed in the last tenth of it."""
_AGAIN_S = 10.0
"""The delay after an attempt that failed."""


def margin_s(left_s: float) -> float:
    """How long before the end of a session that ends in `left_s` seconds it is renewed."""
    return left_s / 10 if left_s < _SHORT_S else min(_MARGIN_S, left_s / 2)


class Renewal:
    """A timer that renews each session of a conversation before it ends.

    Args:
        wall: seconds since 1970, the clock of `expires_at`.
    """

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._task: asyncio.Task[None] | None = None

    def schedule(self, expires_at: Any, renew: Callable[[], Awaitable[None]]) -> None:
        """Call `renew` before a session that has just begun ends; replaces an earlier schedule.

        Args:
            expires_at: as the server sent it; without a number, or in the past, nothing is scheduled.
            renew: goes on in a new session, after it has waited for a pause between turns.
        """
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        if not isinstance(expires_at, int):
            return
        left_s = expires_at - self._wall()
        if left_s > 0:  # a wrong clock of this machine must not renew at once: the server then ends the session itself
            work = self._renew_in_time(left_s - margin_s(left_s), margin_s(left_s), renew)
            self._task = asyncio.get_running_loop().create_task(work, name="realtime renewal")

    def stop(self) -> None:
        """Cancel the schedule: the conversation is over."""
        if self._task is not None:
            self._task.cancel()

    async def _renew_in_time(self, wait_s: float, limit_s: float, renew: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(wait_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while True:
                    try:
                        await renew()
                    except RealtimeError as error:
                        _log.warning("the session could not be renewed yet: %s", error)
                        await asyncio.sleep(min(_AGAIN_S, limit_s / 10))
                    else:
                        return
        # After the limit the server ends the session, and the connection is opened again like a lost one.
