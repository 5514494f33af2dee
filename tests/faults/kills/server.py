"""A Realtime server whose answers name the question that they answer, and which notes what a client does wrong.

Owns the sessions' items, responses and tool calls. The question of a response is the last item that is not the
assistant's at the moment of its `response.create`. Must not know sockets, the client, or when a connection is killed.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Event = dict[str, Any]


@dataclass(frozen=True)
class Dialect:
    """How a server differs from the usual one.

    Attributes:
        refuses_ids: an item with an id of the client's is refused.
        echoes_items: an item of the client's is acknowledged.
        echoes_metadata: a response repeats the metadata of its request.
        repeats_ids: each session counts its ids from 1 again.
    """

    refuses_ids: bool = False
    echoes_items: bool = True
    echoes_metadata: bool = True
    repeats_ids: bool = False


DIALECTS = {
    "usual": Dialect(),
    "refuses ids": Dialect(refuses_ids=True),
    "no echo": Dialect(echoes_items=False),
    "no metadata": Dialect(echoes_metadata=False),
    "repeats ids": Dialect(repeats_ids=True),
    "bare": Dialect(echoes_items=False, echoes_metadata=False, repeats_ids=True),
}


def sound_of(number: int) -> npt.NDArray[np.int16]:
    """A recording by which the server recognises the number of a question."""
    return np.full(4800, number + 1, np.int16)


@dataclass
class KillServer:
    """All sessions of one conversation.

    Attributes:
        pace_s: the pause between two events of a response.
        wrong: what the client did wrong, in words.
        sessions: the sessions so far; the last one has the whole conversation.
    """

    dialect: Dialect
    chance: random.Random
    pace_s: float = 0.01
    wrong: list[str] = field(default_factory=list)
    sessions: list[Served] = field(default_factory=list)
    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def serve(self, put: Callable[[Event], None]) -> Served:
        """Begin a session that sends its events by `put`."""
        served = Served(self, put)
        self.sessions.append(served)
        return served


class Served:
    """One session: items, input buffer and the response that runs."""

    def __init__(self, server: KillServer, put: Callable[[Event], None]) -> None:
        self._server = server
        self._dialect = server.dialect
        self._send = put
        self._ids = itertools.count(1) if self._dialect.repeats_ids else server.ids
        self._sound = b""
        self._just_refused = False
        self._running: tuple[str, asyncio.Task[None]] | None = None
        self._session: Event = {
            "type": "realtime",
            "id": f"sess_{next(server.ids)}",
            "model": "gpt-realtime-2",
            "output_modalities": ["text"],
            "audio": {
                "input": {"format": {"type": "audio/pcm", "rate": 24000}, "turn_detection": None},
                "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"},
            },
            "tools": [],
            "tool_choice": "auto",
        }
        self.items: list[Event] = []
        self._put({"type": "session.created", "session": self._session})

    def end(self) -> None:
        """Stop the response: the connection is gone."""
        if self._running is not None:
            self._running[1].cancel()

    def _put(self, event: Event) -> None:
        self._send({"event_id": f"event_{next(self._server.ids)}", **event})

    def _new_id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._ids)}"

    # What a client sends

    def receive(self, frame: str | bytes) -> None:
        """Handle one client event."""
        event = json.loads(frame)
        self._just_refused = self._just_refused and event["type"] == "response.create"
        match event["type"]:
            case "session.update":
                self._session = {**self._session, **event["session"], "id": self._session["id"]}
                self._put({"type": "session.updated", "session": self._session})
            case "conversation.item.create":
                self._create(event)
            case "conversation.item.delete":
                self.items = [item for item in self.items if item["id"] != event["item_id"]]
                self._put({"type": "conversation.item.deleted", "item_id": event["item_id"]})
            case "input_audio_buffer.append":
                self._sound += base64.b64decode(event["audio"])
            case "input_audio_buffer.clear":
                self._sound = b""
                self._put({"type": "input_audio_buffer.cleared"})
            case "input_audio_buffer.commit":
                self._commit(event)
            case "response.create":
                self._respond(event)
            case "response.cancel":
                self._cancel(event)

    def _refuse(self, event: Event, code: str, message: str, param: str | None = None) -> None:
        detail = {"type": "invalid_request_error", "code": code, "message": message, "param": param}
        self._put({"type": "error", "error": {**detail, "event_id": event.get("event_id")}})

    def _create(self, event: Event) -> None:
        item = dict(event["item"])
        if item.get("id") and self._dialect.refuses_ids:
            self._just_refused = True
            self._refuse(event, "invalid_item_id", "Item ids are made by the server.", "item.id")
            return
        if any(item.get("id") == known["id"] for known in self.items):
            self._server.wrong.append(f"{item['id']} was created twice in one session")
            self._refuse(event, "item_already_exists", f"The item id '{item['id']}' already exists.", "item.id")
            return
        item["id"] = item.get("id") or self._new_id("item")
        self._add({"status": "completed", **item}, echo=self._dialect.echoes_items)

    def _add(self, item: Event, *, echo: bool = True) -> str | None:
        previous = self.items[-1]["id"] if self.items else None
        self.items.append(item)
        if echo:
            for kind in ("conversation.item.added", "conversation.item.done"):
                self._put({"type": kind, "previous_item_id": previous, "item": item})
        return previous

    def _commit(self, event: Event) -> None:
        if not self._sound:
            self._refuse(event, "input_audio_buffer_commit_empty", "The input audio buffer is empty.")
            return
        sound, self._sound = self._sound, b""
        if len(sound) != sound_of(0).nbytes:
            self._server.wrong.append(f"a recording of {len(sound)} bytes was committed")
        content = {"type": "input_audio", "transcript": None}
        item = {"id": self._new_id("item"), "type": "message", "role": "user", "status": "completed"}
        previous = self.items[-1]["id"] if self.items else None
        self._put({"type": "input_audio_buffer.committed", "item_id": item["id"], "previous_item_id": previous})
        self._add({**item, "content": [content]})
        self.items[-1] = {**item, "content": [{**content, "audio": base64.b64encode(sound).decode()}]}
        if self._server.chance.random() < 0.5:
            self._put(
                {
                    "type": "conversation.item.input_audio_transcription.completed",
                    "item_id": item["id"],
                    "content_index": 0,
                    "transcript": f"Question {number_of(self.items[-1])}.",
                }
            )

    # What it answers

    def _respond(self, event: Event) -> None:
        if self._running is not None:
            message = f"Conversation already has an active response in progress: {self._running[0]}."
            self._refuse(event, "conversation_already_has_active_response", message)
            return
        problem = self._problem()
        if problem is not None and not self._just_refused:  # a client cannot know yet that its question was refused
            said = ", ".join(f"{item.get('role') or item['type']} {number_of(item)}" for item in self.items[-6:])
            self._server.wrong.append(f"a response was asked for {problem}: {said or 'no items'}")
        response_id = self._new_id("resp")
        work = self._answer(response_id, event, list(self.items))
        self._running = response_id, asyncio.get_running_loop().create_task(work)

    def _problem(self) -> str | None:
        """What is wrong with the conversation that a response is asked for; None where nothing is."""
        if not self.items or self.items[-1].get("role") == "assistant":
            return "without a question"
        if self.items[-1]["type"] == "function_call":
            return "before the output of a call"
        numbers = [number_of(item) or 0 for item in self.items if item.get("role") == "user"]
        if numbers != sorted(set(numbers)):
            return f"after questions in this order: {numbers[-6:]}"
        return None

    async def _answer(self, response_id: str, asked: Event, context: list[Event]) -> None:
        question = next((item for item in reversed(context) if item.get("role") != "assistant"), {"type": "nothing"})
        number, item_id = number_of(question), self._new_id("item")
        metadata = (asked.get("response") or {}).get("metadata") if self._dialect.echoes_metadata else None
        head = {"id": response_id, "object": "realtime.response", "metadata": metadata}
        self._put({"type": "response.created", "response": {**head, "status": "in_progress", "output": []}})
        is_call = question.get("role") == "user" and "Look up" in words_of(question)
        play = self._call if is_call else self._message
        output = await play({"response_id": response_id, "output_index": 0}, item_id, question, number)
        self._running = None
        done = {**head, "status": "completed", "output": [output]}
        self._put({"type": "response.done", "response": done})

    async def _pause(self) -> None:
        await asyncio.sleep(self._server.pace_s * self._server.chance.random())

    async def _message(self, place: Event, item_id: str, question: Event, number: int | None) -> Event:
        output = question.get("output")
        text = f"Answer {number}{f': {output}' if output else ''}."
        item = {"id": item_id, "type": "message", "role": "assistant"}
        begun = {**item, "status": "in_progress", "content": []}
        whole = {**item, "status": "completed", "content": [{"type": "output_text", "text": text}]}
        where = {**place, "item_id": item_id, "content_index": 0}
        self._put({"type": "response.output_item.added", **place, "item": begun})
        previous = self.items[-1]["id"] if self.items else None
        self.items.append(whole)
        self._put({"type": "conversation.item.added", "previous_item_id": previous, "item": begun})
        self._put({"type": "response.content_part.added", **where, "part": {"type": "text", "text": ""}})
        for word in re.findall(r"\S+\s*", text):
            await self._pause()
            self._put({"type": "response.output_text.delta", **where, "delta": word})
        self._put({"type": "response.output_text.done", **where, "text": text})
        self._put({"type": "response.content_part.done", **where, "part": {"type": "text", "text": text}})
        self._put({"type": "response.output_item.done", **place, "item": whole})
        self._put({"type": "conversation.item.done", "previous_item_id": previous, "item": whole})
        return whole

    async def _call(self, place: Event, item_id: str, question: Event, number: int | None) -> Event:
        arguments = json.dumps({"number": number})
        call = {"id": item_id, "type": "function_call", "name": "look_up", "call_id": self._new_id("call")}
        begun = {**call, "status": "in_progress", "arguments": ""}
        whole = {**call, "status": "completed", "arguments": arguments}
        where = {**place, "item_id": item_id, "call_id": call["call_id"]}
        self._put({"type": "response.output_item.added", **place, "item": begun})
        self._put({"type": "response.function_call_arguments.delta", **where, "delta": arguments})
        await self._pause()
        self._put({"type": "response.function_call_arguments.done", **where, "arguments": arguments})
        previous = self.items[-1]["id"] if self.items else None
        self.items.append(whole)
        self._put({"type": "response.output_item.done", **place, "item": whole})
        self._put({"type": "conversation.item.done", "previous_item_id": previous, "item": whole})
        await self._pause()
        return whole

    def _cancel(self, event: Event) -> None:
        if self._running is None:
            self._refuse(event, "response_cancel_not_active", "Cancellation failed: no active response found.")
            return
        (response_id, task), self._running = self._running, None
        task.cancel()
        head = {"id": response_id, "object": "realtime.response", "status": "cancelled", "output": []}
        self._put({"type": "response.done", "response": head})


def words_of(item: Event) -> str:
    """The text of a message."""
    return " ".join(part.get("text") or part.get("transcript") or "" for part in item.get("content") or ())


def number_of(item: Event) -> int | None:
    """The number of the question that an item asks, answers or looks up."""
    said = item.get("output") or item.get("arguments") or words_of(item)
    found = re.search(r"\d+", said)
    if found is not None:
        return int(found[0])
    for part in item.get("content") or ():
        if part.get("audio"):
            samples = np.frombuffer(base64.b64decode(part["audio"]), np.int16)
            return int(np.median(samples)) - 1
    return None
