from __future__ import annotations

import asyncio
import contextvars
from typing import Any

import msgspec

from realtime_nb.client.events.handlers import Handlers


class Event(msgspec.Struct):
    type: str = "ping"


async def _emitted(handlers: Handlers, times: int = 1) -> None:
    for _ in range(times):
        handlers.emit("ping", Event())
    await handlers.drain(5)


async def test_off_removes_one_of_two_registrations() -> None:
    got: list[Any] = []

    async def handler(event: Any) -> None:
        got.append(event)

    handlers = Handlers()
    handlers.add("ping", handler)
    handlers.add("ping", handler)
    await _emitted(handlers)
    assert len(got) == 2
    handlers.remove("ping", handler)
    await _emitted(handlers)
    assert len(got) == 3
    handlers.remove("ping", handler)
    handlers.remove("ping", handler)  # there is none left, which is no error
    await _emitted(handlers)
    assert len(got) == 3
    assert handlers.idle


async def test_off_removes_the_oldest_registration_first() -> None:
    got: list[Any] = []

    async def handler(event: Any) -> None:
        got.append(event)

    handlers = Handlers()
    handlers.add("ping", handler, once=True)
    handlers.add("ping", handler)
    handlers.remove("ping", handler)
    await _emitted(handlers, times=3)
    assert len(got) == 3, "the one for a single event was removed"


async def test_off_removes_a_bound_method() -> None:
    class Listener:
        def __init__(self) -> None:
            self.got = 0

        async def on_event(self, _: Any) -> None:
            self.got += 1

    handlers, one, other = Handlers(), Listener(), Listener()
    handlers.add("ping", one.on_event)
    handlers.add("ping", other.on_event)
    handlers.remove("ping", one.on_event)
    await _emitted(handlers)
    assert (one.got, other.got) == (0, 1)


async def test_off_without_a_handler_removes_all_of_the_type() -> None:
    handlers = Handlers()
    handlers.add("ping", print)
    handlers.add("ping", print, once=True)
    handlers.add("pong", print)
    handlers.remove("ping")
    assert not handlers.has("ping")
    assert handlers.has("pong")


async def test_no_handler_is_left_after_once() -> None:
    got = asyncio.Event()

    async def handler(_: Any) -> None:
        got.set()

    handlers = Handlers()
    registration = handlers.add("ping", handler, once=True)
    await _emitted(handlers)
    await got.wait()
    assert registration.over
    assert handlers.idle, "the receive loop skips handlers from now on"


async def test_handlers_run_in_copies_of_the_context_in_which_they_were_registered() -> None:
    cell: contextvars.ContextVar[str] = contextvars.ContextVar("cell", default="none")
    seen: list[str] = []
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    def plain(_: Any) -> None:
        seen.append(cell.get())
        cell.set("changed by a handler")
        if len(seen) == 4:
            loop.call_soon_threadsafe(done.set)

    async def coroutine(_: Any) -> None:
        plain(_)

    handlers = Handlers()
    context = contextvars.copy_context()
    context.run(cell.set, "third")
    context.run(handlers.add, "ping", plain)
    handlers.add("ping", coroutine, context=context)
    for _ in range(2):
        handlers.emit("ping", {})
        await asyncio.sleep(0)
        await handlers.drain(10)
    await done.wait()
    assert seen == ["third"] * 4
