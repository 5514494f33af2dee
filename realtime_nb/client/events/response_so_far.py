"""What the events of one response have said so far, and how its items are told apart.

Owns the state of a response between its first event and `response.done`. Must not know the order of events.
"""

from __future__ import annotations

from typing import Any

import msgspec

from realtime_nb.client.events.recent import Recent
from realtime_nb.client.events.server_names import ServerNames
from realtime_nb.wire import realtime as wire

_FINAL = frozenset({"completed", "cancelled", "failed", "incomplete"})
_OTHER_WORDS = {"canceled": "cancelled", "interrupted": "cancelled", "aborted": "cancelled", "error": "failed"}


class ResponseSoFar:
    """One response, from its first event to `response.done`."""

    def __init__(self, name: str, server_id: str) -> None:
        self.name = name
        self.server_id = server_id
        self.unnamed = False  # the server has given it no id so far
        self.done = False
        self.completed = False
        self.abandoned = False
        self.created: wire.ResponseCreated | None = None
        self.by_index: dict[int, str] = {}
        self.items: dict[str, None] = {}
        self.messages: dict[str, None] = {}
        self.told: set[str] = set()  # the messages that the conversation has, as the server said
        self.snapshots: set[str] = set()  # the items that came whole, in events about items
        self.calls: dict[str, wire.FunctionCallItem] = {}
        self.ended: set[str] = set()  # those of them that `response.output_item.done` was about
        self.calls_done: set[str] = set()
        self.arguments_done: set[str] = set()
        self.pieces: dict[str, list[str]] = {}  # of arguments, by item
        self.by_call: dict[str, str] = {}  # the items of calls, by the server's call id
        self.questions: tuple[str, ...] = ()  # items of ours that it answers, which the server has not confirmed
        # The item that streams, by the server's id and by ours: all that the hot path asks for.
        self.streamed: str | None = None
        self.streamed_as = ""


class LatestResponses(Recent["ResponseSoFar"]):
    """The latest responses; late events come soon after the end, or not at all."""

    maxlen = 32


def with_fields(struct: Any, **fields: Any) -> Any:
    """Return a copy with other fields, which keeps what could not be read of an event (`raw`, `lost`)."""
    copy = msgspec.structs.replace(struct, **fields)
    if kept := getattr(struct, "__dict__", None):
        copy.__dict__.update(kept)
    return copy


def final_status(response: wire.Response) -> str:
    """Return how a response ended, in one of the words of the protocol."""
    status = response.status or ""
    if status in _FINAL:
        return status
    if status.lower() in _OTHER_WORDS:
        return _OTHER_WORDS[status.lower()]
    details = response.status_details
    return "failed" if details is not None and details.error is not None else "completed"


def renamed(item: Any, name: str) -> Any:
    """Return an item under another name, whatever its type."""
    if isinstance(item, wire.UnknownItem):
        return wire.UnknownItem({**item.raw, "id": name})
    return with_fields(item, id=name)


def same_item(item: Any, record: ResponseSoFar, claimed: set[str]) -> str | None:
    """Return the item of a response that an item under an unknown id can only be; None where it is another one."""
    if isinstance(item, wire.MessageItem):
        return next((name for name in record.messages if name not in claimed), None)
    if isinstance(item, wire.FunctionCallItem) and (item.call_id or "") not in record.by_call:
        for name, call in record.calls.items():
            if name not in claimed and (call.name, call.arguments) == (item.name, item.arguments):
                return name
    return None


def arguments_text(text: str) -> str:
    """Return a call's arguments; some servers write `null` where a function is called with none."""
    return "" if text.strip() == "null" else text


def can_be_ours(item: Any, ours: dict[str, Any], calls: ServerNames) -> bool:
    """Return whether an item of the server can be one that we sent."""
    if item.type != ours.get("type"):
        return False
    if isinstance(item, wire.FunctionCallOutputItem | wire.FunctionCallItem):
        call_id = item.call_id or ""
        return (calls.inward(call_id) or call_id) == ours.get("call_id")
    if not isinstance(item, wire.MessageItem):
        return True
    if item.role != ours.get("role") or not item.content:
        return False  # of an item without content nothing tells that it is ours; another client may have made it
    sent = "".join(part.get("text") or "" for part in ours.get("content") or ()).split()
    came = "".join(part.words or "" for part in item.content).split()
    is_sound = any(part.is_audio for part in item.content)
    return (not is_sound or any(part.get("audio") for part in ours.get("content") or ())) and came in ([], sent)
