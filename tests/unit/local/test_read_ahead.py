"""Reading ahead: in order, up to a bound, and closed at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from realtime_nb.local.read_ahead import ReadAhead


class Numbers:
    """Yields numbers; `given` is how many were read, and `closed` whether the generator has ended."""

    def __init__(self, *, fail_at: int | None = None, hang_at: int | None = None) -> None:
        self.given = 0
        self.closed = False
        self._fail_at, self._hang_at = fail_at, hang_at

    async def stream(self, upto: int) -> AsyncGenerator[int, None]:
        try:
            for number in range(upto):
                if number == self._fail_at:
                    raise ValueError("no more")
                if number == self._hang_at:
                    await asyncio.Event().wait()
                self.given += 1
                yield number
        finally:
            self.closed = True


def _ahead(numbers: Numbers, upto: int, most: int = 10) -> ReadAhead[int]:
    return ReadAhead(numbers.stream(upto), cost=lambda _: 0, most=most)


async def _idle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_everything_arrives_in_order() -> None:
    numbers = Numbers()
    async with _ahead(numbers, 1_000) as ahead:
        assert [number async for number in ahead] == list(range(1_000))
    assert numbers.closed


async def test_reading_goes_on_before_anything_is_taken_and_stops_at_the_bound() -> None:
    numbers = Numbers()
    async with _ahead(numbers, 1_000) as ahead:
        await _idle()
        assert numbers.given == 10
        assert await anext(ahead) == 0
        await _idle()
        assert numbers.given == 11
    assert numbers.closed


async def test_one_thing_beyond_the_bound_is_accepted() -> None:
    numbers = Numbers()
    async with ReadAhead(numbers.stream(3), cost=lambda _: 1_000_000, most=10) as ahead:
        assert [number async for number in ahead] == [0, 1, 2]


async def test_an_exception_comes_behind_what_was_read_before_it() -> None:
    numbers = Numbers(fail_at=3)
    async with _ahead(numbers, 5) as ahead:
        await _idle()
        assert [await anext(ahead) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ValueError, match="no more"):
            await anext(ahead)
    assert numbers.closed


async def test_leaving_closes_a_generator_that_hangs() -> None:
    numbers = Numbers(hang_at=2)
    async with _ahead(numbers, 5) as ahead:
        assert await anext(ahead) == 0
    assert numbers.closed


async def test_cancelling_the_reader_closes_the_generator_at_the_bound() -> None:
    numbers = Numbers()

    async def read() -> None:
        async with _ahead(numbers, 1_000) as ahead:
            await anext(ahead)
            await asyncio.Event().wait()

    task = asyncio.create_task(read())
    await _idle()
    assert not numbers.closed
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert numbers.closed
