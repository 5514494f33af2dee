from __future__ import annotations

import pytest

from realtime_nb.local.voice.chat.quirks import Quirks
from realtime_nb.local.voice.chat.request import chat_body
from realtime_nb.local.voice.reply import ReplyRequest

_REQUEST = ReplyRequest(
    [{"type": "message", "role": "user", "content": "hi"}],
    tools=[{"type": "function", "name": "add"}, {"type": "function", "name": "stop"}],
    tool_choice={"type": "function", "name": "stop"},
    parallel_tool_calls=False,
    max_output_tokens=9,
    reasoning_effort="low",
)


def _body(quirks: Quirks, request: ReplyRequest = _REQUEST) -> dict[str, object]:
    return chat_body(request, model="m", quirks=quirks, options={})


@pytest.mark.parametrize(
    ("said", "learned"),
    [
        ("Tool call id was call_0 but must be a-z, A-Z, 0-9, with a length of 9.", "short_call_ids"),
        ("Jinja Exception: System message must be at the beginning.", "system_first"),
        ("System role not supported", "no_system"),
        ("Conversation roles must alternate user/assistant/user/assistant/...", "user_first"),
        ("No user query found in messages.", "user_first"),
    ],
)
def test_template_is_learned_once(said: str, learned: str) -> None:
    quirks = Quirks()
    assert quirks.learn(500, said, _body(quirks), {})
    assert getattr(quirks.template, learned)
    assert not quirks.learn(500, said, _body(quirks), {})


def test_named_choice_becomes_required_and_then_nothing() -> None:
    quirks = Quirks()
    assert _body(quirks)["tool_choice"] == {"type": "function", "function": {"name": "stop"}}
    assert quirks.learn(400, "Invalid tool_choice type: 'object'", _body(quirks), {})
    assert _body(quirks)["tool_choice"] == "required"
    assert quirks.learn(400, "tool_choice is not supported", _body(quirks), {})
    assert "tool_choice" not in _body(quirks)


def test_limit_is_renamed_once() -> None:
    quirks = Quirks()
    assert quirks.learn(400, "'max_tokens' is not supported", _body(quirks), {})
    assert _body(quirks)["max_completion_tokens"] == 9
    assert not quirks.learn(400, "unknown field max_completion_tokens", _body(quirks), {})


@pytest.mark.parametrize("said", ["my_stream_options_x", "something else", ""])
def test_other_words_teach_nothing(said: str) -> None:
    quirks = Quirks()
    assert not quirks.learn(400, said, _body(quirks), {})


def test_other_statuses_teach_nothing() -> None:
    quirks = Quirks()
    assert not quirks.learn(401, "stream_options", _body(quirks), {})


def test_tools_of_a_request() -> None:
    body = _body(Quirks())
    assert [tool["function"]["name"] for tool in body["tools"]] == ["stop"]  # type: ignore[attr-defined]
    no_choice = ReplyRequest(_REQUEST.history, tools=_REQUEST.tools, tool_choice="none")
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(_body(Quirks(), no_choice))
    usual = _body(Quirks(), ReplyRequest(_REQUEST.history, tools=_REQUEST.tools))
    assert not {"tool_choice", "parallel_tool_calls", "max_tokens", "reasoning_effort"} & set(usual)
