"""Coroutines that begin when they are awaited, and say so until then: `ask`, and the run of an experiment.

Owns the repr that asks for the `await`, and the warning about a forgotten one. Must not know what is begun.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

from realtime_nb.client.caller import caller
from realtime_nb.conversation.turn import Turn

_T = TypeVar("_T")


class Pending(Coroutine[Any, Any, _T]):
    """A coroutine to await, or to give to `asyncio.create_task` or `rt.run`.

    Args:
        name: of the call, such as `"lab.run()"`.
        verb: that was not done yet, as a participle, such as `"run"`.
        how: the whole line with `await`.
        begin: makes the coroutine; called at the first await.
    """

    def __init__(self, name: str, verb: str, how: str, begin: Callable[[], Coroutine[Any, Any, _T]]) -> None:
        self._name, self._verb, self._how = name, verb, how
        self._begin = begin
        self._begun: Coroutine[Any, Any, _T] | None = None
        self._closed = False
        self._where = caller()

    def __repr__(self) -> str:
        if self._begun is None and not self._closed:
            return f"<{self._name}: nothing is {self._verb} yet, await me: `{self._how}`>"
        return f"<{self._name}: {self._verb}>"

    def _coroutine(self) -> Coroutine[Any, Any, _T]:
        if self._closed:
            raise RuntimeError(f"cannot await {self._name}: it was closed")
        if self._begun is None:
            self._begun = self._begin()
        return self._begun

    def __await__(self) -> Generator[Any, Any, _T]:
        return self._coroutine().__await__()

    def send(self, value: Any) -> Any:
        """Go on, as an event loop does."""
        return self._coroutine().send(value)

    def throw(self, *error: Any) -> Any:
        """Raise an exception where the coroutine waits, as an event loop does."""
        return self._coroutine().throw(*error)

    def close(self) -> None:
        """End without beginning, or in the middle."""
        self._closed = True
        if self._begun is not None:
            self._begun.close()

    def __del__(self) -> None:
        if self._begun is None and not self._closed and not sys.is_finalizing():
            call = self._how.partition("await ")[2]
            warnings.warn_explicit(
                f"{self._name} was never awaited: nothing was {self._verb}. Write `{self._how}`, or rt.run({call}) "
                "where `await` is not possible.",
                RuntimeWarning,
                *self._where,
            )


class PendingAnswer(Pending[Turn]):
    """The coroutine of `ask`.

    Args:
        label: the question in short.
        begin: makes the coroutine that asks it; called at the first await.
    """

    def __init__(self, label: str, begin: Callable[[], Coroutine[Any, Any, Turn]]) -> None:
        super().__init__(f"ask({label!r})", "asked", "turn = await w.ask(...)", begin)
