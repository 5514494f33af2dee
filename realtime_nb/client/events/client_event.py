"""Check client events before they are sent, and make the ids that they carry.

Owns the local check of client events: one unknown field makes the service refuse a whole `session.update`
(docs/protocol.md 2), so it raises here, with the nearest known name. Must not know sockets.
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from realtime_nb.errors import ConfigError
from realtime_nb.wire.realtime import CLIENT_TYPES, check, nearest

EVENT_ID = re.compile(r"evt_[0-9a-f]{12}_\d+")
"""The ids that `event_ids` makes."""


def event_ids() -> Callable[[], str]:
    """Return a function that makes ids for client events, unique across all connections."""
    prefix = f"evt_{secrets.token_hex(6)}_"
    # Without a frame of Python: every microphone frame takes one.
    return map((prefix + "{}").format, itertools.count(1)).__next__


def as_client_event(event: Any, *, extra: Mapping[str, Any] | None = None, strict: bool = True) -> dict[str, Any]:
    """Check a client event, and return it as the dict to encode.

    Args:
        event: a struct of `wire.realtime`, or a dict with a `type`.
        extra: fields of `session` or `response` that this version does not know; passed on unchecked.
        strict: False passes an event of any type on unchecked.

    Raises:
        ConfigError: an unknown type or field (with the nearest known one), or a value out of range.
    """
    try:
        raw = msgspec.to_builtins(event)
    except TypeError as error:
        raise ConfigError(f"an event must be made of JSON values: {error}") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
        raise ConfigError(f"an event is a dict with a 'type', or one of the event structs; not {type(event).__name__}")
    if strict:
        known = CLIENT_TYPES.get(raw["type"])
        if known is None:
            raise ConfigError(f"{raw['type']!r} is not a client event.{nearest(raw['type'], list(CLIENT_TYPES))}")
        problem = check(raw, known)
        if problem is not None:
            raise ConfigError(problem.message)
    if extra:
        raw.setdefault("session" if raw["type"] == "session.update" else "response", {}).update(
            msgspec.to_builtins(dict(extra))
        )
    return raw


def item_id_for(event_id: str) -> str:
    """The id of the item that a `conversation.item.create` with this event id creates."""
    return f"item_{event_id.removeprefix('evt_')}"


def sound_bytes(audio: Any, *, pcm16: bool) -> memoryview:
    """Return the bytes of a sound for `input_audio_buffer.append`, without a copy.

    Args:
        audio: bytes in the session's input format, or an int16 array at 24 kHz.
        pcm16: whether that format is PCM16; otherwise a byte is a sample (G.711).

    Raises:
        AudioError: empty, half a sample, or an array that is not int16.
    """
    if isinstance(audio, bytes | bytearray | memoryview):
        view = memoryview(audio).cast("B")
        if view and not (pcm16 and len(view) % 2):
            return view
    from realtime_nb.audio.pcm import as_pcm16  # numpy: a third of what importing a connection would cost

    return memoryview(as_pcm16(audio).data).cast("B")
