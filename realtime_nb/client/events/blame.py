"""Which client event an error is about, where the server does not say.

Owns the reading of an error's code and param. Must not know who waits for what, or sockets. Some servers, and the
service now and then, leave `error.event_id` null; what such an error is about shows in its other fields, or not at all.
"""

from __future__ import annotations

import re

from realtime_nb.wire.realtime import ErrorDetail

__all__ = ["kinds_blamed"]

_BY_CODE = {
    "conversation_already_has_active_response": "response.create",
    "response_cancel_not_active": "response.cancel",
}
_BY_CODES_BEGINNING = {
    "input_audio_buffer_commit_": "input_audio_buffer.commit",
    "item_create_": "conversation.item.create",
    "item_delete_": "conversation.item.delete",
    "item_retrieve_": "conversation.item.retrieve",
    "item_truncate_": "conversation.item.truncate",
}
_BY_PARAM = {
    "session": ("session.update",),
    "response": ("response.create",),
    "response_id": ("response.cancel",),
    "item": ("conversation.item.create",),
    "previous_item_id": ("conversation.item.create",),
    "audio_end_ms": ("conversation.item.truncate",),
    "content_index": ("conversation.item.truncate",),
    "item_id": ("conversation.item.delete", "conversation.item.retrieve", "conversation.item.truncate"),
}


def kinds_blamed(detail: ErrorDetail) -> tuple[str, ...]:
    """The types of client events that an error without an `event_id` may be about; empty where nothing tells."""
    code = detail.code or ""
    if code in _BY_CODE:
        return (_BY_CODE[code],)
    for beginning, kind in _BY_CODES_BEGINNING.items():
        if code.startswith(beginning):
            return (kind,)
    return _BY_PARAM.get(re.split(r"[.\[]", detail.param or "", maxsplit=1)[0], ())
