"""The codec reads malformed, unknown, beta and newer frames without raising, and encodes what the service expects."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.wire import realtime as wire

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_decoding_any_bytes_never_raises(frame: bytes | str) -> None:
    assert wire.decode_server(frame).type


@given(st.sampled_from(sorted(wire.SERVER_TYPES)), st.dictionaries(st.text(max_size=12), JSON, max_size=5), JSON, JSON)
def test_decoding_an_invalid_event_never_raises(kind: str, extra: dict[str, Any], item: Any, session: Any) -> None:
    event = wire.decode_server(json.dumps({**extra, "type": kind, "item": item, "session": session, "item_id": "i"}))
    assert event.type in {kind, "error"}


@pytest.mark.parametrize(
    ("written", "read"),
    [("smile \\ud83d please", "smile \ufffd please"), ("\\ude00", "\ufffd"), ("\\ud83d\\ude00", "\U0001f600")],
)
def test_half_of_a_surrogate_pair_is_replaced_wherever_it_stands(written: str, read: str) -> None:
    """A kernel cannot send one to a page: it fails to encode the message, and the turn would be lost."""
    delta = wire.decode_server(f'{{"type": "response.output_text.delta", "item_id": "i", "delta": "{written}"}}')
    assert isinstance(delta, wire.ResponseOutputTextDelta)
    assert delta.delta == read
    unknown = wire.decode_server(f'{{"type": "x.new", "a": [{{"{written}": "{written}"}}], "n": NaN}}')
    assert isinstance(unknown, wire.UnknownEvent)
    assert unknown.raw["a"] == [{read: read}]
    error = wire.decode_server(f'{{"type": "error", "error": {{"message": ["{written}"]}}}}')
    assert isinstance(error, wire.ErrorEvent)
    assert (error.error.message or "").encode()


@pytest.mark.parametrize(
    "frame", [b"\xff\xfe", "", "{", "[1]", '"x"', "null", '{"a": 1}', '{"type": 7}', "[" * 100_000]
)
def test_malformed_frame_becomes_error_event(frame: bytes | str) -> None:
    event = wire.decode_server(frame)
    assert isinstance(event, wire.ErrorEvent)
    assert event.error.code == "malformed_frame"


def test_a_field_that_cannot_be_read_is_not_quoted() -> None:
    event = wire.decode_server(json.dumps({"type": "response.done", "response": {"status": ["sk-secret"]}}))
    assert isinstance(event, wire.ResponseDone)
    assert event.lost == ("response.status",)
    assert "sk-secret" not in repr(event)


def test_unknown_event_type_is_delivered_unchanged() -> None:
    event = wire.decode_server('{"type": "response.dance", "event_id": "e", "steps": [1, 2]}')
    assert isinstance(event, wire.UnknownEvent)
    assert (event.type, event.event_id, event.raw["steps"]) == ("response.dance", "e", [1, 2])


def test_an_item_of_an_unknown_type_keeps_its_raw_form() -> None:
    event = wire.decode_server('{"type": "conversation.item.added", "item": {"type": "hologram", "id": "i"}}')
    assert isinstance(event, wire.ConversationItemAdded)
    assert isinstance(event.item, wire.UnknownItem)
    assert (event.item.type, event.item.id) == ("hologram", "i")
    assert wire.to_dict(event)["item"] == {"type": "hologram", "id": "i"}


def test_unknown_fields_and_values_of_a_newer_server_are_accepted() -> None:
    event = wire.decode_server(
        '{"type": "response.done", "shine": 1, "response": {"id": "r", "status": "transcended", "aura": {}}}'
    )
    assert isinstance(event, wire.ResponseDone)
    assert event.response.status == "transcended"


@pytest.mark.parametrize(
    ("beta", "current"),
    [
        ("response.text.delta", "response.output_text.delta"),
        ("response.text.done", "response.output_text.done"),
        ("response.audio.delta", "response.output_audio.delta"),
        ("response.audio.done", "response.output_audio.done"),
        ("response.audio_transcript.delta", "response.output_audio_transcript.delta"),
        ("response.audio_transcript.done", "response.output_audio_transcript.done"),
    ],
)
def test_beta_event_name_is_translated_to_ga(beta: str, current: str) -> None:
    event = wire.decode_server(json.dumps({"type": beta, "item_id": "i", "response_id": "r", "delta": "AAAA"}))
    assert type(event) is wire.SERVER_TYPES[current]
    assert event.type == current


def test_beta_session_is_translated_to_ga() -> None:
    session = {
        "id": "sess_1",
        "modalities": ["text", "audio"],
        "voice": "verse",
        "input_audio_format": "g711_ulaw",
        "input_audio_transcription": {"model": "whisper-1"},
        "turn_detection": {"type": "server_vad", "threshold": 0.5},
        "max_response_output_tokens": 100,
    }
    event = wire.decode_server(json.dumps({"type": "session.created", "session": session}))
    assert isinstance(event, wire.SessionCreated)
    assert wire.to_dict(event.session) == {
        "type": "realtime",
        "id": "sess_1",
        "output_modalities": ["audio"],
        "max_output_tokens": 100,
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": {"model": "whisper-1"},
                "turn_detection": {"type": "server_vad", "threshold": 0.5},
            },
            "output": {"voice": "verse"},
        },
    }


def test_a_content_part_reads_both_spellings() -> None:
    for kind in ("audio", "output_audio", "input_audio"):
        assert wire.ContentPart(type=kind, transcript="hi", text="no").words == "hi"
    for kind in ("text", "output_text", "input_text"):
        assert wire.ContentPart(type=kind, transcript="no", text="hi").words == "hi"


@given(st.binary(max_size=4000), st.none() | st.text(max_size=20))
def test_append_frame_contains_the_audio(pcm: bytes, event_id: str | None) -> None:
    raw = json.loads(wire.encode_append(pcm, event_id))
    assert raw["type"] == "input_audio_buffer.append"
    assert base64.b64decode(raw["audio"]) == pcm
    assert raw.get("event_id") == event_id


def test_audio_delta_decodes_to_its_bytes() -> None:
    event = wire.ResponseOutputAudioDelta(item_id="i", delta=base64.b64encode(b"\x01\x02").decode())
    assert event.audio == b"\x01\x02"


LONG = base64.b64encode(bytes(range(256)) * 64).decode()


@pytest.mark.parametrize("size", [4, 8191, 8192, 100_000])
@pytest.mark.parametrize("separators", [None, (",", ":"), (" ,\n", " :\t")])
def test_audio_delta_of_any_length_decodes_to_its_bytes(size: int, separators: tuple[str, str] | None) -> None:
    sound = bytes(range(256)) * (size // 256 + 1)
    delta = {"delta": base64.b64encode(sound).decode()}
    for fields in ({**delta, "item_id": "i"}, {"item_id": "i", **delta}):
        raw = {"type": "response.output_audio.delta", **fields, "response_id": "r"}
        event = wire.decode_server(json.dumps(raw, separators=separators).encode())
        assert isinstance(event, wire.ResponseOutputAudioDelta)
        assert (event.item_id, event.response_id, event.audio) == ("i", "r", sound)


@pytest.mark.parametrize(
    "fields",
    [
        {"item_id": "i", "extra": {"delta": LONG}, "delta": "AAAA"},
        {"item_id": "i", "extra": {"delta": LONG}},
        {"item_id": f'"delta":"{LONG}"', "delta": "AAAA"},
        {"item_id": f',"delta":"{LONG}"', "delta": LONG},
        {"item_id": "i", "delta": LONG + "é" * 5000},
        {"item_id": "i", "delta": LONG + "\\" + LONG},
        {"delta": LONG},
        {"item_id": 7, "delta": LONG},
        {"item_id": "i", "delta": {"delta": LONG}},
        {"item_id": "i", "delta": "~", "x": {"delta": LONG}},
    ],
)
@pytest.mark.parametrize(
    "kind",
    ["response.output_audio.delta", "response.audio.delta", "response.output_text.delta", "response.dance", "error"],
)
def test_long_frame_as_bytes_decodes_like_the_same_text(kind: str, fields: dict[str, Any]) -> None:
    for escaped in (True, False):
        frame = json.dumps({"type": kind, **fields}, ensure_ascii=escaped)
        assert wire.decode_server(frame.encode()) == wire.decode_server(frame)


def test_omitted_null_and_empty_stay_apart() -> None:
    session = wire.RealtimeSessionConfig(
        instructions="", tools=[], audio=wire.AudioConfig(input=wire.AudioInput(turn_detection=None))
    )
    raw = json.loads(wire.encode(wire.SessionUpdate(session=session)))
    assert raw["session"] == {
        "type": "realtime",
        "instructions": "",
        "tools": [],
        "audio": {"input": {"turn_detection": None}},
    }
    assert wire.decode_client(json.dumps(raw)) == wire.SessionUpdate(session=session)


def test_mcp_credentials_are_in_no_repr() -> None:
    tool = wire.McpTool(server_label="docs", authorization="hush", headers={"X-Key": "hush"})
    assert "hush" not in repr(wire.SessionUpdate(session=wire.RealtimeSessionConfig(tools=[tool])))
