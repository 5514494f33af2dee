"""Methods of an object that lives on one event loop, awaited from another."""

from __future__ import annotations

import asyncio
import threading

import pytest

from realtime_nb.client.events.event_loop import any_loop


class Owned:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.cancelled = threading.Event()

    @any_loop
    async def where(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    @any_loop
    async def fails(self) -> None:
        raise KeyError("here")

    @any_loop
    async def forever(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()


async def test_a_method_runs_on_the_owners_loop_when_awaited_from_another() -> None:
    owned = Owned(asyncio.get_running_loop())
    assert await owned.where() is owned.loop
    assert await asyncio.to_thread(lambda: asyncio.run(owned.where())) is owned.loop


async def test_exceptions_reach_the_caller_on_another_loop() -> None:
    owned = Owned(asyncio.get_running_loop())
    with pytest.raises(KeyError, match="here"):
        await asyncio.to_thread(lambda: asyncio.run(owned.fails()))


async def test_cancelling_the_caller_cancels_the_method() -> None:
    owned = Owned(asyncio.get_running_loop())

    async def impatient() -> None:
        async with asyncio.timeout(0.05):
            await owned.forever()

    with pytest.raises(TimeoutError):
        await asyncio.to_thread(lambda: asyncio.run(impatient()))
    assert await asyncio.to_thread(owned.cancelled.wait, 5)


def test_a_closed_owner_loop_raises_runtime_error() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    with pytest.raises(RuntimeError, match="has ended"):
        asyncio.run(Owned(loop).where())
