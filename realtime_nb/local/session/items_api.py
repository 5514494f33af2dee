"""Client events about items: create, delete, retrieve and truncate.

Owns the rules for items from a client, and the refusals. Must not know responses or sockets.
"""

from __future__ import annotations

import msgspec

from realtime_nb.local.session.input_audio import InputDecoder, ms_of
from realtime_nb.local.session.items import AudioPart, StoredItem
from realtime_nb.local.session.refusal import refusal
from realtime_nb.local.session.state import SharedState
from realtime_nb.local.session.turn_detection import samples_of
from realtime_nb.local.voice.protocols import Pcm
from realtime_nb.wire import realtime as wire

_ALLOWED = {
    "system": ("input_text",),
    "user": ("input_text", "input_audio", "input_image"),
    "assistant": ("output_text",),
}
# The first of them is required.
_FIELDS: dict[str, tuple[str, ...]] = {
    "input_text": ("text",),
    "output_text": ("text",),
    "input_audio": ("audio", "transcript"),
    "input_image": ("image_url", "detail"),
}
# The beta's names; clients that were written for it still send them.
_OLD_NAMES = {("user", "audio"): "input_audio", ("assistant", "text"): "output_text"}
_WITHOUT_STATUS = ("mcp_list_tools", "mcp_call", "mcp_approval_request", "mcp_approval_response")


def create(state: SharedState, event: wire.ConversationItemCreate) -> None:
    """Insert a client's item behind the one that its `previous_item_id` names; at the end without one.

    Raises:
        WireError: an id that is taken, an unknown `previous_item_id`, or content that this role cannot have.
    """
    stored = stored_item(state, event.item, "item")
    if event.item.id and state.items.get(event.item.id) is not None:
        raise refusal(f"The item id '{event.item.id}' already exists.", "item.id", "item_already_exists")
    after = event.previous_item_id or None
    try:
        state.add_item(stored, after if isinstance(after, str) else None)
    except KeyError:
        raise refusal(
            f"Error creating item: the previous item with id '{after}' does not exist.",
            "previous_item_id",
            "item_create_invalid_previous_item_id",
        ) from None
    if stored.user_sound is not None:
        state.request_recognition(stored)


def delete(state: SharedState, event: wire.ConversationItemDelete) -> None:
    """Remove an item."""
    if not state.items.remove(event.item_id):
        raise _missing("deleting", event.item_id, "item_delete_invalid_item_id")
    state.emit(wire.ConversationItemDeleted(item_id=event.item_id))


def retrieve(state: SharedState, event: wire.ConversationItemRetrieve) -> None:
    """Answer with an item and its sound."""
    stored = state.items.get(event.item_id)
    if stored is None:
        raise _missing("retrieving", event.item_id, "item_retrieve_invalid_item_id")
    state.emit(wire.ConversationItemRetrieved(item=stored.retrieved()))


def truncate(state: SharedState, event: wire.ConversationItemTruncate) -> None:
    """Cut an assistant's sound at `audio_end_ms` and remove its transcript (docs/protocol.md 31 and 34)."""
    stored = state.items.get(event.item_id)
    if stored is None:
        raise _missing("truncating", event.item_id, "item_truncate_invalid_item_id")
    item = stored.item
    if not isinstance(item, wire.MessageItem) or item.role != "assistant":
        raise refusal("Only assistant messages can be truncated.", "item_id")
    if stored.spoken is None:
        raise refusal("Only audio content can be truncated.", "content_index", "unsupported_content_type")
    if event.content_index != 0:
        raise refusal(f"The item has no content part {event.content_index}.", "content_index")
    if event.audio_end_ms < 0:
        raise refusal("'audio_end_ms' must not be negative.", "audio_end_ms")
    duration_ms = ms_of(stored.spoken.samples)
    if event.audio_end_ms > duration_ms:
        message = f"Audio content of {duration_ms}ms is already shorter than {event.audio_end_ms}ms"
        raise refusal(message, "audio_end_ms")
    stored.truncate(samples_of(event.audio_end_ms))
    state.emit(
        wire.ConversationItemTruncated(
            item_id=event.item_id, content_index=event.content_index, audio_end_ms=event.audio_end_ms
        )
    )


def stored_item(state: SharedState, item: wire.Item, param: str) -> StoredItem:
    """Return a client's item as the server stores it: with an id and a status, its sound decoded.

    Raises:
        WireError: content that this role cannot have; `param` is where the item stands in the event.
    """
    changes: dict[str, str] = {} if item.id else {"id": state.new_id("item")}
    if item.type not in _WITHOUT_STATUS:
        changes |= {"object": "realtime.item", "status": item.status or "completed"}
    if isinstance(item, wire.FunctionCallItem) and not item.call_id:
        changes["call_id"] = state.new_id("call")
    kept = msgspec.structs.replace(item, **changes)
    if not isinstance(kept, wire.MessageItem):
        return StoredItem(kept)
    if kept.role not in _ALLOWED:
        roles = ", ".join(f"'{name}'" for name in _ALLOWED)
        raise refusal(f"Invalid value: '{kept.role[:40]}'. Supported values are: {roles}.", f"{param}.role")
    parts: list[wire.ContentPart] = []
    sound: Pcm | None = None
    for index, part in enumerate(kept.content):
        checked = _part(kept.role, part, f"{param}.content[{index}]")
        if checked.is_audio and checked.audio is not None:
            sound = _sound(state, checked.audio, f"{param}.content[{index}].audio")
            checked = msgspec.structs.replace(checked, audio=None)
        parts.append(checked)
    return StoredItem(msgspec.structs.replace(kept, content=parts), user_sound=sound)


def _part(role: str, part: wire.ContentPart, where: str) -> wire.ContentPart:
    kind = _OLD_NAMES.get((role, part.type), part.type)
    kind = "input_text" if kind == "text" else kind
    if role == "assistant" and kind in ("output_audio", "audio"):
        # docs/protocol.md 7: what the assistant said can be restored as text only.
        message = "Assistant audio cannot be created by a client: send its transcript as 'output_text'."
        raise refusal(message, f"{where}.type")
    if kind not in _ALLOWED[role]:
        allowed = ", ".join(f"'{name}'" for name in _ALLOWED[role])
        message = f"Invalid value: '{part.type}'. A {role} message has content of type: {allowed}."
        raise refusal(message, f"{where}.type")
    needed = f"{where}.{_FIELDS[kind][0]}"
    if getattr(part, _FIELDS[kind][0]) is None:
        raise refusal(f"Missing required parameter: '{needed}'.", needed, "missing_required_parameter")
    # Fields of other kinds of part are dropped: an echo of them would be an invalid part.
    part_class = AudioPart if kind == "input_audio" else wire.ContentPart
    return part_class(type=kind, **{name: getattr(part, name) for name in _FIELDS[kind]})


def _sound(state: SharedState, audio: str, where: str) -> Pcm:
    try:
        return InputDecoder(state.audio_input["format"]).decode(audio)
    except ValueError as error:
        raise refusal(f"Invalid '{where}': {error}.", where) from None


def _missing(doing: str, item_id: str, code: str) -> wire.WireError:
    return refusal(f"Error {doing} item: the item with id '{item_id}' does not exist.", "item_id", code)
