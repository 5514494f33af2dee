"""The limit of time over simulated hours: open sessions count, parked time does not; speech after it has no answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from realtime_nb.client.connection import RealtimeConnection
from realtime_nb.client.session import RealtimeSession
from realtime_nb.client.turns.limits import Limits
from realtime_nb.conversation import Conversation
from realtime_nb.errors import BudgetError
from tests.simulated.clock import simulate, wall
from tests.simulated.service import Service
from tests.simulated.talk import CONFIG, talking

Course = Callable[[], Awaitable[None]]
COURSES: list[Course] = []
MINUTE = 60.0


def course(story: Course) -> Course:
    COURSES.append(story)
    return story


def now() -> float:
    return asyncio.get_running_loop().time()


async def opened(service: Service, limits: Limits, conversation: Conversation) -> RealtimeSession:
    connection = await RealtimeConnection(service, reconnect=True)
    session = RealtimeSession(connection, CONFIG, clock=now, wall=wall, limits=limits, conversation=conversation)
    return await session.start()


@course
async def sessions_of_one_owner_share_their_time_and_parked_hours_do_not_count() -> None:
    service, limits, conversation = Service(wall), Limits(30, owner="w"), Conversation()
    first = await opened(service, limits, conversation)
    await asyncio.sleep(20 * MINUTE)
    assert (await first.ask("Are you there?")).text == "You said: Are you there?."
    await first.close()
    await first.connection.close()
    used_s = now()
    await asyncio.sleep(5 * 60 * MINUTE)
    assert limits.reached is None
    second = await opened(service, limits, conversation)
    await asyncio.sleep(30 * MINUTE - used_s - 5)
    assert (await second.ask("And now?")).text == "You said: And now?."
    await asyncio.sleep(10)
    assert limits.reached is not None
    assert limits.reached.used == pytest.approx(30, abs=0.01)
    assert second.connection.closed is not None
    assert second.connection.closed.reason == "max_session_minutes=30 is reached"
    assert service.open == []


@course
async def a_session_used_alone_goes_on_each_time_its_limit_is_raised() -> None:
    async with talking() as user:
        user.session.max_session_minutes = 30
        await user.until(29 * MINUTE)
        await user.types("Are you there?")
        await user.until(31 * MINUTE)
        with pytest.raises(BudgetError, match=r"max_session_minutes=30 is reached: 30 minutes used"):
            await user.types("And now?")
        user.session.max_session_minutes = 45
        await user.types("And now?")
        await user.until(44 * MINUTE)
        await user.types("Still?")
        await user.until(46 * MINUTE)
        with pytest.raises(BudgetError):
            await user.types("And now?")
        assert [type(trouble).__name__ for trouble in user.troubles] == ["BudgetError", "BudgetError"]


@course
async def a_limit_that_is_set_or_lowered_later_counts_the_time_before_it() -> None:
    async with talking() as user:
        await user.until(9 * MINUTE)
        user.session.max_session_minutes = 10
        await user.until(9.9 * MINUTE)
        await user.types("Are you there?")
        await user.until(10.1 * MINUTE)
        with pytest.raises(BudgetError):
            await user.types("And now?")
        user.session.max_session_minutes = 60
        await user.types("And now?")
        user.session.max_session_minutes = 5
        await asyncio.sleep(0.1)
        with pytest.raises(BudgetError, match="max_session_minutes=5 is reached"):
            await user.types("And now?")


@course
async def speech_in_which_the_time_ends_gets_no_answer_and_the_next_is_heard_once_the_limit_is_raised() -> None:
    async with talking() as user:
        user.session.max_session_minutes = 10
        await user.speaks()
        await user.session.between_turns()
        before = len(user.session.conversation.turns)
        await user.until(10 * MINUTE - 1)
        with pytest.raises(BudgetError):
            await user.speaks(5)
        await user.until(12 * MINUTE)
        assert len(user.session.conversation.turns) == before
        assert not user.session.user_speaking
        user.session.max_session_minutes = None
        await asyncio.sleep(1)
        await user.speaks()
        await user.session.between_turns()
        assert len(user.session.conversation.turns) == before + 2


@course
async def no_session_is_renewed_or_opened_again_after_the_limit() -> None:
    async with talking() as user:
        user.session.max_session_minutes = 30
        await user.types("Are you there?")
        await user.until(3 * 60 * MINUTE)
        assert user.service.opened == 1
        assert user.service.open == []


@pytest.mark.parametrize("story", COURSES, ids=lambda story: story.__name__)
def test_a_limit_of_time_holds(story: Any) -> None:
    simulate(story())
