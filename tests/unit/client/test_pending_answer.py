from __future__ import annotations

import asyncio
import gc
import warnings

import pytest

from realtime_nb.client.pending_answer import PendingAnswer
from realtime_nb.conversation import Turn

TURN = Turn("i", 1, "assistant", "Hi", "Hi", "completed")


def pending(begun: list[str]) -> PendingAnswer:
    async def answer() -> Turn:
        begun.append("asked")
        await asyncio.sleep(0)
        return TURN

    return PendingAnswer("Hello!", answer)


async def test_it_says_await_me_and_asks_nothing_before() -> None:
    begun: list[str] = []
    question = pending(begun)
    assert "await me" in repr(question)
    assert "'Hello!'" in repr(question)
    assert not begun
    assert await question is TURN
    assert "await me" not in repr(question)
    with pytest.raises(RuntimeError, match="already awaited"):
        await question


async def test_it_is_a_coroutine_for_asyncio() -> None:
    begun: list[str] = []
    assert await asyncio.create_task(pending(begun)) is TURN
    assert await asyncio.wait_for(pending(begun), 10) is TURN
    assert list(await asyncio.gather(pending(begun), pending(begun))) == [TURN, TURN]
    async with asyncio.TaskGroup() as group:
        task = group.create_task(pending(begun))
    assert task.result() is TURN
    assert begun == ["asked"] * 5


async def test_cancelling_its_task_reaches_the_question() -> None:
    async def answer() -> Turn:
        await asyncio.Event().wait()
        return TURN

    task = asyncio.create_task(PendingAnswer("Hello!", answer))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def _forget() -> None:
    pending([])
    gc.collect()


def test_a_forgotten_await_is_warned_about_at_its_line() -> None:
    with pytest.warns(RuntimeWarning, match=r"ask\('Hello!'\) was never awaited: nothing was asked") as warned:
        _forget()
    assert warned[0].filename == __file__


def test_a_closed_question_is_not_warned_about() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        question = pending([])
        question.close()
        del question
        gc.collect()
