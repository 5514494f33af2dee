"""Awaiting what lives on another event loop.

Owns the hop from whichever loop a caller runs on to the loop that owns an object. Must not know what is awaited.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

__all__ = ["Owned", "any_loop", "hop", "on_loop", "running_loop"]

P = ParamSpec("P")
T = TypeVar("T")


class Owned(Protocol):
    """Something that lives on one event loop."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that it lives on."""


OwnedT = TypeVar("OwnedT", bound=Owned)


async def hop(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Await `coroutine` on `loop`, from whichever loop this is; cancelling one cancels the other."""
    if asyncio.get_running_loop() is loop:
        return await coroutine
    if loop.is_closed():
        coroutine.close()
        raise RuntimeError("the event loop that this object lives on has ended; open a new one")
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop))


def on_loop(loop: asyncio.AbstractEventLoop, work: Callable[[], T]) -> T:
    """Do a short piece of work on `loop`, and return when it is done: at once there, else from another thread."""
    if running_loop() is loop:
        return work()
    if not loop.is_running():
        raise RuntimeError("the event loop that this object lives on does not run any more; open a new one")

    async def there() -> T:
        return work()

    return asyncio.run_coroutine_threadsafe(there(), loop).result()


def any_loop(
    method: Callable[Concatenate[OwnedT, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[OwnedT, P], Coroutine[Any, Any, T]]:
    """Make an async method awaitable from any event loop: it runs on its object's own."""

    @functools.wraps(method)
    def call(self: OwnedT, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        coroutine = method(self, *args, **kwargs)
        # On the owner's loop the coroutine itself is what is awaited: sound is sent 25 times a second.
        return coroutine if running_loop() is self.loop else hop(self.loop, coroutine)

    return call


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The running loop of this thread, or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
