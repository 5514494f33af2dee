"""Handlers of input events: audio sent, speech detected, user turns committed and transcribed.

Owns how a user's turn comes about. Must not know responses.
"""

from __future__ import annotations

from realtime_nb.wire.realtime import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputAudioBufferTimeoutTriggered,
)

from .changes import Change, TurnText, UsageChanged
from .conversation import Conversation
from .input_timeline import SAMPLES_PER_MS
from .local_events import ClearSent, CommitSent, InputAppended
from .records import ItemRecord
from .usage import from_transcription


def on_appended(c: Conversation, event: InputAppended, at: float | None, out: list[Change]) -> None:
    """Advances the input timeline by the samples that were sent."""
    c.store.timeline.append(event.pcm, at)


def on_commit_sent(c: Conversation, event: CommitSent, at: float | None, out: list[Change]) -> None:
    """Marks the end of the input buffer: audio sent before the server's answer belongs to the next turn."""
    c.store.timeline.mark("commit")


def on_clear_sent(c: Conversation, event: ClearSent, at: float | None, out: list[Change]) -> None:
    """Marks the beginning of the input buffer: audio sent before the server's answer belongs to this turn."""
    c.store.timeline.mark("clear")


def _user(c: Conversation, item_id: str, at: float | None) -> ItemRecord | None:
    if not item_id:
        return None
    record = c.store.item(item_id, at)
    if record.started_at is None:
        record.started_at = c.store.time_of_day(at)
    if record.kind is None:
        record.kind, record.role = "message", "user"
    c.store.mark_changed(item_id)
    return record


def drop_reserved(c: Conversation, *, but: str | None = None) -> None:
    """Hides user turns that were announced and never committed, except the item `but`."""
    for item_id in [i for i in c.store.reserved if i != but]:
        del c.store.reserved[item_id]
        c.store.items[item_id].dropped = True
        c.store.mark_changed(item_id)


def on_speech_started(
    c: Conversation, event: InputAudioBufferSpeechStarted, at: float | None, out: list[Change]
) -> None:
    """Reserves the user turn's place before its item exists (docs/protocol.md 16).

    A turn that was announced earlier and never committed is hidden.
    """
    record = _user(c, event.item_id, at)
    if record is None:
        return
    record.span_start = max(event.audio_start_ms, 0) * SAMPLES_PER_MS
    if record.committed or record.in_conversation or record.deleted:
        return
    record.reserved, record.dropped = True, False
    c.store.reserved[record.id] = None
    c.store.timeline.speech_start = record.span_start
    drop_reserved(c, but=record.id)


def on_speech_stopped(
    c: Conversation, event: InputAudioBufferSpeechStopped, at: float | None, out: list[Change]
) -> None:
    """Records where the speech ended on the input timeline, and when the audio up to there had been sent."""
    record = _user(c, event.item_id, at)
    if record is None:
        return
    record.span_end = max(event.audio_end_ms, 0) * SAMPLES_PER_MS
    sent_at = c.store.timeline.appended_at(record.span_end)
    record.speech_end_at = sent_at if sent_at is not None else at


def on_timeout(c: Conversation, event: InputAudioBufferTimeoutTriggered, at: float | None, out: list[Change]) -> None:
    """Marks a user turn without speech: after an idle timeout the server commits empty audio (docs/protocol.md 18)."""
    record = _user(c, event.item_id, at)
    if record is None:
        return
    record.idle = True
    record.span_start = max(event.audio_start_ms, 0) * SAMPLES_PER_MS
    record.span_end = max(event.audio_end_ms, 0) * SAMPLES_PER_MS
    _settle(c, record)


