"""One odd value in an event costs that value, and nothing else of the event."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.wire import realtime as wire
from tests.unit.wire.test_examples import SERVER, _sample

Path = tuple[str | int, ...]


def _payloads() -> dict[str, list[dict[str, Any]]]:
    """Payloads of every event type: the published examples, and one of ours for a type that has none."""
    found: dict[str, list[dict[str, Any]]] = {}
    for example in SERVER:
        found.setdefault(example["type"], []).append(example)
    for kind, struct in wire.SERVER_TYPES.items():
        found.setdefault(kind, []).append(json.loads(wire.encode(_sample(struct))))
    return found


PAYLOADS = _payloads()


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in a payload that a server may fill otherwise, but the event's own type."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        if (*path, key) != ("type",):
            yield (*path, key)
            yield from _paths(inner, (*path, key))


def _with(value: Any, path: Path, odd: Any) -> Any:
    """A copy of a payload with the value at `path` replaced."""
    if not path:
        return odd
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _with(value[path[0]], path[1:], odd)
    return copy


def _leaves(value: Any, path: Path = ()) -> dict[Path, Any]:
    if isinstance(value, dict | list):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        return {place: leaf for key, inner in entries for place, leaf in _leaves(inner, (*path, key)).items()}
    return {path: value}


def _decode(payload: Any) -> Any:
    return wire.decode_server(json.dumps(payload))


def _concerned(path: Path) -> Path:
    """What an odd value may cost: the value; in a list its element, which moves those behind it."""
    number = next((at for at, key in enumerate(path) if isinstance(key, int)), None)
    return path if number is None else path[:number]


def _is_under(path: Path, above: Path) -> bool:
    return path[: len(above)] == above


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=1 << 62, max_value=1 << 70),
    st.sampled_from([10**400, -(10**400), -1, 0, 24000.0, 0.5, 1e308, math.nan, math.inf, -math.inf]),
    st.text(max_size=12),
    st.sampled_from(["", "7", "24000.0", "true", "null", "\ud800", "1" * 5000, "١٢"]),
    st.lists(st.integers() | st.none() | st.text(max_size=3), max_size=3),
    st.dictionaries(
        st.sampled_from(["type", "id", "text", "x"]), st.none() | st.text(max_size=4) | st.integers(), max_size=3
    ),
    st.sampled_from([[[[[]]]], {"a": {"b": [None]}}, [{"type": "message"}], {"type": "realtime"}]),
)
PLACES = [
    (kind, number, path)
    for kind, all_of in PAYLOADS.items()
    for number, one in enumerate(all_of)
    for path in _paths(one)
]


@given(st.sampled_from(PLACES), ODD)
def test_one_odd_value_costs_no_more_than_itself(place: tuple[str, int, Path], odd: Any) -> None:
    kind, number, path = place
    payload = PAYLOADS[kind][number]
    event = _decode(_with(payload, path, odd))
    assert type(event) is wire.SERVER_TYPES[kind]
    whole, read = _leaves(wire.to_dict(_decode(payload))), _leaves(wire.to_dict(event))
    around = _concerned(path[:-1] if path[-1] == "type" else path)
    for leaf, value in _leaves(payload).items():
        if leaf in whole and not _is_under(leaf, around):
            assert read.get(leaf) == value == whole[leaf], leaf


@given(st.sampled_from(PLACES), ODD)
def test_what_could_not_be_read_is_named_and_kept(place: tuple[str, int, Path], odd: Any) -> None:
    kind, number, path = place
    payload = _with(PAYLOADS[kind][number], path, odd)
    event = _decode(payload)
    if event.lost:
        assert event.raw is not None
        whole = json.dumps(payload).replace("\\ud800", "\\ufffd")  # half of a surrogate pair can be sent to no page
        assert json.dumps(event.raw) == whole
        first = str(path[0])
        assert all(lost.startswith(first) for lost in event.lost) or kind == "error"
    if event.raw is None:
        assert event.lost == ()


@given(st.sampled_from(PLACES), ODD)
def test_an_event_that_lost_something_can_be_encoded_again(place: tuple[str, int, Path], odd: Any) -> None:
    kind, number, path = place
    event = _decode(_with(PAYLOADS[kind][number], path, odd))
    again = wire.to_dict(event)
    assert again["type"] == kind


@pytest.mark.parametrize("kind", sorted(PAYLOADS))
@pytest.mark.parametrize("odd", [None, 7, "x", [], {}, [{}], 10**400, math.nan])
def test_each_field_of_each_event_may_hold_anything(kind: str, odd: Any) -> None:
    for payload in PAYLOADS[kind]:
        for name in payload:
            if name != "type":
                event = _decode({**payload, name: odd})
                assert type(event) is wire.SERVER_TYPES[kind]
                others = {key: value for key, value in _leaves(payload).items() if key[0] != name and len(key) == 1}
                read = wire.to_dict(event)
                assert {key[0]: read.get(str(key[0]), value) for key, value in others.items()} == {
                    key[0]: value for key, value in others.items()
                }


def _done(**response: Any) -> Any:
    return _decode({"type": "response.done", "response": {"id": "resp_1", "status": "completed", **response}})


@pytest.mark.parametrize(
    ("field", "given_as", "read_as"),
    [
        ("status", "transcended", "transcended"),
        ("id", 7, "7"),
        ("id", 7.0, "7"),
        ("metadata", {"a": 1, "b": "two", "c": None}, {"a": "1", "b": "two"}),
        ("max_output_tokens", 4096.0, 4096),
        ("max_output_tokens", "inf", "inf"),
        ("output_modalities", ["audio", None], ["audio"]),
    ],
)
def test_a_value_whose_meaning_is_certain_is_converted(field: str, given_as: Any, read_as: Any) -> None:
    assert getattr(_done(**{field: given_as}).response, field) == read_as


def test_usage_of_other_number_types_is_counted() -> None:
    usage = _done(usage={"total_tokens": "30", "input_tokens": 20.0, "output_tokens": 10.5}).response.usage
    assert (usage.total_tokens, usage.input_tokens, usage.output_tokens) == (30, 20, None)


def test_what_is_said_of_a_response_outlives_what_is_said_of_its_usage() -> None:
    event = _done(usage="free", status_details=["why"], output=[{"type": "message", "id": "i", "role": "assistant"}])
    assert (event.response.id, event.response.status, event.response.usage) == ("resp_1", "completed", None)
    assert [item.id for item in event.response.output] == ["i"]
    assert set(event.lost) == {"response.usage", "response.status_details"}
    assert event.raw["response"]["usage"] == "free"


def test_an_item_of_tomorrow_stands_beside_those_of_today() -> None:
    output = [{"type": "hologram", "id": "h", "beam": 1}, 7, {"type": "message", "id": "m", "role": "assistant"}]
    items = _done(output=output).response.output
    assert [(type(item).__name__, item.id) for item in items] == [("UnknownItem", "h"), ("MessageItem", "m")]
    assert items[0].raw == output[0]


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ({"role": "user", "content": []}, wire.MessageItem),
        ({"name": "add", "arguments": "{}"}, wire.FunctionCallItem),
        ({"call_id": "c", "output": "5"}, wire.FunctionCallOutputItem),
        ({"beam": 1}, wire.UnknownItem),
        ({"type": None, "role": "user"}, wire.MessageItem),
    ],
)
def test_an_item_without_a_type_is_known_by_what_it_holds(item: dict[str, Any], kind: type) -> None:
    event = _decode({"type": "conversation.item.added", "item": {"id": "i", **item}})
    assert type(event.item) is kind
    assert getattr(event.item, "id", None) == "i"


@pytest.mark.parametrize("arguments", [{"a": 2}, [1], '{"a": 2}'])
def test_arguments_that_are_json_itself_are_its_text(arguments: Any) -> None:
    event = _decode({"type": "response.function_call_arguments.done", "item_id": "i", "arguments": arguments})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    assert json.loads(event.arguments) == json.loads(text)


def test_null_arguments_are_none_at_all() -> None:
    item = {"type": "function_call", "id": "i", "name": "add", "arguments": None, "call_id": None}
    event = _decode({"type": "response.output_item.done", "response_id": None, "output_index": None, "item": item})
    assert (event.item.name, event.item.arguments, event.output_index) == ("add", "", 0)


@pytest.mark.parametrize(
    ("detection", "read"),
    [
        ({"type": "azure_semantic_vad", "threshold": 0.3}, {"type": "azure_semantic_vad", "threshold": 0.3}),
        ({"type": "server_vad", "threshold": "0.5"}, {"type": "server_vad", "threshold": 0.5}),
        (
            {"threshold": 0.5, "silence_duration_ms": 1},
            {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 1},
        ),
        ({"eagerness": "low"}, {"type": "semantic_vad", "eagerness": "low"}),
        ({"type": None}, None),
        (None, None),
    ],
)
def test_turn_detection_of_another_kind_stays_turn_detection(detection: Any, read: Any) -> None:
    session = {"type": "realtime", "audio": {"input": {"turn_detection": detection}}, "voice": 5}
    event = _decode({"type": "session.updated", "session": session})
    assert wire.to_dict(event.session)["audio"]["input"]["turn_detection"] == read


@pytest.mark.parametrize("kind", ["conversation", 7, "", None])
def test_a_session_of_an_unknown_type_is_a_session(kind: Any) -> None:
    event = _decode({"type": "session.created", "session": {"type": kind, "id": "s", "audio": {}, "model": "m"}})
    assert isinstance(event.session, wire.RealtimeSessionConfig)
    assert (event.session.id, event.session.model) == ("s", "m")


@pytest.mark.parametrize("session", [None, 5, [], "x"])
def test_a_greeting_without_a_session_is_a_greeting(session: Any) -> None:
    for payload in ({"type": "session.created", "session": session}, {"type": "session.created", "id": "sess-1"}):
        event = _decode(payload)
        assert isinstance(event, wire.SessionCreated)
        assert isinstance(event.session, wire.RealtimeSessionConfig)


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        ({"total_tokens": 3}, wire.TokenUsage(total_tokens=3)),
        ({"seconds": 1.5}, wire.DurationUsage(seconds=1.5)),
        ({"type": "seconds", "seconds": "1.5"}, wire.DurationUsage(seconds=1.5)),
        ({"type": "tokens", "total_tokens": 3.0, "x": 1}, wire.TokenUsage(total_tokens=3)),
        ("free", None),
    ],
)
def test_transcription_usage_is_known_by_what_it_holds(usage: Any, read: Any) -> None:
    kind = "conversation.item.input_audio_transcription.completed"
    event = _decode({"type": kind, "item_id": "i", "transcript": "hi", "usage": usage, "logprobs": [{"p": 1}, None]})
    assert (event.transcript, event.usage) == ("hi", read)


@pytest.mark.parametrize(
    ("frame", "message", "code"),
    [
        ({"type": "error", "error": "overloaded"}, "overloaded", None),
        ({"type": "error", "error": "overloaded", "code": 503}, "overloaded", "503"),
        ({"type": "error", "message": "no", "code": "c"}, "no", "c"),
        ({"type": "error", "error": {"detail": "no", "code": 7}}, "no", "7"),
        ({"type": "error", "error": {"message": {"text": "no"}}}, '{"text": "no"}', None),
        ({"type": "error", "error": {"message": ["ü", "\ud800", 10**400]}}, None, None),
        ({"type": "error", "error": None, "reason": "gone"}, "gone", None),
        ({"type": "error"}, "", None),
        ({"type": "error", "error": 5, "hint": "no quota"}, "5", None),
        ({"type": "error", "error": [], "hint": "no quota"}, '{"error": [], "hint": "no quota"}', None),
        ({"error": {"message": "no", "status": 401}}, "no", "401"),
        ({"error": "Not Found", "status": 404}, "Not Found", "404"),
    ],
)
def test_an_error_of_any_shape_keeps_its_words(frame: dict[str, Any], message: str | None, code: str | None) -> None:
    event = _decode(frame)
    assert isinstance(event, wire.ErrorEvent)
    if message is not None:
        assert event.error.message == message
    else:
        assert event.error.message
    assert event.error.code == code


def test_words_in_place_of_a_nested_error_are_its_message() -> None:
    event = _done(status="failed", status_details={"type": "failed", "error": "out of memory"})
    assert event.response.status_details.error.message == "out of memory"
    kind = "conversation.item.input_audio_transcription.failed"
    assert _decode({"type": kind, "item_id": "i", "error": "too quiet"}).error.message == "too quiet"


def test_a_beta_response_inside_a_current_event_is_read() -> None:
    event = _done(modalities=["text", "audio"], voice="sage", temperature=0.6, audio={"output": {"format": "pcm16"}})
    assert event.response.status == "completed"


def test_a_well_formed_event_loses_nothing() -> None:
    for all_of in PAYLOADS.values():
        for payload in all_of:
            event = _decode(payload)
            assert (event.lost, event.raw) == ((), None) or payload["type"] in NOT_TODAYS, (payload, event.lost)


NOT_TODAYS: frozenset[str] = frozenset()
"""Types whose published example is older than the protocol."""
