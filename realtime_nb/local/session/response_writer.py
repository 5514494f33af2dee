"""One response as a sequence of events: created, items, parts, deltas, done, and every way to end early.

Owns the order of a response's events and the text and sound written so far. Must not know who thinks or speaks, nor
time. After `finish` every further call is ignored: a job that is stopped late cannot add to an ended response.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from realtime_nb.local.session.items import AudioPart, Spoken, StoredItem
from realtime_nb.local.session.output_audio import OutputEncoder
from realtime_nb.local.session.state import SharedState
from realtime_nb.local.session.usage import Tokens, counted_usage, output_audio_tokens, text_tokens, usage_of
from realtime_nb.local.voice.protocols import Pcm
from realtime_nb.local.voice.reply import ReplyUsage
from realtime_nb.wire import realtime as wire


@dataclass(frozen=True, slots=True)
class ResponsePlan:
    """The inputs and settings of one response, fixed when it is created.

    Attributes:
        context: the items it answers, oldest first; their recognitions may still be missing.
        out_of_band: whether it stays out of the conversation.
        given, given_before: input tokens of this response, and of the one before it.
    """

    response_id: str
    out_of_band: bool
    context: list[StoredItem]
    instructions: str
    tools: list[dict[str, Any]]
    tool_choice: str | dict[str, Any]
    parallel_tool_calls: bool
    modality: str
    voice: str | dict[str, Any]
    speed: float
    audio_format: dict[str, Any]
    max_output_tokens: int | str
    reasoning_effort: str | None
    metadata: dict[str, str] | None
    given: Tokens
    given_before: Tokens


@dataclass(slots=True)
class _Open:
    """The item that is being written."""

    stored: StoredItem
    output_index: int
    previous: str | None
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class ResponseWriter:
    """Writes one response into a session.

    Attributes:
        ended: whether `response.done` has been sent.
        samples: how much sound has been written, at 24 kHz.
    """

    def __init__(self, state: SharedState, plan: ResponsePlan) -> None:
        self.plan = plan
        self.ended = False
        self.samples = 0
        self._state = state
        self._encoder = OutputEncoder(plan.audio_format)
        self._items: list[StoredItem] = []
        self._open: _Open | None = None
        self._text_chars = 0
        self._counted: ReplyUsage | None = None
        self._prompt_tokens: int | None = None
        self._limit = plan.max_output_tokens if isinstance(plan.max_output_tokens, int) else None
        self._answers_misheard = False

    @property
    def speaks(self) -> bool:
        """Whether the messages of this response are sound."""
        return self.plan.modality == "audio"

    @property
    def open_kind(self) -> Literal["message", "call"] | None:
        """The kind of the item that is being written; None between items."""
        if self._open is None:
            return None
        return "call" if isinstance(self._open.stored.item, wire.FunctionCallItem) else "message"

    @property
    def has_called(self) -> bool:
        """Whether it has completed a function call."""
        items = (stored.item for stored in self._items)
        return any(isinstance(item, wire.FunctionCallItem) and item.status == "completed" for item in items)

    @property
    def has_items(self) -> bool:
        """Whether it has begun an item."""
        return bool(self._items)

    def mark_misheard(self) -> None:
        """Mark the items that follow as the answer to sound that was not understood."""
        self._answers_misheard = True

    def leave_counting_to_model(self, prompt_tokens: int) -> None:
        """Leave `max_output_tokens` to the model: the estimate here must not cut an answer that the model allows.

        Args:
            prompt_tokens: an estimate of the model's input, for an answer that ends before the model's own counts.
        """
        self._limit = None
        self._prompt_tokens = prompt_tokens

    def count(self, usage: ReplyUsage) -> None:
        """Keep the model's own token counts, which `response.done` then reports instead of estimates."""
        self._counted = usage

    def begin(self) -> None:
        """Announce the response."""
        self._state.emit(wire.ResponseCreated(response=self._report("in_progress")))

    # -- messages

    def begin_message(self) -> None:
        """Open a message of one part."""
        if self.ended:
            return
        item = wire.MessageItem(
            id=self._state.new_id("item"), object="realtime.item", status="in_progress", role="assistant"
        )
        open_ = self._begin_item(StoredItem(item, spoken=Spoken() if self.speaks else None))
        part = wire.Part(type="audio", transcript="") if self.speaks else wire.Part(type="text", text="")
        self._state.emit(wire.ResponseContentPartAdded(**self._part_at(open_), part=part))

    def write_text(self, delta: str) -> bool:
        """Add text to the open message; False when the token limit is reached and nothing was added."""
        if (open_ := self._extended(delta)) is None:
            return False
        self._state.emit(wire.ResponseOutputTextDelta(**self._part_at(open_), delta=delta))
        return True

    def write_transcript(self, words: str, samples: int) -> bool:
        """Add words to the open message's transcript, whose sound (`samples` long) follows; False at the limit."""
        if (open_ := self._extended(words)) is None:
            return False
        spoken = open_.stored.spoken
        if words and spoken is not None:
            spoken.words.append((spoken.samples + samples, words))
            self._state.emit(wire.ResponseOutputAudioTranscriptDelta(**self._part_at(open_), delta=words))
        return True

    def write_audio(self, samples: Pcm) -> bool:
        """Add sound to the open message; False when the token limit is reached and nothing was added."""
        if self.ended or self._open is None or not self._affords(samples=int(samples.size)):
            return False
        spoken = self._open.stored.spoken
        if spoken is not None and samples.size:
            if not self._open.stored.truncated:
                spoken.add(samples)
            self.samples += int(samples.size)
            self._state.has_spoken = self._state.has_spoken or not self.plan.out_of_band
            self._emit_audio(self._open, self._encoder.encode(samples))
        return True

    def end_message(self, status: str = "completed") -> None:
        """Close the open message with the text that it has."""
        if self.ended or self._open is None:
            return
        open_, text, emit = self._open, self._open.text, self._state.emit
        at = self._part_at(open_)
        if self.speaks:
            self._emit_audio(open_, self._encoder.flush())
            emit(wire.ResponseOutputAudioDone(**at))
            emit(wire.ResponseOutputAudioTranscriptDone(**at, transcript=text))
            part = wire.Part(type="audio", transcript=text)
            content: wire.ContentPart = AudioPart(type="output_audio", transcript=text)
        else:
            emit(wire.ResponseOutputTextDone(**at, text=text))
            part, content = wire.Part(type="text", text=text), wire.ContentPart(type="output_text", text=text)
        emit(wire.ResponseContentPartDone(**at, part=part))
        self._end_item(msgspec.structs.replace(open_.stored.item, status=status, content=[content]))

    # -- function calls

    def begin_call(self, name: str, call_id: str | None = None) -> None:
        """Open a function call; `call_id` is the model's own id of it, if any."""
        if self.ended:
            return
        item = wire.FunctionCallItem(
            id=self._state.new_id("item"),
            object="realtime.item",
            status="in_progress",
            name=name,
            arguments="",
            call_id=self._state.new_call_id(call_id),
        )
        self._begin_item(StoredItem(item))

    def write_arguments(self, delta: str) -> bool:
        """Add to the open call's arguments; False when the token limit is reached and nothing was added."""
        if (open_ := self._extended(delta)) is None:
            return False
        call_id = self._call.call_id or ""
        self._state.emit(wire.ResponseFunctionCallArgumentsDelta(**self._at(open_), call_id=call_id, delta=delta))
        return True

    def end_call(self, status: str = "completed") -> None:
        """Close the open call."""
        if self.ended or self._open is None:
            return
        call, text = self._call, self._open.text
        at = self._at(self._open)
        self._state.emit(
            wire.ResponseFunctionCallArgumentsDone(**at, call_id=call.call_id or "", name=call.name, arguments=text)
        )
        self._end_item(msgspec.structs.replace(call, status=status, arguments=text))

    # -- the end

    def finish(self, status: str, *, reason: str | None = None, error: dict[str, Any] | None = None) -> None:
        """End the response: `completed`, `cancelled`, `incomplete` or `failed`. An open item ends incomplete."""
        if self.ended:
            return
        if self._open is not None:
            end = self.end_call if self.open_kind == "call" else self.end_message
            end("incomplete")
        self.ended = True
        report = self._report(status)
        if status != "completed":
            details = {"type": status, "reason": reason, "error": error}
            report.status_details = msgspec.convert({k: v for k, v in details.items() if v}, wire.ResponseStatus)
        report.output = [stored.item for stored in self._items]
        # A response that failed before its first word has cost nothing that is known.
        if status != "failed" or self._items or self._counted is not None:
            report.usage = self._usage()
        self._state.emit(wire.ResponseDone(response=report))

    # -- parts

    def _usage(self) -> wire.ResponseUsage:
        if self._counted is not None:
            return counted_usage(self._counted)
        if self._prompt_tokens is not None:
            return counted_usage(ReplyUsage(self._prompt_tokens, text_tokens(self._text_chars)))
        made = Tokens(text=text_tokens(self._text_chars), audio=output_audio_tokens(self.samples))
        return usage_of(self.plan.given, self.plan.given_before, made)

    @property
    def _call(self) -> wire.FunctionCallItem:
        assert self._open is not None
        item = self._open.stored.item
        assert isinstance(item, wire.FunctionCallItem)
        return item

    def _extended(self, delta: str) -> _Open | None:
        """Add text to the open item and return it; None when there is none or the token limit is reached."""
        if self.ended or self._open is None or not self._affords(text=delta):
            return None
        self._text_chars += len(delta)
        self._open.pieces.append(delta)
        return self._open

    def _at(self, open_: _Open) -> dict[str, Any]:
        item_id = open_.stored.item_id
        return {"response_id": self.plan.response_id, "item_id": item_id, "output_index": open_.output_index}

    def _part_at(self, open_: _Open) -> dict[str, Any]:
        return {**self._at(open_), "content_index": 0}

    def _begin_item(self, stored: StoredItem) -> _Open:
        previous = None if self.plan.out_of_band else self._state.items.append(stored)
        stored.being_written = True
        stored.answers_misheard = self._answers_misheard
        open_ = self._open = _Open(stored, len(self._items), previous)
        self._items.append(stored)
        place: dict[str, Any] = {"response_id": self.plan.response_id, "output_index": open_.output_index}
        self._state.emit(wire.ResponseOutputItemAdded(**place, item=stored.item))
        if not self.plan.out_of_band:
            self._state.emit(wire.ConversationItemAdded(item=stored.item, previous_item_id=previous))
        return open_

    def _end_item(self, item: wire.Item) -> None:
        open_ = self._open
        assert open_ is not None
        open_.stored.item = item
        open_.stored.being_written = False
        if open_.stored.truncated:
            open_.stored.remove_transcript()
        self._open = None
        if not self.plan.out_of_band:
            self._state.emit(wire.ConversationItemDone(item=item, previous_item_id=open_.previous))
        place: dict[str, Any] = {"response_id": self.plan.response_id, "output_index": open_.output_index}
        self._state.emit(wire.ResponseOutputItemDone(**place, item=item))

    def _emit_audio(self, open_: _Open, delta: str) -> None:
        if delta:
            self._state.emit(wire.ResponseOutputAudioDelta(**self._part_at(open_), delta=delta))

    def _affords(self, *, text: str = "", samples: int = 0) -> bool:
        if self._limit is None:
            return True
        after = text_tokens(self._text_chars + len(text)) + output_audio_tokens(self.samples + samples)
        return after <= self._limit

    def _report(self, status: str) -> wire.Response:
        plan = self.plan
        output = {"format": plan.audio_format, "voice": plan.voice}
        return wire.Response(
            id=plan.response_id,
            status=status,
            output=[],
            conversation_id=None if plan.out_of_band else self._state.conversation_id,
            output_modalities=[plan.modality],
            max_output_tokens=plan.max_output_tokens,
            audio=msgspec.convert({"output": output}, wire.ResponseAudio) if self.speaks else None,
            metadata=plan.metadata,
        )
