"""The responder: its answers, and the calls that it plans, for typed and for recognised text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_nb.local.voice.responder.order import RuleResponder
from realtime_nb.local.voice.responder.rule_reply import Context, RuleReply
from tests.unit.local.voice.conftest import ADD, LIGHT, MESSAGE, SLIDER, WEATHER, function

ALL = (LIGHT, SLIDER, WEATHER, ADD, MESSAGE)
Item = dict[str, Any]


def user(text: str) -> Item:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def assistant(text: str) -> Item:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_audio", "transcript": text}]}


def called(name: str, arguments: object, output: str, call_id: str = "c1") -> list[Item]:
    return [
        {"type": "function_call", "name": name, "arguments": json.dumps(arguments), "call_id": call_id},
        {"type": "function_call_output", "call_id": call_id, "output": output},
    ]


def reply(
    text: str | None,
    context: Context,
    tools: Sequence[Mapping[str, Any]] = (),
    history: Sequence[Item] = (),
    **options: Any,
) -> RuleReply:
    items = [*history, *([user(text)] if text is not None else [])]
    return RuleResponder().respond(history=items, tools=tools, context=context, **options)


def calls(text: str, context: Context, tools: Sequence[Mapping[str, Any]] = ALL, **options: Any) -> list[Any]:
    return [[call.name, call.arguments] for call in reply(text, context, tools, **options).tool_calls]


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("Hello!", "^Good afternoon!"),
        ("what time is it", r"^It is 3:04 p\.m\."),
        ("what is the time please", r"^It is 3:04 p\.m\."),
        ("Could you tell me the current time?", r"^It is 3:04 p\.m\."),
        ("what is the date today", "^Today is Sunday, November 22, 2026"),
        ("what day is it tomorrow", "^Tomorrow is Monday, November 23"),
        ("who are you", "practice"),
        ("tell me something about yourself", "practice"),
        ("what can you do", "^I can tell the time"),
        ("How are you?", "fine"),
        ("thanks", "welcome"),
        ("bye", "Goodbye"),
        ("count to five", r"^1, 2, 3, 4, 5\.$"),
        ("please count from 3 to six", r"^3, 4, 5, 6\.$"),
        ("count down from three", r"^3, 2, 1\.$"),
        ("count to a million", "more than I like"),
        ("Say hello world", r"^Hello world\.$"),
        ("repeat after me: Good Morning, Everybody!", "^Good Morning, Everybody!$"),
        ("what is three times four", "is 12"),
        ("what is 1 divided by 0", "cannot divide"),
        ("explain quantum physics", "^I cannot answer “explain quantum physics”"),
    ],
)
def test_built_in_intents_are_answered(text: str, pattern: str, context: Context) -> None:
    assert re.search(pattern, reply(text, context).text)


def test_counting_is_long_enough_to_be_interrupted(context: Context) -> None:
    assert reply("count to fifty", context).text.endswith("49, 50.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("set the slider to twenty five", [["set_slider", {"value": 25}]]),
        ("Please set the slider to 25.", [["set_slider", {"value": 25}]]),
        ("turn on the light in the kitchen", [["set_light", {"room": "kitchen", "on": True}]]),
        ("switch the living room light off", [["set_light", {"room": "living_room", "on": False}]]),
        ("What's the weather like in New York today?", [["get_weather", {"city": "New York"}]]),
        ("what is the weather with Tokyo", [["get_weather", {"city": "Tokyo"}]]),
        ("tell me about the weather", []),
        ("add 3 and 5.5", [["add", {"a": 3, "b": 5.5}]]),
        ("send a message to Anna saying I am late", [["send_message", {"to": "Anna", "text": "I am late"}]]),
        (
            "turn on the light in the kitchen and the bedroom",
            [["set_light", {"room": "kitchen", "on": True}], ["set_light", {"room": "bedroom", "on": True}]],
        ),
        (
            "set the slider to 10 and then turn off the light in the bedroom",
            [["set_slider", {"value": 10}], ["set_light", {"room": "bedroom", "on": False}]],
        ),
        ("what time is it", []),
        ("explain quantum physics", []),
        ("repeat after me set the slider to five", []),
    ],
)
def test_fills_the_arguments_of_the_requested_tool(text: str, expected: list[Any], context: Context) -> None:
    assert calls(text, context) == expected


def test_understands_schemas_of_every_kind(context: Context) -> None:
    tool = function(
        "order_pizza",
        "Order a pizza.",
        ("size", "count"),
        size={"type": "string", "enum": ["small", "large", "extra_large"]},
        count={"type": "integer"},
        toppings={"type": "array", "items": {"type": "string", "enum": ["cheese", "ham", "olives"]}},
        delivery={"type": "boolean"},
        tip={"anyOf": [{"type": "number"}, {"type": "null"}]},
    )
    said = "order 2 extra large pizzas with olives and cheese without delivery"
    expected = {"size": "extra_large", "count": 2, "toppings": ["olives", "cheese"], "delivery": False}
    assert calls(said, context, [tool]) == [["order_pizza", expected]]


def test_asks_for_a_missing_argument_and_uses_the_answer(context: Context) -> None:
    question = reply("turn the light on", context, ALL)
    assert question.text == "Which room should I use to set light: kitchen, bedroom or living room?"
    history = [user("turn the light on"), assistant(question.text)]
    assert calls("the bedroom please", context, history=history) == [["set_light", {"room": "bedroom", "on": True}]]


def test_asks_for_a_missing_boolean_and_uses_the_answer(context: Context) -> None:
    question = reply("the light in the kitchen", context, ALL)
    assert question.text == "Should on be yes or no, to set light?"
    history = [user("the light in the kitchen"), assistant(question.text)]
    assert calls("yes", context, history=history) == [["set_light", {"room": "kitchen", "on": True}]]


def test_a_number_out_of_range_is_asked_for_again(context: Context) -> None:
    assert "from 0 to 100" in reply("set the slider to 500", context, ALL).text


def test_tool_choice_none_makes_no_call(context: Context) -> None:
    assert calls("set the slider to 5", context, tool_choice="none") == []


def test_tool_choice_required_makes_a_valid_call_of_anything(context: Context) -> None:
    assert calls("hello", context, [SLIDER], tool_choice="required") == [["set_slider", {"value": 0}]]


def test_named_tool_choice_calls_that_tool(context: Context) -> None:
    named = {"type": "function", "name": "get_weather"}
    assert [name for name, _ in calls("set the slider to 5", context, tool_choice=named)] == ["get_weather"]


def test_without_parallel_calls_the_second_follows_the_first_output(context: Context) -> None:
    one_by_one = replace(context, parallel_tool_calls=False)
    text = "set the slider to 10 and turn off the light in the bedroom"
    assert calls(text, one_by_one) == [["set_slider", {"value": 10}]]
    history = [user(text), *called("set_slider", {"value": 10}, "ok")]
    following = reply(None, one_by_one, ALL, history)
    assert [call.name for call in following.tool_calls] == ["set_light"]
    history += called("set_light", {"room": "bedroom", "on": False}, "ok", "c2")
    assert reply(None, one_by_one, ALL, history).tool_calls == ()


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ('{"temperature": 20.5, "sky": "clear"}', "The temperature is 20.5 and the sky is clear."),
        ('"It rains"', "It rains."),
        ("plain words", "Plain words."),
        ("42", "The result is 42."),
        ('["a", "b"]', "The result is a and b."),
        ('{"ok": true}', "Done: get weather, city Paris."),
        ("null", "Done: get weather, city Paris."),
        ("", "Done: get weather, city Paris."),
        ('{"error": "no such city"}', "That did not work: no such city."),
    ],
)
def test_says_what_a_function_returned(output: str, said: str, context: Context) -> None:
    history = [user("weather in Paris"), *called("get_weather", {"city": "Paris"}, output)]
    assert reply(None, context, ALL, history).text == said


def test_two_outputs_are_both_said(context: Context) -> None:
    history = [user("both"), *called("a", {}, "1"), *called("b", {}, "2", "c2")]
    assert reply(None, context, (), history).text == "The result is 1. The result is 2."


def test_unreliable_text_calls_no_tool(context: Context) -> None:
    answer = reply("set the slider to 5", context, ALL, understood=False)
    assert answer.tool_calls == ()
    assert answer.text.startswith("Sorry, I did not understand")


def test_answer_without_a_recogniser_names_the_extra(context: Context) -> None:
    answer = RuleResponder(hears=False).respond(history=[], user_text="", understood=False, context=context)
    assert "local extra" in answer.text


@pytest.mark.parametrize(
    ("instructions", "pattern"),
    [
        ("Be brief.", r"^Good afternoon!$"),
        ("You are Bob, a pirate.", "I am Bob"),
        ('Always end with "over and out".', "over and out$"),
        ('End every answer with "over and out".', "^[A-Z].+ over and out$"),
        ("Begin each reply with 'Ahoy!'", r"^Ahoy! \w"),
        ("Say exactly: all systems go", "^all systems go$"),
        ('Answer only with "no comment".', "^no comment$"),
    ],
)
def test_obeys_simple_instructions(instructions: str, pattern: str, context: Context) -> None:
    assert re.search(pattern, reply("hello", context, instructions=instructions).text)


def test_brief_answer_is_not_cut_after_an_abbreviation(context: Context) -> None:
    assert reply("what time is it", context, instructions="Be brief.").text.startswith("It is 3:04 p.m.")


def test_brief_refusal_quotes_all_sentences_of_a_question(context: Context) -> None:
    refusal = reply("I am tired. What helps?", context, instructions="Be brief.").text
    assert refusal == "I cannot answer “I am tired. What helps?”."


def test_response_without_a_user_turn_greets(context: Context) -> None:
    assert reply(None, context).text.startswith("Good afternoon!")
    assert reply(None, context, instructions="Say welcome to the show.").text == "Welcome to the show."


def test_answers_use_earlier_messages(context: Context) -> None:
    history = [user("my name is Anna"), assistant("Nice to meet you, Anna.")]
    assert reply("what is my name", context, (), history).text == "You are Anna."
    assert reply("say that again", context, (), history).text == "Nice to meet you, Anna."


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None)
@given(text=st.text(max_size=60), output=_JSON, choice=st.sampled_from(["auto", "none", "required"]))
def test_any_conversation_gets_an_answer(text: str, output: object, choice: str) -> None:
    responder = RuleResponder()
    history = [user("x"), *called("add", {"a": 1}, json.dumps(output))]
    for items in (history, [user(text)], [*history, user(text)]):
        first = responder.respond(history=items, tools=ALL, tool_choice=choice, context=Context())
        assert first.text or first.tool_calls


def test_answer_to_a_picture_says_that_it_sees_none(context: Context) -> None:
    picture = {"type": "input_image", "image_url": "data:image/png;base64,"}
    for text in ("What is this?", ""):
        parts = [{"type": "input_text", "text": text}, picture] if text else [picture]
        said = RuleResponder().respond(history=[{"type": "message", "role": "user", "content": parts}], context=context)
        assert "I see no pictures" in said.text
    assert reply("What time is it?", context, history=[{"role": "user", "content": [picture]}]).text.startswith("It is")
