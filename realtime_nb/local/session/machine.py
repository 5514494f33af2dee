"""A Realtime session without sockets, threads or time: client events in, server events and jobs out.

Owns the dispatch of client events and the session's beginning, updates and end. Must not know tornado, asyncio, or
how a job is done: `http/websocket.py` sends the events, and `job_runner.py` carries out the jobs.
"""

from __future__ import annotations

from typing import Any

import msgspec

from realtime_nb.local.session import items_api
from realtime_nb.local.session.config import PRACTICE, SessionDefaults, default_config, merge
from realtime_nb.local.session.ids import SystemEnvironment
from realtime_nb.local.session.input_buffer import InputBuffer
from realtime_nb.local.session.items import StoredItem
from realtime_nb.local.session.jobs import Job, Prepare, PrepareReply
from realtime_nb.local.session.json_depth import check_depth
from realtime_nb.local.session.refusal import refusal
from realtime_nb.local.session.response_writer import ResponseWriter
from realtime_nb.local.session.responses import Responses
from realtime_nb.local.session.state import Environment, SharedState
from realtime_nb.local.session.transcription import record_recognition
from realtime_nb.local.voice.protocols import Pcm, Recognition
from realtime_nb.wire import realtime as wire


class SessionMachine:
    """Handles the client events of one session, and hands out server events and jobs.

    Args:
        kind: `"realtime"` or `"transcription"`.
        model: the model that the client asked for, which is echoed.
        defaults: what the session has where its client says nothing.
        preset: the configuration that a client secret brought with it.
        lifetime_s: after this long the websocket closes the session; announced as `expires_at`.
        environment: where ids and the time come from; None: random ids, and the system's clock.
    """

    def __init__(
        self,
        *,
        kind: str = "realtime",
        model: str | None = None,
        defaults: SessionDefaults = PRACTICE,
        preset: dict[str, Any] | None = None,
        lifetime_s: float = 3600.0,
        environment: Environment | None = None,
    ) -> None:
        environment = environment or SystemEnvironment()
        config = preset if preset is not None else default_config(kind, model, defaults)
        self._state = SharedState(config, environment)
        self._defaults = defaults
        self._session_id = self._state.new_id("sess")
        self._lifetime_s = lifetime_s
        self._expires_at = int(environment.now() + lifetime_s)
        self._input = InputBuffer(self._state)
        self._responses = Responses(self._state, self._input)

    # -- called by the websocket and the job runner

    def open(self) -> None:
        """Announce the session: always the first event."""
        self._state.emit(wire.SessionCreated(session=self._session()))
        self._prepare_reply()

    def receive(self, frame: str | bytes) -> None:
        """Handle a client's frame; an invalid one becomes an `error` event, never an exception."""
        event_id: str | None = None
        try:
            check_depth(frame)
            event = wire.decode_client(frame)
            event_id = event.event_id or None
            self._dispatch(event)
        except wire.WireError as error:
            self._state.refuse(error, event_id)

    def drain(self) -> tuple[list[wire.ServerEvent], list[Job]]:
        """Return the events to send and the jobs to start since the last call, each in order."""
        events, jobs = self._state.events, self._state.jobs
        self._state.events, self._state.jobs = [], []
        return events, jobs

    def undetected(self, frame_samples: int, most: int) -> Pcm | None:
        """Return frames for the detector; see `InputBuffer.undetected`."""
        return self._input.undetected(frame_samples, most)

    def detected(self, probabilities: list[float], frame_samples: int) -> None:
        """Apply the detector's probabilities, one for each frame that `undetected` returned, in order."""
        for probability in probabilities:
            action = self._input.detected(probability, frame_samples)
            if action == "interrupt":
                self._responses.interrupt()
            elif action == "respond":
                self._responses.create_automatically()

    def recognized(self, stored: StoredItem, recognition: Recognition, transcription: dict[str, Any] | None) -> None:
        """Apply the result of a `Recognize` job, also of a failed one (`Recognition.failure`)."""
        record_recognition(self._state, stored, recognition, transcription)

    def writer(self, response_id: str) -> ResponseWriter | None:
        """Return the writer of a `Perform` job's response, or None when the response has ended already."""
        return self._responses.writer(response_id)

    def finish(
        self, writer: ResponseWriter, status: str, *, reason: str | None = None, error: dict[str, Any] | None = None
    ) -> None:
        """End a `Perform` job's response."""
        self._responses.finish(writer, status, reason=reason, error=error)

    def expire(self) -> None:
        """Announce that the session's time is over; the websocket closes after it (docs/protocol.md 7)."""
        message = f"Your session hit the maximum duration of {_duration(self._lifetime_s)}."
        self._state.refuse(refusal(message, code="session_expired"))

    def fail(self) -> None:
        """Answer an event that could not be handled because of a fault of this server."""
        message = "The server had an error while processing this event."
        self._state.refuse(refusal(message, code="server_error"), kind="server_error")

    def close(self) -> None:
        """Stop every response: the client is gone."""
        self._responses.abandon()

    # -- client events

    def _dispatch(self, event: wire.ClientEvent) -> None:
        match event:
            case wire.InputAudioBufferAppend():
                self._input.append(event)
            case wire.SessionUpdate():
                self._update(event.session)
            case wire.InputAudioBufferCommit():
                self._input.commit()
            case wire.InputAudioBufferClear():
                self._input.clear()
            case wire.ConversationItemCreate():
                items_api.create(self._state, event)
            case wire.ConversationItemDelete():
                items_api.delete(self._state, event)
            case wire.ConversationItemRetrieve():
                items_api.retrieve(self._state, event)
            case wire.ConversationItemTruncate():
                items_api.truncate(self._state, event)
            case wire.ResponseCreate():
                self._responses.create(event)
            case wire.ResponseCancel():
                self._responses.cancel(event)
            case wire.OutputAudioBufferClear():
                # Over a websocket, playback is the client's own affair (docs/protocol.md 30).
                message = (
                    "'output_audio_buffer.clear' is for WebRTC and SIP: over a websocket the client plays the sound."
                )
                raise refusal(message, "type", "invalid_event")

    def _update(self, session: wire.AnySessionConfig) -> None:
        before = self._state.functions
        instructions = self._state.config.get("instructions")
        self._state.config = merge(
            self._state.config,
            session,
            defaults=self._defaults,
            has_items=len(self._state.items) > 0,
            has_spoken=self._state.has_spoken,
            is_responding=self._responses.active is not None,
        )
        self._input.reconfigure()
        if self._state.functions != before:
            self._state.jobs.append(Prepare(self._state.functions))
        if (self._state.functions, self._state.config.get("instructions")) != (before, instructions):
            self._prepare_reply()
        self._state.emit(wire.SessionUpdated(session=self._session()))

    def _prepare_reply(self) -> None:
        if self._state.has_responses:
            self._state.jobs.append(PrepareReply(self._state.config["instructions"], self._state.functions))

    def _session(self) -> wire.AnySessionConfig:
        shown = {**self._state.config, "id": self._session_id, "expires_at": self._expires_at}
        if self._state.has_responses:
            return msgspec.convert({**shown, "object": "realtime.session"}, wire.RealtimeSessionConfig)
        return msgspec.convert({**shown, "object": "realtime.transcription_session"}, wire.TranscriptionSessionConfig)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds >= 60 else f"{seconds:g} seconds"
