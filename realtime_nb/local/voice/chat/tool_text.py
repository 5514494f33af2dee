"""Find function calls that a model wrote into its text, in the spellings of the common model families.

Owns the search in a text that arrives in pieces. Pure. Must not know chat servers; `call_syntax` reads a call's text.

A server that does not parse the calls of its model passes them on as text: bare JSON (Llama), `<tool_call>` (Qwen,
Hermes, GLM), `[TOOL_CALLS]` (Mistral), `<function=...>` (Llama, Qwen coder), a fenced block (Gemma, Phi), and others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from realtime_nb.local.voice.chat.call_syntax import WrittenCall, json_call, marked_calls
from realtime_nb.local.voice.protocols import ToolSpecs

_MARKS = {
    "<tool_call>": "</tool_call>",
    "<tool_calls>": "</tool_calls>",
    "<function_call>": "</function_call>",
    "<function_calls>": "</function_calls>",
    "<minimax:tool_call>": "</minimax:tool_call>",
    "<|tool_call|>": "<|/tool_call|>",
    "<|tool_call_start|>": "<|tool_call_end|>",
    "<function=": "</function>",
    "<invoke name=": "</invoke>",
    "[TOOL_CALLS]": "",  # without an end of its own: calls follow to the end of the answer
    "<|python_tag|>": "",
}
_STARTS = re.compile(r"[<\[{`]")
_FENCE = re.compile(r"```[ \t]*(json|tool_call|tool_calls|tool_code|xml)?[ \t]*\n\s*")
_FENCE_BEGINS = re.compile(r"`{1,2}\Z|```[ \t]*[a-z_]{0,10}[ \t]*(?:\n\s*)?\Z")
_KEYS = ("name", "function", "tool", "tool_name", "tool_calls", "type", "id", "arguments", "parameters", "action")
_CLOSERS = frozenset("}]>`)")
_HEAD_CHARS = 80
_TAIL_CHARS = 8
_MOST_HELD = 2**15
"""The longest text that is held as a call which has not ended; beyond, it is text."""
_MOST_RELEASED = 40
"""How often a part that begins as a call may be text. Small models repeat a mark without end, and the search behind
each of them is as long as the rest of the answer."""


@dataclass
class _Held:
    """A part of the text that begins as a call does; `end` is the mark that closes it, None for bare JSON."""

    begins: int
    end: str | None
    fence: bool = False


class TextCalls:
    """Separates calls from one answer's text.

    Bare and fenced JSON is a call only if it names a given tool. Text after a call is dropped: the model wrote it
    without the call's result.

    Args:
        tools: the tools that were given; with none, all text passes.

    Attributes:
        calls: those found so far.
    """

    def __init__(self, tools: ToolSpecs) -> None:
        self.calls: list[WrittenCall] = []
        self._tools: Mapping[str, Mapping[str, Any]] = {str(tool.get("name", "")): tool for tool in tools}
        self._heads = _json_heads(self._tools)
        self._rest = ""
        self._held: _Held | None = None
        self._released = 0
        self._before = "\n"  # the end of the text that passed

    def feed(self, text: str) -> str:
        """Return what is certainly text."""
        if not self._tools:
            return text
        self._rest += text
        said = []
        # A held part is read again only when it may have ended.
        while self._rest and (self._held is None or not _CLOSERS.isdisjoint(text)):
            before = len(self._rest), self._held
            said.append(self._search() if self._held is None else self._close(self._held))
            if (len(self._rest), self._held) == before:
                break
        if self._held is not None and len(self._rest) > _MOST_HELD:
            said.append(self._release())
        return "".join(said)

    def end(self) -> str:
        """Return the text that was held until the answer's end."""
        said = []
        while self._rest:
            if self._held is None:
                said.append(self._search())
                if self._held is None:
                    said.append(self._passed(len(self._rest)))
            elif (calls := self._read(self._rest, whole=True)) is not None:
                self._take(calls, len(self._rest))
            else:
                said.append(self._release())
        return "".join(said)

    def _passed(self, end: int) -> str:
        """Let the first characters pass as text, or drop them after a call."""
        text, self._rest = self._rest[:end], self._rest[end:]
        self._before = (self._before + text[-_TAIL_CHARS:])[-_TAIL_CHARS:]
        return "" if self.calls else text

    def _take(self, calls: list[WrittenCall], end: int) -> None:
        self.calls += calls
        self._rest, self._held, self._before = self._rest[end:], None, "\n"

    def _release(self) -> str:
        """Let the held part's first character pass, so that the search goes on behind it."""
        self._held = None
        self._released += 1
        return self._passed(1)

    def _search(self) -> str:
        """Pass text up to the next possible call, and hold that."""
        text = self._rest
        for match in _STARTS.finditer(text) if self._released < _MOST_RELEASED else ():
            at = match.start()
            held, open_ = self._begins(text, at)
            if held is not None:
                said = self._passed(at)
                self._held = held
                return said
            if open_:  # too short to tell
                return self._passed(at)
        return self._passed(len(text))

    def _begins(self, text: str, at: int) -> tuple[_Held | None, bool]:
        """Return the possible call that begins here, and whether more text is needed to tell."""
        rest = text[at : at + _HEAD_CHARS]
        for mark, end in _MARKS.items():
            if rest.startswith(mark):
                return _Held(0, end), False
        open_ = any(mark.startswith(rest) for mark in _MARKS)
        before = (self._before + text[max(at - _TAIL_CHARS, 0) : at])[-_TAIL_CHARS:]
        if rest[0] == "`":
            return self._fence(rest) if before[-1] == "\n" else (None, False)
        # Behind a key it is a part of other JSON.
        if rest[0] in "{[" and before[-1].isspace() and not before.rstrip().endswith('":'):
            found, more = self._json_begins(rest)
            return (_Held(0, None), False) if found else (None, open_ or more)
        return None, open_

    def _fence(self, rest: str) -> tuple[_Held | None, bool]:
        if (match := _FENCE.match(rest)) is None or match.end() == len(rest):
            return None, len(rest) < _HEAD_CHARS and _FENCE_BEGINS.match(rest) is not None
        if match[1] not in (None, "json"):
            return _Held(match.end(), "```", fence=True), False
        found, more = self._json_begins(rest[match.end() :])
        return (_Held(match.end(), "```", fence=True) if found else None), more

    def _json_begins(self, rest: str) -> tuple[bool, bool]:
        head = re.sub(r"\s+", "", rest).replace("'", '"')
        return (
            any(head.startswith(known) for known in self._heads),
            len(rest) < _HEAD_CHARS and any(known.startswith(head) for known in self._heads),
        )

    def _close(self, held: _Held) -> str:
        """Read the held part if it has ended; return the text that passes."""
        text = self._rest
        if held.end is None:
            if (found := json_call(text, self._tools)) is None:
                return ""
            if not found[0]:  # other JSON: as a whole, since an object within it is no call either
                self._held = None
                return self._passed(found[1])
            self._take(*found)
            return ""
        if not held.end or (at := text.find(held.end, max(held.begins, 1))) < 0:
            return ""
        end = at + len(held.end)
        if (calls := self._read(text[:end], whole=False)) is None:
            return self._release()
        self._take(calls, end)
        return ""

    def _read(self, text: str, *, whole: bool) -> list[WrittenCall] | None:
        """Return the calls of a held part that has ended, or None where it is text."""
        held = self._held
        assert held is not None
        if held.end is None:
            found = json_call(text, self._tools, repair=whole)
            return found[0] or None if found is not None else None
        body = text[held.begins :]
        calls = marked_calls(body.removesuffix(held.end) if held.fence else body, self._tools)
        if held.fence and any(call.name not in self._tools for call in calls):
            return None
        return calls or None


def _json_heads(tools: Mapping[str, Any]) -> tuple[str, ...]:
    """Return how a call as JSON may begin, without white space."""
    objects = [f'{{"{key}"' for key in (*_KEYS, *tools)]
    return (*objects, *(f"[{head}" for head in objects), *(f"[{name}(" for name in tools))
