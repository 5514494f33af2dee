"""Build the body of a chat request from a `ReplyRequest`.

Owns the fields of the body. Pure. Must not know sockets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from realtime_nb.local.voice.chat.messages import Message, chat_messages
from realtime_nb.local.voice.chat.quirks import Quirks
from realtime_nb.local.voice.protocols import ToolChoice, ToolSpecs
from realtime_nb.local.voice.reply import ReplyRequest


def chat_body(
    request: ReplyRequest,
    *,
    model: str,
    quirks: Quirks,
    options: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return the body of the request for a reply.

    Args:
        request: the conversation and its settings.
        model: the name of the model at the server.
        quirks: what this server refuses.
        options: further fields of the user's, which win.
        history: the items that fit into the model's context, if not all of them do.
    """
    messages = chat_messages(
        request.history if history is None else history,
        request.instructions,
        template=quirks.template,
        user_text=request.user_text,
        cut_off=request.cut_off,
    )
    tools, choice = _tools(request.tools, request.tool_choice)
    body = base_body(messages, tools, model=model)
    if tools:
        if choice != "auto":
            body["tool_choice"] = choice if isinstance(choice, str) or quirks.names_a_tool else "required"
        if not request.parallel_tool_calls:
            body["parallel_tool_calls"] = False
    if request.reasoning_effort is not None:
        body["reasoning_effort"] = request.reasoning_effort
    if request.max_output_tokens is not None:
        body[quirks.limit_name] = request.max_output_tokens
    body |= {"stream": True, "stream_options": {"include_usage": True}}
    return {**{key: value for key, value in body.items() if key not in quirks.omitted}, **options}


def base_body(messages: list[Message], tools: ToolSpecs, *, model: str) -> dict[str, Any]:
    """Return the part of a body that a prompt consists of."""
    body: dict[str, Any] = {"model": model, "messages": messages}
    if tools:
        body["tools"] = [{"type": "function", "function": _function(tool)} for tool in tools]
    return body


def _function(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = {key: value for key, value in tool.items() if key != "type" and value is not None}
    function.setdefault("parameters", {"type": "object", "properties": {}})
    return function


def _tools(tools: ToolSpecs, choice: ToolChoice) -> tuple[ToolSpecs, Any]:
    """Return the tools to send, and the choice among them.

    Some servers ignore `tool_choice`: without a choice the tools are left out, and with one the others are.
    """
    if choice == "none" or not tools:
        return (), "auto"
    if isinstance(choice, Mapping):
        name = choice.get("name") or (choice.get("function") or {}).get("name")
        chosen = [tool for tool in tools if tool.get("name") == name]
        return chosen or tools, {"type": "function", "function": {"name": name}}
    return tools, choice
