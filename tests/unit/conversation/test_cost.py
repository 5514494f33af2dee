"""The cost of a delta does not grow with the conversation: measured in calls and bytes, not in time."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from realtime_nb.conversation import Conversation, InputAppended, reduce

from .dsl import Event, conversation, tone

N = 1500


def after_turns(n: int) -> Conversation:
    state = Conversation()
    for i in range(n):
        script = conversation(prefix=f"{i}_")
        script.events.clear()
        script.last = f"{i - 1}_msg_3" if i else None
        script.typed("hi")
        script.begin().message("hello").end().play(state)
    return state


def deltas(kind: str) -> list[Event]:
    script = conversation(prefix="x_").user("hi").begin().message("a b c d e f g h i j k l")
    wanted = [event for event, _ in script.events if getattr(event, "type", "") == f"response.{kind}.delta"]
    return wanted[3:]


def begun(state: Conversation) -> Conversation:
    return conversation(prefix="x_").user("hi").begin().message("a b c").play(state)


def calls(work: Callable[[], object]) -> int:
    n = 0

    def count(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal n
        n += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return n


def bytes_allocated(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def short_and_long() -> tuple[Conversation, Conversation]:
    # Both are longer than the window of recent events, so that each new event drops an old one in both.
    return begun(after_turns(100)), begun(after_turns(N))


@pytest.mark.parametrize("kind", ["output_audio", "output_audio_transcript"])
def test_a_delta_costs_the_same_after_thousands_of_turns(
    kind: str, short_and_long: tuple[Conversation, Conversation]
) -> None:
    def feed(state: Conversation, events: list[Event]) -> Callable[[], object]:
        return lambda: [reduce(state, event, 500.0) for event in events]

    events = deltas(kind)
    assert len(events) >= 8
    half = len(events) // 2
    by_calls = [calls(feed(state, events[:half])) for state in short_and_long]
    assert by_calls[0] == by_calls[1]
    by_bytes = [bytes_allocated(feed(state, events[half:])) for state in short_and_long]
    assert by_bytes[1] < by_bytes[0] + 2000  # a copy of the turns alone would be 24 kB


def test_microphone_sound_costs_the_same_after_thousands_of_turns(
    short_and_long: tuple[Conversation, Conversation],
) -> None:
    event = InputAppended(tone(480))
    counted = [calls(lambda s=state: reduce(s, event, 500.0)) for state in short_and_long]  # type: ignore[misc]
    assert counted[0] == counted[1]


def test_a_whole_turn_costs_as_many_calls_after_thousands_of_turns(
    short_and_long: tuple[Conversation, Conversation],
) -> None:
    counted = []
    for state in short_and_long:
        script = conversation(prefix="y_")
        script.events.clear()
        script.last = "x_msg_3"
        script.user("hi").assistant("hello there").tool_call("f", "{}", "1").assistant("done")
        counted.append(calls(lambda s=state, t=script: t.play(s)))  # type: ignore[misc]
    # Lists grow in steps, sets hash differently: a percent or two, not a factor.
    assert counted[1] < counted[0] * 1.1


def test_reading_turns_builds_nothing_while_nothing_settles(
    short_and_long: tuple[Conversation, Conversation],
) -> None:
    _, state = short_and_long
    turns = state.turns
    assert len(turns) > 2 * N
    assert calls(lambda: state.turns) < 10
    for event in deltas("output_audio_transcript"):
        reduce(state, event, 500.0)
        assert state.turns is turns
