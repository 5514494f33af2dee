"""A server that sends the same deltas to whoever asks, in a process of its own, so that its work is not measured.

Owns the frames. Must not know who is measured.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys

from websockets.asyncio.server import ServerConnection, serve

IDS = {
    "response_id": "resp_0123456789abcdef",
    "item_id": "item_0123456789abcdef",
    "output_index": 0,
    "content_index": 0,
}
SOUND = os.urandom(3072)  # 4 KB of base64, as the service cuts its deltas
CREATED = {
    "type": "session.created",
    "event_id": "event_0",
    "session": {"type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "m"},
}


def frame(kind: str, number: int = 0) -> bytes:
    """Return one server frame: an audio delta of 4 KB, or a text delta of a word."""
    if kind == "audio":
        event = {"type": "response.output_audio.delta", **IDS, "delta": base64.b64encode(SOUND).decode()}
    else:
        event = {"type": "response.output_text.delta", **IDS, "delta": " hello"}
    return json.dumps({"event_id": f"event_{number:020d}", **event}).encode()


async def _answer(socket: ServerConnection) -> None:
    await socket.send(json.dumps(CREATED))
    async for message in socket:
        event = json.loads(message)
        if event["type"] == "response.create":
            metadata = event["response"]["metadata"]
            text = frame(metadata["kind"]).decode()
            for _ in range(int(metadata["count"])):
                await socket.send(text)
            done = {"id": "resp_0123456789abcdef", "object": "realtime.response", "status": "completed", "output": []}
            await socket.send(json.dumps({"type": "response.done", "event_id": "event_done", "response": done}))


async def main() -> None:
    """Listen on a free port, print it, and serve until standard input ends."""
    async with serve(_answer, "127.0.0.1", 0, compression=None, max_size=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
