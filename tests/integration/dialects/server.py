"""Plays a vendor's dialect of the Realtime protocol over a real websocket.

Owns the form in which a dialect is written down (`Dialect`: what the server sends at each moment, as data) and the
server that plays it. Must not know the client under test.

A dialect's events are templates. A string that is one variable is replaced by the variable's value, and a variable
inside a longer string by its text:

| variable | value |
|---|---|
| `$n` | the number of this response, from 1 |
| `$u` | the number of the user's latest item, from 1 |
| `$text` | what the assistant says |
| `$sound`, `$sound_1`, `$sound_2` | base64 of its sound: all of it, and its two halves |
| `$item` | the item that the client sent, with `status` |
| `$renamed` | that item under an id of the server's own |
| `$session` | what the client asked for in its latest `session.update` |
| `$metadata` | the metadata of the `response.create` that is answered |
| `$event_id` | the id of the client's event |
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from realtime_nb.audio import g711
from realtime_nb.testing import Script, ScriptedServer, run

Event = dict[str, Any]

HELLO = "Hello there."
HEARD = "I heard you."
SUM = "It is 5."
WANTS_A_TOOL = "What is 2 and 3?"
TRANSCRIPT = "good morning"
SOUND_MS = 100


@dataclass(frozen=True)
class Dialect:
    """What a vendor's server sends, at each moment of a conversation.

    Attributes:
        name: the vendor's.
        source: the public page that documents it.
        connected: sent after the handshake.
        updated: the answer to `session.update`.
        item: the answer to `conversation.item.create`.
        committed: the answer to `input_audio_buffer.commit`.
        answer: the answer to `response.create`: one spoken message.
        call: the answer to a `response.create` that needs the tool `add(2, 3)`.
        cleared: the answer to `input_audio_buffer.clear`.
        heard: sent once a second of sound has come, where the server detects turns and takes no commit.
        rate: of the sound that it sends.
        encoding: of that sound: `pcm16` or `ulaw`.
    """

    name: str
    source: str
    connected: Sequence[Event]
    updated: Sequence[Event]
    item: Sequence[Event]
    committed: Sequence[Event]
    answer: Sequence[Event]
    call: Sequence[Event]
    cleared: Sequence[Event] = ({"type": "input_audio_buffer.cleared"},)
    heard: Sequence[Event] = ()
    rate: int = 24_000
    encoding: str = "pcm16"

    def server(self) -> ScriptedServer:
        """A server that speaks this dialect with each client."""
        return ScriptedServer([run(self._play)])

    async def _play(self, script: Script) -> None:
        talk = _Talk(self)
        for event in talk.fill(self.connected):
            await script.socket.send(json.dumps(event))
        while True:
            for event in talk.on(await script.receive()):
                await script.socket.send(json.dumps(event))


@dataclass
class _Talk:
    """One connection's conversation, as far as a server must know it to answer."""

    dialect: Dialect
    responses: int = 0
    inputs: int = 0
    answers: str = HELLO
    second_of_sound: int = 0
    known: dict[str, Any] = field(default_factory=dict)

    def on(self, event: Event) -> Iterator[Event]:
        self.known["$event_id"] = event.get("event_id")
        dialect = self.dialect
        match event["type"]:
            case "session.update":
                self.known["$session"] = event["session"]
                yield from self.fill(dialect.updated)
            case "conversation.item.create":
                self._take(event["item"])
                yield from self.fill(dialect.item)
            case "input_audio_buffer.append":
                yield from self._hear(event["audio"])
            case "input_audio_buffer.clear":
                yield from self.fill(dialect.cleared)
            case "input_audio_buffer.commit":
                self.inputs += 1
                self.answers = HEARD
                yield from self.fill(dialect.committed)
            case "response.create":
                self.responses += 1
                self.known["$metadata"] = (event.get("response") or {}).get("metadata")
                yield from self.fill(dialect.call if self.answers == WANTS_A_TOOL else dialect.answer)

    def _take(self, item: Event) -> None:
        self.inputs += 1
        self.known["$item"] = {**item, "object": "realtime.item", "status": "completed"}
        self.known["$renamed"] = {**self.known["$item"], "id": f"item_server_{self.inputs}"}
        if item["type"] == "function_call_output":
            assert item["output"] == "5", item
            self.answers = SUM
        else:
            words = "".join(part.get("text") or "" for part in item["content"])
            self.answers = WANTS_A_TOOL if words == WANTS_A_TOOL else HELLO

    def _hear(self, audio: str) -> Iterator[Event]:
        self.second_of_sound += len(base64.b64decode(audio))
        if self.dialect.heard and self.second_of_sound >= 48_000:
            self.second_of_sound = 0
            self.inputs += 1
            self.responses += 1
            self.answers = HEARD
            yield from self.fill(self.dialect.heard)

    def fill(self, events: Sequence[Event]) -> Iterator[Event]:
        sound = pcm_of(self.dialect.rate, self.dialect.encoding)
        half = len(sound) // 4 * 2
        values = {
            **self.known,
            "$n": self.responses,
            "$u": self.inputs,
            "$text": self.answers,
            "$sound_1": base64.b64encode(sound[:half]).decode(),
            "$sound_2": base64.b64encode(sound[half:]).decode(),
            "$sound": base64.b64encode(sound).decode(),
        }
        for event in events:
            yield _filled(event, values)


def pcm_of(rate: int, encoding: str) -> bytes:
    """The assistant's sound: a tone of `SOUND_MS`."""
    count = rate * SOUND_MS // 1000
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(count) / rate)).astype("<i2")
    if encoding == "ulaw":
        return g711.encode(tone, "pcmu")
    return tone.tobytes()


def _filled(value: Any, values: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, values) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(inner, values) for inner in value]
    if not isinstance(value, str) or "$" not in value:
        return value
    if value in values:
        return values[value]
    for name in sorted(values, key=len, reverse=True):
        value = value.replace(name, str(values[name]))
    return value
