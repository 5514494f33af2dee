"""The values of the rule-based responder: its reply, the calls in it, and its inputs beside the conversation.

Owns these types. Must not know rules, nor how a reply is streamed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A function call that the reply asks the client for."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RuleReply:
    """A whole reply: a text to say, function calls, or both (the calls come after the text)."""

    text: str = ""
    tool_calls: tuple[PlannedCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """The inputs of the rules that are not part of the conversation.

    Attributes:
        now: the local time.
        label: the name of the backend.
        parallel_tool_calls: whether one reply may hold several calls.
    """

    now: datetime = field(default_factory=lambda: datetime.now().astimezone())
    label: str = "local practice backend"
    parallel_tool_calls: bool = True
