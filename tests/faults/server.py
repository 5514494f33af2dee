"""A server with good manners, of which a case changes one thing.

Owns the events of a good answer, and a conversation with a server over a real socket. Each hook gets the events that
the server is about to send at one moment, and the client's event that they answer, and returns what is sent instead.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import realtime_nb as rt
from realtime_nb.testing import Script, ScriptedServer, run

Event = dict[str, Any]
Hook = Callable[[list[Event], Event], Iterable[Any]]

SOUND = b"\1\0" * 2400
SOUND_MS = 100


def unchanged(events: list[Event], asked: Event) -> list[Event]:
    """What a good server sends."""
    return events


def default_session() -> Event:
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": "sess_1",
        "model": "gpt-realtime-2.1",
        "output_modalities": ["audio"],
        "audio": {
            "input": {"format": {"type": "audio/pcm", "rate": 24000}, "turn_detection": None, "transcription": None},
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"},
        },
        "tools": [],
        "tool_choice": "auto",
    }


@dataclass
class Server:
    """What a server says, moment by moment.

    Attributes:
        plan: `"say"` or `"call"` for each response in turn; after them, every one is said.
        on_greeting, on_update, on_item, on_commit, on_response, on_cancel: change what is sent at a moment.
        session: what the server says of itself.
        as_text: how an event is written.
    """

    plan: Sequence[str] = ()
    on_greeting: Hook = unchanged
    on_update: Hook = unchanged
    on_item: Hook = unchanged
    on_commit: Hook = unchanged
    on_response: Hook = unchanged
    on_cancel: Hook = unchanged
    session: Event = field(default_factory=default_session)
    as_text: Callable[[Event], str] = json.dumps
    responses: int = 0
    inputs: int = 0
    connections: int = 0

    def start(self) -> ScriptedServer:
        return ScriptedServer([run(self._play)])

    async def _play(self, script: Script) -> None:
        self.connections += 1
        greeting = [{"type": "session.created", "event_id": "event_0", "session": self.session}]
        await self._send(script, self.on_greeting(greeting, {}))
        while True:
            asked = await script.receive()
            await self._send(script, self._answer(asked))

    async def _send(self, script: Script, events: Iterable[Any]) -> None:
        for event in list(events):
            if callable(event):
                await event(script)  # a step of `realtime_nb.testing`: a close, a pause
            else:
                await script.socket.send(event if isinstance(event, str | bytes) else self.as_text(event))

    def _answer(self, asked: Event) -> Iterable[Any]:
        match asked["type"]:
            case "session.update":
                self.session = _merged(self.session, asked["session"])
                return self.on_update([{"type": "session.updated", "session": self.session}], asked)
            case "conversation.item.create":
                item = {"object": "realtime.item", "status": "completed", **asked["item"]}
                kinds = ("conversation.item.added", "conversation.item.done")
                return self.on_item([{"type": kind, "previous_item_id": None, "item": item} for kind in kinds], asked)
            case "input_audio_buffer.clear":
                return [{"type": "input_audio_buffer.cleared"}]
            case "input_audio_buffer.commit":
                self.inputs += 1
                return self.on_commit(_committed(f"item_u{self.inputs}"), asked)
            case "response.create":
                self.responses += 1
                kind = self.plan[self.responses - 1] if self.responses <= len(self.plan) else "say"
                events = spoken(self.responses, asked) if kind == "say" else called(self.responses, asked)
                return self.on_response(events, asked)
            case "response.cancel":
                return self.on_cancel([], asked)
        return []


def _committed(item_id: str) -> list[Event]:
    content = [{"type": "input_audio", "transcript": None}]
    item = {"id": item_id, "type": "message", "role": "user", "status": "completed", "content": content}
    return [
        {"type": "input_audio_buffer.committed", "item_id": item_id, "previous_item_id": None},
        {"type": "conversation.item.added", "previous_item_id": None, "item": item},
    ]


def text_of(n: int) -> str:
    """What the n-th response says."""
    return f"Answer {n}."


def spoken(n: int, asked: Event) -> list[Event]:
    """A response that says something, as a good server tells it."""
    response, item_id = f"resp_{n}", f"item_{n}"
    message = {"id": item_id, "object": "realtime.item", "type": "message", "role": "assistant"}
    begun = {**message, "status": "in_progress", "content": []}
    content = [{"type": "output_audio", "transcript": text_of(n)}]
    said = {**message, "status": "completed", "content": content}
    where = {"response_id": response, "item_id": item_id, "output_index": 0, "content_index": 0}
    output = {"response_id": response, "output_index": 0}
    return [
        _created(response, asked),
        {"type": "response.output_item.added", **output, "item": begun},
        {"type": "response.content_part.added", **where, "part": {"type": "audio", "transcript": ""}},
        {"type": "response.output_audio_transcript.delta", **where, "delta": text_of(n)},
        {"type": "response.output_audio.delta", **where, "delta": base64.b64encode(SOUND[:2400]).decode()},
        {"type": "response.output_audio.delta", **where, "delta": base64.b64encode(SOUND[2400:]).decode()},
        {"type": "response.output_audio.done", **where},
        {"type": "response.output_audio_transcript.done", **where, "transcript": text_of(n)},
        {"type": "response.content_part.done", **where, "part": {"type": "audio", "transcript": text_of(n)}},
        {"type": "response.output_item.done", **output, "item": said},
        _done(response, asked, [said]),
    ]


def called(n: int, asked: Event) -> list[Event]:
    """A response that asks for `add(2, 3)`, as a good server tells it."""
    response, item_id, arguments = f"resp_{n}", f"item_{n}", '{"a": 2, "b": 3}'
    call = {"id": item_id, "object": "realtime.item", "type": "function_call", "name": "add", "call_id": f"call_{n}"}
    whole = {**call, "status": "completed", "arguments": arguments}
    output = {"response_id": response, "output_index": 0}
    where = {**output, "item_id": item_id, "call_id": f"call_{n}"}
    return [
        _created(response, asked),
        {"type": "response.output_item.added", **output, "item": {**call, "status": "in_progress", "arguments": ""}},
        {"type": "response.function_call_arguments.delta", **where, "delta": arguments},
        {"type": "response.function_call_arguments.done", **where, "name": "add", "arguments": arguments},
        {"type": "response.output_item.done", **output, "item": whole},
        _done(response, asked, [whole]),
    ]


def _head(response: str, asked: Event) -> Event:
    metadata = (asked.get("response") or {}).get("metadata")
    return {"id": response, "object": "realtime.response", "conversation_id": "conv_1", "metadata": metadata}


def _created(response: str, asked: Event) -> Event:
    return {"type": "response.created", "response": {**_head(response, asked), "status": "in_progress", "output": []}}


def _done(response: str, asked: Event, output: list[Event]) -> Event:
    usage = {"total_tokens": 30, "input_tokens": 20, "output_tokens": 10}
    whole = {**_head(response, asked), "status": "completed", "status_details": None, "output": output, "usage": usage}
    return {"type": "response.done", "response": whole}


def _merged(old: Event, new: Event) -> Event:
    merged = dict(old)
    for key, value in new.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def of_type(events: Iterable[Event], *kinds: str) -> list[Event]:
    """The events of these types."""
    return [event for event in events if event["type"] in kinds]


def without(events: Iterable[Event], *parts: str) -> list[Event]:
    """The events whose types contain none of `parts`."""
    return [event for event in events if not any(part in event["type"] for part in parts)]


async def error_of(work: Awaitable[object], kind: type[Exception]) -> Exception:
    """The error that `work` raises; of this kind, or the case fails."""
    try:
        result = await work
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} was raised, and it came to {result!r}")


def add(a: int = 2, b: int = 3) -> int:
    """Add two numbers."""
    return a + b


@dataclass
class Talk:
    """What a conversation came to.

    Attributes:
        answers: to each question, a turn or the exception.
        turns: role, status and text of all turns at the end.
        live: those in progress.
        effective: the configuration as the session has it.
        received: what the client sent.
        reported: what reached `on_error`.
    """

    answers: list[Any]
    turns: list[tuple[str, str, str]]
    live: list[tuple[str, str, str]]
    effective: Mapping[str, Any]
    received: list[Event]
    reported: list[Exception]

    @property
    def texts(self) -> list[str]:
        return [answer.text if isinstance(answer, rt.Turn) else repr(answer) for answer in self.answers]

    def assert_answers(self, *texts: str) -> None:
        """Every question has its answer, with its sound, in a turn of its own, and nothing is left over."""
        assert self.texts == list(texts), self.texts
        for answer in self.answers:
            assert answer.status == "completed", answer
            assert answer.audio is not None, answer
            assert abs(answer.audio.duration_ms - SOUND_MS) < 1, answer.audio
        assert not self.live, self.live
        assert [role for role, *_ in self.turns] == ["user", "assistant"] * len(texts), self.turns

    def assert_called(self, *, times: int = 1) -> None:
        """The tool ran so often, each time with its arguments, and its answer reached the server."""
        calls = [call for answer in self.answers for call in answer.tool_calls]
        assert [(call.name, call.status, call.output) for call in calls] == [("add", "completed", "5")] * times, calls
        outputs = [event["item"] for event in of_type(self.received, "conversation.item.create")]
        assert [item["output"] for item in outputs if "output" in item] == ["5"] * times, outputs


async def talk(
    server: Server,
    *questions: Any,
    config: Mapping[str, Any] | None = None,
    tools: Sequence[Any] = (),
    timeout: float = 4.0,
    **options: Any,
) -> Talk:
    """Ask a server one question after the other, over a real socket."""
    answers: list[Any] = []
    reported: list[Exception] = []
    with server.start() as script:
        async with (
            rt.connect(url=script.url, **options) as conn,
            rt.RealtimeSession(conn, config or {"turn_detection": None}, tools=tools) as session,
        ):
            session.on_error = reported.append
            for question in questions:
                try:
                    answers.append(await session.ask(question, timeout=timeout))
                except Exception as error:
                    answers.append(error)
            seen = session.conversation
            return Talk(
                answers,
                [(turn.role, turn.status, turn.text) for turn in seen.turns],
                [(turn.role, turn.status, turn.text) for turn in seen.live],
                session.effective,
                script.received,
                reported,
            )
