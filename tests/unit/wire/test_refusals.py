"""`decode_client` answers an invalid event with the service's code, the dotted field and the client's event id."""

from __future__ import annotations

import json
from typing import Any

import pytest

from realtime_nb.wire import realtime as wire


def _update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def _input(**fields: Any) -> dict[str, Any]:
    return _update(audio={"input": fields})


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        ({"type": "session.update", "session": {"instructions": "x"}}, "missing_required_parameter", "session.type"),
        (_update(instruction="x"), "unknown_parameter", "session.instruction"),
        (
            _input(turn_detection={"type": "server_vad", "treshold": 1}),
            "unknown_parameter",
            "session.audio.input.turn_detection.treshold",
        ),
        (_input(turn_detection={"type": "psychic"}), "invalid_value", "session.audio.input.turn_detection.type"),
        (
            _input(turn_detection={"type": "semantic_vad", "eagerness": "very"}),
            "invalid_value",
            "session.audio.input.turn_detection.eagerness",
        ),
        (_input(format={"type": "audio/pcm", "rate": 16_000}), "invalid_value", "session.audio.input.format.rate"),
        (_update(audio={"output": {"speed": 9}}), "invalid_value", "session.audio.output.speed"),
        (_update(output_modalities=["text", "audio"]), "invalid_value", "session.output_modalities"),
        (_update(max_output_tokens=0), "invalid_value", "session.max_output_tokens"),
        (_update(max_output_tokens="lots"), "invalid_value", "session.max_output_tokens"),
        (_update(instructions=7), "invalid_type", "session.instructions"),
        ({"type": "response.create", "response": {"temperature": 1}}, "unknown_parameter", "response.temperature"),
        ({"type": "conversation.item.delete"}, "missing_required_parameter", "item_id"),
        ({"type": "conversation.item.create", "item": {"type": "dream"}}, "invalid_value", "item.type"),
        ({"type": "shout"}, "invalid_value", "type"),
        ({"event": "x"}, "invalid_event", "type"),
    ],
)
def test_invalid_client_event_gets_code_param_and_event_id(event: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(wire.WireError) as refused:
        wire.decode_client(json.dumps({**event, "event_id": "mine"}))
    assert (refused.value.code, refused.value.param, refused.value.event_id) == (code, param, "mine")


@pytest.mark.parametrize("frame", ["{", b"\xff", "[" * 100_000])
def test_frame_that_is_not_json_is_refused(frame: str | bytes) -> None:
    with pytest.raises(wire.WireError) as refused:
        wire.decode_client(frame)
    assert refused.value.code == "invalid_json"


def test_unknown_field_error_suggests_the_nearest_name() -> None:
    with pytest.raises(wire.WireError, match="Did you mean 'instructions'"):
        wire.decode_client(json.dumps(_update(instruction="x")))


@pytest.mark.parametrize(
    "event",
    [
        _update(model="some-model-of-tomorrow", tracing=None, prompt=None, truncation="auto"),
        _update(audio={"output": {"voice": "nobody"}, "input": None}),
        _update(audio={"output": {"voice": {"id": "voice_1"}}}),
        _input(turn_detection=None, transcription=None, noise_reduction=None),
        _input(turn_detection={"type": "semantic_vad", "eagerness": "low"}),
        _update(tools=[{"type": "function", "name": "f", "parameters": {"properties": {"format": {"type": "x"}}}}]),
        _update(tool_choice={"type": "function", "name": "f"}),
        {"type": "response.create", "response": None},
        {"type": "response.create", "response": {"conversation": "none", "input": [], "metadata": {"a": "b"}}},
        {"type": "response.create", "response": {"input": [{"type": "item_reference", "id": "item_1"}]}},
    ],
)
def test_events_of_real_clients_are_accepted(event: dict[str, Any]) -> None:
    assert wire.decode_client(json.dumps(event)).type == event["type"]
