from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.local.voice.chat.messages import GO_ON, INTERRUPTED, NO_RESULT, UNSEEN, Template, chat_messages

_STRICT = Template(system_first=True, no_system=True, user_first=True, short_call_ids=True)


def user(text: str, *images: str) -> dict[str, Any]:
    pictures = [{"type": "input_image", "image_url": url} for url in images]
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}, *pictures]}


def spoken(text: str | None) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_audio", "transcript": text}]}


def assistant(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_audio", "transcript": text}]}


def system(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "system", "content": [{"type": "input_text", "text": text}]}


def call(call_id: str, name: str = "add") -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": '{"a": 1}'}


def result(call_id: str, text: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def short(messages: list[dict[str, Any]]) -> list[Any]:
    """Return each message as a tuple: role, content, and the ids of calls and results."""
    rows: list[Any] = []
    for message in messages:
        ids = [each["id"] for each in message.get("tool_calls", ())] or message.get("tool_call_id")
        rows.append((message["role"], message["content"], ids) if ids else (message["role"], message["content"]))
    return rows


@pytest.mark.parametrize(
    ("history", "messages"),
    [
        ([user("a")], [("user", "a")]),
        ([spoken("a"), assistant("b"), spoken("c")], [("user", "a"), ("assistant", "b"), ("user", "c")]),
        ([user("a"), user("b")], [("user", "a\nb")]),
        ([assistant("hi"), user("a")], [("assistant", "hi"), ("user", "a")]),
        ([user("a"), user(""), spoken(None)], [("user", "a")]),
        ([], [("user", GO_ON)]),
        ([user("a"), assistant("b")], [("user", "a"), ("assistant", "b"), ("user", GO_ON)]),
        ([user("a"), assistant(""), user("b")], [("user", "a\nb")]),
        ([user("a"), system("s"), user("b")], [("user", "a"), ("system", "s"), ("user", "b")]),
        ([user("a"), assistant("b"), system("s")], [("user", "a"), ("assistant", "b"), ("system", "s")]),
        (
            [user("a"), call("1"), call("2"), result("2", "two"), result("1", "one")],
            [("user", "a"), ("assistant", "", ["1", "2"]), ("tool", "one", "1"), ("tool", "two", "2")],
        ),
        (
            [user("a"), assistant("I look."), call("1"), result("1", "one")],
            [("user", "a"), ("assistant", "I look.", ["1"]), ("tool", "one", "1")],
        ),
        (
            [user("a"), call("1"), user("b"), result("1", "late")],
            [("user", "a"), ("assistant", "", ["1"]), ("tool", "late", "1"), ("user", "b")],
        ),
        (
            [user("a"), call("1"), user("b")],
            [("user", "a"), ("assistant", "", ["1"]), ("tool", NO_RESULT, "1"), ("user", "b")],
        ),
        (
            [user("a"), result("9", "lost")],
            [("user", "a"), ("system", "Result of an earlier function call: lost")],
        ),
        (
            [user("a"), call("1"), result("1", "x"), call("1"), result("1", "y")],
            [("user", "a"), ("assistant", "", ["1"]), ("tool", "x", "1"), ("assistant", "", ["1"]), ("tool", "y", "1")],
        ),
        (
            [user("a"), {"type": "mcp_call", "id": "m", "name": "f", "arguments": "{}", "output": "done"}],
            [("user", "a"), ("assistant", "", ["m"]), ("tool", "done", "m")],
        ),
        ([{"type": "mcp_list_tools", "id": "l"}, {"type": "odd"}, user("a")], [("user", "a")]),
        ([{"type": "message", "role": "user", "content": None}, user("a")], [("user", "a")]),
    ],
)
def test_messages(history: list[dict[str, Any]], messages: list[Any]) -> None:
    assert short(chat_messages(history)) == messages


def test_instructions_come_first_as_they_were_written() -> None:
    text = "  Be brief.\n\nAnd kind. "
    assert chat_messages([user("a")], text)[0] == {"role": "system", "content": text}


def test_no_instructions_are_no_message() -> None:
    assert [message["role"] for message in chat_messages([user("a")])] == ["user"]


def test_pictures_are_parts() -> None:
    (message,) = chat_messages([user("look", "data:image/png;base64,AA"), user("and", "https://x/y.png")])
    assert message["content"] == [
        {"type": "text", "text": "look\nand"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
    ]


def test_pictures_of_earlier_turns_become_words_where_none_are_taken() -> None:
    history = [user("look", "data:image/png;base64,AA"), assistant("A dot."), user("and", "https://x/y.png")]
    messages = chat_messages(history, template=Template(no_images=True))
    assert messages[0]["content"] == f"look\n{UNSEEN}"
    assert messages[2]["content"][1] == {"type": "image_url", "image_url": {"url": "https://x/y.png"}}


def test_recognised_words_stand_for_sound_without_a_transcript() -> None:
    assert short(chat_messages([spoken(None)], user_text="hello")) == [("user", "hello")]


def test_strict_template() -> None:
    history = [
        assistant("hi"),
        system("s"),
        user("a"),
        call("call_1"),
        result("call_1", "x"),
        assistant("b"),
        user("c"),
    ]
    messages = chat_messages(history, "Be brief.", template=_STRICT)
    assert messages[0] == {"role": "user", "content": "Be brief."}
    assert messages[2] == {"role": "user", "content": "s\n\na"}
    assert "system" not in {message["role"] for message in messages}
    assert messages[3]["tool_calls"][0]["id"] == messages[4]["tool_call_id"]
    assert len(messages[4]["tool_call_id"]) == 9
    assert messages[4]["tool_call_id"].isalnum()


@pytest.mark.parametrize(
    "arguments",
    ['{"a": 1,', "{a: 1}", "[1]", "5", "null", '{"a": NaN}', "", " ", None, "[" * 60_000, '{"a": ' + "9" * 5_000 + "}"],
)
def test_arguments_that_are_no_object_are_sent_as_an_empty_one(arguments: str | None) -> None:
    messages = chat_messages([user("u"), {**call("1"), "arguments": arguments}])
    assert messages[1]["tool_calls"][0]["function"] == {"name": "add", "arguments": "{}"}


def test_arguments_that_are_an_object_are_sent_as_they_are() -> None:
    arguments = '{ "a":1.50, "b": {"c": [null]}}'
    messages = chat_messages([user("u"), {**call("1"), "arguments": arguments}])
    assert messages[1]["tool_calls"][0]["function"]["arguments"] == arguments


_ITEMS = st.one_of(
    st.sampled_from(["", "a", "b"]).map(user),
    st.sampled_from(["", "x", "y"]).map(assistant),
    st.sampled_from(["s", "t"]).map(system),
    st.sampled_from("123").map(call),
    st.text(max_size=8).map(lambda arguments: {**call("4"), "arguments": arguments}),
    st.sampled_from("123").map(lambda call_id: result(call_id, "out")),
    st.just(user("", "data:image/png;base64,AA")),
)
_TEMPLATES = st.builds(
    Template,
    system_first=st.booleans(),
    no_system=st.booleans(),
    user_first=st.booleans(),
    short_call_ids=st.booleans(),
    no_images=st.booleans(),
)


@given(st.lists(_ITEMS, max_size=12), st.sampled_from(["", "Be brief."]), _TEMPLATES)
def test_any_history_becomes_a_conversation_that_templates_accept(
    history: list[dict[str, Any]], instructions: str, template: Template
) -> None:
    messages = chat_messages(history, instructions, template=template)
    roles = [message["role"] for message in messages]
    assert roles
    assert messages[-1]["role"] != "assistant"
    if template.no_system:
        assert "system" not in roles
    elif template.system_first:
        assert "system" not in roles[1:]
    spoken_roles = [role for role in roles if role != "system"]
    if template.user_first:
        assert spoken_roles[0] == "user"
    open_ids: list[str] = []
    for before, message in zip([None, *messages], messages, strict=False):
        if message["role"] == "tool":
            assert message["tool_call_id"] == open_ids.pop(0)
        else:
            assert not open_ids, "each call has its result at once"
        if before is not None and message["role"] in ("user", "assistant") and not before.get("tool_calls"):
            assert message["role"] != before["role"], "roles alternate"
        open_ids += [each["id"] for each in message.get("tool_calls", ())]
        for each in message.get("tool_calls", ()):
            assert isinstance(json.loads(each["function"]["arguments"]), dict)
    assert not open_ids


@pytest.mark.parametrize(
    ("history", "cut_off", "expected"),
    [
        (["u1 long one", "u2 again"], "u1", ["user: long one", f"assistant: {INTERRUPTED}", "user: again"]),
        (["u1 long one", "a1 ", "u2 again"], "a1", ["user: long one", f"assistant: {INTERRUPTED}", "user: again"]),
        (["u1 long one", "a1 ", "u2 again"], "u1 a1", ["user: long one", f"assistant: {INTERRUPTED}", "user: again"]),
        (["u1 look", "u2 at this"], "", ["user: look\nat this"]),
        (["u1 long one"], "u1", ["user: long one"]),
        (["u1 long one", "a1 It is"], "u1", ["user: long one", "assistant: It is", f"user: {GO_ON}"]),
        (["u1 long one", "a1 It is", "u2 go on"], "u1", ["user: long one", "assistant: It is", "user: go on"]),
        (
            ["u1 one", "u2 two", "u3 three"],
            "u1 u2",
            ["user: one", f"assistant: {INTERRUPTED}", "user: two", f"assistant: {INTERRUPTED}", "user: three"],
        ),
        (
            ["u1 one", "s1 note", "u2 two"],
            "u1",
            ["user: one", "system: note", f"assistant: {INTERRUPTED}", "user: two"],
        ),
    ],
)
def test_answer_of_which_no_word_was_heard_stands_between_two_turns(
    history: list[str], cut_off: str, expected: list[str]
) -> None:
    make = {"u": user, "a": assistant, "s": system}
    items = [{**make[words[0]](words.partition(" ")[2]), "id": words.partition(" ")[0]} for words in history]
    messages = chat_messages(items, cut_off=cut_off.split())
    assert [f"{message['role']}: {message['content']}" for message in messages] == expected


def test_answer_cut_off_after_a_result_stands_behind_the_result() -> None:
    items = [{**user("one"), "id": "u"}, call("1"), {**result("1", "5"), "id": "r"}, user("two")]
    messages = chat_messages(items, cut_off=["r"])
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant", "user"]
    assert messages[3]["content"] == INTERRUPTED