def on_committed(c: Conversation, event: InputAudioBufferCommitted, at: float | None, out: list[Change]) -> None:
    """Makes the input buffer the audio of the user's turn."""
    record = _user(c, event.item_id, at)
    if record is None:
        return
    c.store.link(record.id, event.previous_item_id)
    if record.committed or record.deleted:
        return
    record.committed = True
    timeline = c.store.timeline
    # A manual commit during detected speech suppresses speech_stopped: docs/protocol.md 17.
    by_hand = record.span_end is None
    start, end = timeline.commit_buffer(by_hand=by_hand)
    if record.span_start is not None:
        start = record.span_start
        end = end if record.span_end is None else record.span_end
        timeline.speech_start = None
    record.sound = timeline.cut(start, end) or None
    if record.speech_end_at is None:
        sent_at = timeline.appended_at(end) if by_hand else None
        record.speech_end_at = sent_at if sent_at is not None else at
    accept_user_turn(c, record, at)
    if record.committed_at is None:
        record.committed_at = at


def accept_user_turn(c: Conversation, record: ItemRecord, at: float | None) -> None:
    """Makes a user's item part of the conversation: earlier turns settle, and this one waits for a response."""
    c.store.reserved.pop(record.id, None)
    record.dropped = False
    if record.committed_at is None:
        record.committed_at = at
        c.store.unanswered = record.id
    for item_id in list(c.store.waiting):
        if item_id != record.id:
            _settle(c, c.store.items[item_id])
    spoken = record.committed or any(part.is_audio for part in record.parts.values())
    expected = c.store.transcribing is not False and not record.idle and record.transcription is None
    if spoken and expected and not record.words_known:
        record.waiting = True
        c.store.waiting[record.id] = None


def stop_waiting(c: Conversation, item_id: str | None) -> None:
    """Settles a user's turn that has no transcript yet; a late transcript makes a new revision of it."""
    if item_id is not None and item_id in c.store.waiting:
        _settle(c, c.store.items[item_id])


def _settle(c: Conversation, record: ItemRecord) -> None:
    record.waiting = False
    c.store.waiting.pop(record.id, None)
    c.store.mark_changed(record.id)


def on_cleared(c: Conversation, event: InputAudioBufferCleared, at: float | None, out: list[Change]) -> None:
    """Discards the input buffer and the turn that it would have become."""
    c.store.timeline.clear()
    drop_reserved(c)


def on_transcription_delta(
    c: Conversation, event: ConversationItemInputAudioTranscriptionDelta, at: float | None, out: list[Change]
) -> None:
    """Appends to a user's transcript, which may come before its item or after the answer (docs/protocol.md 37)."""
    if not event.item_id or not event.delta:
        return
    record = c.store.items.get(event.item_id) or c.store.item(event.item_id, at)
    part = record.part(event.content_index or 0)
    part.is_audio = True
    if part.final is not None or record.deleted:
        return
    part.pieces.append(event.delta)
    if record.shown == "live" and len(record.parts) == 1:
        c.turn_list.note_growth(record)
        out.append(TurnText(record.id, event.delta))
    elif record.shown != "settled":  # a settled turn changes once, with the final transcript
        _user(c, event.item_id, at)


def on_transcription_completed(
    c: Conversation, event: ConversationItemInputAudioTranscriptionCompleted, at: float | None, out: list[Change]
) -> None:
    """Replaces the deltas by the final transcript, which may be empty, and counts its usage once."""
    record = _user(c, event.item_id, at)
    if record is None or record.deleted:
        return
    part = record.part(event.content_index)
    part.is_audio, part.final, part.pieces = True, event.transcript, []
    record.transcription, record.note = "done", None
    _settle(c, record)
    if event.usage is not None:
        priced = c.store.add_usage(
            f"transcription {event.item_id} {event.content_index}", from_transcription(event.usage), transcription=True
        )
        if priced is not None:
            record.usage = priced if record.usage is None else record.usage + priced
            out.append(UsageChanged(priced))


def on_transcription_failed(
    c: Conversation, event: ConversationItemInputAudioTranscriptionFailed, at: float | None, out: list[Change]
) -> None:
    """Records that the transcription of one item failed; the model heard the audio all the same."""
    record = _user(c, event.item_id, at)
    if record is None or record.transcription == "done":
        return
    record.part(event.content_index).is_audio = True
    record.transcription = "failed"
    record.note = f"not transcribed: {event.error.message or event.error.code or 'no reason given'}"
    _settle(c, record)
