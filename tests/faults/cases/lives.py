"""Responses and calls are read from all of their events."""

from __future__ import annotations

from typing import Any

import realtime_nb as rt
from tests.faults.registry import CALLS, RESPONSES, case
from tests.faults.server import SOUND_MS, Event, Hook, Server, add, of_type, talk, without

# Responses


async def _is_answered(hook: Hook) -> None:
    (await talk(Server(on_response=hook), "One", "Two")).assert_answers("Answer 1.", "Answer 2.")


@case(RESPONSES)
async def no_response_created() -> None:
    await _is_answered(lambda events, asked: without(events, "response.created"))


@case(RESPONSES)
async def a_response_done_without_a_response() -> None:
    await _is_answered(lambda events, asked: [*events[:-1], {"type": "response.done"}])


@case(RESPONSES)
async def a_response_done_without_an_id() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        del events[-1]["response"]["id"]
        return events

    await _is_answered(change)


@case(RESPONSES)
async def a_response_done_that_says_in_progress() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        events[-1]["response"]["status"] = "in_progress"
        return events

    await _is_answered(change)


@case(RESPONSES)
async def a_beginning_that_is_called_done() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        return [{**events[0], "type": "response.done"}, *events[1:]]

    await _is_answered(change)


@case(RESPONSES)
async def no_response_id_anywhere() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        for event in events:
            event.pop("response_id", None)
            event.get("response", {}).pop("id", None)
        return events

    await _is_answered(change)


@case(RESPONSES)
async def the_words_before_the_beginning() -> None:
    await _is_answered(lambda events, asked: [events[7], *events[:7], *events[8:]])


@case(RESPONSES)
async def only_deltas_and_the_end() -> None:
    kinds = ("response.output_audio_transcript.delta", "response.output_audio.delta")

    def change(events: list[Event], asked: Event) -> list[Event]:
        where = {"response_id": events[0]["response"]["id"]}
        bare = [{"type": event["type"], "delta": event["delta"], **where} for event in of_type(events, *kinds)]
        return [*bare, {"type": "response.done", "response": {"id": where["response_id"], "status": "completed"}}]

    await _is_answered(change)


# Calls


async def _runs(hook: Hook, *, questions: int = 1) -> None:
    """`hook` changes the events of calls; answers in words have well-formed events."""

    def change(events: list[Event], asked: Event) -> Any:
        return hook(events, asked) if of_type(events, "response.function_call_arguments.done") else events

    plan = ["call", "say"] * questions
    result = await talk(Server(plan=plan, on_response=change), *["What is 2 and 3?"] * questions, tools=[add])
    result.assert_answers(*(f"Answer {2 * n + 2}." for n in range(questions)))
    result.assert_called(times=questions)


def _without_output(events: list[Event]) -> list[Event]:
    events[-1]["response"]["output"] = None
    return events


@case(CALLS)
async def told_by_its_arguments_alone() -> None:
    await _runs(lambda events, asked: without(_without_output(events), "output_item", ".delta"))


@case(CALLS)
async def told_by_its_item_alone() -> None:
    await _runs(lambda events, asked: without(_without_output(events), "arguments"))


@case(CALLS)
async def told_by_the_end_of_the_response_alone() -> None:
    await _runs(lambda events, asked: without(events, "arguments", "output_item"))


@case(CALLS)
async def told_by_the_beginning_of_its_item_and_pieces() -> None:
    await _runs(lambda events, asked: without(_without_output(events), "arguments.done", "output_item.done"))


@case(CALLS)
async def its_name_in_the_beginning_only() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        events[3]["name"] = events[4]["item"]["name"] = events[5]["response"]["output"][0]["name"] = ""
        return events

    await _runs(change)


@case(CALLS)
async def its_arguments_as_an_object() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        whole = {"a": 2, "b": 3}
        for place in (events[3], events[4]["item"], events[5]["response"]["output"][0]):
            place["arguments"] = whole
        return events

    await _runs(change)


