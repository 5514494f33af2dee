"""What a client event must look like before it leaves.

Owns the local check of client events and configuration: one unknown field makes the service refuse a whole
`session.update`, so it is found here, with the nearest name. Must not know sockets.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping
from typing import Any

import msgspec

from realtime_nb.errors import ConfigError
from realtime_nb.wire.realtime import CLIENT_TYPES, check, nearest

__all__ = ["EventIds", "as_client_event", "keep_voice", "sound_bytes"]


class EventIds:
    """Ids for client events: unique in all connections, and cheap."""

    def __init__(self) -> None:
        self._prefix = f"evt_{secrets.token_hex(6)}_"
        self._counter = itertools.count(1)

    def __call__(self) -> str:
        """Another id."""
        return f"{self._prefix}{next(self._counter)}"


def as_client_event(event: Any, *, extra: Mapping[str, Any] | None = None, strict: bool = True) -> dict[str, Any]:
    """A client event as the dict that travels.

    Args:
        event: a struct of `wire.realtime`, or a dict with a `type`.
        extra: fields of `session` or `response` that this version does not know; passed on unchecked.
        strict: False passes an event on as it is, of whatever type.

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


def keep_voice(session: dict[str, Any], effective: Any) -> None:
    """Hold a `session.update` to the voice that has spoken: the same one is taken out of it.

    Raises:
        ConfigError: another voice, which the service would answer with `cannot_update_voice`.
    """
    output = (session.get("audio") or {}).get("output") or {}
    if "voice" not in output:
        return
    known = msgspec.to_builtins(effective)
    current = ((known.get("audio") or {}).get("output") or {}).get("voice")
    if output["voice"] != current:
        raise ConfigError(
            f"voice={output['voice']!r}: the service fixes the voice once it has spoken (it is {current!r} now). Open "
            "another connection; or let an rt.RealtimeSession go on in a new one by itself, with the conversation."
        )
    session["audio"] = {**session["audio"], "output": {k: v for k, v in output.items() if k != "voice"}}


def sound_bytes(audio: Any, *, pcm16: bool) -> memoryview:
    """Sound as the bytes that travel, without a copy.

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
