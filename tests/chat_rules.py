"""The answers of the tests' chat server: rules that follow simple instructions, and calls in every spelling.

Owns what is answered to a list of messages, and how calls are spelled. Pure. Must not know HTTP.

Instructions (in a system message): `Answer in upper case`, `Begin each answer with WORD`, `Answer with exactly: TEXT`.
A user message: `call NAME {...}` (any number of them), words of a tool's name, `count to N`, `tell me a story`;
anything else is repeated: "You said: ...". A result of a tool is read out: "The result is ...".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_STORY = (
    "Once there was a small robot. It lived beside the sea. Every morning it counted the waves. "
    "One day a wave stayed. They became friends. The end."
)


@dataclass(frozen=True)
class Answer:
    """A text, or calls of functions with their arguments."""

    text: str = ""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()


def answer(messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]], choice: Any) -> Answer:
    """Return the answer to a conversation."""
    instructions = " ".join(_text(message) for message in messages if message["role"] in ("system", "developer"))
    last = next((message for message in reversed(messages) if message["role"] not in ("system", "developer")), None)
    if last is None:
        return Answer(_styled("Hello.", instructions))
    if last["role"] == "tool":
        return Answer(_styled(_results(messages), instructions))
    said = _text(last)
    calls = () if choice == "none" else _calls(said, [tool["function"] for tool in tools], choice)
    if calls:
        return Answer(calls=calls)
    if (count := re.search(r"count to (\d+)", said)) is not None:
        return Answer(_styled(" ".join(f"{number}." for number in range(1, int(count[1]) + 1)), instructions))
    if "tell me a story" in said.lower():
        return Answer(_styled(_STORY, instructions))
    images = [part for part in _parts(last) if part["type"] == "image_url"]
    if images:
        kinds = ", ".join(part["image_url"]["url"].partition(";")[0].removeprefix("data:") for part in images)
        return Answer(_styled(f"I see {len(images)} picture: {kinds}. You said: {said}", instructions))
    return Answer(_styled(f"You said: {said}", instructions))


def words(text: str) -> list[str]:
    """Return a text as a model's tokens: each word with the space before it."""
    return re.findall(r"\s*\S+|\s+$", text)


def prompt_tokens(messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> int:
    """Return the tokens of a prompt as this server counts them: a quarter of the characters, and 4 a message."""
    calls = sum(len(json.dumps(message.get("tool_calls") or [])) for message in messages)
    schemas = len(json.dumps(list(tools))) if tools else 0
    return (sum(len(_text(message)) for message in messages) + calls + schemas) // 4 + 4 * len(messages)


def spelled(reply: Answer, spelling: str) -> Iterator[dict[str, Any]]:
    """Yield the deltas of an answer, calls spelled as one kind of server or model does."""
    if not reply.calls:
        yield from ({"content": word} for word in words(reply.text))
        return
    match spelling:
        case "native":
            yield from _native(reply.calls)
        case "whole" | "object":
            for index, (name, arguments) in enumerate(reply.calls):
                given: Any = arguments if spelling == "object" else json.dumps(arguments)
                function = {"name": name, "arguments": given}
                yield {
                    "tool_calls": [{"index": index, "id": f"call_{index}", "type": "function", "function": function}]
                }
        case "function_call":
            name, arguments = reply.calls[0]
            yield {"function_call": {"name": name, "arguments": ""}}
            yield {"function_call": {"arguments": json.dumps(arguments)}}
        case _:
            yield from ({"content": piece} for piece in words(_as_text(reply.calls, spelling)))


def _native(calls: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    for index, (name, arguments) in enumerate(calls):
        function = {"name": name, "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": f"call_{index}", "type": "function", "function": function}]}
        text = json.dumps(arguments)
        for at in range(0, len(text), 5):
            yield {"tool_calls": [{"index": index, "function": {"arguments": text[at : at + 5]}}]}


