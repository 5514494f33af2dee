"""Ids that repeat, are missing, or are the server's own for what we sent."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.faults.registry import NAMES, case
from tests.faults.server import Event, Hook, Server, add, talk

SPEECH = np.zeros(4800, np.int16)


def _renamed(id_of: Any) -> Hook:
    def change(events: list[Event], asked: Event) -> list[Event]:
        name = id_of(asked["item"])
        return [{**event, "item": {**event["item"], "id": name}} for event in events]

    return change


@case(NAMES)
async def our_item_under_an_id_of_the_servers() -> None:
    count = iter(range(100))
    result = await talk(Server(on_item=_renamed(lambda item: f"srv_{next(count)}")), "One", "Two")
    result.assert_answers("Answer 1.", "Answer 2.")


@case(NAMES)
async def our_item_with_a_prefix_before_its_id() -> None:
    result = await talk(Server(on_item=_renamed(lambda item: f"msg_{item.get('id')}")), "One", "Two")
    result.assert_answers("Answer 1.", "Answer 2.")


@case(NAMES)
async def our_item_without_an_id() -> None:
    result = await talk(Server(on_item=_renamed(lambda item: None)), "One", "Two")
    result.assert_answers("Answer 1.", "Answer 2.")


@case(NAMES)
async def our_item_never_confirmed() -> None:
    result = await talk(Server(on_item=lambda events, asked: []), "One", "Two")
    result.assert_answers("Answer 1.", "Answer 2.")


@case(NAMES)
async def a_tools_output_under_an_id_of_the_servers() -> None:
    count = iter(range(100))
    server = Server(plan=["call"], on_item=_renamed(lambda item: f"srv_{next(count)}"))
    result = await talk(server, "What is 2 and 3?", tools=[add])
    result.assert_answers("Answer 2.")
    result.assert_called()


def _with_ids(response: str | None, item: str | None) -> Hook:
    def change(events: list[Event], asked: Event) -> list[Event]:
        for event in events:
            for key, value in (("response_id", response), ("item_id", item)):
                if value is not None and key in event:
                    event[key] = value
            if response is not None and "response" in event:
                event["response"]["id"] = response
            for place in [event.get("item"), *event.get("response", {}).get("output", ())]:
                if place is not None and item is not None:
                    place["id"] = item
        return events

    return change


@case(NAMES)
async def one_response_id_for_all_responses() -> None:
    result = await talk(Server(on_response=_with_ids("resp", None)), "One", "Two", "Three")
    result.assert_answers("Answer 1.", "Answer 2.", "Answer 3.")


@case(NAMES)
async def one_item_id_for_all_answers() -> None:
    result = await talk(Server(on_response=_with_ids(None, "item")), "One", "Two", "Three")
    result.assert_answers("Answer 1.", "Answer 2.", "Answer 3.")


@case(NAMES)
async def one_id_for_everything() -> None:
    result = await talk(Server(on_response=_with_ids("x", "x")), "One", "Two", "Three")
    result.assert_answers("Answer 1.", "Answer 2.", "Answer 3.")


@case(NAMES)
async def one_id_for_everything_and_no_beginning() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        return list(_with_ids("x", "x")(events, asked))[1:]

    result = await talk(Server(on_response=change), "One", "Two", "Three")
    result.assert_answers("Answer 1.", "Answer 2.", "Answer 3.")


@case(NAMES)
async def another_id_at_the_end_of_an_answer() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        events[-1]["response"]["output"] = [{**events[-1]["response"]["output"][0], "id": f"msg_{asked['event_id']}"}]
        return events

    result = await talk(Server(on_response=change), "One", "Two")
    result.assert_answers("Answer 1.", "Answer 2.")


@case(NAMES)
async def another_id_for_an_answer_in_the_conversation() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        first, last = ({**events[at]["item"], "id": f"conv_{asked['event_id']}"} for at in (1, 9))
        added = {"type": "conversation.item.added", "item": first}
        return [*events[:2], added, *events[2:], {"type": "conversation.item.done", "item": last}]

    result = await talk(Server(on_response=change), "One", "Two")
    result.assert_answers("Answer 1.", "Answer 2.")


@case(NAMES)
async def an_id_of_ours_that_is_refused() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        if not asked["item"].get("id"):
            return [{**event, "item": {**event["item"], "id": f"msg_{asked['event_id']}"}} for event in events]
        detail = {"type": "invalid_request_error", "code": "invalid_value", "param": "item.id", "message": "bad id"}
        return [{"type": "error", "error": {**detail, "event_id": asked["event_id"]}}]

    result = await talk(Server(on_item=change), "One", "Two")
    # The first response was asked for before the refusal came: it answers no question, and is no turn.
    assert result.texts == ["Answer 2.", "Answer 3."], result.texts
    assert [role for role, *_ in result.turns] == ["user", "assistant"] * 2, result.turns


@case(NAMES)
async def words_of_ours_echoed_with_other_spaces() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        content = [{"type": "input_text", "text": f" {asked['item']['content'][0]['text']}\n"}]
        item = {**events[0]["item"], "id": f"srv_{asked['event_id']}", "content": content}
        return [{**event, "item": item} for event in events]

    result = await talk(Server(on_item=change), "One  more", "Two")
    result.assert_answers("Answer 1.", "Answer 2.")


@case(NAMES)
async def one_id_for_all_that_the_user_says() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        events[0]["item_id"] = events[1]["item"]["id"] = "item_user"
        return events

    result = await talk(Server(on_commit=change), SPEECH, SPEECH)
    result.assert_answers("Answer 1.", "Answer 2.")
