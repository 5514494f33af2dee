"""A conversation of thousands of turns: what a delta costs at its end, beside its beginning, and what a turn keeps.

A `RealtimeSession` on a transport without a socket: events are decoded, reduced and published, as they are in a
notebook. Owns that transport and its script of turns. Must not know websockets, or other clients.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import itertools
import json
import statistics
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from realtime_nb.client.connection import RealtimeConnection
from realtime_nb.client.session import RealtimeSession
from realtime_nb.client.transport.base import TransportClosed
from tests.bench.frames import CREATED
from tests.bench.memory import measurable, resident_kb
from tests.bench.table import Line

_EARLY, _LATE = 10, 3000
_MEASURED = 20
"""Turns of each: enough of them for a median."""
_DELTAS = 200
_KINDS = {"audio": "a sound delta", "text": "a text delta", "rest": "all else in a turn"}
_PCM = base64.b64encode(bytes(3072)).decode()


class _Script:
    """A connector and its transport: gives what it was fed, and says when that is read."""

    carries_audio = False

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque([CREATED])
        self._news = asyncio.Event()
        self._read = asyncio.Event()
        self._over = False
        self._ids = itertools.count()

    async def connect(self) -> _Script:
        return self

    def describe(self) -> str:
        return "a script"

    async def send(self, frame: bytes | str) -> None:
        event = json.loads(frame)
        if event["type"] == "session.update":
            self._put({"type": "session.updated", "session": {"type": "realtime", "model": "m"}})

    async def recv(self) -> bytes:
        while not self._frames:
            if self._over:
                raise TransportClosed(1000, "over")
            self._read.set()
            self._news.clear()
            await self._news.wait()
        return self._frames.popleft()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._over = True
        self._news.set()

    def _put(self, event: dict[str, Any]) -> None:
        self._frames.append(json.dumps({"event_id": f"event_{next(self._ids)}", **event}).encode())
        self._news.set()

    async def cpu_us(self, events: list[dict[str, Any]]) -> float:
        """Microseconds of CPU until all these events are read, each."""
        for event in events:
            self._put(event)
        self._read.clear()
        started = time.process_time()
        await self._read.wait()
        return (time.process_time() - started) / max(len(events), 1) * 1e6


class _Talk:
    """A session on a script, and how many turns it has had."""

    def __init__(self) -> None:
        self.script = _Script()
        self.connection = RealtimeConnection(self.script)
        self.turns = 0
        self.spent: dict[str, list[float]] = {kind: [] for kind in _KINDS}

    async def __aenter__(self) -> _Talk:
        await self.connection
        self.session = await RealtimeSession(self.connection).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert len(self.session.conversation.turns) == 2 * self.turns
        await self.session.close()
        await self.connection.close()

    async def go_on(self, turns: int) -> None:
        """So many turns more, short ones."""
        for _ in range(turns):
            await self.turn(4)

    async def measured(self) -> None:
        """One turn more, whose cost is kept."""
        gc.collect()
        for kind, cost in (await self.turn(_DELTAS)).items():
            self.spent[kind].append(cost)

    async def turn(self, deltas: int) -> dict[str, float]:
        """One turn more; what its events cost."""
        self.turns += 1
        return await _turn(self.script, self.turns, deltas)


def lines() -> Iterator[Line]:
    """Yield a line for each kind of event, and one for memory."""
    asyncio.run(_measure(30))  # the interpreter and the allocator warm up
    young, old, kept_kb = asyncio.run(_measure(_LATE))
    for kind, label in _KINDS.items():
        early, late = (statistics.median(talk.spent[kind]) for talk in (young, old))
        yield Line(
            f"{label}, turn {_LATE}",
            f"{late:.1f} us",
            f"turn {_EARLY}: {early:.1f} us",
            f"{late / early:.2f}",
            "1 (flat)" if kind != "rest" else "",
        )
    yield Line(
        "memory a turn keeps, without sound", f"{kept_kb:.1f} KB" if measurable() else "not measured: needs Linux"
    )


async def _measure(late: int) -> tuple[_Talk, _Talk, float]:
    """A talk that has just begun and one that has lasted, measured in turns: a slow moment of the machine is both's."""
    async with _Talk() as young, _Talk() as old:
        await young.go_on(_EARLY)
        await old.go_on(_EARLY)
        before = resident_kb() if measurable() else 0.0
        await old.go_on(late - _EARLY)
        kept = (resident_kb() - before) / (late - _EARLY) if measurable() else 0.0
        for _ in range(_MEASURED):
            await young.measured()
            await old.measured()
    return young, old, kept


async def _turn(script: _Script, number: int, deltas: int) -> dict[str, float]:
    """A typed question and its answer, spoken (with sound only where it is measured)."""
    asked, answered, response = f"item_u{number}", f"item_a{number}", f"resp_{number}"
    ids = {"response_id": response, "item_id": answered, "output_index": 0, "content_index": 0}
    question: dict[str, Any] = {"type": "message", "role": "user", "status": "completed", "id": asked}
    question |= {"content": [{"type": "input_text", "text": "And what comes after that?"}]}
    answer: dict[str, Any] = {"type": "message", "role": "assistant", "id": answered, "content": []}
    running = {"id": response, "object": "realtime.response", "status": "in_progress", "output": []}
    text = " word" * deltas
    whole = answer | {"status": "completed", "content": [{"type": "output_audio", "transcript": text}]}
    before: list[dict[str, Any]] = [
        {"type": "conversation.item.added", "item": question, "previous_item_id": f"item_a{number - 1}"},
        {"type": "conversation.item.done", "item": question, "previous_item_id": f"item_a{number - 1}"},
        {"type": "response.created", "response": running},
        {
            "type": "response.output_item.added",
            "item": answer | {"status": "in_progress"},
            **_only(ids, "content_index"),
        },
        {"type": "conversation.item.added", "item": answer | {"status": "in_progress"}, "previous_item_id": asked},
        {"type": "response.content_part.added", "part": {"type": "audio", "transcript": ""}, **ids},
    ]
    after: list[dict[str, Any]] = [
        {"type": "response.output_audio.done", **ids},
        {"type": "response.output_audio_transcript.done", "transcript": text, **ids},
        {"type": "response.content_part.done", "part": {"type": "audio", "transcript": text}, **ids},
        {"type": "conversation.item.done", "item": whole, "previous_item_id": asked},
        {"type": "response.output_item.done", "item": whole, **_only(ids, "content_index")},
        {"type": "response.done", "response": running | {"status": "completed", "output": [whole]}},
    ]
    sound = [{"type": "response.output_audio.delta", "delta": _PCM, **ids}] * (deltas if deltas == _DELTAS else 0)
    words = [{"type": "response.output_audio_transcript.delta", "delta": " word", **ids}] * deltas
    first = await script.cpu_us(before)
    taken = {"audio": await script.cpu_us(sound) if sound else 0.0, "text": await script.cpu_us(words)}
    last = await script.cpu_us(after)
    return taken | {"rest": first * len(before) + last * len(after)}


def _only(ids: dict[str, Any], without: str) -> dict[str, Any]:
    return {name: value for name, value in ids.items() if name not in (without, "item_id")}