def _as_text(calls: Sequence[tuple[str, dict[str, Any]]], spelling: str) -> str:
    objects = [json.dumps({"name": name, "arguments": arguments}) for name, arguments in calls]
    match spelling:
        case "bare":
            return objects[0] if len(objects) == 1 else f"[{', '.join(objects)}]"
        case "hermes":
            return "\n".join(f"<tool_call>\n{text}\n</tool_call>" for text in objects)
        case "fenced":
            return "\n".join(f"```json\n{text}\n```" for text in objects)
        case "mistral":
            return f"[TOOL_CALLS] [{', '.join(objects)}]"
        case "llama":
            return "".join(f"<function={name}>{json.dumps(given)}</function>" for name, given in calls)
        case "qwen_xml":
            return "\n".join(f"<tool_call>\n{_xml(name, given)}\n</tool_call>" for name, given in calls)
        case "python_tag":
            given = [json.dumps({"name": name, "parameters": given}) for name, given in calls]
            return f"<|python_tag|>{'; '.join(given)}"
        case _:
            raise ValueError(f"unknown spelling {spelling!r}")


def _xml(name: str, arguments: Mapping[str, Any]) -> str:
    given = (value if isinstance(value, str) else json.dumps(value) for value in arguments.values())
    lines = [f"<parameter={key}>\n{value}\n</parameter>" for key, value in zip(arguments, given, strict=True)]
    return "\n".join([f"<function={name}>", *lines, "</function>"])


def _calls(said: str, functions: list[dict[str, Any]], choice: Any) -> tuple[tuple[str, dict[str, Any]], ...]:
    known = {function["name"]: function for function in functions}
    found = []
    for match in re.finditer(r"call (\w+) (?=\{)", said):
        if match[1] in known:
            found.append((match[1], json.JSONDecoder().raw_decode(said, match.end())[0]))
    if found:
        return tuple(found)
    named = choice["function"]["name"] if isinstance(choice, dict) else None
    spoken = set(re.findall(r"\w+", said.lower()))
    for name, function in known.items():
        if name == named or set(name.lower().split("_")) <= spoken | {"get", "set", "the"}:
            return ((name, _arguments(function.get("parameters") or {}, said)),)
    if choice == "required" and functions:
        return ((functions[0]["name"], _arguments(functions[0].get("parameters") or {}, said)),)
    return ()


def _arguments(schema: Mapping[str, Any], said: str) -> dict[str, Any]:
    """Fill a schema from the words: numbers in their order, words of an enum, and otherwise the last word."""
    numbers = iter(re.findall(r"-?\d+(?:\.\d+)?", said))
    last = (re.findall(r"\w+", said) or [""])[-1]
    given: dict[str, Any] = {}
    for name, kind in schema.get("properties", {}).items():
        if kind.get("type") in ("number", "integer"):
            if (number := next(numbers, None)) is not None:
                given[name] = json.loads(number)
        elif "enum" in kind:
            given[name] = next((word for word in kind["enum"] if str(word).lower() in said.lower()), kind["enum"][0])
        elif kind.get("type") == "boolean":
            given[name] = " off" not in said.lower()
        else:
            given[name] = last
    return given


def _results(messages: Sequence[Mapping[str, Any]]) -> str:
    contents: list[str] = []
    for message in reversed(messages):
        if message["role"] != "tool":
            break
        contents.insert(0, _text(message))
    return f"The result is {' and '.join(contents)}."


def _styled(text: str, instructions: str) -> str:
    if (exact := re.search(r"answer with exactly: (.+)", instructions, re.IGNORECASE)) is not None:
        return exact[1].strip()
    if (first := re.search(r"begin each answer with (\w+)", instructions, re.IGNORECASE)) is not None:
        text = f"{first[1]}! {text}"
    return text.upper() if "upper case" in instructions.lower() else text


def _parts(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    return content if isinstance(content, list) else []


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)
