"""The codec reads every example of the published API description (MIT licence), and has a type for every event."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from realtime_nb.wire import realtime as wire
from tests.sdk_validator import check_client, check_server

_LINES = (Path(__file__).parents[2] / "data" / "event_examples.jsonl").read_text().splitlines()
EXAMPLES: list[dict[str, Any]] = [json.loads(line) for line in _LINES]
SERVER = [line["example"] for line in EXAMPLES if "ServerEvent" in line["schema"]]
CLIENT = [line["example"] for line in EXAMPLES if "ClientEvent" in line["schema"]]


def _type(example: dict[str, Any]) -> str:
    return str(example["type"])


@pytest.mark.parametrize("example", SERVER, ids=_type)
def test_a_server_example_is_read_as_its_type(example: dict[str, Any]) -> None:
    event = wire.decode_server(json.dumps(example))
    assert type(event) is wire.SERVER_TYPES[example["type"]]
    assert event.type == example["type"]
    assert event.event_id == example["event_id"]


@pytest.mark.parametrize("example", SERVER, ids=_type)
def test_a_server_example_keeps_its_fields(example: dict[str, Any]) -> None:
    again = wire.to_dict(wire.decode_server(json.dumps(example)))
    for key, value in example.items():
        if isinstance(value, (str, int, float)) and key != "obfuscation":
            assert again[key] == value


@pytest.mark.parametrize("example", CLIENT, ids=_type)
def test_client_example_is_accepted_and_encoded_unchanged(example: dict[str, Any]) -> None:
    event = wire.decode_client(json.dumps(example))
    assert type(event) is wire.CLIENT_TYPES[example["type"]]
    travelled = json.loads(wire.encode(event))
    assert travelled == example
    if example["type"] != "input_audio_buffer.append":  # the example's "sound" is not base64
        check_client(travelled)


def test_every_event_of_the_api_description_has_a_type() -> None:
    assert len(wire.CLIENT_TYPES) == 11
    assert len(wire.SERVER_TYPES) == 46


def _sample(kind: Any) -> Any:
    """Make an event of a type with its required fields only."""
    values: dict[str, Any] = {"event_id": "event_1"}
    samples: dict[str, Any] = {
        "session": wire.RealtimeSessionConfig(model="m"),
        "conversation": wire.ConversationInfo(id="conv_1"),
        "item": wire.user_message("hi", id="item_1"),
        "item_id": "item_1",
        "response": wire.Response(id="resp_1", status="completed", output=[]),
        "rate_limits": [wire.RateLimit(name="tokens", limit=1, remaining=1, reset_seconds=0.5)],
        "part": wire.Part(type="text", text="hi"),
        "usage": wire.DurationUsage(seconds=1.0),
        "delta": "AAAA",
        "error": None,
    }
    for field in msgspec.structs.fields(kind):
        if field.name == "error":
            detail = wire.ErrorDetail(type="invalid_request_error", message="no")
            values["error"] = detail if kind is wire.ErrorEvent else wire.TranscriptionError(message="no")
        elif field.name in samples and (field.required or field.name == "usage"):
            values[field.name] = samples[field.name]
    return kind(**values)


@pytest.mark.parametrize("kind", sorted(wire.SERVER_TYPES))
def test_minimal_server_events_are_valid_for_the_official_sdk(kind: str) -> None:
    event = _sample(wire.SERVER_TYPES[kind])
    raw = json.loads(wire.encode(event))
    if kind == "input_audio_buffer.dtmf_event_received":
        del raw["event_id"]  # the one event that has none
    check_server(raw)
    assert wire.decode_server(wire.encode(event)) == event
