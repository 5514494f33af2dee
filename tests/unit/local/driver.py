"""Drives a session machine for tests: JSON in, JSON out, every event checked with the official SDK's types.

Owns the plumbing only. There is no voice: a test passes speech probabilities, recognised words and spoken words.
"""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import numpy as np

from realtime_nb.local.session.jobs import Job, Perform, Recognize
from realtime_nb.local.session.machine import SessionMachine
from realtime_nb.local.session.response_writer import ResponseWriter
from realtime_nb.local.voice.protocols import Pcm, Recognition
from realtime_nb.wire.realtime import encode
from tests.sdk_validator import check_server

FRAME = 768
FRAME_MS = 32

Event = dict[str, Any]


class CountedIds:
    """`item_1`, `event_2`, ...: readable, and never the same twice; and a clock that stands still."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers)}"

    def now(self) -> float:
        return 1_000.0


def base64_of(samples: Pcm) -> str:
    return base64.b64encode(samples.astype("<i2").tobytes()).decode()


class Driver:
    """One open session."""

    def __init__(self, **options: Any) -> None:
        self.machine = SessionMachine(environment=CountedIds(), **options)
        self.jobs: list[Job] = []
        self.writers: list[ResponseWriter] = []
        self.machine.open()
        self.session: Event = self.drain()[0]["session"]
        self.jobs.clear()  # each session begins with the same preparation

    def drain(self) -> list[Event]:
        events, jobs = self.machine.drain()
        self.jobs += jobs
        for job in jobs:
            if isinstance(job, Perform) and (writer := self.machine.writer(job.response_id)) is not None:
                self.writers.append(writer)
        return [check_server(encode(event)) for event in events]

    def send(self, event_type: str, **fields: Any) -> list[Event]:
        self.machine.receive(json.dumps({"type": event_type, **fields}))
        return self.drain()

    def update(self, **session: Any) -> list[Event]:
        return self.send("session.update", event_id="update", session={"type": "realtime", **session})

    def effective(self, **session: Any) -> Event:
        """The configuration after an update that must be accepted."""
        (event,) = self.update(**session)
        assert event["type"] == "session.updated", event
        return dict(event["session"])

    def refused(self, event_type: str, **fields: Any) -> Event:
        """The error of an event that must be refused."""
        events = self.send(event_type, event_id="mine", **fields)
        assert [event["type"] for event in events] == ["error"], events
        assert events[0]["error"]["event_id"] == "mine"
        return dict(events[0]["error"])

    def say(self, *probabilities: float) -> list[Event]:
        """Append one frame a probability, and have them detected as that."""
        sound = np.arange(FRAME * len(probabilities), dtype=np.int16)
        self.machine.receive(json.dumps({"type": "input_audio_buffer.append", "audio": base64_of(sound)}))
        events = self.drain()
        # In another format the same bytes are more frames.
        given = itertools.chain(probabilities, itertools.repeat(probabilities[-1]))
        while (frames := self.machine.undetected(FRAME, 8)) is not None:
            self.machine.detected([next(given) for _ in frames], FRAME)
            events += self.drain()
        return events

    def user_says(self, text: str = "hello") -> str:
        events = self.send(
            "conversation.item.create",
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]},
        )
        return str(events[0]["item"]["id"])

    @property
    def writer(self) -> ResponseWriter:
        """The newest response's."""
        return self.writers[-1]

    @property
    def recognize(self) -> Recognize:
        """The newest recognition asked for."""
        return [job for job in self.jobs if isinstance(job, Recognize)][-1]

    def hear(self, text: str, *, understood: bool = True) -> list[Event]:
        job = self.recognize
        self.machine.recognized(job.stored, Recognition(text, understood, 0.9), job.transcription)
        return self.drain()

    def speak(self, *words: str, ms_each: int = 500, begin: bool = True) -> list[Event]:
        """Let the newest response say words, without ending it."""
        writer = self.writer
        if begin:
            writer.begin_message()
        for word in words:
            sound = np.ones(24 * ms_each, np.int16)
            writer.write_transcript(word, sound.size)
            writer.write_audio(sound)
        return self.drain()

    def finish(self, status: str = "completed", **details: Any) -> list[Event]:
        writer = self.writer
        writer.end_message()
        self.machine.finish(writer, status, **details)
        return self.drain()

    def spoken_item(self, *words: str, ms_each: int = 500) -> str:
        """A whole spoken answer; returns its item id."""
        self.send("response.create")
        events = self.speak(*words, ms_each=ms_each)
        self.finish()
        return next(str(event["item"]["id"]) for event in events if event["type"] == "conversation.item.added")


def types(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]
