from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.local.voice.chat import call_syntax, tool_text
from realtime_nb.local.voice.chat.tool_text import TextCalls
from tests.unit.local.voice.chat.cuts import cut_anywhere

_TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
    },
    {"type": "function", "name": "stop"},
]
_OSLO = ("get_weather", {"city": "Oslo"})
_ROME = ("get_weather", {"city": "Rome", "days": 3})
_STOP: tuple[str, dict[str, Any]] = ("stop", {})
_O = '{"name": "get_weather", "arguments": {"city": "Oslo"}}'
_R = '{"name": "get_weather", "arguments": {"city": "Rome", "days": 3}}'


def _read(pieces: list[str]) -> tuple[str, list[tuple[str, Any]]]:
    reader = TextCalls(_TOOLS)
    text = "".join([*(reader.feed(piece) for piece in pieces), reader.end()])
    return text, [(call.name, json.loads(call.arguments)) for call in reader.calls]


_CALLS: list[tuple[str, str, list[tuple[str, dict[str, Any]]]]] = [
    (_O, "", [_OSLO]),
    (f"  {_O}\n", "  ", [_OSLO]),
    (f"[{_O}, {_R}]", "", [_OSLO, _ROME]),
    (f"{_O}\n{_R}", "", [_OSLO, _ROME]),
    (f"I will look.\n\n{_O}", "I will look.\n\n", [_OSLO]),
    (f"I will look: {_O}", "I will look: ", [_OSLO]),
    ('{"name": "get_weather", "parameters": {"city": "Oslo"}}', "", [_OSLO]),
    ('{"type": "function", "function": {"name": "get_weather", "arguments": "{\\"city\\": \\"Oslo\\"}"}}', "", [_OSLO]),
    ('{"type": "function", "name": "get_weather", "parameters": {"city": "Oslo"}}', "", [_OSLO]),
    ('{"function": "get_weather", "arguments": {"city": "Oslo"}}', "", [_OSLO]),
    ('{"tool": "get_weather", "tool_input": {"city": "Oslo"}}', "", [_OSLO]),
    ('{"action": "get_weather", "action_input": {"city": "Oslo"}}', "", [_OSLO]),
    (f'{{"tool_calls": [{_O}, {_R}]}}', "", [_OSLO, _ROME]),
    ('{"get_weather": {"city": "Oslo"}}', "", [_OSLO]),
    ('{"name": "stop"}', "", [_STOP]),
    ('{"name": "functions.get_weather", "arguments": {"city": "Oslo"}}', "", [_OSLO]),
    ("{'name': 'get_weather', 'arguments': {'city': 'Oslo'}}", "", [_OSLO]),
    ('{"name": "get_weather", "arguments": {"city": "Oslo"}', "", [_OSLO]),
    (f"<tool_call>\n{_O}\n</tool_call>\n<tool_call>\n{_R}\n</tool_call>", "", [_OSLO, _ROME]),
    (f"Let me see.<tool_call>{_O}</tool_call>", "Let me see.", [_OSLO]),
    (f"<tool_call>\n{_O}", "", [_OSLO]),
    (f"<tool_call>[{_O}, {_R}]</tool_call>", "", [_OSLO, _ROME]),
    (f"<tool_call>{_O}</tool_call>\nIt is 20 degrees.", "", [_OSLO]),
    (f"<|tool_call|>[{_O}]<|/tool_call|>", "", [_OSLO]),
    (f"<tool_calls>{_O}</tool_calls>", "", [_OSLO]),
    (
        "<tool_call>\n<function=get_weather>\n<parameter=city>\nRome\n</parameter>\n<parameter=days>\n3\n</parameter>\n"
        "</function>\n</tool_call>",
        "",
        [_ROME],
    ),
    (
        "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Rome</arg_value>\n<arg_key>days</arg_key>\n"
        "<arg_value>3</arg_value>\n</tool_call>",
        "",
        [_ROME],
    ),
    ('<function=get_weather>{"city": "Oslo"}</function><function=stop>{}</function>', "", [_OSLO, _STOP]),
    (
        '<function_calls>\n<invoke name="get_weather">\n<parameter name="city">Oslo</parameter>\n</invoke>\n'
        "</function_calls>",
        "",
        [_OSLO],
    ),
    (f"[TOOL_CALLS] [{_O}, {_R}]", "", [_OSLO, _ROME]),
    (f"[TOOL_CALLS]{_O}", "", [_OSLO]),
    ('[TOOL_CALLS]get_weather[ARGS]{"city": "Oslo"}[TOOL_CALLS]stop[ARGS]{}', "", [_OSLO, _STOP]),
    ('[TOOL_CALLS]get_weather{"city": "Oslo"}', "", [_OSLO]),
    (f"<|python_tag|>{_O}; {_R}", "", [_OSLO, _ROME]),
    ('<|tool_call_start|>[get_weather(city="Rome", days=3)]<|tool_call_end|>', "", [_ROME]),
    ('[get_weather(city="Rome", days=3), stop()]', "", [_ROME, _STOP]),
    (f"```json\n{_O}\n```", "", [_OSLO]),
    (f"```\n{_O}\n```", "", [_OSLO]),
    (f"Here:\n```json\n[{_O}]\n```\nDone.", "Here:\n", [_OSLO]),
    ('```tool_code\nprint(default_api.get_weather(city="Rome", days=3))\n```', "", [_ROME]),
    (f"```tool_call\n{_O}\n```", "", [_OSLO]),
    ('<tool_call>{"name": "unknown", "arguments": {}}</tool_call>', "", [("unknown", {})]),
]
_TEXTS = [
    "Hello there.",
    "a < b, [1] and {x}",
    '{"name": "Ann", "age": 3}',
    '{"name": "unknown", "arguments": {}}',
    'The form is {"name": "fly", "arguments": {}}.',
    '{"items": [{"name": "stop"}]}',
    '{"name": "get_weather", "description": "The weather.", "parameters": {"type": "object"}}',
    '{"name": "stop", "age": 3}',
    '```json\n{"name": "Ann"}\n```',
    "```python\nprint(1)\n```",
    "```tool_code\nfly(to='moon')\n```",
    "[see the manual](http://example.org)",
    "[get_weather is a tool]",
    "The tag <tool_call> begins a call.",
    "<tool_call>this is no call</tool_call>",
    '{"name": "get_weather", "argum',
    '{"name": get_weather}',
    "`code` and ``more``",
    "{",
    "[",
    "<",
    "```",
    "{{{{[[[[<<<<````",
]


