"""One odd value in an event costs that value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.faults.registry import ODD_VALUES, case
from tests.faults.server import Event, Hook, Server, add, of_type, talk


def _done_with(**fields: Any) -> Hook:
    def change(events: list[Event], asked: Event) -> list[Event]:
        events[-1]["response"].update(fields)
        return events

    return change


async def _is_answered(hook: Hook) -> None:
    (await talk(Server(on_response=hook), "One", "Two")).assert_answers("Answer 1.", "Answer 2.")


@case(ODD_VALUES)
async def the_control() -> None:
    result = await talk(Server(plan=["say", "call", "say"]), "One", "Two", tools=[add])
    result.assert_answers("Answer 1.", "Answer 3.")
    result.assert_called()


@case(ODD_VALUES)
async def an_item_of_tomorrow_in_the_output() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        events[-1]["response"]["output"].insert(0, {"type": "thought", "id": "th_1", "summary": ["hm"]})
        return events

    await _is_answered(change)


@case(ODD_VALUES)
async def an_item_of_tomorrow_of_its_own() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        thought = {"id": "th_1", "type": "thought", "summary": None}
        added = {"type": "response.output_item.added", "response_id": "resp_1", "output_index": 1, "item": thought}
        return [*events[:1], added, {"type": "conversation.item.added", "item": thought}, *events[1:]]

    await _is_answered(change)


@case(ODD_VALUES)
async def usage_in_words_floats_and_lists() -> None:
    for usage in ("a lot", {"total_tokens": 3.5, "input_tokens": "2", "output_tokens": None}, [1, 2]):
        await _is_answered(_done_with(usage=usage))


@case(ODD_VALUES)
async def status_details_that_are_a_list_of_text() -> None:
    await _is_answered(_done_with(status_details=["done", 1], metadata={"n": 1, "deep": {"x": []}}))


@case(ODD_VALUES)
async def ids_and_indices_that_are_null() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        for event in events:
            event.update(dict.fromkeys(("output_index", "content_index", "event_id")))
        return events

    await _is_answered(change)


@case(ODD_VALUES)
async def ids_that_are_numbers() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        number = int(events[0]["response"]["id"].rpartition("_")[2])
        for event in events:
            event.update({key: number for key in ("response_id", "item_id") if key in event})
            for part in (event.get("response"), event.get("item")):
                if part is not None:
                    part["id"] = number
        events[-1]["response"]["output"][0]["id"] = number
        return events

    await _is_answered(change)


def _written_with(pattern: str, number: str) -> Callable[[Event], str]:
    def text(event: Event) -> str:
        return re.sub(pattern, number, json.dumps(event))

    return text


@case(ODD_VALUES)
async def whole_numbers_written_as_floats() -> None:
    as_text = _written_with(r'(": )(\d+)(?=[,}\]])', r"\g<1>\g<2>.0")
    (await talk(Server(as_text=as_text), "One")).assert_answers("Answer 1.")


@case(ODD_VALUES)
async def numbers_that_no_float_holds_and_no_numbers_at_all() -> None:
    for number in ("9" * 400, "-1e999", "NaN"):
        server = Server(as_text=_written_with(r'("total_tokens": )\d+', rf"\g<1>{number}"))
        (await talk(server, "One")).assert_answers("Answer 1.")


@case(ODD_VALUES)
async def a_session_with_turn_detection_and_tools_of_its_own() -> None:
    def change(events: list[Event], asked: Event) -> list[Event]:
        session = json.loads(json.dumps(events[0]["session"]))
        session["audio"]["input"]["turn_detection"] = {"type": "azure_semantic_vad", "create_response": False}
        session["tools"] = [{"type": "web_search"}, {"type": "function", "function": {"name": "add"}}, None]
        session["tracing"] = 5
        return [{**events[0], "session": session}]

    result = await talk(Server(on_greeting=change, on_update=change), "One")
    result.assert_answers("Answer 1.")
    assert result.effective["audio"]["input"]["turn_detection"]["type"] == "azure_semantic_vad"


@case(ODD_VALUES)
async def a_transcript_with_usage_and_logprobs_of_another_shape() -> None:
    kind = "conversation.item.input_audio_transcription.completed"
    usages: list[Any] = [{"seconds": "1"}, "free", {"type": "words", "words": 2}]

    def change(events: list[Event], asked: Event) -> list[Event]:
        usage = usages.pop()
        words = {
            "type": kind,
            "item_id": events[0]["item_id"],
            "transcript": "hi",
            "usage": usage,
            "logprobs": [{"p": 1}],
        }
        return [*events, words]

    import numpy as np

    sound = np.zeros(4800, np.int16)
    result = await talk(Server(on_commit=change), sound, sound, sound)
    result.assert_answers("Answer 1.", "Answer 2.", "Answer 3.")
    assert [text for role, _, text in result.turns if role == "user"] == ["hi"] * 3


@case(ODD_VALUES)
async def the_betas_fields_inside_a_response() -> None:
    await _is_answered(
        _done_with(modalities=["text", "audio"], voice="sage", temperature=0.6, audio={"output": {"format": "pcm16"}})
    )


@case(ODD_VALUES)
async def a_raw_form_for_what_was_lost() -> None:
    import realtime_nb as rt

    with Server(on_response=_done_with(usage="a lot")).start() as script:
        async with rt.connect(url=script.url) as conn:
            waiting = conn.wait_for("response.done", timeout=4)
            await conn.response.create()
            done = await waiting
    assert done.lost == ("response.usage",), done.lost
    assert done.raw is not None
    assert done.raw["response"]["usage"] == "a lot"
    assert not of_type([done.raw], "error")


@case(ODD_VALUES)
async def indices_that_are_no_place() -> None:
    for odd in (-1, 24_000, 10**30):

        def change(events: list[Event], asked: Event, odd: int = odd) -> list[Event]:
            (done,) = of_type(events, "response.output_audio_transcript.done")
            done["content_index"] = odd
            return events

        await _is_answered(change)
