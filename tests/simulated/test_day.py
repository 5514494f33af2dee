"""A day of one conversation: sessions are exchanged every hour, and nobody can tell, nor does anything pile up."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.simulated.clock import simulate, wall
from tests.simulated.service import Service
from tests.simulated.talk import User, talking

HOUR = 3600


def _objects_and_turns(user: User) -> tuple[int, int]:
    gc.collect()
    return len(gc.get_objects()), len(user.session.conversation.turns)


def _told(user: User) -> list[str]:
    """The ids of the conversation's messages that have words, in order: what any session must know."""
    turns = user.session.conversation.turns
    return [turn.item_id for turn in turns if turn.heard_text and turn.role != "system"]


def _known(user: User) -> list[str]:
    spoken = [stored.item for stored in user.service.current.items if stored.item.type == "message"]
    return [str(item.id) for item in spoken]


async def _a_day() -> None:
    async with talking() as user:
        loop = asyncio.get_running_loop()
        marks: list[tuple[int, int]] = []
        number = 0
        while loop.time() < 24 * HOUR:
            number += 1
            kind = number % 8
            if kind == 3:
                await user.speaks()
                await asyncio.sleep(1)
                await user.session.between_turns()
            elif kind == 5:
                assert await user.types("How is the weather?") == "The weather is fine."
            elif kind == 7:
                await user.interrupts(f"one {number}", f"two {number}")
            else:
                await user.types(f"This is number {number}")
            await user.is_silent(3)
            await asyncio.sleep(170)
            if loop.time() > (2 + 10 * len(marks)) * HOUR:
                marks.append(_objects_and_turns(user))
        service = user.service
        assert (user.troubles, service.errors, service.wrong) == ([], [], [])
        assert service.expired == 0, "the service never had to end a session"
        assert service.opened >= 24
        assert all(left_s > 200 for left_s in service.left_s)
        known, told = _known(user), _told(user)
        assert len(set(known)) == len(known), "nothing is doubled"
        assert [item_id for item_id in known if item_id in set(told)] == told, "nothing is lost or out of order"
        assert user.calls == len([n for n in range(1, number + 1) if n % 8 == 5])
        assert len(service.open) == 1
        assert len(asyncio.all_tasks()) <= 4
        (first, early), (middle, half), (last, late) = marks
        before, after = (middle - first) / (half - early), (last - middle) / (late - half)
        assert after < 1.1 * before, "what a turn leaves behind does not grow, and nothing else grows at all"


async def _refused_at_first() -> None:
    async with talking() as user:
        await user.types("My name is Ada")
        await asyncio.sleep(3250)
        user.service.refusing = True
        await asyncio.sleep(250)
        user.service.refusing = False
        await asyncio.sleep(200)
        await user.types("Good bye")
        assert user.service.refused > 3
        assert (user.service.opened, user.service.expired, user.troubles) == (2, 0, [])
        assert _known(user) == _told(user)


async def _never_again() -> None:
    async with talking(Service(wall, lifetime_s=600)) as user:
        await user.types("My name is Ada")
        user.service.refusing = True
        closed = asyncio.get_running_loop().create_future()

        async def end(event: Any) -> None:
            closed.set_result(event)

        user.session.connection.on("close", end)
        event = await closed
        assert type(event.error).__name__ == "SessionExpired"
        assert "could not be renewed" in str(event.error)


@pytest.mark.parametrize("course", [_a_day, _refused_at_first, _never_again], ids=lambda f: f.__name__)
def test_a_conversation_outlives_its_sessions(course: Any) -> None:
    story: Coroutine[Any, Any, None] = course()
    simulate(story)
