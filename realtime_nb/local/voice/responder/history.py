"""Read a conversation: the last words of each side, and the function outputs that still wait for an answer.

Owns the walk over items. Must not know intents or tools.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Output:
    """The output of a function, and the call that it belongs to."""

    name: str
    arguments: Mapping[str, Any]
    output: str


@dataclass(frozen=True, slots=True)
class Situation:
    """The state of a conversation, as far as an answer depends on it.

    Attributes:
        user_text: the user's last words, or None when they have been answered.
        outputs: function outputs since the last message, oldest first.
        calls: names and arguments of the calls made since the user last spoke.
        assistant_texts: the assistant's messages, newest first.
        user_texts: the user's earlier messages, newest first.
        pictures: whether a picture came with those words.
        system_texts: the system messages, oldest first.
    """

    user_text: str | None
    pictures: bool
    outputs: tuple[Output, ...]
    calls: tuple[tuple[str, Mapping[str, Any]], ...]
    assistant_texts: tuple[str, ...]
    user_texts: tuple[str, ...]
    system_texts: tuple[str, ...]


def read(history: Sequence[Mapping[str, Any]]) -> Situation:
    """Return the situation that the items describe; items of unknown kinds are ignored."""
    calls: dict[str, tuple[str, Mapping[str, Any]]] = {}
    since_user: list[tuple[str, Mapping[str, Any]]] = []
    outputs: list[Output] = []
    said: dict[str, list[str]] = {"user": [], "assistant": [], "system": []}
    waiting, pictures = False, False
    for item in history:
        kind = item.get("type", "message")
        if kind == "function_call":
            call = (str(item.get("name", "")), _object(item.get("arguments")))
            calls[str(item.get("call_id", ""))] = call
            since_user.append(call)
        elif kind == "function_call_output":
            name, arguments = calls.get(str(item.get("call_id", "")), ("", {}))
            outputs.append(Output(name, arguments, str(item.get("output", ""))))
        elif kind == "message":
            role = str(item.get("role", "user"))
            if role in said:
                said[role].append(_text(item))
            if role == "user":
                waiting, outputs, since_user = True, [], []
                pictures = any(part.get("type") == "input_image" for part in _parts(item))
            elif role == "assistant":
                waiting, outputs = False, []
    newest = list(reversed(said["user"]))
    return Situation(
        user_text=newest[0] if waiting and newest else None,
        pictures=waiting and pictures,
        outputs=tuple(outputs),
        calls=tuple(since_user),
        assistant_texts=tuple(reversed(said["assistant"])),
        user_texts=tuple(newest[1:] if waiting else newest),
        system_texts=tuple(said["system"]),
    )


def _parts(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = item.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [part for part in content or () if isinstance(part, Mapping)]


def _text(item: Mapping[str, Any]) -> str:
    texts = [part.get("text") or part.get("transcript") or "" for part in _parts(item)]
    return " ".join(text for text in texts if isinstance(text, str) and text).strip()


def _object(arguments: object) -> Mapping[str, Any]:
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            return {}
    return arguments if isinstance(arguments, Mapping) else {}
