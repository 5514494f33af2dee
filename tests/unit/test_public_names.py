"""The names without underscore of the classes that `realtime_nb` exports are those that its documentation promises.

A name that is missing here has to be documented first, or gets an underscore or a place in an inner object.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import anywidget
import pytest

import realtime_nb as rt
from tests.unit.client.fakes import Address

EVENTS = {"on", "once", "off"}
PROMISED = {
    "RealtimeConnection": {
        *EVENTS,
        *("session", "conversation", "input_audio_buffer", "output_audio_buffer", "response"),
        *("send", "recv", "wait_for", "request", "close", "closed", "url"),
    },
    "RealtimeWidget": {
        *EVENTS,
        *(
            "status",
            "turns",
            "live",
            "level",
            "usage",
            "latency",
            "error",
            "transcript",
            "health",
            "muted",
            "effective",
        ),
        *("muted", "instructions", "voice", "speed", "turn_detection", "transcription", "noise_reduction", "tools"),
        *("tool_choice", "reasoning_effort", "output", "max_output_tokens", "transport", "controls"),
        *("start", "stop", "ask", "commit", "interrupt", "approve", "use_transport", "tool", "connection", "events"),
        *("fork", "first_answer", "parent", "branches"),
        *(
            "save",
            "freeze",
            "microphone_error",
            "backend",
            "model",
            "microphone",
            "reset",
            "max_cost_usd",
            "max_session_minutes",
        ),
        *("kept", "keep", "forget", "retakes", "ask_again", "compare"),
    },
    "Backend": {"url", "api_key", "headers", "subprotocols", "allow_insecure", "prices"},
    "Turn": {
        *("role", "text", "heard_text", "audio", "status", "item_id", "response_id", "started_at", "latency", "usage"),
        *("tool_calls", "images", "audio_ms", "note", "revision", "text_known"),
    },
    "ToolCall": {"call_id", "name", "arguments", "status", "output", "parsed"},
    "Latency": {
        *("speech_end_to_committed", "committed_to_response", "response_to_first_audio", "first_audio_to_played"),
        "total",
    },
    "ClientSecret": {"value", "expires_at", "session", "secret"},
    "UnknownEvent": {"type", "raw", "event_id"},
    "Lab": {"plan", "run", "results", "backend", "model"},
    "Variant": {"name", "settings", "backend", "model", "session", "labels", "whole", "payload"},
    "Scenario": {"turns", "label"},
    "BargeIn": {"utterance", "after_ms"},
    "LocalServer": {"url", "start", "close", "running"},
    "McpApprovalRequest": {"type", "id", "name", "server_label", "arguments"},
}
LATER = {
    "RealtimeWidget": {"apply"},
}
"""Names that are promised and need not be there yet."""


def _names(kind: type[Any]) -> set[str]:
    inherited = set(dir(anywidget.AnyWidget)) if issubclass(kind, anywidget.AnyWidget) else set(dir(object))
    names = set(dir(kind)) - inherited
    if dataclasses.is_dataclass(kind):
        names |= {field.name for field in dataclasses.fields(kind)}
    if kind is rt.RealtimeConnection:
        names |= set(vars(rt.RealtimeConnection(Address())))
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("name", PROMISED)
def test_an_exported_class_has_the_promised_names_and_no_others(name: str) -> None:
    names = _names(getattr(rt, name))
    assert names - LATER.get(name, set()) == PROMISED[name]


def test_address_and_end_of_a_connection_that_is_not_open() -> None:
    connection = rt.RealtimeConnection(Address())
    assert connection.url == "ws://here"
    assert connection.closed is None
    assert rt.connect(backend="local").url is None, "it has none before the backend is started"


def test_an_address_is_shown_without_credentials() -> None:
    url = "wss://host.example:8443/v1/realtime?model=m&tenant=SENTINEL"
    connection = rt.connect(url=url, api_key="sk-SENTINEL")
    assert connection.url == "wss://host.example:8443/v1/realtime?model=m"
    assert "SENTINEL" not in repr(connection)
