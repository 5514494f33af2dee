"""The reducer: applies one server event or local event to a conversation and returns what changed.

Owns the table from event types to handlers, and the step from changed records to changed turns. Must not know asyncio,
sockets, clocks or widgets.

`reduce` accepts any event in any order, never raises, and reads no clock: the same events with the same times give the
same turns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from realtime_nb.wire import realtime as wire

from . import calls, deltas, input, items, local_events, playback, responses, session  # noqa: A004 - the wire's word
from .changes import Change
from .conversation import Conversation
from .records import ItemRecord
from .store import ConversationStore

Handler = Callable[[Conversation, Any, float | None, list[Change]], None]
"""A handler applies one event, with its time, to a conversation, and appends the changes that concern no turn."""

_HANDLERS: dict[type, Handler] = {
    wire.SessionCreated: session.on_session,
    wire.SessionUpdated: session.on_session,
    wire.ConversationItemAdded: items.on_item,
    wire.ConversationItemDone: items.on_item,
    wire.ConversationItemCreated: items.on_item,
    wire.ConversationItemRetrieved: items.on_retrieved,
    wire.ConversationItemDeleted: items.on_deleted,
    wire.ConversationItemTruncated: playback.on_truncated,
    wire.ConversationItemInputAudioTranscriptionDelta: input.on_transcription_delta,
    wire.ConversationItemInputAudioTranscriptionCompleted: input.on_transcription_completed,
    wire.ConversationItemInputAudioTranscriptionFailed: input.on_transcription_failed,
    wire.InputAudioBufferSpeechStarted: input.on_speech_started,
    wire.InputAudioBufferSpeechStopped: input.on_speech_stopped,
    wire.InputAudioBufferCommitted: input.on_committed,
    wire.InputAudioBufferCleared: input.on_cleared,
    wire.InputAudioBufferTimeoutTriggered: input.on_timeout,
    wire.ResponseCreated: responses.on_created,
    wire.ResponseDone: responses.on_done,
    wire.ResponseOutputItemAdded: responses.on_output_item,
    wire.ResponseOutputItemDone: responses.on_output_item,
    wire.ResponseContentPartAdded: responses.on_content_part,
    wire.ResponseContentPartDone: responses.on_content_part,
    wire.ResponseOutputTextDelta: deltas.on_text_delta,
    wire.ResponseOutputTextDone: deltas.on_text_done,
    wire.ResponseOutputAudioTranscriptDelta: deltas.on_text_delta,
    wire.ResponseOutputAudioTranscriptDone: deltas.on_text_done,
    wire.ResponseOutputAudioDelta: deltas.on_audio_delta,
    wire.ResponseOutputAudioDone: deltas.on_audio_done,
    wire.ResponseFunctionCallArgumentsDelta: deltas.on_arguments_delta,
    wire.ResponseFunctionCallArgumentsDone: deltas.on_arguments_done,
    wire.ResponseMcpCallArgumentsDelta: deltas.on_arguments_delta,
    wire.ResponseMcpCallArgumentsDone: deltas.on_arguments_done,
    wire.ResponseMcpCallInProgress: calls.on_mcp_call,
    wire.ResponseMcpCallCompleted: calls.on_mcp_call,
    wire.ResponseMcpCallFailed: calls.on_mcp_call,
    wire.ErrorEvent: items.on_error,
    local_events.InputAppended: input.on_appended,
    local_events.CommitSent: input.on_commit_sent,
    local_events.ClearSent: input.on_clear_sent,
    local_events.Played: playback.on_played,
    local_events.NotPlayed: playback.on_not_played,
    local_events.LocalInterrupt: playback.on_interrupt,
    local_events.ResponseInterrupted: playback.on_response_interrupted,
    local_events.ClientItem: items.on_client_item,
    local_events.ConnectionEnded: session.on_ended,
    local_events.SessionResumed: session.on_session_resumed,
    local_events.ToolProgress: calls.on_tool_progress,
}

# How many event ids are kept to recognise repeated events. Handlers of older ones are idempotent.
_RECENT = 512
# A delta is never taken for a repetition: with one id for all frames, silence would be the same delta again and again.
_NEVER_REPEATED = frozenset(
    {
        local_events.ClientItem,
        wire.ResponseOutputAudioDelta,
        wire.ResponseOutputAudioTranscriptDelta,
        wire.ResponseOutputTextDelta,
        wire.ResponseFunctionCallArgumentsDelta,
        wire.ResponseMcpCallArgumentsDelta,
        wire.ConversationItemInputAudioTranscriptionDelta,
    }
)


def reduce(
    state: Conversation,
    event: wire.ServerEvent | wire.UnknownEvent | local_events.LocalEvent,
    at: float | None = None,
) -> list[Change]:
    """Applies one event to `state`, in place, and returns the changes to show or play.

    Args:
        state: the conversation.
        event: what happened; an unknown event changes nothing.
        at: the event's time in seconds, on one clock that does not go back; None: the time of the last `Clock` event.
    """
    if type(event) is local_events.Clock:
        state.store.now = event.now
        return []
    handler = _HANDLERS.get(type(event))
    if handler is None or _repeated(state, event):
        return []
    after: list[Change] = []
    handler(state, event, state.store.now if at is None else at, after)
    if not state.store.changed_items:
        return after
    # Turns first: the handler of a later change (audio, a response's end) can then look the turn up.
    return [*_publish(state), *after]


def _repeated(state: Conversation, event: msgspec.Struct) -> bool:
    """Returns whether the same event was applied before: a resumed stream may repeat its last events."""
    event_id = getattr(event, "event_id", None)
    if not event_id or type(event) in _NEVER_REPEATED:
        return False
    recent = state.recent
    if event_id in recent:  # compare the events too: simple servers give every event the same id
        return recent[event_id] == event
    recent[event_id] = event
    if len(recent) > _RECENT:
        del recent[next(iter(recent))]
    return False


def _publish(state: Conversation) -> list[Change]:
    """Rebuilds the turns of all items that changed or moved."""
    store, turn_list = state.store, state.turn_list
    changes: list[Change] = []
    moved = store.order.pop_moved()
    pending = list(store.changed_items)
    if moved:
        pending = list(dict.fromkeys([*pending, *moved]))
    store.changed_items = {}
    if store.has_calls:
        pending = _with_calls(store, pending)
    for item_id in pending:
        item = store.items[item_id]
        changes += turn_list.refresh(item, is_turn=_is_turn(state, item), moved=item_id in moved)
    turn_list.publish()
    return changes


def _with_calls(store: ConversationStore, pending: list[str]) -> list[str]:
    """Returns the items and all items whose turns gain or lose tool calls because of them."""
    concerned = dict.fromkeys(pending)
    if store.grouped_moves != store.order.moves:  # an item moved, so its former neighbours may change: regroup all
        store.grouped_moves = store.order.moves
        concerned.update(dict.fromkeys(calls.regroup(store, list(store.order))))
    else:
        for item_id in pending:
            concerned.update(dict.fromkeys(calls.regroup_around(store, item_id)))
    return list(concerned)


def _is_turn(state: Conversation, item: ItemRecord) -> bool:
    if state.store.hidden(item):
        return False
    if item.kind == "call":
        return item.owner == item.id
    return item.kind == "message" and item.role is not None
