"""Learn from a server's refusals what its requests must not hold.

Owns the fields that can be left out or renamed, and the words of refusals. Must not know how requests are sent. One
object lasts as long as the server: each lesson costs one refused request.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from realtime_nb.local.voice.chat.errors import refuses_images
from realtime_nb.local.voice.chat.messages import Template

_LOG = logging.getLogger(__name__)

_OPTIONAL = ("stream_options", "reasoning_effort", "parallel_tool_calls", "tool_choice")
_RENAMED = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
# With these words of a server, the template of its model refuses the messages. llama.cpp and vLLM pass them on.
_TEMPLATES = (
    ("short_call_ids", re.compile(r"tool call id .{0,200}must be .{0,60}length of 9", re.IGNORECASE | re.DOTALL)),
    ("system_first", re.compile(r"system message .{0,40}(?:beginning|first|start)|unexpected role .?system", re.I)),
    ("no_system", re.compile(r"system (?:role|message|prompt)s? (?:is |are )?not supported", re.IGNORECASE)),
    (
        "user_first",
        re.compile(r"roles must alternate|no user query|must (?:start|begin) with (?:a )?user|first message", re.I),
    ),
)


class Quirks:
    """The habits of one server and its model.

    Attributes:
        template: the needs of the model's chat template.
        omitted: fields that the server refuses.
        names_a_tool: whether `tool_choice` may name a tool; otherwise it is `"required"`.
        limit_name: the name of the field for the longest answer.
        begins_inside_thought: whether answers begin inside a thought (see `ThinkingFilter`).
    """

    def __init__(self) -> None:
        self.template = Template()
        self.omitted: set[str] = set()
        self.names_a_tool = True
        self.limit_name = "max_tokens"
        self._renamed = False
        self.begins_inside_thought = False

    def learn(self, status: int, said: str, sent: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
        """Learn from a refusal; return whether another request may succeed.

        Args:
            status: the HTTP status.
            said: the text of the refusal.
            sent: the refused body.
            own: the user's own `options`: these are never left out.
        """
        if status not in (400, 404, 415, 422, 500, 501):
            return False
        for name in (*_OPTIONAL, *_RENAMED):
            if name in sent and name not in own and re.search(rf"(?<!\w){name}(?!\w)", said) and self._drop(name, sent):
                _LOG.info("the chat server refuses %s (status %d); requests go on without it", name, status)
                return True
        if not self.template.no_images and refuses_images(status, said, sent):
            self.template.no_images = True
            return True
        for need, pattern in _TEMPLATES:
            if pattern.search(said) and not getattr(self.template, need):
                setattr(self.template, need, True)
                _LOG.info("the model's chat template refuses the messages; from now on: %s", need)
                return True
        return False

    def _drop(self, name: str, sent: Mapping[str, Any]) -> bool:
        """Note that a field is refused; return whether a request can be made differently."""
        if name in _RENAMED:
            if self._renamed:  # a second change would go back and forth
                return False
            self._renamed, self.limit_name = True, _RENAMED[name]
        elif name == "tool_choice" and self.names_a_tool and isinstance(sent[name], Mapping):
            self.names_a_tool = False
        else:
            self.omitted.add(name)
        return True
