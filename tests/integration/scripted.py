"""Scripts of whole conversations, made of the steps of `realtime_nb.testing`.

Owns the steps that the tests of sessions share, a session connected to such a script over a real websocket, and a
player that reports the samples that the test sets. Every event that a session sends is validated with the official
SDK's types.
"""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from realtime_nb import backends
from realtime_nb.client.session import RealtimeSession
from realtime_nb.client.turns.audio_sink import PlayedItem
from realtime_nb.testing import Script, ScriptedServer, Step, expect, never, run, send
from tests.sdk_validator import check_client

VAD = {"type": "server_vad", "threshold": 0.5, "create_response": True, "interrupt_response": True}


def created(turn_detection: Any = None, **session: Any) -> Step:
    audio = {"input": {"turn_detection": turn_detection}}
    return send("session.created", session={"type": "realtime", "audio": audio, **session})


def updated(script: Script) -> dict[str, Any]:
    return {"type": "session.updated", "session": script.last["session"]}


def item_added(script: Script) -> list[dict[str, Any]]:
    item = {"status": "completed", **script.last["item"]}
    return [{"type": f"conversation.item.{kind}", "item": item} for kind in ("added", "done")]


def begins(response_id: str, *, ours: bool = True, conversation_id: str | None = "conv_1") -> Step:
    def make(script: Script) -> dict[str, Any]:
        metadata = (script.last.get("response") or {}).get("metadata") if ours else None
        response: dict[str, Any] = {"id": response_id, "status": "in_progress", "output": [], "metadata": metadata}
        return {"type": "response.created", "response": {**response, "conversation_id": conversation_id}}

    return send(make)


def says(response_id: str, item_id: str, text: str, *, audio_samples: int = 0) -> Step:
    """Return the events of a message, from its item to its last delta."""
    where = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
    item = {"type": "message", "id": item_id, "role": "assistant", "status": "in_progress", "content": []}
    events: list[dict[str, Any]] = [
        {"type": "response.output_item.added", "response_id": response_id, "output_index": 0, "item": item},
        {"type": "conversation.item.added", "item": item},
    ]
    if audio_samples:
        pcm = base64.b64encode(bytes(2 * audio_samples)).decode()
        events += [
            {"type": "response.output_audio_transcript.delta", **where, "delta": text},
            {"type": "response.output_audio.delta", **where, "delta": pcm},
        ]
    else:
        events += [{"type": "response.output_text.delta", **where, "delta": text}]
    return send(lambda script: events)


def calls(response_id: str, *wanted: tuple[str, str, str], status: str = "completed") -> Step:
    """Return the events of function calls, given as (id, name, arguments)."""
    items = [
        {
            "type": "function_call",
            "id": f"item_{call_id}",
            "call_id": call_id,
            "name": name,
            "arguments": arguments,
            "status": status,
        }
        for call_id, name, arguments in wanted
    ]
    return send(
        lambda script: [
            {"type": "response.output_item.done", "response_id": response_id, "output_index": index, "item": item}
            for index, item in enumerate(items)
        ]
    )


def ends(response_id: str, *, text: str = "", item_id: str = "", status: str = "completed", **more: Any) -> Step:
    output: list[dict[str, Any]] = []
    if item_id:
        content = [{"type": "output_text", "text": text}]
        output = [{"type": "message", "id": item_id, "role": "assistant", "status": "completed", "content": content}]
    response = {"id": response_id, "status": status, "output": output, "conversation_id": "conv_1", **more}
    return send("response.done", response=response)


def answers(response_id: str, item_id: str, text: str) -> list[Step]:
    """Return the steps of a whole response to the `response.create` that was expected last."""
    return [begins(response_id), says(response_id, item_id, text), ends(response_id, text=text, item_id=item_id)]


def refuses(code: str | None, message: str = "no", *, param: str | None = None, named: bool = True) -> Step:
    """Return an error to the last expected event; `named=False` leaves `event_id` null (docs/protocol.md 19)."""

    def make(script: Script) -> dict[str, Any]:
        event_id = script.last.get("event_id") if named else None
        error = {"type": "invalid_request_error", "code": code, "message": message, "param": param}
        return {"type": "error", "error": {**error, "event_id": event_id}}

    return send(make)


TYPED: list[Step] = [expect("conversation.item.create"), send(item_added), expect("response.create")]


@asynccontextmanager
async def session_with(
    *steps: Step, config: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[tuple[RealtimeSession, ScriptedServer]]:
    begin = [] if steps and getattr(steps[0], "first", False) else [created()]
    async with ScriptedServer([*begin, *steps, never()]) as server, backends.connect(url=server.url) as conn:
        session = RealtimeSession(conn, config, **options)
        try:
            yield session, server
        finally:
            await session.close()
    for event in server.received:
        check_client(event)


def first(step: Step) -> Step:
    """Mark a step that sends `session.created` itself."""
    step.first = True  # type: ignore[attr-defined]
    return step


class Player:
    """A sink whose player reports the samples that the test sets."""

    def __init__(self) -> None:
        self.written: list[tuple[int, str, int, int]] = []
        self.finished: list[tuple[int, str, int]] = []
        self.flushes: list[int] = []
        self.plays = True
        self.heard: dict[str, int] = {}
        self.playing = False
        self.silent = asyncio.Event()

    def write(self, epoch: int, item_id: str, content_index: int, start_sample: int, pcm: bytes) -> None:
        self.written.append((epoch, item_id, start_sample, len(pcm) // 2))
        self.playing = True

    def done(self, epoch: int, item_id: str, content_index: int, samples: int) -> None:
        self.finished.append((epoch, item_id, samples))

    async def flush(self, epoch: int) -> list[PlayedItem]:
        self.flushes.append(epoch)
        self.playing = False
        self.silent.set()
        return [PlayedItem(item_id, 0, samples) for item_id, samples in self.heard.items()]

    async def drained(self) -> None:
        return None


def gate() -> tuple[Step, Callable[[], None]]:
    """A step of a script that waits for the test."""
    opened = threading.Event()

    async def step(script: Script) -> None:
        await asyncio.to_thread(opened.wait, 5)

    return run(step), opened.set
