from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.local.voice.chat.errors import ChatErrors
from realtime_nb.local.voice.chat.reply_reader import ReplyReader
from realtime_nb.local.voice.reply import (
    CallArguments,
    CallBegun,
    CallEnded,
    ReplyCut,
    ReplyError,
    ReplyPiece,
    ReplyUsage,
    TextPiece,
)
from tests.unit.local.voice.chat.cuts import cut_anywhere

_ERRORS = ChatErrors("http://localhost:1/v1", "m", has_key=False)
_TOOLS = [{"type": "function", "name": "add"}, {"type": "function", "name": "stop"}]
_OSLO = '{"a": 1}'


def _reader(**more: Any) -> ReplyReader:
    return ReplyReader(_TOOLS, _ERRORS, **more)


def _read(deltas: Iterable[dict[str, Any]], finish: str | None = "stop", **more: Any) -> list[ReplyPiece]:
    reader = _reader(**more)
    pieces = [
        piece
        for delta in deltas
        for piece in reader.feed({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    ]
    pieces += reader.feed({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    return [*pieces, *reader.end()]


def _calls(pieces: Iterable[ReplyPiece]) -> list[tuple[str | None, str, str, bool]]:
    """Return id, name, arguments and whether it ended, of each call; checks that they follow one another."""
    calls: list[tuple[str | None, str, str, bool]] = []
    for piece in pieces:
        if isinstance(piece, CallBegun):
            assert not calls or calls[-1][3]
            calls.append((piece.call_id, piece.name, "", False))
        elif isinstance(piece, CallArguments):
            call_id, name, before, ended = calls[-1]
            assert not ended
            calls[-1] = call_id, name, before + piece.delta, False
        elif isinstance(piece, CallEnded):
            calls[-1] = (*calls[-1][:3], True)
        else:
            assert not isinstance(piece, TextPiece) or not calls
    return calls


def _text(pieces: Iterable[ReplyPiece]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, TextPiece))


def _call(index: int | None = None, call_id: str | None = None, name: str | None = None, arguments: Any = None) -> Any:
    function = {"name": name, "arguments": arguments}
    return {"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": function}]}


_STREAMS: dict[str, tuple[list[dict[str, Any]], list[tuple[str | None, str, str, bool]]]] = {
    "in pieces": (
        [_call(0, "x", "add", ""), _call(0, arguments='{"a"'), _call(0, arguments=": 1}")],
        [("x", "add", _OSLO, True)],
    ),
    "alternating": (
        [
            _call(0, "x", "add", '{"a"'),
            _call(1, "y", "stop", "{"),
            _call(0, arguments=": 1}"),
            _call(1, arguments="}"),
        ],
        [("x", "add", _OSLO, True), ("y", "stop", "{}", True)],
    ),
    "index always 0": (
        [_call(0, "x", "add", '{"a": 1}'), _call(0, "y", "add", '{"a": 2}'), _call(0, "z", "stop", "{}")],
        [("x", "add", '{"a": 1}', True), ("y", "add", '{"a": 2}', True), ("z", "stop", "{}", True)],
    ),
    "no index": (
        [_call(None, "x", "add", '{"a"'), _call(None, None, None, ": 1}"), _call(None, "y", "stop", "{}")],
        [("x", "add", _OSLO, True), ("y", "stop", "{}", True)],
    ),
    "no ids": (
        [_call(0, None, "add", _OSLO), _call(0, None, "add", '{"a": 2}')],
        [(None, "add", _OSLO, True), (None, "add", '{"a": 2}', True)],
    ),
    "id and name repeated": (
        [_call(0, "x", "add", '{"a"'), _call(0, "x", "add", ": 1}"), _call(0, "x", "add", "")],
        [("x", "add", _OSLO, True)],
    ),
    "name null and then empty": (
        [_call(0, "x", "add", None), _call(0, None, None, '{"a"'), _call(0, "", "", ": 1}")],
        [("x", "add", _OSLO, True)],
    ),
    "ids used twice": (
        [_call(0, "x", "add", _OSLO), _call(1, "x", "stop", "{}")],
        [("x", "add", _OSLO, True), (None, "stop", "{}", True)],
    ),
    "arguments before the name": (
        [_call(0, "x", None, '{"a"'), _call(0, None, "add", ": 1}")],
        [("x", "add", _OSLO, True)],
    ),
    "object": ([_call(0, "x", "add", {"a": 1})], [("x", "add", _OSLO, True)]),
    "no arguments": ([_call(0, "x", "stop", "")], [("x", "stop", "{}", True)]),
    "no JSON": ([_call(0, "x", "add", "a=1")], [("x", "add", "a=1", True)]),
    "unknown function": ([_call(0, "x", "fly", "{}")], [("x", "fly", "{}", True)]),
    "never a name": ([_call(0, "x", None, "{}")], []),
    "older field": (
        [{"function_call": {"name": "add", "arguments": ""}}, {"function_call": {"arguments": _OSLO}}],
        [(None, "add", _OSLO, True)],
    ),
}


@pytest.mark.parametrize("name", _STREAMS)
def test_native_calls(name: str) -> None:
    deltas, calls = _STREAMS[name]
    assert _calls(_read(deltas)) == calls


def test_first_call_is_passed_on_as_it_comes() -> None:
    reader = _reader()
    chunk = {"choices": [{"index": 0, "delta": _call(0, "x", "add", '{"a"')}]}
    assert list(reader.feed(chunk)) == [CallBegun("add", "x"), CallArguments('{"a"')]


def test_call_that_is_cut_has_no_end() -> None:
    pieces = _read([_call(0, "x", "stop", "{}"), _call(1, "y", "add", '{"a"')], finish="length")
    assert [call[3] for call in _calls(pieces)] == [True, False]
    assert pieces[-1] == ReplyCut("max_output_tokens")


def test_one_call_where_they_must_not_be_parallel() -> None:
    assert len(_calls(_read([_call(0, "x", "add", "{}"), _call(1, "y", "add", "{}")], parallel=False))) == 1


def test_text_before_a_call_is_kept_and_after_it_dropped() -> None:
    pieces = _read([{"content": "I look. "}, _call(0, "x", "stop", "{}"), {"content": "It is 20 degrees."}])
    assert _text(pieces) == "I look."
    assert len(_calls(pieces)) == 1


def test_reasoning_fields_are_no_text_and_a_sign_of_life() -> None:
    reader = _reader()
    for field in ("reasoning_content", "reasoning"):
        assert not list(reader.feed({"choices": [{"index": 0, "delta": {field: "hm"}}]}))
    assert reader.active


def test_first_empty_delta_is_no_sign_of_life() -> None:
    reader = _reader()
    assert not list(reader.feed({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}))
    assert not reader.active


def test_content_parts_and_refusals_are_text() -> None:
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hello"}]
    assert _text(_read([{"content": parts}, {"refusal": " no"}])) == "Hello no"


def test_usage_comes_last_and_the_newest_counts() -> None:
    reader = _reader()
    given = {"prompt_tokens": 7, "completion_tokens": 1}
    list(reader.feed({"choices": [{"index": 0, "delta": {"content": "a"}}], "usage": given}))
    details = {"cached_tokens": 5}
    list(reader.feed({"choices": [], "usage": {**given, "completion_tokens": 2, "prompt_tokens_details": details}}))
    list(reader.feed({"choices": [], "usage": None}))
    assert list(reader.end()) == [ReplyUsage(7, 2, 5)]


@pytest.mark.parametrize("count", [True, -1, 10**30, 1.5, "7", None])
def test_usage_that_is_no_count_is_left_out(count: object) -> None:
    for usage in ({"prompt_tokens": count, "completion_tokens": 1}, {"prompt_tokens": 7, "completion_tokens": count}):
        reader = _reader()
        list(reader.feed({"choices": [], "usage": usage}))
        assert list(reader.end()) == []


@pytest.mark.parametrize(("cached", "counted"), [(True, 0), (-1, 0), (99, 7), (5, 5)])
def test_cached_tokens_are_a_part_of_the_prompt(cached: object, counted: int) -> None:
    reader = _reader()
    usage = {"prompt_tokens": 7, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": cached}}
    list(reader.feed({"choices": [], "usage": usage}))
    assert list(reader.end()) == [ReplyUsage(7, 1, counted)]


@pytest.mark.parametrize(
    "chunk",
    [
        {},
        {"choices": None},
        {"choices": []},
        {"choices": [None]},
        {"choices": [{"index": 1, "delta": {"content": "other"}}]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"content": 3, "tool_calls": "x"}}]},
        {"choices": [{"delta": {"tool_calls": [None, 3]}}]},
        {"choices": [{"delta": {"tool_calls": [{"function": None}]}}]},
        {"usage": {"prompt_tokens": "many"}},
    ],
)
def test_odd_chunks_are_no_text(chunk: dict[str, Any]) -> None:
    reader = _reader()
    assert [*reader.feed(chunk), *reader.end()] == []


