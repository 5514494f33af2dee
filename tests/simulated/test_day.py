"""One conversation over a simulated day: the hourly renewals are not noticeable, and memory does not grow.

About 500 user turns: typed, spoken, with a tool, and interrupting. The microphone is open at times, also during a
renewal. Measured: the transcript keeps 10 kB a turn, more than half of it the user's audio.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import pytest

from tests.simulated.clock import simulate
from tests.simulated.piles import bytes_of, live_objects, piles
from tests.simulated.talk import User, talking

DAY_S = 24 * 3600
PAUSE_S = 170
MARKS = (2, 13, 24)
"""After how many renewals it is measured what is held."""
PER_CALL = {"session._questions._calls._followups", "session._questions._calls._answered"}
"""What is remembered of each call of a tool, of the last 512."""
PER_ITEM = "session._questions._snapshot.replayed"
"""The ids of the items that the newest session was told of."""


@dataclass
class Mark:
    """The client's memory at one moment: some minutes after a renewal, between turns."""

    turns: int
    calls: int
    items: int
    piles: dict[str, int]
    objects: Counter[str]
    conversation_bytes: int

    @classmethod
    def of(cls, user: User) -> Mark:
        conversation = user.session.conversation
        return cls(
            turns=len(conversation.turns),
            calls=user.calls,
            items=len(conversation.items),
            piles=piles(user.session),
            objects=live_objects(),
            conversation_bytes=bytes_of(conversation),
        )


@dataclass
class Day:
    """The results of the day, as values that hold no reference to the session."""

    questions: int
    calls: int
    renewals: int
    expired: int
    left_s: list[float]
    open_transports: int
    troubles: list[str]
    errors: list[str]
    wrong: list[str]
    seams: list[str]
    failed: list[str]
    told: list[str]
    known: list[str]
    marks: list[Mark]


async def a_turn(user: User, number: int) -> None:
    match number % 8:
        case 3:
            await user.speaks()
            await asyncio.sleep(1)
            await user.session.between_turns()
        case 5:
            assert await user.types("How is the weather?") == "The weather is fine."
        case 7:
            await user.interrupts(f"Tell me of {number}", f"No, of {number + 1}")
        case _:
            await user.types(f"This is number {number}")


async def a_pause(user: User) -> None:
    """Open the microphone at the beginning of an hour, and around a renewal that falls into it."""
    await user.is_silent(3)
    renewal_s = user.service.current.renewal_s
    if 3 < renewal_s < PAUSE_S:
        await asyncio.sleep(renewal_s - 3)
        await user.is_silent(6)
        await asyncio.sleep(PAUSE_S - renewal_s)
    else:
        await asyncio.sleep(PAUSE_S)


async def a_day() -> Day:
    marks: list[Mark] = []
    async with talking() as user:
        service, loop = user.service, asyncio.get_running_loop()
        questions = 0
        while loop.time() < DAY_S:
            questions += 1
            before = len(service.left_s)
            await a_turn(user, questions)
            await a_pause(user)
            if len(service.left_s) > before and len(service.left_s) in MARKS:
                marks.append(Mark.of(user))
        return Day(
            questions=questions,
            calls=user.calls,
            renewals=len(service.left_s),
            expired=service.expired,
            left_s=list(service.left_s),
            open_transports=len(service.open),
            troubles=user.heard_of,
            errors=service.errors,
            wrong=service.wrong,
            seams=user.seams,
            failed=[turn.text for turn in user.session.conversation.turns if turn.status == "failed"],
            told=user.told,
            known=user.known,
            marks=marks,
        )


@pytest.fixture(scope="module")
def day() -> Day:
    # In a process of its own, so that no objects of earlier tests are counted.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_the_day).result()


def _the_day() -> Day:
    return simulate(a_day())


def test_every_session_is_renewed_in_time_without_notice(day: Day) -> None:
    assert day.renewals >= 24
    assert day.expired == 0
    assert all(250 < left_s < 301 for left_s in day.left_s), "at most one turn was waited for"
    assert (day.troubles, day.errors, day.seams, day.failed) == ([], [], [], [])
    assert day.wrong == []


def test_last_session_has_the_whole_day_in_order_and_once(day: Day) -> None:
    assert day.known == day.told
    assert len(set(day.known)) == len(day.known) > 2 * day.questions
    assert day.calls == len([number for number in range(1, day.questions + 1) if number % 8 == 5])


def test_earlier_sessions_leave_no_objects(day: Day) -> None:
    assert day.open_transports == 1
    for mark in day.marks:
        assert mark.objects["tests.simulated.service.Served"] == 1
        assert mark.objects["_asyncio.Task"] == day.marks[0].objects["_asyncio.Task"]
        assert mark.objects["timers"] <= 3, "of the session's end, of the renewal, and one that has just passed"


def test_client_memory_is_the_same_after_two_hours_and_after_a_day(day: Day) -> None:
    first, *later = day.marks
    assert len(later) == 2
    grown = PER_CALL | {PER_ITEM}
    for mark in later:
        steady = {path: size for path, size in mark.piles.items() if path not in grown}
        assert steady == {path: size for path, size in first.piles.items() if path not in grown}
        assert {mark.piles[path] for path in PER_CALL} <= {min(mark.calls, 512)}
        assert mark.piles[PER_ITEM] <= mark.items
        new = mark.objects - first.objects
        calls = mark.calls - first.calls
        assert new.pop("realtime_nb.client.turns.response_queue.ResponseRequest", 0) <= calls
        assert new.pop("_asyncio.Future", 0) <= 2 * calls
        assert not new


def test_memory_of_a_turn_does_not_grow(day: Day) -> None:
    first, middle, last = day.marks
    before = (middle.conversation_bytes - first.conversation_bytes) / (middle.turns - first.turns)
    after = (last.conversation_bytes - middle.conversation_bytes) / (last.turns - middle.turns)
    assert after == pytest.approx(before, rel=0.05)
    assert after < 16_000
