"""The question with which a fork begins: asked once, in the background, while no other widget of its tree speaks.

Owns the task that asks it, and the order in which the forks of one conversation speak. Must not know widgets, or how a
question is asked. Runs on the loop only.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from realtime_nb.conversation import Turn
from realtime_nb.errors import RealtimeError

_PARENT_S = 30.0
"""How long a fork lets the conversation that it came from go on speaking, before it asks all the same."""


class SpeakingOrder:
    """Lets one fork of a tree speak at a time: two voices at once cannot be understood."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()

    async def take_turn(
        self, is_heard: Callable[[], bool], drained: Callable[[], Awaitable[None]], ask: Callable[[], Awaitable[Turn]]
    ) -> Turn:
        """Ask when the forks before have been heard, and the conversation that they came from is silent.

        Args:
            is_heard: whether any page can play the answer; where none can, nothing waits.
            drained: returns once the original conversation is silent.
            ask: asks the question, and returns its answer once a page has played it.
        """
        if not is_heard():
            return await ask()
        async with self._one_at_a_time:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PARENT_S):
                    await drained()
            return await ask()


class OpeningQuestion:
    """The question of one fork, and its answer; of a widget that is no fork, nothing."""

    def __init__(self) -> None:
        self._task: asyncio.Task[Turn | RealtimeError] | None = None

    def begin(self, work: Coroutine[Any, Any, Turn]) -> None:
        """Ask in the background."""
        self._task = asyncio.create_task(_outcome(work))

    def cancel(self) -> None:
        """Ask no more: the fork was stopped, began another conversation, or was closed."""
        if self._task is not None:
            self._task.cancel()

    async def over(self) -> None:
        """Return once the question was answered, or failed."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def answer(self) -> Turn:
        """Return the answer.

        Raises:
            RealtimeError: the fork ended before the answer came; or the error that asking raised.
        """
        assert self._task is not None
        await asyncio.wait([self._task])
        if self._task.cancelled():
            raise RealtimeError("The fork was stopped, reset or closed before the answer to its question came.")
        outcome = self._task.result()
        if isinstance(outcome, RealtimeError):
            raise copy.copy(outcome)
        return outcome


async def _outcome(work: Coroutine[Any, Any, Turn]) -> Turn | RealtimeError:
    """Return the answer, or the error: an error that is kept must hold no frames, which hold the widget."""
    try:
        return await work
    except RealtimeError as error:
        return copy.copy(error)
    except Exception as error:
        return RealtimeError(f"{type(error).__name__}: {error}")
