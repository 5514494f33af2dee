"""Turn a conversation's items into chat messages, in an order that chat templates accept.

Owns the roles, the place of calls and results, and the joining of neighbours. Pure. Must not know servers, but takes
the `Template` that a server was found to need.

Chat templates are stricter than the Realtime protocol: results follow their calls at once, and some want a user's
message first, roles that alternate, or one system message at the beginning.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_ODD_IN_NAME = re.compile(r"[^\w.:/\-]", re.ASCII)
_MOST_NAME_CHARS = 64

Items = Sequence[Mapping[str, Any]]
Message = dict[str, Any]

NO_RESULT = "There is no result: the call was not answered."
UNSEEN = "(a picture that you cannot see)"
INTERRUPTED = "(interrupted)"
"""Stands for an answer of which no word was heard. Without it, the user's words before and after it would be one
question, and some models answer its older half."""
GO_ON = "Please go on."
"""Stands for the user where the assistant spoke last, or nothing was said yet: templates end a turn there."""


@dataclass(slots=True)
class Template:
    """The needs of a model's chat template, learned from refusals.

    Attributes:
        system_first: later system messages are refused; they become part of the user's message that follows.
        no_system: system messages are refused altogether; the instructions become part of the first user message.
        user_first: the first message after the system's must be the user's.
        short_call_ids: ids of calls must be nine letters and digits (Mistral).
        no_images: pictures are refused; those of earlier turns become words, so that the conversation can go on.
    """

    system_first: bool = False
    no_system: bool = False
    user_first: bool = False
    short_call_ids: bool = False
    no_images: bool = False


@dataclass(slots=True)
class _Builder:
    """Appends to messages, and joins neighbours of the same role."""

    messages: list[Message] = field(default_factory=list)

    def add(self, role: str, text: str, images: Sequence[Message] = ()) -> None:
        if not text and not images:
            return
        last = self.messages[-1] if self.messages else None
        if last is not None and last["role"] == role and role != "tool" and not last.get("tool_calls"):
            last["content"] = _joined(last["content"], text, images)
        else:
            self.messages.append({"role": role, "content": _joined("", text, images)})

    def add_call(self, call: Message) -> None:
        last = self.messages[-1] if self.messages else None
        if last is None or last["role"] != "assistant":
            last = {"role": "assistant", "content": ""}
            self.messages.append(last)
        last.setdefault("tool_calls", []).append(call)


def chat_messages(
    history: Items,
    instructions: str = "",
    *,
    template: Template | None = None,
    user_text: str | None = None,
    cut_off: Collection[str] = (),
) -> list[Message]:
    """Return the messages for a conversation.

    Args:
        history: items as wire objects, oldest first.
        instructions: the first system message, as the user wrote it; empty: none.
        template: the needs of the model's chat template.
        user_text: the words of the last user item, where the item holds none.
        cut_off: see `ReplyRequest.cut_off`.
    """
    template = template or Template()
    builder = _Builder()
    outputs = _outputs(history)
    calls = {str(item.get("call_id")) for item in history if item.get("type") == "function_call"}
    last_user = max((at for at, item in enumerate(history) if _role(item) == "user"), default=-1)
    is_cut_off = False  # shown once the user goes on: without further words, the question is asked again
    waiting: list[tuple[str, str]] = []  # calls whose results follow, once all calls of the answer are there

    def results() -> None:
        for call_id, text in waiting:
            builder.messages.append({"role": "tool", "tool_call_id": call_id, "content": text})
        waiting.clear()

    builder.add("system", instructions)
    for at, item in enumerate(history):
        kind = item.get("type", "message")
        is_marked = item.get("id") in cut_off
        call_id = str(item.get("call_id") or item.get("id") or "")
        sent_id = _short_id(call_id) if template.short_call_ids else call_id
        if kind in ("function_call", "mcp_call"):
            builder.add_call(_call(item, sent_id))
            found = outputs.get(call_id)
            result = item if kind == "mcp_call" else found.popleft() if found else {}
            waiting.append((sent_id, _output(result)))
            is_cut_off = is_marked
            continue
        if kind == "function_call_output":
            results()  # calls that follow belong to another answer
            if call_id not in calls:  # its call was deleted, or trimmed away
                builder.add("system", f"Result of an earlier function call: {_output(item)}")
            is_cut_off = is_marked
            continue
        if kind != "message":
            continue
        text = _text(item)
        if at == last_user and not text and user_text:
            text = user_text
        images = _images(item)
        if images and template.no_images and at < last_user:
            text, images = "\n".join(filter(None, [text, UNSEEN])), []
        role = str(item.get("role", "user"))
        if text or images:
            results()
            if is_cut_off and role == "user":
                builder.add("assistant", INTERRUPTED)
            is_cut_off = is_cut_off and role == "system"
            builder.add(role, text, images)
        is_cut_off = is_cut_off or is_marked
    results()
    _end_with_a_cue(builder)
    return list(_fitted(builder.messages, template))


def _outputs(history: Items) -> dict[str, deque[Mapping[str, Any]]]:
    """Return the results of each call id, in order: a model may use an id again in a later answer."""
    outputs: dict[str, deque[Mapping[str, Any]]] = {}
    for item in history:
        if item.get("type") == "function_call_output":
            outputs.setdefault(str(item.get("call_id")), deque()).append(item)
    return outputs


def _end_with_a_cue(builder: _Builder) -> None:
    """Let a user's message follow where the assistant would have to speak twice, or to begin."""
    roles = [message["role"] for message in builder.messages if message["role"] != "system"]
    if not roles or builder.messages[-1]["role"] == "assistant":
        builder.add("user", GO_ON)


