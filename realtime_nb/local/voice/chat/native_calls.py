"""Collect the function calls of one answer from a chat stream's deltas.

Owns which delta belongs to which call. Pure. Must not know texts or sockets.

Servers differ: Ollama gives every call the index 0, others give none, repeat name and id in each delta, give no ids,
or whole arguments as an object.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from realtime_nb.local.voice.chat.call_syntax import arguments_text
from realtime_nb.local.voice.reply import CallArguments, CallBegun, CallEnded, ReplyPiece

_MOST_NAME_CHARS = 128
_MOST_ARGUMENT_CHARS = 2**20


class BadCallError(Exception):
    """A call that no function can have; the message says why."""


@dataclass
class _Call:
    index: int | None
    call_id: str | None = None
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    size: int = 0
    begun: bool = False
    passed: int = 0
    """How many of the pieces have been passed on."""

    @property
    def arguments(self) -> str:
        return "".join(self.pieces)

    def add(self, piece: str) -> None:
        self.pieces.append(piece)
        self.size += len(piece)
        if self.size > _MOST_ARGUMENT_CHARS:
            raise BadCallError(f"arguments of more than {_MOST_ARGUMENT_CHARS} characters")

    def is_whole(self) -> bool:
        try:
            json.loads(self.arguments)
        except (ValueError, RecursionError):
            return False
        return True


class NativeCalls:
    """Collects the calls; the first is passed on as it comes, the others whole at the end.

    Deltas of several calls may alternate, but a reply's calls follow one another.

    Args:
        most: how many calls are passed on; 1 where calls must not be parallel. Further ones are dropped.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._calls: list[_Call] = []

    def __len__(self) -> int:
        return sum(bool(call.name) for call in self._calls)

    def feed(self, delta: Mapping[str, Any]) -> Iterator[ReplyPiece]:
        """Take one element of `tool_calls`, or the value of the older `function_call`; yield what is certain.

        Raises:
            BadCallError: its name or its arguments are longer than any function's.
        """
        function = delta.get("function")
        given = function if isinstance(function, Mapping) else delta
        name, arguments = given.get("name"), given.get("arguments")
        call = self._call(delta.get("index"), delta.get("id"), name if arguments else None)
        if isinstance(name, str) and not call.name:
            call.name = name.strip()
            if len(call.name) > _MOST_NAME_CHARS or not call.name.isprintable():
                raise BadCallError(f"the name {call.name[:40]!r} of {len(call.name)} characters")
        if isinstance(arguments, str):
            call.add(arguments)
        elif arguments is not None:
            call.add(arguments_text(arguments))
        if call is self._calls[0] and call.name:
            yield from self._pass_on(call)

    def end(self, *, cut: bool) -> Iterator[ReplyPiece]:
        """Yield the rest.

        Args:
            cut: whether the answer ended early; its last call then has no end unless its arguments are whole.
        """
        named = [call for call in self._calls if call.name][: self._most]
        for call in named:
            yield from self._pass_on(call)
            if not (cut and call is named[-1] and not call.is_whole()):
                if not call.arguments.strip():
                    yield CallArguments("{}")
                yield CallEnded()

    def _pass_on(self, call: _Call) -> Iterator[ReplyPiece]:
        if not call.begun:
            taken = [other.call_id for other in self._calls if other.begun]
            call.begun = True
            yield CallBegun(call.name, call.call_id if call.call_id not in taken else None)
        for piece in call.pieces[call.passed :]:
            if piece:
                yield CallArguments(piece)
        call.passed = len(call.pieces)

    def _call(self, index: Any, call_id: Any, name: Any) -> _Call:
        """Return the call that a delta belongs to; a new one where it begins one."""
        index = index if isinstance(index, int) else None
        call_id = call_id if isinstance(call_id, str) and call_id else None
        same = [call for call in self._calls if call.index == index] if index is not None else self._calls
        call = next((call for call in same if call_id and call.call_id == call_id), same[-1] if same else None)
        if call is not None and not _begins_another(call, call_id, name):
            call.call_id = call.call_id or call_id
            return call
        self._calls.append(_Call(index, call_id))
        return self._calls[-1]


def _begins_another(call: _Call, call_id: str | None, name: Any) -> bool:
    """Whether a delta at the index of `call` begins another one: it has another id, or a name after whole arguments."""
    if call_id is not None and call.call_id is not None:
        return call_id != call.call_id
    if not isinstance(name, str) or not name or not call.name:
        return False
    return name != call.name or (bool(call.arguments.strip()) and call.is_whole())
