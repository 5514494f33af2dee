"""Tools and a clock that the tests of the voice share."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from realtime_nb.local.voice.responder.rule_reply import Context


def function(name: str, description: str = "", required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {"type": "function", "name": name, "description": description, "parameters": schema}


SLIDER = function("set_slider", "Set the slider.", ("value",), value={"type": "integer", "minimum": 0, "maximum": 100})
LIGHT = function(
    "set_light",
    "Turn the light in a room on or off.",
    ("room", "on"),
    room={"type": "string", "enum": ["kitchen", "bedroom", "living_room"]},
    on={"type": "boolean"},
)
WEATHER = function("get_weather", "Get the weather in a city.", ("city",), city={"type": "string"})
ADD = function("add", "Add two numbers.", ("a", "b"), a={"type": "number"}, b={"type": "number"})
MESSAGE = function("send_message", "", ("to", "text"), to={"type": "string"}, text={"type": "string"})


@pytest.fixture
def context() -> Context:
    return Context(now=datetime(2026, 11, 22, 15, 4))  # a Sunday
