"""Read the text of function calls: JSON objects, XML-like elements, Python calls, and names with JSON.

Owns the syntaxes. Pure. Must not know where in an answer a call was found.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Tools = Mapping[str, Mapping[str, Any]]
"""The given tools by name."""


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """A call that was found in a text; `arguments` is JSON text."""

    name: str
    arguments: str


_DECODER = json.JSONDecoder()
_NAME = r"[A-Za-z_][\w.\-]*"
_NAME_KEYS = ("name", "function", "tool", "tool_name", "action")
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input", "tool_input", "action_input")
_MORE_KEYS = frozenset({"type", "id", "call_id", "index"})
_BETWEEN = re.compile(r"[\s,;]*")
_TAG = re.compile(
    r"</?(?:tool_calls?|function_calls?|minimax:tool_call)>|<\|/?tool_call(?:_start|_end)?\|>|<\|python_tag\|>"
    r"|\[/?TOOL_CALLS\]"
)
_FUNCTION = re.compile(
    rf"<function=({_NAME})>(.*?)(?:</function>|\Z)|<invoke name=[\"']?({_NAME})[\"']?>(.*?)(?:</invoke>|\Z)", re.DOTALL
)
_PARAMETER = re.compile(
    r"<parameter=([\w.\-]+)>(.*?)</parameter>|<parameter name=[\"']?([\w.\-]+)[\"']?[^>]*>(.*?)</parameter>", re.DOTALL
)
_ARG_NAME = re.compile(rf"\s*({_NAME})\s*(?=<arg_key>)")
_ARG = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.DOTALL)
_NAMED = re.compile(rf"({_NAME})\s*(?:\[CALL_ID\][\w\-]+\s*)?(?:\[ARGS\])?\s*(?=\{{)")


def json_call(text: str, tools: Tools, *, repair: bool = False) -> tuple[list[WrittenCall], int] | None:
    """Read the JSON or Python value at the beginning of a text.

    Args:
        text: begins with the value.
        tools: the given tools; other names are no calls.
        repair: whether to accept single quotes and missing brackets at the end; small models write both.

    Returns:
        The calls (none if the value is something else) and where the value ends; None while it has not ended.
    """
    value, end = _value(text, repair=repair)
    if end < 0:
        return None
    calls = _calls_of(value, tools)
    return (calls if all(call.name in tools for call in calls) else []), end


def marked_calls(text: str, tools: Tools) -> list[WrittenCall]:
    """Read all calls of a text that a mark or a fence has declared to be calls; none if it holds anything else."""
    if calls := _functions(text, tools) or _arg_pairs(text, tools):
        return calls
    body = _TAG.sub(" ", text).strip()
    return _json_sequence(body, tools) or _named_objects(body) or _python_calls(body)


def _value(text: str, *, repair: bool) -> tuple[Any, int]:
    """Return the value at the beginning of a text and its end, -1 where there is none."""
    try:
        return _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        pass
    if not repair:
        return None, -1
    for more in ("", "}", "]", "}}", "}]", "}}]"):
        whole = text.strip() + more
        for read in (json.loads, ast.literal_eval):
            try:
                return read(whole), len(text)
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                continue
    calls = _python_calls(text.strip())
    return ([{"name": call.name, "arguments": call.arguments} for call in calls], len(text)) if calls else (None, -1)


def _calls_of(value: Any, tools: Tools) -> list[WrittenCall]:
    """Return the calls that a JSON value describes; none if a part of it describes none."""
    values = value if isinstance(value, list) else [value]
    calls = []
    for each in values:
        if isinstance(each, dict) and isinstance(each.get("tool_calls"), list):
            calls += _calls_of(each["tool_calls"], tools)
        elif (call := _call_of(each, tools)) is not None:
            calls.append(call)
        else:
            return []
    return calls


def _call_of(value: Any, tools: Tools) -> WrittenCall | None:
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("function"), dict):
        value = value["function"]
    if "description" in value:  # small models repeat the definition of a tool
        return None
    name = next((value[key] for key in _NAME_KEYS if isinstance(value.get(key), str)), None)
    key = next((key for key in _ARGUMENT_KEYS if key in value), None)
    if name is not None and (key is not None or set(value) <= {*_NAME_KEYS, *_MORE_KEYS}):
        return WrittenCall(_known(name, tools), arguments_text(value[key] if key is not None else {}))
    if len(value) == 1:
        ((name, arguments),) = value.items()
        if name in tools and isinstance(arguments, dict):
            return WrittenCall(name, arguments_text(arguments))
    return None


def arguments_text(arguments: Any) -> str:
    """Return arguments as JSON text; a string is that text already, and an empty one means that there are none."""
    if isinstance(arguments, str):
        return arguments if arguments.strip() else "{}"
    return "{}" if arguments is None else json.dumps(arguments, ensure_ascii=False, default=str)


def _known(name: str, tools: Tools) -> str:
    """Return a tool's name without a namespace that a model put before it, such as `functions.`."""
    short = re.split(r"[.:/]", name)[-1]
    return short if name not in tools and short in tools else name


