"""Make methods of an object that lives on one event loop awaitable from any event loop.

Owns the hop from the caller's loop to the object's loop. Must not know the objects. In a notebook, cells run on the
kernel's loop, which a busy cell blocks; connections live on a loop of ours (docs/protocol.md 43).
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Owned(Protocol):
    """The protocol of objects for `any_loop`, which runs their coroutines on the loop that they name."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that the object lives on."""


OwnedT = TypeVar("OwnedT", bound=Owned)


async def hop(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Await `coroutine` on `loop` from any loop; cancelling the one cancels the other."""
    if asyncio.get_running_loop() is loop:
        return await coroutine
    if loop.is_closed():
        coroutine.close()
        raise RuntimeError("the event loop that this object lives on has ended; open a new one")
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop))


def on_loop(loop: asyncio.AbstractEventLoop, work: Callable[[], T]) -> T:
    """Call `work` on `loop` and return its result; blocks the calling thread, if it is another one, until then."""
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
    """Decorate an async method: it runs on its object's loop, and can be awaited from any."""

    @functools.wraps(method)
    def call(self: OwnedT, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        loop = self.loop  # before the coroutine is made: it raises in a forked process
        coroutine = method(self, *args, **kwargs)
        # On the owner's loop the caller awaits the coroutine itself: sound is sent 25 times a second.
        return coroutine if running_loop() is loop else hop(loop, coroutine)

    return call


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The running loop of this thread, or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
