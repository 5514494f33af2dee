"""The synced traits of the widget equal `traits.json`, which the front end's tests read too (`js/src/traits.ts`).

A trait, a status word or a key that is added on one side alone fails here or there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import anywidget
import pytest

import realtime_nb as rt
from realtime_nb.client.settings import DEFAULTS
from realtime_nb.conversation import Latency
from realtime_nb.notebook import runtime
from realtime_nb.notebook.session_state import Status
from realtime_nb.widget.page_values import PAGE_WRITES, latency_to_page

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "traits.json").read_text(encoding="utf-8"))
TRAITS: dict[str, dict[str, Any]] = GOLDEN["traits"]
JSON_TYPES = {str: "string", bool: "boolean", int: "number", float: "number", dict: "object", list: "array"}
EXAMPLES: dict[str, list[Any]] = {
    "instructions": ["Be brief.", None],
    "voice": ["marin", {"id": "voice_1"}, None],
    "speed": [1.25, 1, None],
    "turn_detection": [None, "server_vad", rt.ServerVad(), rt.SemanticVad(eagerness="low")],
}


def _type(value: Any) -> str:
    return "null" if value is None else JSON_TYPES[type(value)]


@pytest.fixture
def widget() -> Iterator[rt.RealtimeWidget]:
    made = rt.RealtimeWidget(backend="ws://127.0.0.1:9/v1/realtime")
    yield made
    made.close()


def _state(widget: rt.RealtimeWidget) -> dict[str, Any]:
    """Our traits as a page receives them."""
    state: dict[str, Any] = json.loads(json.dumps({key: widget.get_state()[key] for key in TRAITS}))
    return state


def test_synced_traits_are_those_of_the_golden_file() -> None:
    inherited = anywidget.AnyWidget.class_traits(sync=True)
    assert set(rt.RealtimeWidget.class_traits(sync=True)) - set(inherited) == set(TRAITS)


def test_page_may_write_exactly_the_traits_of_the_golden_file() -> None:
    assert set(PAGE_WRITES) == {name for name, trait in TRAITS.items() if trait["page_may_write"]}


def test_every_setting_a_page_may_write_has_an_example_here() -> None:
    assert set(EXAMPLES) == set(PAGE_WRITES) & set(DEFAULTS)


def test_status_words_are_those_of_the_golden_file() -> None:
    assert list(get_args(Status)) == GOLDEN["status"]


def test_traits_have_their_json_types_before_any_connection(widget: rt.RealtimeWidget) -> None:
    for name, value in _state(widget).items():
        assert _type(value) in TRAITS[name]["types"], name


def test_traits_have_their_json_types_after_a_failed_connection(widget: rt.RealtimeWidget) -> None:
    with pytest.raises(rt.ConnectError):
        runtime.run(widget.start())
    state = _state(widget)
    assert (state["status"], _type(state["error"])) == ("error", "string")
    for name, value in state.items():
        assert _type(value) in TRAITS[name]["types"], name


@pytest.mark.parametrize("name", EXAMPLES)
def test_settings_have_every_json_type_of_the_golden_file_and_no_other(widget: rt.RealtimeWidget, name: str) -> None:
    types = set()
    for value in EXAMPLES[name]:
        setattr(widget, name, value)
        types.add(_type(_state(widget)[name]))
    assert types == set(TRAITS[name]["types"])


@pytest.mark.parametrize("backend", ["ws://127.0.0.1:9/v1/realtime", "local"])
def test_header_has_the_keys_and_json_types_of_the_golden_file(backend: str) -> None:
    widget = rt.RealtimeWidget(backend=backend, voice="marin")
    if backend != "local":
        with pytest.raises(rt.ConnectError):
            runtime.run(widget.start())
    else:
        runtime.run(widget._live_controller.traits.settled())
    _assert_keys("_info", _state(widget)["_info"])
    widget.close()


def test_latency_has_the_keys_and_json_types_of_the_golden_file() -> None:
    for latency in (Latency(), Latency(*(float(n) for n in range(5)))):
        _assert_keys("_latency", latency_to_page(latency))
    assert latency_to_page(None) == {}


def test_microphone_options_have_the_keys_and_json_types_of_the_golden_file(widget: rt.RealtimeWidget) -> None:
    _assert_keys("_microphone", _state(widget)["_microphone"])


def test_branches_have_the_keys_and_json_types_of_the_golden_file() -> None:
    widget = rt.RealtimeWidget(backend="ws://127.0.0.1:9/v1/realtime", history=[("user", "Hello")])
    fork = widget.fork(0, instructions="Be brief.")
    runtime.run(runtime.notifier().settled())
    (shown,) = _state(widget)["_branches"]
    _assert_keys("_branches", shown)
    assert shown == {"id": fork.model_id, "words": "Hello", "changes": "instructions='Be brief.'"}
    fork.close()
    runtime.run(runtime.notifier().settled())
    assert _state(widget)["_branches"] == []
    widget.close()


def _assert_keys(trait: str, value: dict[str, Any]) -> None:
    assert set(value) == set(GOLDEN[trait])
    for key, inner in value.items():
        assert _type(inner) in GOLDEN[trait][key], key