@case(CALLS)
async def its_arguments_null_as_text_or_nothing() -> None:
    for nothing in ("null", None, "", "{}"):

        def change(events: list[Event], asked: Event, nothing: Any = nothing) -> list[Event]:
            for place in (events[3], events[4]["item"], events[5]["response"]["output"][0]):
                place["arguments"] = nothing
            return without(events, ".delta")

        await _runs(change)


@case(CALLS)
async def one_call_id_for_all_calls() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        for event in events:
            items = [event, event.get("item"), *event.get("response", {}).get("output", ())]
            for place in items:
                if place is not None and "call_id" in place:
                    place["call_id"] = "call_0"
        return events

    await _runs(change, questions=2)


@case(CALLS)
async def neither_call_id_nor_item_id() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        done = {key: value for key, value in events[3].items() if key not in ("call_id", "item_id")}
        return [events[0], done, {"type": "response.done"}]

    await _runs(change)


@case(CALLS)
async def two_calls_without_ids_in_one_response() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        done = {key: value for key, value in events[3].items() if key not in ("call_id", "item_id")}
        return [events[0], done, done, {"type": "response.done"}]

    def hook(events: list[Event], asked: Event) -> list[Event]:
        return change(events, asked) if of_type(events, "response.function_call_arguments.done") else events

    result = await talk(Server(plan=["call"], on_response=hook), "Twice, please.", tools=[add])
    result.assert_answers("Answer 2.")
    result.assert_called(times=2)


# One event of a response says another thing of it than the rest


def _with(kind: str, part: str | None = None, **fields: Any) -> Hook:
    """The first event of a type, or a part of it, has other fields."""

    def change(events: list[Event], asked: Event) -> list[Event]:
        event = of_type(events, kind)[0]
        (event if part is None else event[part]).update(fields)
        return events

    return change


@case(RESPONSES)
async def a_beginning_without_a_response() -> None:
    odds: tuple[Any, ...] = (None, [], "x", {}, {"id": ""})
    for odd in odds:
        await _is_answered(_with("response.created", response=odd))


@case(RESPONSES)
async def one_event_under_an_id_of_its_own() -> None:
    for name in ("output_item.added", "output_audio_transcript.delta", "output_audio.done", "output_item.done"):
        await _is_answered(_with(f"response.{name}", response_id="another"))


@case(RESPONSES)
async def a_beginning_or_an_end_under_an_id_of_its_own() -> None:
    await _is_answered(_with("response.created", "response", id="another"))
    await _is_answered(_with("response.done", "response", id="another"))
    await _is_answered(_with("response.done", "response", id="another", output=[]))


@case(RESPONSES)
async def one_event_under_an_item_id_of_its_own() -> None:
    names = ("output_audio_transcript.delta", "output_audio.delta", "output_audio_transcript.done", "output_audio.done")
    for hook in (
        *(_with(f"response.{name}", item_id="another") for name in names),
        _with("response.output_item.done", "item", id="another"),
    ):
        result = await talk(Server(on_response=hook), "One")
        result.assert_answers("Answer 1.")
        turn = result.answers[0]
        assert isinstance(turn, rt.Turn)
        assert turn.audio is not None
        assert turn.audio.duration_ms == SOUND_MS


@case(RESPONSES)
async def a_beginning_of_an_item_of_another_type() -> None:
    odds: tuple[Any, ...] = (None, "", "output_message", {})
    for odd in odds:
        await _is_answered(_with("response.output_item.added", "item", type=odd))


@case(CALLS)
async def a_response_that_ended_in_other_words() -> None:
    for status in ("finished", "", "stop"):
        hook = _with("response.done", "response", status=status)
        result = await talk(Server(plan=["call"], on_response=hook), "What is 2 and 3?", tools=[add])
        result.assert_answers("Answer 2.")
        result.assert_called()


@case(CALLS)
async def arguments_that_are_no_object_in_the_whole() -> None:
    def hook(events: list[Event], asked: Event) -> list[Event]:
        for event in of_type(events, "response.output_item.done"):
            if event["item"]["type"] == "function_call":
                event["item"]["arguments"] = [None]
        return events

    result = await talk(Server(plan=["call"], on_response=hook), "What is 2 and 3?", tools=[add])
    result.assert_answers("Answer 2.")
    result.assert_called()
