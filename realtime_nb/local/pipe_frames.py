"""Frame messages on a pipe: four bytes of length, then msgpack.

Owns the framing between the server and its recognition process. Must not know the contents of messages.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Any, BinaryIO

import msgspec

_LENGTH = struct.Struct("<I")


def pack(message: dict[str, Any]) -> bytes:
    """Return the bytes of a message."""
    body = msgspec.msgpack.encode(message)
    return _LENGTH.pack(len(body)) + body


def read(stream: BinaryIO) -> dict[str, Any] | None:
    """Return the next message, or None when the other end is gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    body = stream.read(_LENGTH.unpack(head)[0])
    return _decoded(body) if len(body) == _LENGTH.unpack(head)[0] else None


async def read_async(stream: asyncio.StreamReader) -> dict[str, Any] | None:
    """Return the next message, or None when the other end is gone."""
    try:
        (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
        return _decoded(await stream.readexactly(length))
    except asyncio.IncompleteReadError:
        return None


def _decoded(body: bytes) -> dict[str, Any]:
    message: dict[str, Any] = msgspec.msgpack.decode(body, type=dict[str, Any])
    return message