def _functions(text: str, tools: Tools) -> list[WrittenCall]:
    calls = []
    for match in _FUNCTION.finditer(text):
        name, body = _known(match[1] or match[3], tools), (match[2] if match[1] else match[4]).strip()
        pairs = [(pair[0] or pair[2], pair[1] if pair[0] else pair[3]) for pair in _PARAMETER.findall(body)]
        if pairs or not body:
            calls.append(WrittenCall(name, arguments_text({key: _typed(name, key, raw, tools) for key, raw in pairs})))
        else:
            value, end = _value(body, repair=True)
            calls.append(WrittenCall(name, arguments_text(value if end >= 0 else body)))
    return calls


def _arg_pairs(text: str, tools: Tools) -> list[WrittenCall]:
    calls = []
    for part in _TAG.split(text):
        if (name := _ARG_NAME.match(part)) is not None:
            known = _known(name[1], tools)
            given = {key.strip(): _typed(known, key.strip(), raw, tools) for key, raw in _ARG.findall(part)}
            calls.append(WrittenCall(known, arguments_text(given)))
    return calls


def _typed(name: str, key: str, raw: str, tools: Tools) -> Any:
    """Return a value that was written without quotes as the type that the tool's schema asks for."""
    text = raw.removeprefix("\n").removesuffix("\n")
    properties = (tools.get(name, {}).get("parameters") or {}).get("properties") or {}
    if (properties.get(key) or {}).get("type") == "string":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _json_sequence(body: str, tools: Tools) -> list[WrittenCall]:
    """Read JSON values, one after the other, with white space, commas or semicolons between them."""
    calls: list[WrittenCall] = []
    while body:
        value, end = _value(body, repair=False)
        if end < 0:
            value, end = _value(body, repair=True)
        found = _calls_of(value, tools) if end >= 0 else []
        if not found:
            return []
        calls += found
        body = _BETWEEN.sub("", body[end:], count=1)
    return calls


def _named_objects(body: str) -> list[WrittenCall]:
    """Read `name{...}` and `name[ARGS]{...}`, one after the other."""
    calls = []
    while body:
        name = _NAMED.match(body)
        value, end = _value(body[name.end() :], repair=False) if name is not None else (None, -1)
        if name is None or end < 0:
            return []
        calls.append(WrittenCall(name[1], arguments_text(value)))
        body = _BETWEEN.sub("", body[name.end() + end :], count=1)
    return calls


def _python_calls(body: str) -> list[WrittenCall]:
    """Read `[name(key=value), ...]`, and the same without brackets, one a line."""
    try:
        tree = ast.parse(body.strip())
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return []
    nodes = [node.value for node in tree.body if isinstance(node, ast.Expr)]
    if len(nodes) != len(tree.body):
        return []
    calls = [_python_call(node) for each in nodes for node in _elements(each)]
    return [call for call in calls if call is not None] if all(calls) else []


def _elements(node: ast.expr) -> Iterator[ast.expr]:
    yield from node.elts if isinstance(node, ast.List | ast.Tuple) else (node,)


def _python_call(node: ast.expr) -> WrittenCall | None:
    if not isinstance(node, ast.Call):
        return None
    if isinstance(node.func, ast.Name) and node.func.id == "print" and len(node.args) == 1:
        return _python_call(node.args[0])
    if node.args or any(keyword.arg is None for keyword in node.keywords):
        return None
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
    try:
        given = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
    except (ValueError, TypeError):  # a name or a sum; a dict within a set
        return None
    return WrittenCall(name, arguments_text(given)) if name is not None else None
