"""Makes the conversation with which a session begins, of what was said before: `history=`.

Owns the forms of an entry, their checks, and the items made of them. Pure. Must not know sessions or widgets. The
session replays the items to its server, as it does after a lost connection.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from realtime_nb.conversation import Conversation, Turn, reduce
from realtime_nb.conversation.local_events import NOTE_PREFIX
from realtime_nb.errors import ConfigError
from realtime_nb.texts import shortened
from realtime_nb.wire.realtime import (
    ContentPart,
    ConversationItemAdded,
    FunctionCallItem,
    FunctionCallOutputItem,
    Item,
    MessageItem,
)
from realtime_nb.wire.realtime.validate import refuse_half_character

_ROLES = ("user", "assistant", "system")
_TAKES = "a Turn, ('user', 'text'), or {'role': 'user', 'text': 'text'}"


def conversation_of(history: Iterable[Any]) -> Conversation:
    """Return a conversation in which `history` was said.

    Args:
        history: what was said, oldest first: turns (of which an interrupted one counts as far as it was heard), pairs
            of role and text, or dicts with `role` and `text` (or `content`). Roles: `user`, `assistant`, `system`.

    Raises:
        ConfigError: an entry of another form; says which one, and what is allowed.
    """
    if isinstance(history, (str, bytes, Mapping, Turn)) or not isinstance(history, Iterable):
        raise ConfigError(f"history must be a list of {_TAKES}; not {_short(history)}")
    conversation = Conversation()
    previous: str | None = None
    for index, entry in enumerate(history):
        turn = entry if isinstance(entry, Turn) else None
        if turn is not None and turn.role == "system" and turn.item_id.startswith(NOTE_PREFIX):
            continue  # a note of this client to its reader, which no server has had
        at = turn.started_at.timestamp() if turn is not None and turn.started_at is not None else None
        for item in _of_turn(turn, index) if turn is not None else _of_text(entry, index):
            reduce(conversation, ConversationItemAdded(item=item, previous_item_id=previous), at)
            previous = item.id
    return conversation


def _of_text(entry: Any, index: int) -> Iterator[Item]:
    if isinstance(entry, Mapping) and set(entry) in ({"role", "text"}, {"role", "content"}):
        role, text = entry["role"], entry.get("text", entry.get("content"))
    elif isinstance(entry, (tuple, list)) and len(entry) == 2:
        role, text = entry
    else:
        raise ConfigError(f"history[{index}] must be {_TAKES}; not {_short(entry)}")
    if role not in _ROLES:
        raise ConfigError(f"history[{index}]: the role {_short(role)} must be 'user', 'assistant' or 'system'")
    if not isinstance(text, str) or not text.strip():
        raise ConfigError(f"history[{index}]: the text must be a string that is not empty; not {_short(text)}")
    refuse_half_character(f"history[{index}]", text)
    yield _message(role, [_words(role, text)])


def _of_turn(turn: Turn, index: int) -> Iterator[Item]:
    for call in turn.tool_calls:
        if call.output is None:
            continue  # the model would wait for its output
        call_id = call.call_id or _new_id("call")
        yield FunctionCallItem(
            id=_new_id("item"), call_id=call_id, name=call.name, arguments=call.arguments, status="completed"
        )
        yield FunctionCallOutputItem(id=_new_id("item"), call_id=call_id, output=call.output)
    text = turn.heard_text if turn.status == "interrupted" else turn.text
    content = [ContentPart(type="input_image", image_url=uri) for uri in turn.images]
    if turn.audio is not None and turn.status != "interrupted":
        kind = "output_audio" if turn.role == "assistant" else "input_audio"
        sound = base64.b64encode(turn.audio.samples.tobytes()).decode()
        content.append(ContentPart(type=kind, audio=sound, transcript=text or None))
    elif text:
        content.append(_words(turn.role, text))
    if content:
        yield _message(turn.role, content)
    elif not turn.tool_calls and turn.status != "interrupted":  # one that was never heard was never said
        raise ConfigError(f"history[{index}]: {turn!r} has neither text nor sound; leave it out")


def _message(role: str, content: list[ContentPart]) -> MessageItem:
    return MessageItem(id=_new_id("item"), role=role, status="completed", content=content)


def _words(role: str, text: str) -> ContentPart:
    return ContentPart(type="output_text" if role == "assistant" else "input_text", text=text)


def _new_id(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(8)}"


def _short(value: Any) -> str:
    return shortened(repr(value), 80)
