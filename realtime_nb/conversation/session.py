"""Handlers of session events: the configuration that turns depend on, and the change from one session to the next.

Owns what the store keeps of a session's configuration: model, transcription, turn detection. Must not know item events.
"""

from __future__ import annotations

from realtime_nb.wire.realtime import (
    AnySessionConfig,
    AudioConfig,
    AudioFormat,
    AudioInput,
    AudioOutput,
    RealtimeSessionConfig,
    SessionCreated,
    SessionUpdated,
    Transcription,
)

from .changes import Change, UsageChanged
from .conversation import Conversation
from .input import drop_reserved, stop_waiting
from .items import refuse
from .local_events import ConnectionEnded, SessionResumed
from .responses import close_response


def on_session(c: Conversation, event: SessionCreated | SessionUpdated, at: float | None, out: list[Change]) -> None:
    """Records the effective configuration; a new session also ends what the previous one left open."""
    if isinstance(event, SessionCreated):
        key = event.session.id if isinstance(event.session.id, str) else event.event_id
        if key and c.store.session_key not in (None, key):
            # If the change was announced (`resuming`), the client sends the unacknowledged items again.
            _end(c, "the connection was lost", out, resuming=c.store.resuming)
        c.store.resuming = False
        c.store.session_key = key or c.store.session_key
    _configure(c, event.session)


def _configure(c: Conversation, session: AnySessionConfig) -> None:
    """Records the model, whether input is transcribed, and whether the server detects turns."""
    audio = session.audio if isinstance(session.audio, AudioConfig) else None
    user = audio.input if audio is not None and isinstance(audio.input, AudioInput) else None
    if isinstance(session, RealtimeSessionConfig):
        if isinstance(session.model, str):
            c.store.model = session.model
        if user is not None:
            c.store.transcribing = isinstance(user.transcription, Transcription)
    else:
        c.store.transcribing = True
    spoken = audio.output if audio is not None and isinstance(audio.output, AudioOutput) else None
    if spoken is not None and isinstance(spoken.format, AudioFormat):
        c.store.output_format = spoken.format.type or None, spoken.format.rate or None
    if user is not None:
        if isinstance(user.transcription, Transcription) and isinstance(user.transcription.model, str):
            c.store.transcription_model = user.transcription.model
        c.store.timeline.detected = bool(user.turn_detection)


def on_ended(c: Conversation, event: ConnectionEnded, at: float | None, out: list[Change]) -> None:
    """Ends open responses, waiting turns and tool calls when the connection is gone."""
    _end(c, event.reason, out, resuming=event.resuming)
    c.store.resuming = event.resuming


def on_session_resumed(c: Conversation, event: SessionResumed, at: float | None, out: list[Change]) -> None:
    """Adds a system turn where one session ends and the next begins."""
    if event.item_id in c.store.items:
        return
    last = c.store.order.at(len(c.store.order) - 1)
    record = c.store.item(event.item_id, at)
    record.kind, record.role, record.local = "message", "system", True
    record.in_conversation, record.status = True, "completed"
    record.part(0).final = event.text
    if last is not None:
        c.store.order.pin_behind(record.id, last)  # the new session's items link to `last` and must come after this
    c.store.mark_changed(record.id)


def _end(c: Conversation, reason: str | None, out: list[Change], *, resuming: bool = False) -> None:
    for response_id in list(c.store.open_responses):
        status = "cancelled" if reason is None else "failed"
        response = c.store.responses[response_id]
        close_response(c, response, status, reason, out)
        if response.started and (missing := c.store.add_unreported(response_id, complete=False)) is not None:
            out.append(UsageChanged(missing))  # the server will not say any more what it used
    for item_id in list(c.store.waiting):
        stop_waiting(c, item_id)
    if not resuming:
        for item_id in list(c.store.unacknowledged):
            refuse(c, c.store.items[item_id], f"not delivered: {reason or 'the connection was closed'}")
        for item_id in list(c.store.lone_calls):
            c.store.items[item_id].over = True
            c.store.mark_changed(item_id)
    drop_reserved(c)
    c.store.unanswered = None
    c.store.timeline.restart()
