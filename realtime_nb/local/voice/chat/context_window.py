"""Trim a conversation to a model's context: whole turns go, the oldest first.

Owns the estimate of tokens, the place of the cut, and that it stays where it is for as long as it can. Must not know
servers. System items always stay, and a function's result goes with its call.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any

Items = Sequence[Mapping[str, Any]]

_LOG = logging.getLogger(__name__)

TRIMMED = (
    "The conversation is longer than the model's context: the model does not see its oldest turns any more. The "
    "transcript keeps them."
)
TRIMMED_BY_GUESS = (
    "The chat server refused the conversation as longer than the model's context, and did not say how long that is. "
    "The model does not see the oldest turns any more, so that about {size} tokens are left, which is a guess: "
    "context_tokens= gives the size. The transcript keeps all turns."
)
_BYTES_PER_TOKEN = 3.5
_ITEM_TOKENS = 5  # the marks around a message
_IMAGE_TOKENS = 1000
_RESERVED = 1024
"""Tokens for the answer, at most a quarter of the context."""
_KEPT = 0.7
"""The part of the room that is filled after a cut. Each cut costs a server its prompt cache: cuts must be rare."""
_MOST_CONVERSATIONS = 256


class ContextWindow:
    """Trims the conversations of all sessions; remembers where each was cut.

    The estimate is corrected by the server's own counts.

    Args:
        note: receives a sentence for people, once for each conversation that is trimmed.

    Attributes:
        scale: the factor of the estimate that the server's counts have taught.
    """

    def __init__(self, note: Callable[[str], None] | None = None) -> None:
        self._note_for_people = note or _LOG.warning
        self.scale = 1.0
        self._first_kept: OrderedDict[str, str] = OrderedDict()

    def tokens(self, history: Items, instructions: str = "", tools: Sequence[Mapping[str, Any]] = ()) -> int:
        """Return about how many tokens a prompt has."""
        given = sum(map(_tokens, history)) + _size(instructions) + (_size(json.dumps(list(tools))) if tools else 0)
        return round(given * self.scale)

    def observe(self, estimated: int, counted: int) -> None:
        """Correct the estimate by a server's count of a prompt."""
        if estimated > 50 and counted > 50:  # short prompts consist of the template's own tokens
            self.scale = min(max(self.scale * counted / estimated, 0.4), 3.0)

    def fit(
        self,
        history: Items,
        context_tokens: int,
        *,
        instructions: str = "",
        tools: Sequence[Mapping[str, Any]] = (),
        reserved: int | None = None,
        is_guess: bool = False,
    ) -> tuple[list[Mapping[str, Any]], int]:
        """Return the items that fit, and about how many tokens they need; the last turn always stays.

        Args:
            history: the items, oldest first.
            context_tokens: the size of the context.
            instructions: the first part of the prompt.
            tools: a further part of it.
            reserved: tokens for the answer.
            is_guess: whether `context_tokens` is a guess; the sentence for people then says so.
        """
        room = context_tokens - min(reserved or _RESERVED, max(context_tokens // 4, 1))
        room -= self.tokens((), instructions, tools)
        begins = _turns(history)
        name = _name(history)
        cut = self._remembered(history, begins, name)
        sizes = _Sizes(history, self.scale)
        if sizes.after(cut) > room:
            later = [begin for begin in begins if begin > cut]
            fitting = (begin for begin in later if sizes.after(begin) <= room * _KEPT)
            if later:
                cut = next(fitting, later[-1])
                note = TRIMMED_BY_GUESS.format(size=context_tokens) if is_guess else TRIMMED
                self._remember(name, history, cut, note)
        kept = _from(history, cut)
        return kept, self.tokens(kept, instructions, tools)

    def _remembered(self, history: Items, begins: Sequence[int], name: str) -> int:
        first = self._first_kept.get(name)
        return next((begin for begin in begins if first and history[begin].get("id") == first), 0)

    def _remember(self, name: str, history: Items, cut: int, note: str) -> None:
        if name not in self._first_kept:
            self._note_for_people(note)
        self._first_kept[name] = str(history[cut].get("id", ""))
        self._first_kept.move_to_end(name)
        while len(self._first_kept) > _MOST_CONVERSATIONS:
            self._first_kept.popitem(last=False)


class _Sizes:
    """The size of a history after each possible cut."""

    def __init__(self, history: Items, scale: float) -> None:
        each = [_tokens(item) * scale for item in history]
        self._up_to = [0.0, *accumulate(each)]
        self._system_up_to = [0.0, *accumulate(s if _is_system(i) else 0.0 for s, i in zip(each, history, strict=True))]

    def after(self, cut: int) -> float:
        """Return the size from a cut on, with the system items before it."""
        return self._up_to[-1] - self._up_to[cut] + self._system_up_to[cut]


def _turns(history: Items) -> list[int]:
    """Return where each turn of the user begins."""
    return [at for at, item in enumerate(history) if item.get("role") == "user" and _is_message(item)]


def _from(history: Items, cut: int) -> list[Mapping[str, Any]]:
    """Return the items from a cut on, with the system items before it, and without results of calls before it."""
    gone = {item.get("call_id") for item in history[:cut] if item.get("type") == "function_call"}
    before = [item for item in history[:cut] if _is_system(item)]
    after = [
        item
        for item in history[cut:]
        if not (item.get("type") == "function_call_output" and item.get("call_id") in gone)
    ]
    return [*before, *after]


def _is_message(item: Mapping[str, Any]) -> bool:
    return bool(item.get("type", "message") == "message")


def _is_system(item: Mapping[str, Any]) -> bool:
    return bool(_is_message(item) and item.get("role") == "system")


def _name(history: Items) -> str:
    return str(history[0].get("id", "")) if history else ""


def _tokens(item: Mapping[str, Any]) -> float:
    count = float(_ITEM_TOKENS)
    content = item.get("content")
    if isinstance(content, str):
        content = [{"text": content}]
    for part in content or ():
        if part.get("type") == "input_image":
            count += _IMAGE_TOKENS
        count += _size(part.get("text")) + _size(part.get("transcript"))
    return count + sum(_size(item.get(key)) for key in ("name", "arguments", "output"))


def _size(text: Any) -> float:
    # Bytes, not characters: a character of a script with many of them is about a token.
    return len(str(text).encode("utf-8", "replace")) / _BYTES_PER_TOKEN if text else 0.0