@pytest.mark.parametrize(("text", "said", "calls"), _CALLS, ids=[case[0][:50] for case in _CALLS])
def test_call_is_found(text: str, said: str, calls: list[tuple[str, Any]]) -> None:
    assert _read([text]) == (said, calls)
    assert _read(list(text)) == (said, calls)


@pytest.mark.parametrize("text", _TEXTS)
def test_text_stays_text(text: str) -> None:
    assert _read([text]) == (text, [])
    assert _read(list(text)) == (text, [])


def test_without_tools_all_text_passes_at_once() -> None:
    reader = TextCalls([])
    assert reader.feed(_O) == _O


def test_plain_text_is_not_delayed() -> None:
    reader = TextCalls(_TOOLS)
    pieces = ["Hello", " there,", " 1 < 2", ' "quoted"', " end."]
    assert [reader.feed(piece) for piece in pieces] == pieces


def test_long_text_that_begins_as_a_call_is_let_go() -> None:
    reader = TextCalls(_TOOLS)
    text = '{"name": "' + "x" * 100_000
    said = "".join(reader.feed(text[at : at + 100]) for at in range(0, len(text), 100))
    assert len(said) > 50_000
    assert said + reader.end() == text


_PARTS = [_O, _R, "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "```json\n", "\n```", "\n", " ", "word", "{", "[", "}"]


@given(cut_anywhere(st.lists(st.sampled_from(_PARTS), max_size=7).map("".join)))
def test_cuts_change_nothing(pieces: list[str]) -> None:
    assert _read(pieces) == _read(["".join(pieces)])


@given(cut_anywhere(st.sampled_from([case[0] for case in _CALLS] + _TEXTS)))
def test_cuts_change_nothing_of_the_known_spellings(pieces: list[str]) -> None:
    assert _read(pieces) == _read(["".join(pieces)])


@pytest.mark.parametrize("mark", ["[TOOL_CALLS] ", "<tool_call>", "<|python_tag|>"])
def test_mark_that_a_model_repeats_without_end_is_text_and_read_a_few_times_only(
    mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Any] = []

    def counting(read: Any) -> Any:
        def counted(*given: Any) -> Any:
            reads.append(given)
            return read(*given)

        return counted

    monkeypatch.setattr(tool_text, "marked_calls", counting(call_syntax.marked_calls))
    text = mark * 2000
    calls = TextCalls([{"type": "function", "name": "add", "parameters": {}}])
    said = "".join(calls.feed(text[at : at + 50]) for at in range(0, len(text), 50))
    assert said + calls.end() == text
    assert calls.calls == []
    assert len(reads) < 200
