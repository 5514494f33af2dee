"""The server's events as frames, and the websocket frames around them. Owns bytes; must not know sockets."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

AUDIO_SIZES = (4, 16, 64)
"""KB of base64 in a delta: the service cuts them at 4; other servers send more at a time."""
PACED_S = 3072 / 48_000
"""How long a 4 KB delta sounds: at real-time pace the next one comes after it."""
CREATED = json.dumps(
    {
        "type": "session.created",
        "event_id": "event_0",
        "session": {"type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "m"},
    }
).encode()
UPDATED = CREATED.replace(b"session.created", b"session.updated")
DONE = json.dumps(
    {
        "type": "response.done",
        "event_id": "event_done",
        "response": {
            "id": "resp_0123456789abcdef",
            "object": "realtime.response",
            "status": "completed",
            "output": [],
        },
    }
).encode()
_IDS = {
    "response_id": "resp_0123456789abcdef",
    "item_id": "item_0123456789abcdef",
    "output_index": 0,
    "content_index": 0,
}


def delta(kind: str, number: int = 0) -> bytes:
    """One delta: `text` is a word, `audio-16` is 16 KB of base64. `number` is in its event id, 20 digits long."""
    event: dict[str, Any]
    if kind == "text":
        event = {"type": "response.output_text.delta", **_IDS, "delta": " hello"}
    else:
        sound = os.urandom(int(kind.removeprefix("audio-")) * 768)
        event = {"type": "response.output_audio.delta", **_IDS, "delta": base64.b64encode(sound).decode()}
    return json.dumps({"event_id": f"event_{number:020d}", **event}).encode()


def websocket_frame(payload: bytes, opcode: int = 1) -> bytes:
    """A server's whole frame, which is not masked (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, size))
    elif size < 65536:
        head = bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big")
    return head + payload
