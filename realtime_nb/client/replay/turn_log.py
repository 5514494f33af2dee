"""The events of a replayed session with the time of their arrival, sorted by the user turn that they belong to.

Owns the stamps, which turn an event belongs to, and whether the server may ask money for what it did. Must not know
sockets, or when a turn is over. Runs in the receive loop, before the session's own parts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pybase64

from realtime_nb.audio.speech_span import SpeechSpan
from realtime_nb.audio.stream_format import StreamDecoder, is_usual
from realtime_nb.client.replay.frames import AudioFormat
from realtime_nb.client.replay.trace import Pacing, StampedEvent, TrialTrace
from realtime_nb.conversation import usage as usages
from realtime_nb.wire.realtime import Response, ResponseCreated, ResponseDone, ResponseOutputAudioDelta

EARLY_S = 0.1
"""A turn that the server ends so much before the end of speech was not cut off: its times are whole frames."""
_MOST_EVENTS = 200_000
_MOST_SOUND_BYTES = 256 * 2**20
"""Of base64, about an hour of sound: a server that floods must not fill the memory until the time is over."""


@dataclass
class OpenTurn:
    """A user turn that is being replayed.

    Attributes:
        events: so far.
        zero_s: the zero of its latencies, on the clock.
        speech: of its recording.
        offset_ms: how much sound the session had received before it.
        pacing: how it was sent.
        heard: whether the server took something for the beginning of this turn: speech, a commit, or an item.
        responses: when each of its responses began, on the clock, by id, in order.
        done: those that have ended, by id.
        error: why it failed.
    """

    zero_s: float
    speech: SpeechSpan | None
    offset_ms: float
    pacing: Pacing
    events: list[StampedEvent] = field(default_factory=list)
    heard: bool = False
    responses: dict[str, float] = field(default_factory=dict)
    done: dict[str, Response] = field(default_factory=dict)
    error: str | None = None


class TurnLog:
    """The log of one session.

    Args:
        clock: seconds.

    Attributes:
        turns: those that were begun, in order.
        arrived_s: when the latest event arrived, on the clock.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.turns: list[OpenTurn] = []
        self.arrived_s = 0.0
        self._clock = clock
        self._begun_s = clock()
        self._of: dict[str, OpenTurn] = {}  # the turn of a response or an item, by id
        self._sound_format: AudioFormat = (None, None)
        self._decoders: dict[tuple[str, int], StreamDecoder] = {}
        self._count = 0
        self._sound_bytes = 0

    def begin(self, turn: OpenTurn) -> None:
        """Let the events that belong to no earlier turn belong to this one."""
        self.turns.append(turn)

    def convert_from(self, sound_format: AudioFormat) -> None:
        """Convert the answers' sound from the server's format to PCM16 at 24 kHz, so that a trace has one format."""
        self._sound_format = sound_format

    def turn_of(self, item_id: str) -> OpenTurn | None:
        """Return the turn that an item belongs to; None for one that did not come up."""
        return self._of.get(item_id)

    @property
    def too_much(self) -> bool:
        """Whether the server has sent more than any answer is."""
        return self._count > _MOST_EVENTS or self._sound_bytes > _MOST_SOUND_BYTES

    @property
    def responses(self) -> int:
        """How many responses have begun."""
        return sum(len(turn.responses) for turn in self.turns)

    def on_event(self, event: Any) -> None:
        """Stamp a server event, and keep it with its turn."""
        self.arrived_s = at = self._clock()
        self._count += 1
        if type(event) is ResponseOutputAudioDelta:
            self._sound_bytes += len(event.delta)
            if not is_usual(*self._sound_format):
                event = self._as_pcm(event)
        turn = self._turn_of(event)
        if turn is not None and not self.too_much:
            turn.events.append(StampedEvent((at - self._begun_s) * 1000, event))
            self._note(turn, event, at)

    def _turn_of(self, event: Any) -> OpenTurn | None:
        if not self.turns:
            return None  # of the opening
        response_id = _response_id(event)
        known = self._of.get(response_id or "")
        if type(event) is ResponseCreated and known is not None and response_id in known.done:
            self._of.pop(response_id or "")  # a server that gives each response the same id
        for name in (response_id, getattr(event, "item_id", None)):
            if name and name in self._of:
                return self._of[name]
        current = self.turns[-1]
        if type(event) is ResponseCreated and not current.heard and len(self.turns) > 1:
            return self.turns[-2]  # it was begun before the server took notice of the new turn
        return current

    def _note(self, turn: OpenTurn, event: Any, at: float) -> None:
        kind = event.type
        if (
            item_id := getattr(event, "item_id", None) or getattr(getattr(event, "item", None), "id", None)
        ) is not None:
            self._of.setdefault(item_id, turn)
        if kind in ("input_audio_buffer.speech_started", "input_audio_buffer.committed"):
            turn.heard = True
        elif isinstance(event, ResponseCreated | ResponseDone):
            response_id = event.response.id or ""
            self._of.setdefault(response_id, turn)
            turn.responses.setdefault(response_id, at)
            if isinstance(event, ResponseDone):
                turn.done[response_id] = event.response

    def _as_pcm(self, event: ResponseOutputAudioDelta) -> ResponseOutputAudioDelta:
        part = event.item_id, event.content_index
        try:
            if part not in self._decoders:
                self._decoders[part] = StreamDecoder(*self._sound_format)
            sound = self._decoders[part].decode(event.audio)
        except ValueError:  # not base64, or a format that is not read: the event is kept as it came
            return event
        return type(event)(
            event_id=event.event_id,
            response_id=event.response_id,
            item_id=event.item_id,
            output_index=event.output_index,
            content_index=event.content_index,
            delta=pybase64.b64encode(sound).decode(),
        )

    @property
    def billed(self) -> bool:
        """Whether a response was begun that may cost something.

        One that failed costs nothing where the server reports no tokens for it.
        """
        return any(
            response_id not in turn.done or _costs(turn.done[response_id])
            for turn in self.turns
            for response_id in turn.responses
        )

    def traces(self) -> tuple[TrialTrace, ...]:
        """Return what was recorded so far."""
        return tuple(
            TrialTrace(
                events=tuple(turn.events),
                speech_end_at_ms=(turn.zero_s - self._begun_s) * 1000,
                speech=turn.speech,
                buffer_offset_ms=turn.offset_ms,
                pacing=turn.pacing,
                error=turn.error,
            )
            for turn in self.turns
        )


def _response_id(event: Any) -> str | None:
    response = getattr(event, "response", None)
    return response.id if isinstance(response, Response) else getattr(event, "response_id", None)


def _costs(response: Response) -> bool:
    if response.status != "failed":
        return True
    if not response.usage or not usages.is_reported(response.usage):
        return False
    used = usages.from_response(response.usage)
    return bool(used.input_tokens or used.output_tokens)
