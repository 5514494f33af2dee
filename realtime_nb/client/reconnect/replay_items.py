"""Make the items by which a new session gets the conversation so far.

Owns how each turn is replayed (docs/protocol.md 7, 39): text and pictures as they were, sound as its transcript, a
function call together with its output. Pure. Must not know connections.

A client cannot create an assistant's sound, so an answer is replayed as text, as much of it as was heard. A user's
sound is replayed as its transcript or, where none is known, as the sound itself.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Set
from typing import Any

from realtime_nb.conversation import Conversation
from realtime_nb.conversation.records import ItemRecord

_ROLE_PARTS = {"user": "input_text", "system": "input_text", "assistant": "output_text"}


def restoring_items(conversation: Conversation, unsent: Set[str] = frozenset()) -> tuple[list[dict[str, Any]], int]:
    """Return the items to create, in order, with the ids that they had.

    Args:
        conversation: the conversation so far.
        unsent: ids of calls whose output is sent later, by their tool; they are replayed without one.

    Returns:
        the items, and how many turns cannot be replayed.
    """
    items: list[dict[str, Any]] = []
    omitted = 0
    for item_id in conversation.order:
        record = conversation.items[item_id]
        replayed = list(_replay(conversation, record, unsent))
        items += replayed
        omitted += not replayed and _is_missed(conversation, record)
    return items, omitted


def output_item_id(call_id: str) -> str:
    """The id of the item that answers a call: always the same, so that a replay does not answer the call twice."""
    return f"item_{hashlib.sha256(call_id.encode()).hexdigest()[:24]}"


def _replay(conversation: Conversation, record: ItemRecord, unsent: Set[str]) -> Iterator[dict[str, Any]]:
    if record.kind == "call":
        yield from _call(conversation, record, unsent)
    elif record.kind == "message" and record.role is not None and not record.local:
        content = _content(conversation, record)
        if content:
            yield {"id": record.id, "type": "message", "role": record.role, "content": content}


def _call(conversation: Conversation, record: ItemRecord, unsent: Set[str]) -> Iterator[dict[str, Any]]:
    call_id = record.call_id
    if not call_id or call_id == record.id or not record.arguments_done or record.call_status == "cancelled":
        return  # the service runs MCP calls itself; a call that was cut off must not run (docs/protocol.md 26)
    yield {
        "id": record.id,
        "type": "function_call",
        "call_id": call_id,
        "name": record.name,
        "arguments": "".join(record.arguments),
    }
    if record.output is not None and call_id not in unsent:
        yield {
            "id": output_item_id(call_id),
            "type": "function_call_output",
            "call_id": call_id,
            "output": record.output,
        }


def _content(conversation: Conversation, record: ItemRecord) -> list[dict[str, Any]]:
    known = record.in_conversation or record.committed or record.id in conversation.store.unacknowledged
    if not known and record.response_id is None:
        return []
    if record.role == "assistant":
        response = conversation.store.response_of(record)
        if response is not None and response.status == "failed" and record.status != "completed":
            return []  # lost in the middle: the question will be answered anew
        turn = conversation.turn(record.id)
        text = turn.heard_text if turn is not None else ""
        return [{"type": "output_text", "text": text}] if text else []
    if record.refused:
        return []
    content = []
    for part in record.parts.values():
        if part.image_url:
            detail = {"detail": part.detail} if part.detail else {}
            content.append({"type": "input_image", "image_url": part.image_url, **detail})
        elif part.words:
            content.append({"type": _ROLE_PARTS[str(record.role)], "text": part.words})
        elif part.words is None and part.chunks:
            content.append({"type": "input_audio", "audio": base64.b64encode(b"".join(part.chunks)).decode()})
    if not content and record.sound and not record.words_known:
        content.append({"type": "input_audio", "audio": base64.b64encode(record.sound).decode()})
    return content


def _is_missed(conversation: Conversation, record: ItemRecord) -> bool:
    """Whether a turn that was said is missing from the replay."""
    turn = conversation.turn(record.id)
    return turn is not None and not record.local and turn.status in ("completed", "interrupted") and bool(turn.text)