def _fitted(messages: list[Message], template: Template) -> Iterator[Message]:
    """Yield the messages as a strict template takes them."""
    out = _Builder()
    held: list[str] = []  # system texts that the next user message carries
    for at, message in enumerate(messages):
        role = message["role"]
        if role == "system" and (template.no_system or (template.system_first and at)):
            held.append(message["content"])
            continue
        if held and role != "user" and role != "tool":
            out.add("user", "\n\n".join(held))
            held = []
        if template.user_first and role == "assistant" and not any(each["role"] == "user" for each in out.messages):
            out.add("user", GO_ON)
        if role in ("user", "system"):
            content = message["content"]
            text, images = (content, []) if isinstance(content, str) else (content[0].get("text", ""), content)
            images = [part for part in images if part["type"] == "image_url"]
            out.add(role, "\n\n".join([*held, text] if text else held), images)
            held = []
        elif role == "assistant" and not message.get("tool_calls"):
            out.add(role, message["content"])
        else:
            out.messages.append(message)
    if held:
        out.add("user", "\n\n".join(held))
    yield from out.messages


def _joined(content: Any, text: str, images: Sequence[Message]) -> Any:
    """Return a message's content with more text and images: a string as long as there are no images."""
    parts = [content] if isinstance(content, str) else [part["text"] for part in content if part["type"] == "text"]
    before = [] if isinstance(content, str) else [part for part in content if part["type"] == "image_url"]
    whole = "\n".join(part for part in (*parts, text) if part)
    if not before and not images:
        return whole
    return [*([{"type": "text", "text": whole}] if whole else []), *before, *images]


def _call(item: Mapping[str, Any], call_id: str) -> Message:
    # A model may have called a name that no function can have; servers refuse it in later requests.
    name = _ODD_IN_NAME.sub("_", str(item.get("name", "")))[:_MOST_NAME_CHARS] or "_"
    function = {"name": name, "arguments": _arguments(item.get("arguments"))}
    return {"id": call_id, "type": "function", "function": function}


def _arguments(given: Any) -> str:
    """Return a call's arguments, or `"{}"` where they are no JSON object.

    An interrupted call has a part of its arguments, and a small model writes what is no JSON. Servers parse the
    arguments of earlier calls, and would refuse every later request of the conversation.
    """
    try:
        # Strict parsers refuse NaN and Infinity.
        is_object = isinstance(json.loads(str(given), parse_constant=_refuse_constant), dict)
    except (ValueError, RecursionError):
        return "{}"
    return str(given) if is_object else "{}"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _output(item: Mapping[str, Any]) -> str:
    error = item.get("error")
    given = item.get("output") if item.get("output") is not None else error
    if given is None:
        return NO_RESULT
    return given if isinstance(given, str) else str(given)


def _short_id(call_id: str) -> str:
    return hashlib.sha256(call_id.encode()).hexdigest()[:9]


def _role(item: Mapping[str, Any]) -> str:
    return str(item.get("role", "user")) if item.get("type", "message") == "message" else ""


def _parts(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = item.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [part for part in content or () if isinstance(part, Mapping)]


def _text(item: Mapping[str, Any]) -> str:
    texts = (part.get("text") or part.get("transcript") or "" for part in _parts(item))
    return "\n".join(text.strip() for text in texts if isinstance(text, str) and text.strip())


def _images(item: Mapping[str, Any]) -> list[Message]:
    images = []
    for part in _parts(item):
        if part.get("type") == "input_image" and part.get("image_url"):
            url: Message = {"url": part["image_url"]}
            if part.get("detail") in ("low", "high"):
                url["detail"] = part["detail"]
            images.append({"type": "image_url", "image_url": url})
    return images
