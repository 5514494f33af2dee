"""What ends a replayed session, and how anything before that is waited for.

Owns the one failure that ends it, the limit of a turn, and the server's last error. Must not know turns or money.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import logging
import math
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from realtime_nb.client.replay.clock import now_s
from realtime_nb.client.replay.failure import ReplayFailure
from realtime_nb.errors import RealtimeError, ServerError

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
POLL_S = 0.1


class SessionEnd:
    """The end of one session; made on its event loop.

    Args:
        limit_s: of a user turn.

    Attributes:
        news: set by every event but sound, so that a wait looks again.
        is_closed: whether the connection is gone, or is closed at once.
        said_by_server: the server's last error that answers no call of ours.
    """

    def __init__(self, limit_s: float) -> None:
        self.news = asyncio.Event()
        self.is_closed = False
        self.said_by_server: ServerError | None = None
        self._limit_s = limit_s
        self._failure: asyncio.Future[ReplayFailure] = asyncio.get_running_loop().create_future()

    @property
    def is_ended(self) -> bool:
        """Whether the session ended early."""
        return self._failure.done()

    def end(self, failure: ReplayFailure) -> None:
        """End the session; only the first failure counts."""
        if not self._failure.done():
            self._failure.set_result(failure)

    async def until(self, over: Callable[[], bool], limit_s: float = math.inf) -> None:
        """Return when `over()` is True, or after `limit_s` seconds."""
        ends = now_s() + limit_s
        while now_s() < ends:
            if over():
                await asyncio.sleep(0)  # a tool that has just ended asks for its response in a callback
                if over():
                    return
            self.news.clear()
            with contextlib.suppress(builtins.TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self.news.wait()

    async def while_open(self, work: Coroutine[Any, Any, _T], begins: float) -> _T:
        """Return the result of `work`; raise what ends the session, or the limit of a turn, before it is done.

        Args:
            work: is cancelled then.
            begins: when the turn begins, on the clock.
        """
        task = asyncio.ensure_future(work)
        try:
            ends: set[asyncio.Future[Any]] = {task, self._failure}
            left_s = begins + self._limit_s - now_s()
            await asyncio.wait(ends, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
        except ReplayFailure:
            raise
        except Exception as error:
            raise failure_of(error) from None
        finally:
            task.cancel()
            await asyncio.wait([task])
        raise self._failure.result() if self._failure.done() else self._limit_failure()

    def _limit_failure(self) -> ReplayFailure:
        error = f"no whole answer came within {self._limit_s:g} s (limit_s)"
        if self.said_by_server is not None:
            error += f"; the last error was: {self.said_by_server}"
        return ReplayFailure(error, timed_out=True)


def failure_of(error: Exception) -> ReplayFailure:
    """Return the failure for an exception; log one that only a mistake of this package raises."""
    if not isinstance(error, RealtimeError | OSError):
        _log.error("a replay failed in this package's own code", exc_info=error)
    return ReplayFailure.of(error)
