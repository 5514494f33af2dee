"""The input audio buffer of a session: appended sound, turn detection, commits, and the idle timeout.

Owns when a turn begins, ends and becomes an item. Must not know responses: it returns the action that a turn asks for,
and the session machine carries it out. Must not run a detector or a recogniser: it hands out frames, accepts their
probabilities, and asks for recognition by a job.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from realtime_nb.local.session.input_audio import MAX_APPEND_BYTES, InputDecoder, SampleBuffer, ms_of
from realtime_nb.local.session.items import AudioPart, StoredItem
from realtime_nb.local.session.refusal import refusal
from realtime_nb.local.session.state import SharedState
from realtime_nb.local.session.turn_detection import Boundary, TurnDetector, TurnRules
from realtime_nb.local.voice.protocols import RATE_HZ, Pcm
from realtime_nb.wire import realtime as wire

# Widely reported of the service; a shorter commit is refused as if it were empty (docs/protocol.md 14).
_MIN_COMMIT_MS = 100
# With turn detection on, silence is kept for a manual commit, but not for ever.
_KEPT_SILENCE = 60 * RATE_HZ
_MAX_BUFFER = 30 * 60 * RATE_HZ

TurnAction = Literal["interrupt", "respond"]
"""What a change of turn asks for: to cut the response under way short, or to create one."""


class InputBuffer:
    """The input audio buffer of one session, with turn detection."""

    def __init__(self, state: SharedState) -> None:
        self._state = state
        self._samples = SampleBuffer()
        self._turn_detector = TurnDetector()
        self._undetected: list[Pcm] = []
        self._detected_to = 0
        self._announced: str | None = None
        self._turn_start = 0
        self._response_start = 0
        self._idle_from: int | None = None
        self._configured()

    # -- settings

    def _configured(self) -> None:
        self._format = self._state.audio_input["format"]
        self._decoder = InputDecoder(self._format)
        detection = self._state.audio_input["turn_detection"]
        self._rules = TurnRules.of(detection) if detection is not None else None

    def reconfigure(self) -> None:
        """Apply a change of the session's configuration."""
        audio_format, had_rules = self._format, self._rules is not None
        decoder = self._decoder
        self._configured()
        if self._format == audio_format:
            self._decoder = decoder  # a new one would lose half of the resampler's window
        if self._rules is None or not had_rules:
            self._reset_turn()
            self._undetected, self._detected_to = [], self._samples.end

    # -- the buffer

    def append(self, event: wire.InputAudioBufferAppend) -> None:
        """Append sound.

        Raises:
            WireError: too much of it, or not sound.
        """
        if len(event.audio) > MAX_APPEND_BYTES:
            raise refusal(f"The audio of one event may have at most 15 MiB, not {len(event.audio)} bytes.", "audio")
        try:
            samples = self._decoder.decode(event.audio)
        except ValueError as error:
            raise refusal(f"Invalid 'audio': {error}.", "audio") from None
        if len(self._samples) + samples.size > _MAX_BUFFER:
            raise refusal("The input audio buffer is full (30 minutes): commit it or clear it.", "audio")
        self._samples.append(samples)
        if self._rules is None:
            self._detected_to = self._samples.end
        elif samples.size:
            self._undetected.append(samples)

    def clear(self) -> None:
        """Drop the sound that has not been committed."""
        self._samples.clear()
        self._undetected, self._detected_to = [], self._samples.end
        self._reset_turn()
        self._state.emit(wire.InputAudioBufferCleared())

    def commit(self) -> None:
        """Make an item of the whole buffer, as a client asks; this creates no response.

        Raises:
            WireError: there is less than 100 ms in it.
        """
        if ms_of(len(self._samples)) < _MIN_COMMIT_MS:
            has_ms = len(self._samples) * 1000 / RATE_HZ
            raise refusal(
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{_MIN_COMMIT_MS}ms of audio, but buffer only has {has_ms:.2f}ms of audio.",
                code="input_audio_buffer_commit_empty",
            )
        # A turn that detection had begun is this one now: no `speech_stopped` follows (docs/protocol.md 17).
        item_id = self._announced or self._state.new_id("item")
        sound = self._samples.cut(self._samples.start, self._samples.end)
        self._undetected, self._detected_to = [], self._samples.end
        self._reset_turn()
        self._add(item_id, sound)

    # -- turn detection

    def undetected(self, frame_samples: int, most: int) -> Pcm | None:
        """Return the next whole frames that a detector has not seen, shape `(n, frame_samples)` with n <= `most`."""
        if self._rules is None or sum(block.size for block in self._undetected) < frame_samples:
            return None
        # Minutes may come in one event and are detected a second at a time: the rest must not be copied each time.
        waiting = self._undetected[0] if len(self._undetected) == 1 else np.concatenate(self._undetected)
        frames = min(waiting.size // frame_samples, most)
        taken = frames * frame_samples
        self._undetected = [waiting[taken:]] if taken < waiting.size else []
        return waiting[:taken].reshape(frames, frame_samples)

    def detected(self, probability: float, frame_samples: int) -> TurnAction | None:
        """Apply the detector's probability for the next frame that `undetected` returned.

        Returns:
            The action that this moment of the turn asks for, if any.
        """
        start, end = self._detected_to, self._detected_to + frame_samples
        self._detected_to = end
        if self._rules is None:
            return None
        boundary = self._turn_detector.push(probability, start, end, self._rules)
        if boundary is not None:
            return self._cross(boundary, self._rules)
        if self._turn_detector.speaking:
            return None
        self._samples.drop_before(end - _KEPT_SILENCE)
        return self._while_idle(end, self._rules)

    def _cross(self, boundary: Boundary, rules: TurnRules) -> TurnAction | None:
        if boundary.kind == "started":
            # The id of the coming item: clients reserve its place in the conversation (docs/protocol.md 16).
            self._announced = item_id = self._state.new_id("item")
            self._idle_from = None
            self._turn_start = start = max(boundary.at - rules.prefix_samples, self._samples.start)
            self._state.emit(wire.InputAudioBufferSpeechStarted(audio_start_ms=ms_of(start), item_id=item_id))
            return "interrupt" if rules.interrupt_response else None
        item_id = self._announced or self._state.new_id("item")
        self._state.emit(wire.InputAudioBufferSpeechStopped(audio_end_ms=ms_of(boundary.at), item_id=item_id))
        self._announced = None
        self._add(item_id, self._samples.cut(self._turn_start, boundary.at))
        return "respond" if rules.create_response else None

    def _reset_turn(self) -> None:
        self._turn_detector.reset()
        self._announced = None

    # -- idle time

    def response_began(self) -> None:
        """Stop waiting for the user."""
        self._response_start = self._samples.end
        self._idle_from = None

    def response_ended(self, audio_samples: int) -> None:
        """Begin to wait for the user, from the moment at which the response's sound has been played."""
        if self._rules is not None and self._rules.idle_samples is not None and self._announced is None:
            # An estimate: playback begins when the response does. A server has no better information.
            self._idle_from = max(self._response_start + audio_samples, self._samples.end)

    def _while_idle(self, position: int, rules: TurnRules) -> TurnAction | None:
        if self._idle_from is None or rules.idle_samples is None or position - self._idle_from < rules.idle_samples:
            return None
        start, self._idle_from = max(self._idle_from, self._samples.start), None
        item_id, start_ms, end_ms = self._state.new_id("item"), ms_of(start), ms_of(position)
        self._state.emit(
            wire.InputAudioBufferTimeoutTriggered(item_id=item_id, audio_start_ms=start_ms, audio_end_ms=end_ms)
        )
        # The silence becomes an item, and a response follows, as at the service (docs/protocol.md 18).
        self._add(item_id, self._samples.cut(start, position))
        return "respond"

    # -- items and their transcripts

    def _add(self, item_id: str, sound: Pcm) -> None:
        content: list[wire.ContentPart] = [AudioPart(type="input_audio")]
        item = wire.MessageItem(id=item_id, object="realtime.item", status="completed", role="user", content=content)
        stored = StoredItem(item, user_sound=sound)
        self._state.emit(wire.InputAudioBufferCommitted(item_id=item_id, previous_item_id=self._state.items.last_id))
        self._state.add_item(stored)
        self._state.request_recognition(stored, transcription=self._state.audio_input["transcription"])
