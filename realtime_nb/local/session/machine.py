"""A Realtime session without sockets, threads or time: client events in, server events and jobs out.

Owns the dispatch of client events and the session's beginning, updates and end. Must not know tornado, asyncio, or
how a job is done. The shell (`session_socket.py`) takes `events` to the wire and `jobs` to the performer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from realtime_nb.local.session.config import default_config, merge
from realtime_nb.local.session.ids import IdMaker, random_id
from realtime_nb.local.session.input_buffer import Hearing
from realtime_nb.local.session.items import StoredItem
from realtime_nb.local.session.items_api import Memory
from realtime_nb.local.session.response_writer import ResponseWriter
from realtime_nb.local.session.responses import Answering
from realtime_nb.local.session.state import Core, Job, Prepare
from realtime_nb.local.session.transcription import tell_heard
from realtime_nb.local.voice.protocols import Pcm, Recognition
from realtime_nb.wire.realtime import (
    AnySessionConfig,
    ClientEvent,
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemRetrieve,
    ConversationItemTruncate,
    InputAudioBufferAppend,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    OutputAudioBufferClear,
    RealtimeSessionConfig,
    ResponseCancel,
    ResponseCreate,
    ServerEvent,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
    TranscriptionSessionConfig,
    WireError,
    decode_client,
)

__all__ = ["SessionMachine"]


class SessionMachine:
    """One session.

    Args:
        kind: `"realtime"` or `"transcription"`.
        model: the model that the client asked for; any name will do.
        preset: the configuration that a client secret brought with it.
        lifetime_s: after this long the shell closes the session; announced as `expires_at`.
        new_id, now: where ids and the time come from.
    """

    def __init__(
        self,
        *,
        kind: str = "realtime",
        model: str | None = None,
        preset: dict[str, Any] | None = None,
        lifetime_s: float = 3600.0,
        new_id: IdMaker = random_id,
        now: Callable[[], float] = time.time,
    ) -> None:
        config = preset if preset is not None else default_config(kind, model)
        self._core = Core(config, new_id=new_id, now=now)
        self._session_id = new_id("sess")
        self._lifetime_s = lifetime_s
        self._expires_at = int(now() + lifetime_s)
        self._memory = Memory(self._core)
        self._answering = Answering(self._core, self._memory, began=self._response_began, ended=self._response_ended)
        self._hearing = Hearing(
            self._core, interrupt=self._answering.interrupt, respond=self._answering.create_automatically
        )
        self._response_start = 0

    # -- the shell's side

    def open(self) -> None:
        """Announce the session: always the first event."""
        self._core.emit(SessionCreated(session=self._session()))

    def receive(self, frame: str | bytes) -> None:
        """Take a client's frame; what is wrong with it becomes an `error` event, never an exception."""
        event_id: str | None = None
        try:
            event = decode_client(frame)
            event_id = event.event_id or None
            self._dispatch(event)
        except WireError as error:
            self._core.refuse(error, event_id)

    def take(self) -> tuple[list[ServerEvent], list[Job]]:
        """Return what is to be sent and done since the last call, each in order."""
        events, jobs = self._core.events, self._core.jobs
        self._core.events, self._core.jobs = [], []
        return events, jobs

    def undetected(self, frame_samples: int, most: int) -> Pcm | None:
        """Return frames for the detector; see `Hearing.undetected`."""
        return self._hearing.undetected(frame_samples, most)

    def detected(self, probabilities: list[float], frame_samples: int) -> None:
        """Take the detector's verdict; see `Hearing.detected`."""
        self._hearing.detected(probabilities, frame_samples)

    def heard(self, stored: StoredItem, recognition: Recognition | None, transcription: dict[str, Any] | None) -> None:
        """Take what a `Recognize` job found out."""
        tell_heard(self._core, stored, recognition, transcription)

    def finish(
        self, writer: ResponseWriter, status: str, *, reason: str | None = None, error: dict[str, Any] | None = None
    ) -> None:
        """End a `Perform` job's response."""
        self._answering.finish(writer, status, reason=reason, error=error)

    def expire(self) -> None:
        """Say that the session's time is over; the shell closes the socket after it."""
        self._core.refuse(
            WireError(
                f"Your session hit the maximum duration of {_duration(self._lifetime_s)}.", code="session_expired"
            )
        )

    def fail(self) -> None:
        """Say that the server could not do what an event asked for, through a fault of its own."""
        self._core.refuse(
            WireError("The server had an error while processing this event.", code="server_error"), kind="server_error"
        )

    def close(self) -> None:
        """Stop everything: the client is gone."""
        self._answering.abandon()

    # -- client events

    def _dispatch(self, event: ClientEvent) -> None:
        match event:
            case InputAudioBufferAppend():
                self._hearing.append(event)
            case SessionUpdate():
                self._update(event.session)
            case InputAudioBufferCommit():
                self._hearing.commit()
            case InputAudioBufferClear():
                self._hearing.clear()
            case ConversationItemCreate():
                self._memory.create(event)
            case ConversationItemDelete():
                self._memory.delete(event)
            case ConversationItemRetrieve():
                self._memory.retrieve(event)
            case ConversationItemTruncate():
                self._memory.truncate(event)
            case ResponseCreate():
                self._answering.create(event)
            case ResponseCancel():
                self._answering.cancel(event)
            case OutputAudioBufferClear():
                raise WireError(
                    "'output_audio_buffer.clear' is for WebRTC and SIP: over a websocket the client plays the sound.",
                    code="invalid_event",
                    param="type",
                )

    def _update(self, session: AnySessionConfig) -> None:
        before = self._core.functions
        self._core.config = merge(
            self._core.config,
            session,
            has_items=len(self._core.items) > 0,
            has_spoken=self._core.has_spoken,
            is_responding=self._answering.active is not None,
        )
        self._hearing.reconfigure()
        if self._core.functions != before:
            self._core.jobs.append(Prepare(self._core.functions))
        self._core.emit(SessionUpdated(session=self._session()))

    def _session(self) -> AnySessionConfig:
        kind: type[RealtimeSessionConfig] | type[TranscriptionSessionConfig]
        kind, name = (
            (RealtimeSessionConfig, "realtime.session")
            if self._core.speaks
            else (TranscriptionSessionConfig, "realtime.transcription_session")
        )
        shown = {**self._core.config, "id": self._session_id, "object": name, "expires_at": self._expires_at}
        return msgspec.convert(shown, kind)

    # -- what one half of the session must know of the other

    def _response_began(self) -> None:
        self._response_start = self._hearing.position
        self._hearing.response_began()

    def _response_ended(self, said_samples: int) -> None:
        # The answer is heard from when it began; that is the best a server can know.
        self._hearing.response_ended(max(self._response_start + said_samples, self._hearing.position))


def _duration(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds >= 60 else f"{seconds:g} seconds"
