"""Responses: the order of their events, one at a time, overrides, limits, and every way to end."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from tests.unit.local.driver import Driver, Event, types


def _sound_of(events: list[Event]) -> bytes:
    return b"".join(base64.b64decode(e["delta"]) for e in events if e["type"] == "response.output_audio.delta")


def test_a_spoken_response_has_all_its_events_in_order() -> None:
    driver = Driver()
    driver.user_says()
    events = driver.send("response.create") + driver.speak("One", " two") + driver.finish()
    assert types(events) == [
        "response.created",
        "rate_limits.updated",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    assert len({event["event_id"] for event in events}) == len(events)
    assert len({e["response_id"] for e in events if "response_id" in e}) == 1
    added, done = events[2]["item"], events[-2]["item"]
    assert (added["status"], added["content"]) == ("in_progress", [])
    assert (done["status"], done["content"]) == ("completed", [{"type": "output_audio", "transcript": "One two"}])
    response = events[-1]["response"]
    assert response["output"] == [done]
    assert response["status"] == "completed"
    assert response["conversation_id"]
    assert response["output_modalities"] == ["audio"]
    assert len(_sound_of(events)) == 2 * 500 * 48


def test_a_written_response_has_all_its_events_in_order() -> None:
    driver = Driver()
    driver.effective(output_modalities=["text"])
    created = driver.send("response.create")
    driver.writer.begin_message()
    driver.writer.write_text("Hello")
    driver.writer.write_text(" there")
    events = created + driver.finish()
    assert types(events) == [
        "response.created",
        "rate_limits.updated",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    assert events[4]["part"] == {"type": "text", "text": ""}
    assert events[7]["text"] == "Hello there"
    assert events[-1]["response"]["audio"] is None


def test_parallel_calls_are_items_of_one_response() -> None:
    driver = Driver()
    driver.send("response.create")
    for name in ("a", "b"):
        driver.writer.begin_call(name)
        driver.writer.write_arguments('{"x":')
        driver.writer.write_arguments("1}")
        driver.writer.end_call()
    events = driver.drain()
    events += driver.finish()
    assert types(events)[:7] == [
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
    ]
    output = events[-1]["response"]["output"]
    assert [(item["name"], item["arguments"], item["status"]) for item in output] == [
        ("a", '{"x":1}', "completed"),
        ("b", '{"x":1}', "completed"),
    ]
    assert output[0]["call_id"] != output[1]["call_id"]
    assert [e["output_index"] for e in events if e["type"] == "response.output_item.done"] == [0, 1]
    assert next(e for e in events if e["type"].endswith("arguments.done"))["name"] == "a"


def test_one_response_at_a_time_in_the_conversation() -> None:
    driver = Driver()
    driver.send("response.create")
    error = driver.refused("response.create")
    assert error["code"] == "conversation_already_has_active_response"
    driver.finish()
    assert types(driver.send("response.create"))[0] == "response.created"


def test_out_of_band_responses_run_beside_and_leave_no_trace() -> None:
    driver = Driver()
    driver.send("response.create")
    beside = driver.send("response.create", response={"conversation": "none", "metadata": {"purpose": "label"}})
    events = beside + driver.speak("Label") + driver.finish()
    assert "conversation.item.added" not in types(events)
    response = events[-1]["response"]
    assert response["conversation_id"] is None
    assert response["metadata"] == {"purpose": "label"}
    assert driver.refused("response.create")["code"] == "conversation_already_has_active_response"
    assert len(driver.machine._state.items) == 0
    assert driver.effective(audio={"output": {"voice": "ash"}})  # no assistant audio in the conversation yet


def test_a_response_follows_its_own_parameters() -> None:
    driver = Driver()
    driver.effective(instructions="of the session", tools=[{"type": "function", "name": "f"}])
    driver.send(
        "response.create",
        response={
            "instructions": "of the response",
            "tools": [],
            "output_modalities": ["text"],
            "max_output_tokens": 50,
            "audio": {"output": {"voice": "ash"}},
            "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "mine"}]}],
        },
    )
    plan = driver.writer.plan
    assert (plan.instructions, plan.tools, plan.modality) == ("of the response", [], "text")
    assert (plan.max_output_tokens, plan.voice) == (50, "ash")
    assert [stored.item.content[0].text for stored in plan.context] == ["mine"]  # type: ignore[union-attr]
    assert driver.effective()["instructions"] == "of the session"


def test_response_input_may_reference_items_or_be_empty() -> None:
    driver = Driver()
    first = driver.user_says("first")
    driver.user_says("second")
    driver.send(
        "response.create", response={"conversation": "none", "input": [{"type": "item_reference", "id": first}]}
    )
    assert [stored.item_id for stored in driver.writer.plan.context] == [first]
    driver.send("response.create", response={"conversation": "none", "input": []})
    assert driver.writer.plan.context == []
    error = driver.refused(
        "response.create", response={"conversation": "none", "input": [{"type": "item_reference", "id": "nobody"}]}
    )
    assert error["param"] == "response.input[0].id"


@pytest.mark.parametrize(
    ("response", "code"),
    [
        ({"metadata": {str(n): "x" for n in range(17)}}, "invalid_value"),
        ({"metadata": {"k" * 65: "x"}}, "invalid_value"),
        ({"metadata": {"k": "x" * 513}}, "invalid_value"),
        ({"modalities": ["text"]}, "unknown_parameter"),
        ({"output_modalities": ["text", "audio"]}, "invalid_value"),
        ({"conversation": "other"}, "invalid_value"),
        ({"tool_choice": {"type": "function", "name": "nobody"}}, "invalid_value"),
    ],
)
def test_invalid_parameters_create_no_response(response: dict[str, Any], code: str) -> None:
    driver = Driver()
    assert driver.refused("response.create", response=response)["code"] == code
    assert types(driver.send("response.create"))[0] == "response.created"


def test_failed_automatic_response_sends_an_error() -> None:
    driver = Driver()
    driver.effective(tool_choice={"type": "function", "name": "nobody"})
    events = driver.say(*[1.0] * 20, *[0.0] * 20)
    assert events[-1]["error"]["param"] == "response.tool_choice"


def test_cancel_closes_every_open_item() -> None:
    driver = Driver()
    driver.send("response.create")
    driver.speak("One", " two")
    events = driver.send("response.cancel")
    assert types(events) == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    response = events[-1]["response"]
    assert response["status"] == "cancelled"
    assert response["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert response["usage"]["output_tokens"] > 0
    assert events[3]["item"]["status"] == "incomplete"


def test_writes_after_a_cancel_are_ignored() -> None:
    driver = Driver()
    driver.send("response.create")
    driver.speak("One")
    driver.send("response.cancel")
    driver.writer.write_transcript(" late", 10)
    assert not driver.writer.write_audio(np.ones(10, np.int16))
    assert driver.finish() == []


def test_cancel_finds_a_response_by_its_id() -> None:
    driver = Driver()
    active = driver.send("response.create")[0]["response"]["id"]
    beside = driver.send("response.create", response={"conversation": "none"})[0]["response"]["id"]
    assert driver.send("response.cancel", response_id=beside)[-1]["response"]["id"] == beside
    assert driver.send("response.cancel", response_id=active)[-1]["response"]["id"] == active


def test_cancel_without_a_response_sends_an_error() -> None:
    driver = Driver()
    assert driver.refused("response.cancel")["code"] == "response_cancel_not_active"
    assert driver.refused("response.cancel", response_id="resp_nobody")["code"] == "response_cancel_not_active"


def test_the_token_limit_makes_a_response_incomplete() -> None:
    driver = Driver()
    driver.send("response.create", response={"max_output_tokens": 12})
    driver.writer.begin_message()
    assert driver.writer.write_transcript("One", 12_000)
    assert driver.writer.write_audio(np.ones(12_000, np.int16))  # half a second: 10 tokens
    assert not driver.writer.write_audio(np.ones(12_000, np.int16))
    driver.machine.finish(driver.writer, "incomplete", reason="max_output_tokens")
    response = driver.drain()[-1]["response"]
    assert response["status"] == "incomplete"
    assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert response["output"][0]["status"] == "incomplete"
    assert response["usage"]["output_tokens"] <= 12


def test_failed_response_has_the_error() -> None:
    driver = Driver()
    driver.send("response.create")
    events = driver.finish("failed", error={"type": "server_error", "code": "server_error", "message": "why"})
    assert events[-1]["response"]["status_details"]["error"]["message"] == "why"


def test_usage_adds_up_and_cached_is_a_part_of_input() -> None:
    driver = Driver()
    driver.effective(instructions="x" * 1_000)
    driver.user_says()
    driver.send("response.create")
    driver.speak("One", ms_each=2_000)
    first = driver.finish()[-1]["response"]["usage"]
    assert first["total_tokens"] == first["input_tokens"] + first["output_tokens"]
    assert first["input_token_details"]["cached_tokens"] == 0
    assert first["output_token_details"] == {"text_tokens": 1, "audio_tokens": 40}
    driver.send("response.create")
    second = driver.finish()[-1]["response"]["usage"]
    assert second["input_tokens"] > first["input_tokens"]
    assert second["input_token_details"]["audio_tokens"] == 40
    assert 0 < second["input_token_details"]["cached_tokens"] <= first["input_tokens"]


def test_rate_limits_count_down() -> None:
    driver = Driver()
    limits = []
    for _ in range(2):
        limits.append(driver.send("response.create")[1]["rate_limits"])
        driver.finish()
    assert [entry["name"] for entry in limits[0]] == ["requests", "tokens"]
    assert limits[1][0]["remaining"] < limits[0][0]["remaining"] < limits[0][0]["limit"]
    assert limits[1][1]["remaining"] < limits[0][1]["remaining"]


@pytest.mark.parametrize(
    ("kind", "bytes_a_second"), [("audio/pcm", 48_000), ("audio/pcmu", 8_000), ("audio/pcma", 8_000)]
)
def test_sound_comes_in_the_format_of_the_session(kind: str, bytes_a_second: int) -> None:
    driver = Driver()
    driver.effective(audio={"output": {"format": {"type": kind}}})
    driver.send("response.create")
    events = driver.speak("One", " two") + driver.finish()
    assert len(_sound_of(events)) == bytes_a_second
    assert events[-1]["response"]["audio"]["output"]["format"]["type"] == kind
