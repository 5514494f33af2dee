"""The threads do what the table in `runtime.py` says."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from realtime_nb.notebook import runtime


async def _where() -> str:
    return threading.current_thread().name


def test_run_works_without_a_loop_and_on_our_thread() -> None:
    assert runtime.run(_where()) == "realtime-nb-loop"


async def test_run_and_bring_work_inside_another_loop() -> None:
    assert runtime.run(_where()) == "realtime-nb-loop"
    assert await runtime.bring(_where()) == "realtime-nb-loop"


def test_run_on_our_own_loop_raises_and_names_the_alternative() -> None:
    async def inner() -> None:
        runtime.run(_where())

    with pytest.raises(RuntimeError, match="await"):
        runtime.run(inner())


def test_run_cancels_after_its_timeout() -> None:
    cancelled = threading.Event()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(TimeoutError, match=r"0\.05"):
        runtime.run(forever(), timeout=0.05)
    assert cancelled.wait(5)


async def test_cancelling_the_awaitable_cancels_the_work() -> None:
    started, cancelled = threading.Event(), threading.Event()

    async def forever() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    task = asyncio.ensure_future(runtime.bring(forever()))
    await asyncio.to_thread(started.wait, 5)
    task.cancel()
    assert await asyncio.to_thread(cancelled.wait, 5)


def test_the_notifier_keeps_the_newest_of_a_key_and_every_call() -> None:
    notifier = runtime.Notifier()
    gate, done = threading.Event(), threading.Event()
    seen: list[object] = []
    notifier.call(gate.wait)  # type: ignore[arg-type]
    for value in range(5):
        notifier.post("state", lambda value=value: seen.append(value))  # type: ignore[misc]
    notifier.call(lambda: seen.append("a"))
    notifier.call(lambda: seen.append("b"))
    notifier.call(done.set)
    gate.set()
    assert done.wait(5)
    assert seen == [4, "a", "b"]


def test_observer_that_raises_stops_no_later_call(caplog: pytest.LogCaptureFixture) -> None:
    notifier = runtime.Notifier()
    done = threading.Event()

    def bad() -> None:
        raise ValueError("no")

    with caplog.at_level(logging.ERROR, "realtime_nb"):
        notifier.call(bad)
        notifier.call(done.set)
        assert done.wait(5)
    assert "no" in caplog.text
