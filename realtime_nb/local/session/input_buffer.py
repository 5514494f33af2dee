"""The user's side of a session: the input buffer, turn detection and commits.

Owns when a turn begins, ends and becomes an item. Must not know responses beyond two questions put to it by
callables: cut the one under way short, and make a new one. Must not run a detector or a recogniser: it hands out
frames and takes probabilities, and asks for recognition by a job.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from realtime_nb.local.session.input_audio import MAX_APPEND_BYTES, InputBuffer, InputDecoder, ms_of
from realtime_nb.local.session.items import StoredItem
from realtime_nb.local.session.state import Core
from realtime_nb.local.session.turn_detection import Boundary, Segmenter, TurnRules
from realtime_nb.local.voice.protocols import RATE_HZ, Pcm
from realtime_nb.wire.realtime import (
    ContentPart,
    InputAudioBufferAppend,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputAudioBufferTimeoutTriggered,
    MessageItem,
    WireError,
)

__all__ = ["Hearing"]

# Widely reported of the service; a shorter commit is refused as if it were empty.
_MIN_COMMIT_MS = 100
# With turn detection on, silence is kept for a manual commit, but not for ever.
_KEPT_SILENCE = 60 * RATE_HZ
_MAX_BUFFER = 30 * 60 * RATE_HZ


class Hearing:
    """The input half of a session.

    Args:
        core: the session.
        interrupt: called when speech begins that may cut a response short.
        respond: called when a turn ends that asks for a response.
    """

    def __init__(self, core: Core, *, interrupt: Callable[[], None], respond: Callable[[], None]) -> None:
        self._core = core
        self._interrupt = interrupt
        self._respond = respond
        self._buffer = InputBuffer()
        self._segmenter = Segmenter()
        self._undetected: list[Pcm] = []
        self._detected_to = 0
        self._announced: str | None = None
        self._turn_start = 0
        self._idle_from: int | None = None
        self._configured()

    # -- settings

    def _configured(self) -> None:
        self._format = self._core.audio_input["format"]
        self._decoder = InputDecoder(self._format)
        detection = self._core.audio_input["turn_detection"]
        self._rules = TurnRules.of(detection) if detection is not None else None

    def reconfigure(self) -> None:
        """Follow a change of the session's configuration."""
        audio_format, had_rules = self._format, self._rules is not None
        decoder = self._decoder
        self._configured()
        if self._format == audio_format:
            self._decoder = decoder  # a new one would forget half a resampler's window
        if self._rules is None or not had_rules:
            self._forget_turn()
            self._undetected, self._detected_to = [], self._buffer.end

    # -- the buffer

    @property
    def position(self) -> int:
        """The session's input clock: samples at 24 kHz that have come in."""
        return self._buffer.end

    def append(self, event: InputAudioBufferAppend) -> None:
        """Take sound.

        Raises:
            WireError: too much of it, or not sound.
        """
        if len(event.audio) > MAX_APPEND_BYTES:
            raise WireError(
                f"The audio of one event may have at most 15 MiB, not {len(event.audio)} bytes.",
                code="invalid_value",
                param="audio",
            )
        try:
            samples = self._decoder.decode(event.audio)
        except ValueError as error:
            raise WireError(f"Invalid 'audio': {error}.", code="invalid_value", param="audio") from None
        if len(self._buffer) + samples.size > _MAX_BUFFER:
            raise WireError(
                "The input audio buffer is full (30 minutes): commit it or clear it.",
                code="invalid_value",
                param="audio",
            )
        self._buffer.append(samples)
        if self._rules is None:
            self._detected_to = self._buffer.end
        elif samples.size:
            self._undetected.append(samples)

    def clear(self) -> None:
        """Forget what has not been committed."""
        self._buffer.clear()
        self._undetected, self._detected_to = [], self._buffer.end
        self._forget_turn()
        self._core.emit(InputAudioBufferCleared())

    def commit(self) -> None:
        """Make an item of the whole buffer, as a client asks; this creates no response.

        Raises:
            WireError: there is less than 100 ms in it.
        """
        if ms_of(len(self._buffer)) < _MIN_COMMIT_MS:
            has_ms = len(self._buffer) * 1000 / RATE_HZ
            raise WireError(
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{_MIN_COMMIT_MS}ms of audio, but buffer only has {has_ms:.2f}ms of audio.",
                code="input_audio_buffer_commit_empty",
            )
        # A turn that detection had begun is this one now: no `speech_stopped` will follow.
        item_id = self._announced or self._core.new_id("item")
        sound = self._buffer.take(self._buffer.start, self._buffer.end)
        self._undetected, self._detected_to = [], self._buffer.end
        self._forget_turn()
        self._add(item_id, sound)

    # -- turn detection

    def undetected(self, frame_samples: int, most: int) -> Pcm | None:
        """Return the next whole frames that a detector has not seen, shape `(n, frame_samples)` with n <= `most`."""
        if self._rules is None or sum(block.size for block in self._undetected) < frame_samples:
            return None
        # Minutes may come in one event and are detected a second at a time: what is left must not be copied each time.
        waiting = self._undetected[0] if len(self._undetected) == 1 else np.concatenate(self._undetected)
        frames = min(waiting.size // frame_samples, most)
        taken = frames * frame_samples
        self._undetected = [waiting[taken:]] if taken < waiting.size else []
        return waiting[:taken].reshape(frames, frame_samples)

    def detected(self, probabilities: list[float], frame_samples: int) -> None:
        """Take a detector's verdict on the frames that `undetected` gave, in order."""
        for probability in probabilities:
            start, end = self._detected_to, self._detected_to + frame_samples
            self._detected_to = end
            if self._rules is None:
                continue
            boundary = self._segmenter.push(probability, start, end, self._rules)
            if boundary is not None:
                self._cross(boundary, self._rules)
            elif not self._segmenter.speaking:
                self._buffer.forget_before(end - _KEPT_SILENCE)
                self._while_idle(end, self._rules)

    def _cross(self, boundary: Boundary, rules: TurnRules) -> None:
        if boundary.kind == "started":
            self._announced = self._core.new_id("item")
            self._idle_from = None
            self._turn_start = max(boundary.at - rules.prefix_samples, self._buffer.start)
            self._core.emit(
                InputAudioBufferSpeechStarted(audio_start_ms=ms_of(self._turn_start), item_id=self._announced)
            )
            if rules.interrupt_response:
                self._interrupt()
            return
        item_id = self._announced or self._core.new_id("item")
        self._core.emit(InputAudioBufferSpeechStopped(audio_end_ms=ms_of(boundary.at), item_id=item_id))
        self._announced = None
        self._add(item_id, self._buffer.take(self._turn_start, boundary.at))
        if rules.create_response:
            self._respond()

    def _forget_turn(self) -> None:
        self._segmenter.reset()
        self._announced = None

    # -- idle time

    def response_ended(self, playback_ends: int) -> None:
        """Begin to wait for the user; `playback_ends` is where on the input clock the answer will have been heard."""
        if self._rules is not None and self._rules.idle_samples is not None and self._announced is None:
            self._idle_from = playback_ends

    def response_began(self) -> None:
        """Stop waiting for the user."""
        self._idle_from = None

    def _while_idle(self, position: int, rules: TurnRules) -> None:
        if self._idle_from is None or rules.idle_samples is None or position - self._idle_from < rules.idle_samples:
            return
        start, self._idle_from = max(self._idle_from, self._buffer.start), None
        item_id = self._core.new_id("item")
        self._core.emit(
            InputAudioBufferTimeoutTriggered(item_id=item_id, audio_start_ms=ms_of(start), audio_end_ms=ms_of(position))
        )
        self._add(item_id, self._buffer.take(start, position))
        self._respond()

    # -- items and their transcripts

    def _add(self, item_id: str, sound: Pcm) -> None:
        item = MessageItem(
            id=item_id,
            object="realtime.item",
            status="completed",
            role="user",
            content=[ContentPart(type="input_audio")],
        )
        stored = StoredItem(item, user_sound=sound)
        self._core.emit(InputAudioBufferCommitted(item_id=item_id, previous_item_id=self._core.items.last_id))
        self._core.add_item(stored)
        self._core.listen(stored, transcription=self._core.audio_input["transcription"])
