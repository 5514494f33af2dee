"""Client events are checked before they are sent, and get ids."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_nb.client.events.client_event import as_client_event, event_ids
from realtime_nb.errors import ConfigError
from realtime_nb.wire.realtime import ResponseCancel, ServerVad, user_message


def update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (update(instructionz="x"), "instructions"),
        (update(audio={"input": {"turn_detetion": None}}), "turn_detection"),
        (update(audio={"output": {"speed": 3}}), "0.25 to 1.5"),
        (update(output_modalities=["text", "audio"]), "output_modalities"),
        ({"type": "response.creat"}, "response.create"),
        ({"type": "conversation.item.truncate", "item_id": "i", "audio_end_ms": "x"}, "audio_end_ms"),
        ("response.create", "dict"),
        ({"type": "conversation.item.create", "item": object()}, "JSON"),
    ],
)
def test_a_bad_event_raises_config_error_that_names_the_allowed_value(event: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        as_client_event(event)


def test_structs_inside_dicts_become_dicts() -> None:
    event = as_client_event(update(audio={"input": {"turn_detection": ServerVad(threshold=0.3)}}))
    assert event["session"]["audio"]["input"]["turn_detection"] == {"type": "server_vad", "threshold": 0.3}
    item = as_client_event({"type": "conversation.item.create", "item": user_message("hi")})["item"]
    assert item == {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}


def test_absent_null_and_empty_fields_stay_different() -> None:
    assert as_client_event(ResponseCancel()) == {"type": "response.cancel"}
    sent = as_client_event(update(instructions="", tools=[], audio={"input": {"turn_detection": None}}))["session"]
    assert sent == {
        "type": "realtime",
        "instructions": "",
        "tools": [],
        "audio": {"input": {"turn_detection": None}},
    }


def test_extra_fields_and_unknown_types_pass_unchecked_on_request() -> None:
    assert as_client_event(update(), extra={"brand_new": 1})["session"]["brand_new"] == 1
    assert as_client_event({"type": "tomorrow"}, strict=False) == {"type": "tomorrow"}


def test_event_ids_are_unique_across_connections() -> None:
    one, other = event_ids(), event_ids()
    assert len({make() for make in (one, other) for _ in range(100)}) == 200
