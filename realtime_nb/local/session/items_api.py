"""The conversation's items, as clients create, delete, retrieve and truncate them.

Owns what a client may put into the conversation and the refusals. Must not know responses or sockets.
"""

from __future__ import annotations

import msgspec

from realtime_nb.local.session.input_audio import InputDecoder, ms_of
from realtime_nb.local.session.items import StoredItem
from realtime_nb.local.session.state import Core
from realtime_nb.local.session.turn_detection import samples_of
from realtime_nb.local.voice.protocols import Pcm
from realtime_nb.wire.realtime import (
    ContentPart,
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemDeleted,
    ConversationItemRetrieve,
    ConversationItemRetrieved,
    ConversationItemTruncate,
    ConversationItemTruncated,
    FunctionCallItem,
    Item,
    MessageItem,
    WireError,
)

__all__ = ["Memory"]

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


class Memory:
    """The items of a session, from the client's side."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def create(self, event: ConversationItemCreate) -> None:
        """Add an item where the client wants it.

        Raises:
            WireError: an id that is taken, an unknown `previous_item_id`, or content that this role cannot have.
        """
        stored = self.stored(event.item, "item")
        if event.item.id and self._core.items.get(event.item.id) is not None:
            raise _refusal(f"The item id '{event.item.id}' already exists.", "item.id", "item_already_exists")
        after = event.previous_item_id or None
        try:
            self._core.add_item(stored, after if isinstance(after, str) else None)
        except KeyError:
            raise _refusal(
                f"Error creating item: the previous item with id '{after}' does not exist.",
                "previous_item_id",
                "item_create_invalid_previous_item_id",
            ) from None
        if stored.user_sound is not None:
            self._core.listen(stored)

    def delete(self, event: ConversationItemDelete) -> None:
        """Remove an item."""
        if not self._core.items.remove(event.item_id):
            raise _missing("deleting", event.item_id, "item_delete_invalid_item_id")
        self._core.emit(ConversationItemDeleted(item_id=event.item_id))

    def retrieve(self, event: ConversationItemRetrieve) -> None:
        """Answer with an item and its sound."""
        stored = self._core.items.get(event.item_id)
        if stored is None:
            raise _missing("retrieving", event.item_id, "item_retrieve_invalid_item_id")
        self._core.emit(ConversationItemRetrieved(item=stored.retrieved()))

    def truncate(self, event: ConversationItemTruncate) -> None:
        """Cut an assistant's sound at what was heard, and forget its transcript: nobody can say which words remain."""
        stored = self._core.items.get(event.item_id)
        if stored is None:
            raise _missing("truncating", event.item_id, "item_truncate_invalid_item_id")
        item = stored.item
        if not isinstance(item, MessageItem) or item.role != "assistant":
            raise _refusal("Only assistant messages can be truncated.", "item_id", "invalid_value")
        if stored.spoken is None:
            raise _refusal("Only audio content can be truncated.", "content_index", "unsupported_content_type")
        if event.content_index != 0:
            raise _refusal(f"The item has no content part {event.content_index}.", "content_index", "invalid_value")
        if event.audio_end_ms < 0:
            raise _refusal("'audio_end_ms' must not be negative.", "audio_end_ms", "invalid_value")
        duration_ms = ms_of(stored.spoken.samples)
        if event.audio_end_ms > duration_ms:
            raise _refusal(
                f"Audio content of {duration_ms}ms is already shorter than {event.audio_end_ms}ms",
                "audio_end_ms",
                "invalid_value",
            )
        stored.truncate(samples_of(event.audio_end_ms))
        self._core.emit(
            ConversationItemTruncated(
                item_id=event.item_id, content_index=event.content_index, audio_end_ms=event.audio_end_ms
            )
        )

    def stored(self, item: Item, param: str) -> StoredItem:
        """Return a client's item as the server keeps it; ids and states filled in, sound taken out.

        Raises:
            WireError: content that this role cannot have; `param` is where the item stands in the event.
        """
        changes: dict[str, str] = {} if item.id else {"id": self._core.new_id("item")}
        if item.type not in _WITHOUT_STATUS:
            changes |= {"object": "realtime.item", "status": item.status or "completed"}
        if isinstance(item, FunctionCallItem) and not item.call_id:
            changes["call_id"] = self._core.new_id("call")
        kept = msgspec.structs.replace(item, **changes)
        if not isinstance(kept, MessageItem):
            return StoredItem(kept)
        if kept.role not in _ALLOWED:
            roles = ", ".join(f"'{name}'" for name in _ALLOWED)
            raise _refusal(
                f"Invalid value: '{kept.role[:40]}'. Supported values are: {roles}.", f"{param}.role", "invalid_value"
            )
        parts: list[ContentPart] = []
        sound: Pcm | None = None
        for index, part in enumerate(kept.content):
            checked = self._part(kept.role, part, f"{param}.content[{index}]")
            if checked.is_audio and checked.audio is not None:
                sound = self._sound(checked.audio, f"{param}.content[{index}].audio")
                checked = msgspec.structs.replace(checked, audio=None)
            parts.append(checked)
        return StoredItem(msgspec.structs.replace(kept, content=parts), user_sound=sound)

    @staticmethod
    def _part(role: str, part: ContentPart, where: str) -> ContentPart:
        kind = _OLD_NAMES.get((role, part.type), part.type)
        kind = "input_text" if kind == "text" else kind
        if role == "assistant" and kind in ("output_audio", "audio"):
            raise _refusal(
                "Assistant audio cannot be created by a client: send its transcript as 'output_text'.",
                f"{where}.type",
                "invalid_value",
            )
        if kind not in _ALLOWED[role]:
            allowed = ", ".join(f"'{name}'" for name in _ALLOWED[role])
            raise _refusal(
                f"Invalid value: '{part.type}'. A {role} message has content of type: {allowed}.",
                f"{where}.type",
                "invalid_value",
            )
        needed = _FIELDS[kind][0]
        if getattr(part, needed) is None:
            raise _refusal(
                f"Missing required parameter: '{where}.{needed}'.", f"{where}.{needed}", "missing_required_parameter"
            )
        # What does not belong to this kind of part is dropped: an echo of it would be no part that anybody knows.
        return ContentPart(type=kind, **{name: getattr(part, name) for name in _FIELDS[kind]})

    def _sound(self, audio: str, where: str) -> Pcm:
        try:
            return InputDecoder(self._core.audio_input["format"]).decode(audio)
        except ValueError as error:
            raise _refusal(f"Invalid '{where}': {error}.", where, "invalid_value") from None


def _refusal(message: str, param: str, code: str) -> WireError:
    return WireError(message, code=code, param=param)


def _missing(doing: str, item_id: str, code: str) -> WireError:
    return _refusal(f"Error {doing} item: the item with id '{item_id}' does not exist.", "item_id", code)
