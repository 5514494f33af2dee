"""A conversation as the items that tell a new session of it.

Owns what of each turn can be told again (protocol notes 7 and 39): text and pictures as they were, sound as its
transcript, a function call with its output. Pure. Must not know connections.

A client cannot create an assistant's sound, so an answer comes back as text: as much of it as was heard. A user's sound
comes back as its transcript, or, where none is known, as the sound itself.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Set
from typing import Any

from realtime_nb.conversation import Conversation
from realtime_nb.conversation.records import ItemRecord

__all__ = ["output_item_id", "restoring_items"]

_ROLE_PARTS = {"user": "input_text", "system": "input_text", "assistant": "output_text"}


def restoring_items(conversation: Conversation, unsent: Set[str] = frozenset()) -> tuple[list[dict[str, Any]], int]:
    """The items to create, in order, with the ids that they had.

    Args:
        conversation: what was said.
        unsent: ids of the calls whose output will be sent after this: they are told without one.

    Returns:
        the items, and how many turns cannot be told again.
    """
    items: list[dict[str, Any]] = []
    omitted = 0
    for item_id in conversation.order:
        record = conversation.items[item_id]
        told = list(_told(conversation, record, unsent))
        items += told
        omitted += not told and _is_missed(conversation, record)
    return items, omitted


def output_item_id(call_id: str) -> str:
    """The id of the item that answers a call: the same whenever it is told, so that it is told once."""
    return f"item_{hashlib.sha256(call_id.encode()).hexdigest()[:24]}"


def _told(conversation: Conversation, record: ItemRecord, unsent: Set[str]) -> Iterator[dict[str, Any]]:
    if record.kind == "call":
        yield from _call(conversation, record, unsent)
    elif record.kind == "message" and record.role is not None and not record.local:
        content = _content(conversation, record)
        if content:
            yield {"id": record.id, "type": "message", "role": record.role, "content": content}


def _call(conversation: Conversation, record: ItemRecord, unsent: Set[str]) -> Iterator[dict[str, Any]]:
    call_id = record.call_id
    if not call_id or call_id == record.id or not record.arguments_done or record.call_status == "cancelled":
        return  # an MCP call is the service's own, and one that was cut off is no call
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
            return []  # it was lost in the middle: the question will be answered anew
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
    """Whether a reader would say that something is missing: a turn that was said, and is not told again."""
    turn = conversation.turn(record.id)
    return turn is not None and not record.local and turn.status in ("completed", "interrupted") and bool(turn.text)