@pytest.mark.parametrize(
    "chunk",
    [
        {"error": {"message": "out of memory"}},
        {"error": "out of memory"},
        {"choices": [{"finish_reason": "error", "error": {"message": "out of memory"}}]},
    ],
)
def test_error_in_the_stream_is_raised(chunk: dict[str, Any]) -> None:
    with pytest.raises(ReplyError, match="out of memory"):
        list(_reader().feed(chunk))


_SAID = ["Hello", " ", "\n", "<think>", "</think>", "hm", json.dumps({"name": "add", "arguments": {}}), "<tool_call>"]


@given(cut_anywhere(st.lists(st.sampled_from(_SAID), max_size=8).map("".join)))
def test_cuts_change_nothing(pieces: list[str]) -> None:
    cut = _read([{"content": piece} for piece in pieces])
    whole = _read([{"content": "".join(pieces)}])
    assert (_text(cut), _calls(cut)) == (_text(whole), _calls(whole))


@given(cut_anywhere(st.text(alphabet="ab \n.")))
def test_text_has_no_white_space_around_it(pieces: list[str]) -> None:
    assert _text(_read([{"content": piece} for piece in pieces])) == "".join(pieces).strip()


def test_long_delta_is_read_in_slices() -> None:
    pieces = _reader().feed({"choices": [{"index": 0, "delta": {"content": "word " * 100_000}}]})
    first = next(pieces)
    assert isinstance(first, TextPiece)
    assert len(first.text) <= 2_000
    rest = [piece.text for piece in pieces if isinstance(piece, TextPiece)]
    assert "".join([first.text, *rest]) == ("word " * 100_000).strip()


@pytest.mark.parametrize("junk", [{"function": {"name": ""}}, {"function": {"arguments": "{}"}}, {"index": 0}, {}])
def test_text_behind_a_call_without_a_name_is_text(junk: dict[str, Any]) -> None:
    assert TextPiece("Hello.") in _read([{"tool_calls": [junk]}, {"content": "Hello."}])
