"""One response as a sequence of events: created, items, parts, deltas, done, and every way to end early.

Owns the order of a response's events and what it has said so far. Must not know who thinks or speaks, nor time.
After `finish` every further call is ignored, so that a performance that is stopped late cannot add to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from realtime_nb.local.session.items import Spoken, StoredItem
from realtime_nb.local.session.output_audio import OutputEncoder
from realtime_nb.local.session.response_plan import ResponsePlan
from realtime_nb.local.session.state import Core
from realtime_nb.local.session.usage import Tokens, output_audio_tokens, text_tokens, usage_of
from realtime_nb.local.voice.protocols import Pcm
from realtime_nb.wire.realtime import (
    ContentPart,
    ConversationItemAdded,
    ConversationItemDone,
    FunctionCallItem,
    Item,
    MessageItem,
    Part,
    Response,
    ResponseAudio,
    ResponseContentPartAdded,
    ResponseContentPartDone,
    ResponseCreated,
    ResponseDone,
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseOutputAudioDelta,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputAudioTranscriptDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ResponseOutputTextDelta,
    ResponseOutputTextDone,
    ResponseStatus,
)

__all__ = ["ResponseWriter"]


@dataclass(slots=True)
class _Open:
    """The item being written."""

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
    """

    def __init__(self, core: Core, plan: ResponsePlan) -> None:
        self.plan = plan
        self.ended = False
        self._core = core
        self._encoder = OutputEncoder(plan.audio_format)
        self._items: list[StoredItem] = []
        self._open: _Open | None = None
        self._text_chars = 0
        self._samples = 0

    @property
    def speaks(self) -> bool:
        """Whether the messages of this response are sound."""
        return self.plan.modality == "audio"

    @property
    def samples(self) -> int:
        """How much has been said, at 24 kHz."""
        return self._samples

    def begin(self) -> None:
        """Announce the response."""
        self._core.emit(ResponseCreated(response=self._report("in_progress")))

    # -- messages

    def begin_message(self) -> None:
        """Open a message of one part."""
        if self.ended:
            return
        item = MessageItem(id=self._core.new_id("item"), object="realtime.item", status="in_progress", role="assistant")
        open_ = self._begin_item(StoredItem(item, spoken=Spoken() if self.speaks else None))
        part = Part(type="audio", transcript="") if self.speaks else Part(type="text", text="")
        self._core.emit(ResponseContentPartAdded(**self._at(open_), content_index=0, part=part))

    def write(self, delta: str) -> bool:
        """Add text to the open message; False when the token limit is reached and nothing was added."""
        if self.ended or self._open is None or not self._affords(text=delta):
            return False
        self._text_chars += len(delta)
        self._open.pieces.append(delta)
        self._core.emit(ResponseOutputTextDelta(**self._at(self._open), content_index=0, delta=delta))
        return True

    def say_words(self, words: str, samples: int) -> bool:
        """Add words to the open message's transcript, whose sound (`samples` long) follows; False at the limit."""
        if self.ended or self._open is None or not self._affords(text=words):
            return False
        spoken = self._open.stored.spoken
        if words and spoken is not None:
            self._text_chars += len(words)
            self._open.pieces.append(words)
            spoken.words.append((spoken.samples + samples, words))
            self._core.emit(ResponseOutputAudioTranscriptDelta(**self._at(self._open), content_index=0, delta=words))
        return True

    def say(self, samples: Pcm) -> bool:
        """Add sound to the open message; False when the token limit is reached and nothing was added."""
        if self.ended or self._open is None or not self._affords(samples=int(samples.size)):
            return False
        if self._open.stored.spoken is not None and samples.size:
            if not self._open.stored.truncated:
                self._open.stored.spoken.add(samples, "")
            self._samples += int(samples.size)
            self._core.has_spoken = self._core.has_spoken or not self.plan.out_of_band
            self._send_sound(self._open, self._encoder.encode(samples))
        return True

    def end_message(self, status: str = "completed") -> None:
        """Close the open message with what it holds."""
        if self.ended or self._open is None:
            return
        open_, text = self._open, self._open.text
        if self.speaks:
            self._send_sound(open_, self._encoder.flush())
            self._core.emit(ResponseOutputAudioDone(**self._at(open_), content_index=0))
            self._core.emit(ResponseOutputAudioTranscriptDone(**self._at(open_), content_index=0, transcript=text))
            part, content = Part(type="audio", transcript=text), ContentPart(type="output_audio", transcript=text)
        else:
            self._core.emit(ResponseOutputTextDone(**self._at(open_), content_index=0, text=text))
            part, content = Part(type="text", text=text), ContentPart(type="output_text", text=text)
        self._core.emit(ResponseContentPartDone(**self._at(open_), content_index=0, part=part))
        self._end_item(msgspec.structs.replace(open_.stored.item, status=status, content=[content]))

    # -- function calls

    def begin_call(self, name: str) -> None:
        """Open a function call."""
        if self.ended:
            return
        item = FunctionCallItem(
            id=self._core.new_id("item"),
            object="realtime.item",
            status="in_progress",
            name=name,
            arguments="",
            call_id=self._core.new_id("call"),
        )
        self._begin_item(StoredItem(item))

    def write_arguments(self, delta: str) -> bool:
        """Add to the open call's arguments; False when the token limit is reached and nothing was added."""
        if self.ended or self._open is None or not self._affords(text=delta):
            return False
        self._text_chars += len(delta)
        self._open.pieces.append(delta)
        self._core.emit(
            ResponseFunctionCallArgumentsDelta(**self._at(self._open), call_id=self._call.call_id or "", delta=delta)
        )
        return True

    def end_call(self, status: str = "completed") -> None:
        """Close the open call."""
        if self.ended or self._open is None:
            return
        call, text = self._call, self._open.text
        self._core.emit(
            ResponseFunctionCallArgumentsDone(
                **self._at(self._open), call_id=call.call_id or "", name=call.name, arguments=text
            )
        )
        self._end_item(msgspec.structs.replace(call, status=status, arguments=text))

    # -- the end

    def finish(self, status: str, *, reason: str | None = None, error: dict[str, Any] | None = None) -> None:
        """End the response: `completed`, `cancelled`, `incomplete` or `failed`. An open item ends incomplete."""
        if self.ended:
            return
        if self._open is not None:
            end = self.end_call if isinstance(self._open.stored.item, FunctionCallItem) else self.end_message
            end("incomplete")
        self.ended = True
        report = self._report(status)
        if status != "completed":
            details = {"type": status, "reason": reason, "error": error}
            report.status_details = msgspec.convert({k: v for k, v in details.items() if v}, ResponseStatus)
        report.output = [stored.item for stored in self._items]
        made = Tokens(text=-(-self._text_chars // 4), audio=output_audio_tokens(self._samples))
        report.usage = usage_of(self.plan.given, self.plan.given_before, made)
        self._core.emit(ResponseDone(response=report))

    # -- parts

    @property
    def _call(self) -> FunctionCallItem:
        assert self._open is not None
        item = self._open.stored.item
        assert isinstance(item, FunctionCallItem)
        return item

    def _at(self, open_: _Open) -> dict[str, Any]:
        return {
            "response_id": self.plan.response_id,
            "item_id": open_.stored.item_id,
            "output_index": open_.output_index,
        }

    def _begin_item(self, stored: StoredItem) -> _Open:
        previous = None if self.plan.out_of_band else self._core.items.append(stored)
        open_ = self._open = _Open(stored, len(self._items), previous)
        self._items.append(stored)
        self._announce(ResponseOutputItemAdded, open_, stored.item)
        if not self.plan.out_of_band:
            self._core.emit(ConversationItemAdded(item=stored.item, previous_item_id=previous))
        return open_

    def _end_item(self, item: Item) -> None:
        open_ = self._open
        assert open_ is not None
        open_.stored.item = item
        if open_.stored.truncated:
            open_.stored.forget_transcript()
        self._open = None
        if not self.plan.out_of_band:
            self._core.emit(ConversationItemDone(item=item, previous_item_id=open_.previous))
        self._announce(ResponseOutputItemDone, open_, item)

    def _announce(
        self, kind: type[ResponseOutputItemAdded] | type[ResponseOutputItemDone], open_: _Open, item: Item
    ) -> None:
        self._core.emit(kind(response_id=self.plan.response_id, output_index=open_.output_index, item=item))

    def _send_sound(self, open_: _Open, delta: str) -> None:
        if delta:
            self._core.emit(ResponseOutputAudioDelta(**self._at(open_), content_index=0, delta=delta))

    def _affords(self, *, text: str = "", samples: int = 0) -> bool:
        limit = self.plan.max_output_tokens
        if not isinstance(limit, int):
            return True
        after = text_tokens("x" * (self._text_chars + len(text))) + output_audio_tokens(self._samples + samples)
        return after <= limit

    def _report(self, status: str) -> Response:
        plan = self.plan
        output = {"format": plan.audio_format, "voice": plan.voice}
        return Response(
            id=plan.response_id,
            status=status,
            output=[],
            conversation_id=None if plan.out_of_band else self._core.conversation_id,
            output_modalities=[plan.modality],
            max_output_tokens=plan.max_output_tokens,
            audio=msgspec.convert({"output": output}, ResponseAudio) if self.speaks else None,
            metadata=plan.metadata,
        )
