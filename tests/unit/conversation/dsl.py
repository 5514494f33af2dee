"""Builds event streams for tests: `conversation().user("hi").assistant("hello").interrupted_after(ms=300)`.

Every step appends the events that a server would send, in the server's order, and advances a clock. `.events` is a list
of `(event, at)`; `.play(state)` applies them all and returns the state.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from realtime_nb.conversation import (
    Change,
    ClientItem,
    Conversation,
    InputAppended,
    LocalEvent,
    LocalInterrupt,
    Played,
    ToolProgress,
    reduce,
)
from realtime_nb.wire.realtime import ServerEvent, decode_server, function_output, user_message
from realtime_nb.wire.realtime.server_events import UnknownEvent

Event = ServerEvent | UnknownEvent | LocalEvent
Stream = Sequence[tuple[Event, float]]

SAMPLES_PER_WORD = 2400  # 100 ms a word
SAMPLES_PER_MS = 24


def wire(**fields: Any) -> ServerEvent | UnknownEvent:
    """Make a server event with the real codec."""

    event = decode_server(json.dumps(fields))
    assert event.type == fields["type"], event
    return event


def is_repeatable(event: Event) -> bool:
    """Whether the wire may repeat an event and mean the same one: it has an id, and is no delta and no fact of ours."""
    return bool(getattr(event, "event_id", "")) and ".delta" not in getattr(event, "type", ".delta")


def tone(samples: int, value: int = 1000) -> bytes:
    return value.to_bytes(2, "little", signed=True) * samples


class Script:
    """Collects the events of a conversation, step by step."""

    def __init__(self, *, transcribing: bool = True, prefix: str = "") -> None:
        self.events: list[tuple[Event, float]] = []
        self.now = 100.0
        self.prefix = prefix
        self.n = 0
        self.n_events = 0
        self.last: str | None = None
        self.item = ""
        self.response = ""
        self.appended = 0
        transcription = {"model": "gpt-4o-transcribe"} if transcribing else None
        audio = {"input": {"transcription": transcription, "turn_detection": {"type": "server_vad"}}}
        session = {"type": "realtime", "id": f"{prefix}sess_1", "model": "gpt-realtime-2.1", "audio": audio}
        self.server("session.created", session=session)

    # -- building blocks

    def server(self, type_: str, **fields: Any) -> Script:
        self.n_events += 1
        self.events.append((wire(type=type_, event_id=f"{self.prefix}event_{self.n_events}", **fields), self.now))
        return self

    def fact(self, fact: LocalEvent) -> Script:
        self.events.append((fact, self.now))
        return self

    def wait(self, ms: float) -> Script:
        self.now += ms / 1000
        return self

    def new_item(self, kind: str = "item") -> str:
        self.n += 1
        self.item = f"{self.prefix}{kind}_{self.n}"
        return self.item

    def mic(self, ms: int, value: int = 500) -> Script:
        for _ in range(ms // 20):
            self.wait(20).fact(InputAppended(tone(480, value)))
        self.appended += ms
        return self

    def added(self, item: dict[str, Any]) -> Script:
        previous, self.last = self.last, str(item["id"])
        return self.server("conversation.item.added", previous_item_id=previous, item=item)

    def done(self, item: dict[str, Any]) -> Script:
        return self.server("conversation.item.done", item=item)

    # -- the user

    def typed(self, text: str) -> Script:
        item_id, previous = self.new_item(), self.last
        self.fact(ClientItem(user_message(text, id=item_id), previous))
        item = {"id": item_id, "type": "message", "role": "user", "status": "completed"}
        item["content"] = [{"type": "input_text", "text": text}]  # type: ignore[assignment]
        return self.wait(20).added(item).done(item)

    def user(self, text: str | None, *, ms: int = 400) -> Script:
        """Append speech that the server detects; with `text` None its transcript never comes."""
        self.spoken(ms=ms)
        return self if text is None else self.transcript(text)

    def spoken(self, *, ms: int = 400) -> Script:
        item_id, start = self.new_item(), self.appended
        self.mic(100).server("input_audio_buffer.speech_started", item_id=item_id, audio_start_ms=start)
        self.mic(ms - 100).server("input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=self.appended)
        self.wait(10).server("input_audio_buffer.committed", item_id=item_id, previous_item_id=self.last)
        item = {"id": item_id, "type": "message", "role": "user", "status": "completed"}
        item["content"] = [{"type": "input_audio", "transcript": None}]  # type: ignore[assignment]
        return self.added(item).done(item)

    def transcript(self, text: str, *, item_id: str | None = None) -> Script:
        kind = "conversation.item.input_audio_transcription"
        item_id = item_id or self.item
        for word in text.split(" "):
            self.server(f"{kind}.delta", item_id=item_id, content_index=0, delta=word + " ")
        usage = {"type": "tokens", "input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
        return self.server(f"{kind}.completed", item_id=item_id, content_index=0, transcript=text, usage=usage)

    # -- the assistant

    def begin(self, *, out_of_band: bool = False) -> Script:
        self.n += 1
        self.response = f"{self.prefix}resp_{self.n}"
        self.oob = out_of_band
        response = {"id": self.response, "status": "in_progress", "conversation_id": None if out_of_band else "conv_1"}
        return self.wait(50).server("response.created", response=response)

    def message(self, text: str, *, audio: bool = True, words: int | None = None, lead: int = 0) -> Script:
        """Append a message item's stream, cut after `words` words; the text is `lead` words ahead of the audio."""
        item_id = self.new_item("msg")
        item = {"id": item_id, "type": "message", "role": "assistant", "status": "in_progress", "content": []}
        at: dict[str, Any] = {"response_id": self.response, "item_id": item_id, "output_index": 0, "content_index": 0}
        self.server("response.output_item.added", response_id=self.response, output_index=0, item=item)
        if not self.oob:
            self.added(item)
        self.server("response.content_part.added", **at, part={"type": "audio" if audio else "text"})
        kind = "response.output_audio_transcript" if audio else "response.output_text"
        pieces = [w if i == 0 else " " + w for i, w in enumerate(text.split(" "))][:words]
        sounding = 0
        for i, piece in enumerate(pieces):
            self.wait(10).server(f"{kind}.delta", **at, delta=piece)
            while audio and sounding <= i - lead:
                self.sound(at, sounding)
                sounding += 1
        for i in range(sounding, len(pieces) if audio else 0):
            self.sound(at, i)
        self.heard = "".join(pieces)
        self.at = at
        self.audio = audio
        return self

    def sound(self, at: dict[str, Any], word: int) -> None:
        delta = b64encode(tone(SAMPLES_PER_WORD, word + 1)).decode()
        self.server("response.output_audio.delta", **at, delta=delta)

    def end(self, *, status: str = "completed", reason: str | None = None, usage: bool = True) -> Script:
        output = []
        if self.at["response_id"] == self.response:
            done = {"id": self.at["item_id"], "type": "message", "role": "assistant"}
            done["status"] = "completed" if status == "completed" else "incomplete"
            key = "transcript" if self.audio else "text"
            kind = "output_audio" if self.audio else "output_text"
            done["content"] = [{"type": kind, key: self.heard}]
            if self.audio:
                self.server("response.output_audio.done", **self.at)
                self.server("response.output_audio_transcript.done", **self.at, transcript=self.heard)
            else:
                self.server("response.output_text.done", **self.at, text=self.heard)
            part = {"type": "audio" if self.audio else "text", key: self.heard}
            self.server("response.content_part.done", **self.at, part=part)
            self.server("response.output_item.done", response_id=self.response, output_index=0, item=done)
            if not self.oob:
                self.done(done)
            output = [done]
        return self.finish(output, status=status, reason=reason, usage=usage)

    def finish(
        self, output: list[dict[str, Any]], *, status: str = "completed", reason: str | None = None, usage: bool = True
    ) -> Script:
        response: dict[str, Any] = {"id": self.response, "status": status, "output": output}
        response["conversation_id"] = None if self.oob else "conv_1"
        response["status_details"] = {"type": status, "reason": reason} if reason else None
        response["usage"] = USAGE if usage else None
        return self.server("response.done", response=response)

    def assistant(self, text: str, *, audio: bool = True, lead: int = 0) -> Script:
        return self.begin().message(text, audio=audio, lead=lead).end()

    def cancelled(self, text: str, *, words: int) -> Script:
        """Append an answer that the server cancelled after `words` words."""
        return self.begin().message(text, words=words).end(status="cancelled", reason="turn_detected")

    def out_of_band(self, text: str) -> Script:
        return self.begin(out_of_band=True).message(text, audio=False).end()

    def tool_call(self, name: str, arguments: str, output: str | None) -> Script:
        return self.begin().call(name, arguments).finish([self.call_item]).answer(output)

    def call(self, name: str, arguments: str) -> Script:
        item_id = self.new_item("fc")
        self.call_id = f"call_{item_id}"
        item = {"id": item_id, "type": "function_call", "name": name, "call_id": self.call_id, "arguments": ""}
        item["status"] = "in_progress"
        where = {"response_id": self.response, "item_id": item_id, "output_index": 0, "call_id": self.call_id}
        self.server("response.output_item.added", response_id=self.response, output_index=0, item=item).added(item)
        for at in range(0, len(arguments), 5):
            self.server("response.function_call_arguments.delta", **where, delta=arguments[at : at + 5])
        self.server("response.function_call_arguments.done", **where, name=name, arguments=arguments)
        self.call_item = {**item, "status": "completed", "arguments": arguments}
        self.server("response.output_item.done", response_id=self.response, output_index=0, item=self.call_item)
        return self.done(self.call_item)

    def answer(self, output: str | None) -> Script:
        if output is None:
            return self
        self.fact(ToolProgress(self.call_id, "running")).wait(30)
        self.fact(ToolProgress(self.call_id, "completed", output))
        item_id = self.new_item("out")
        self.fact(ClientItem(function_output(self.call_id, output, id=item_id)))
        item = {"id": item_id, "type": "function_call_output", "call_id": self.call_id, "output": output}
        return self.added(item).done(item)

    # -- the speaker

    def played(self, *, ms: int, final: bool = False) -> Script:
        item_id, index = self.at["item_id"], self.at["content_index"]
        return self.fact(Played(item_id, index, ms * SAMPLES_PER_MS, final))

    def interrupted_after(self, *, ms: int) -> Script:
        """Append an interruption: the player stopped after `ms` of the latest answer, and the server truncated it."""
        item_id, index = self.at["item_id"], self.at["content_index"]
        self.fact(LocalInterrupt(item_id, index, ms * SAMPLES_PER_MS))
        return self.server("conversation.item.truncated", item_id=item_id, content_index=index, audio_end_ms=ms)

    # -- running it

    def play(self, state: Conversation | None = None) -> Conversation:
        state = state or Conversation()
        for event, at in self.events:
            reduce(state, event, at)
        return state

    def changes(self, state: Conversation | None = None) -> list[Change]:
        state = state or Conversation()
        return [change for event, at in self.events for change in reduce(state, event, at)]


USAGE = {
    "total_tokens": 300,
    "input_tokens": 200,
    "output_tokens": 100,
    "input_token_details": {
        "text_tokens": 120,
        "audio_tokens": 80,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 0},
    },
    "output_token_details": {"text_tokens": 20, "audio_tokens": 80},
}


def conversation(*, transcribing: bool = True, prefix: str = "") -> Script:
    return Script(transcribing=transcribing, prefix=prefix)


def play(stream: Stream) -> Conversation:
    state = Conversation()
    for event, at in stream:
        reduce(state, event, at)
    return state
