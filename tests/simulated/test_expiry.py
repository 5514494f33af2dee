"""The time limit of a session is reached while something prevents its renewal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from realtime_nb.audio import RATE_HZ
from realtime_nb.client.connection import core_of
from realtime_nb.client.reconnect.policy import Reconnect
from realtime_nb.wire.realtime import to_dict, user_message
from tests.simulated.clock import simulate, wall
from tests.simulated.service import SPOKEN_WORDS, Service
from tests.simulated.talk import User, talking

DUE, END = 3300, 3600
"""When a session that began at 0 is to be renewed, and when the service ends it; a little later than that."""
SEAM = "The connection reached its time limit; the conversation goes on in a new session."
PATIENT = Reconnect(attempts=1000)

Course = Callable[[], Awaitable[None]]
COURSES: list[Course] = []


def course(story: Course) -> Course:
    COURSES.append(story)
    return story


def goes_on_whole(user: User) -> None:
    """Assert that no message is lost, repeated or out of order, and that earlier sessions have left no objects."""
    assert user.known == user.told
    assert len(set(user.known)) == len(user.known)
    assert user.service.wrong == []
    assert len(user.service.open) == 1


@course
async def a_renewal_that_fails_for_four_minutes_succeeds_in_the_fifth() -> None:
    async with talking() as user:
        await user.types("My name is Ada")
        await user.until(DUE - 50)
        user.service.refusing = True
        await user.until(DUE + 240)
        user.service.refusing = False
        await user.until(DUE + 280)
        await user.types("Good bye")
        assert user.service.refused > 20
        assert (user.service.opened, user.service.expired, user.troubles) == (2, 0, [])
        goes_on_whole(user)


@course
async def a_service_that_refuses_for_fifty_minutes_is_waited_for_and_what_was_said_meanwhile_is_answered() -> None:
    async with talking(reconnect=PATIENT) as user:
        await user.types("My name is Ada")
        await user.until(DUE - 50)
        user.service.refusing = True
        await user.until(END + 60)
        asked = asyncio.ensure_future(user.session.ask("Are you there?", timeout=None))
        await user.until(DUE - 50 + 3000)
        assert not asked.done()
        user.service.refusing = False
        assert (await asked).text == "You said: Are you there?."
        assert (user.service.opened, user.service.expired) == (2, 1)
        assert user.seams == [SEAM]
        assert user.heard_of.count("reconnected") == 1
        assert {*user.heard_of} == {"reconnecting", "reconnected"}
        goes_on_whole(user)
        await user.until(3 * 3600)
        assert user.service.expired == 1, "the new session is renewed in time again"
        goes_on_whole(user)


@course
async def an_answer_under_way_when_the_renewal_is_due_is_heard_to_its_end() -> None:
    async with talking() as user:
        await user.until(DUE - 0.4)
        long = "word " * 2000
        answer = await user.session.ask(long)
        assert asyncio.get_running_loop().time() > DUE + 20
        assert user.service.opened == 2, "the next one is open by then, and waits"
        assert user.service.left_s == []
        assert answer.text.count("word") == 2000
        await user.until(DUE + 60)
        assert len(user.service.left_s) == 1
        assert (user.service.expired, user.troubles, user.seams) == (0, [], [])
        goes_on_whole(user)


@course
async def a_user_who_speaks_when_the_renewal_is_due_is_heard_and_answered_first() -> None:
    async with talking() as user:
        await user.until(DUE - 1)
        await user.speaks(20)
        await asyncio.sleep(5)
        texts = [turn.text for turn in user.session.conversation.turns]
        assert texts == [SPOKEN_WORDS, f"You said: {SPOKEN_WORDS}."]
        assert (user.service.opened, len(user.service.left_s)) == (2, 1)
        assert (user.service.expired, user.troubles, user.seams) == (0, [], [])
        goes_on_whole(user)


@course
async def a_tool_that_runs_when_the_renewal_is_due_is_answered_first() -> None:
    async with talking() as user:
        user.tool_s = 30.0
        await user.until(DUE - 5)
        assert (await user.types("How is the weather?")) == "The weather is fine."
        assert user.service.left_s == []
        await asyncio.sleep(1)
        assert len(user.service.left_s) == 1
        assert (user.calls, user.service.expired, user.troubles) == (1, 0, [])
        goes_on_whole(user)


@course
async def the_first_words_after_a_renewal_are_whole_also_when_they_begin_before_it() -> None:
    async with talking() as user:
        await user.types("My name is Ada")
        await user.until(DUE - 2)
        await user.is_silent(2)  # the microphone is open; the speech begins as the sessions change
        speaking = asyncio.ensure_future(user.speaks())
        await asyncio.sleep(0.5)
        assert len(user.service.left_s) == 1, "the old session is gone before it could notice the speech"
        await speaking
        await asyncio.sleep(2)
        (spoken,) = (item.user_sound for item in user.service.current.items if item.user_sound is not None)
        assert spoken.size > 1.9 * RATE_HZ, "it was given what came before, or a third of a second would be missing"
        assert [turn.text for turn in user.session.conversation.turns][2:] == [
            SPOKEN_WORDS,
            f"You said: {SPOKEN_WORDS}.",
        ]
        assert (user.service.expired, user.troubles, user.seams) == (0, [], [])
        goes_on_whole(user)


@course
async def speech_that_never_pauses_is_cut_by_the_end_and_the_transcript_says_so() -> None:
    async with talking() as user:
        await user.types("My name is Ada")
        await user.until(DUE - 5)
        await user.speaks(320)
        await asyncio.sleep(5)
        await user.types("And now?")
        assert (user.service.expired, len(user.service.open)) == (1, 1)
        assert user.service.opened == 3, "one was opened in time, and given up when its moment never came"
        assert user.seams == [f"{SEAM} What was spoken meanwhile was not heard."]
        assert user.heard_of == ["reconnecting", "reconnected"]
        goes_on_whole(user)


@course
async def an_answer_that_outlasts_the_session_is_lost_once_and_asked_again() -> None:
    async with talking() as user:
        await user.until(END - 330)
        asked = asyncio.ensure_future(user.session.ask("word " * 20_000, timeout=None))
        answer = await asked
        assert answer.text.count("word") == 20_000
        assert user.service.expired == 1
        assert user.seams == [SEAM]
        goes_on_whole(user)


@course
async def after_a_service_that_never_comes_back_the_end_says_both_reasons() -> None:
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


@course
async def a_conversation_longer_than_all_that_may_be_unanswered_is_restored_and_fails_no_request() -> None:
    async with talking() as user:
        for number in range(1500):
            item = to_dict(user_message(f"number {number}", id=f"item_by_hand_{number}"))
            await core_of(user.session.connection).sender.post({"type": "conversation.item.create", "item": item})
        taken = asyncio.ensure_future(user.session.send_text("Are you there?"))
        await asyncio.sleep(0.01)
        user.service.current.break_off()
        await taken
        await user.session.between_turns()
        assert user.session.conversation.turns[-1].text == "You said: Are you there?."
        goes_on_whole(user)


@pytest.mark.parametrize("story", COURSES, ids=lambda story: story.__name__)
def test_conversation_outlives_the_time_limit_of_its_session(story: Any) -> None:
    simulate(story())
