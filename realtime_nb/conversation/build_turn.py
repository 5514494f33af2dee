"""Builds the public `Turn` of an item from its record.

Owns the rules for a turn's status, heard text, latency, usage and note, and for when it is settled. Must not know
events or change anything.
"""

from __future__ import annotations

from collections.abc import Iterator

from .heard import cut_at_word, heard_chars
from .records import ItemRecord, PartRecord, ResponseRecord
from .store import ConversationStore
from .turn import Latency, ToolCall, Turn, TurnSound, TurnStatus
from .usage import Usage

# The wire truncates at whole milliseconds: a part that lacks less than one was heard to its end.
_MS_SAMPLES = 24


def is_boundary(store: ConversationStore, item: ItemRecord) -> bool:
    """Returns whether an item ends a run of tool calls: an answer, or a user's turn that the server has."""
    if item.kind != "message" or store.hidden(item):
        return False
    if item.role == "assistant":
        return True
    return item.role == "user" and (item.committed or item.in_conversation)


def is_settled(store: ConversationStore, item: ItemRecord) -> bool:
    """Returns whether a turn is complete; a late event may still correct it."""
    if item.kind == "call":
        return item.over or item.passed
    if item.refused or item.shown == "settled":  # published as settled: later events correct it, never reopen it
        return True
    response = store.response_of(item)
    if response is not None:
        return response.done
    if item.role == "user" and _speaks(item):
        if item.transcription is not None or item.words_known:
            return True
        return (item.committed or item.in_conversation) and not item.waiting
    if item.role == "assistant":
        return item.in_conversation and item.status != "in_progress"
    return item.in_conversation


def build_turn(store: ConversationStore, item: ItemRecord, revision: int) -> Turn:
    """Builds the turn that shows an item in its present state, with the given revision number."""
    text, heard, stopped = _texts(store, item)
    status = _status(store, item, stopped)
    known = any(part.words is not None for part in item.parts.values()) or item.kind == "call"
    return Turn(
        item_id=item.id,
        revision=revision,
        role=item.role or "assistant",
        text=text,
        heard_text=heard,
        status=status,
        response_id=item.response_id,
        started_at=item.started_at,
        latency=_latency(store, item),
        usage=_usage(store, item),
        tool_calls=tuple(_tool_calls(store, item)),
        images=tuple(part.image_url for part in item.parts.values() if part.image_url),
        text_known=known,
        note=_note(store, item, known=known),
        _sound=_sound(item),
    )


def same_facts(a: Turn, b: Turn) -> bool:
    """Returns whether two turns are equal in every field except their revision."""
    return (
        a.text == b.text
        and a.heard_text == b.heard_text
        and a.status == b.status
        and a.role == b.role
        and a.response_id == b.response_id
        and a.started_at == b.started_at
        and a.latency == b.latency
        and a.usage == b.usage
        and a.tool_calls == b.tool_calls
        and a.images == b.images
        and a.text_known == b.text_known
        and a.note == b.note
        and a.audio_ms == b.audio_ms
    )


def _speaks(item: ItemRecord) -> bool:
    return item.reserved or item.committed or item.idle or any(part.is_audio for part in item.parts.values())


def _texts(store: ConversationStore, item: ItemRecord) -> tuple[str, str, bool]:
    """Returns the text, its heard prefix, and whether playback stopped before the end."""
    text, heard, stopped = "", "", False
    for part in item.parts.values():
        words = part.words or ""
        joint = "\n" if text and words else ""
        text += joint + words
        share = _heard_share(store, item, part, len(words))
        if share is not None and not stopped:
            stopped = True
            cut = cut_at_word(words, share)
            heard += joint + cut if cut else ""
        elif not stopped:
            heard += joint + words
    return text, heard, stopped


def _heard_share(store: ConversationStore, item: ItemRecord, part: PartRecord, chars: int) -> int | None:
    """Returns how many characters of a part were heard, or None if all were."""
    at = part.stopped_at
    response = store.response_of(item)
    if at is None:
        # The server cancelled the response: until the player reports more, what it has played is what was heard.
        if part.played is None or part.finished or response is None or response.status != "cancelled":
            return None
        at = part.played
    ended = part.audio_done or item.closed or (response is not None and response.done)
    if part.samples and at >= part.samples - _MS_SAMPLES and ended:
        return None
    return heard_chars(chars, part.samples, at, part.marks)


def _status(store: ConversationStore, item: ItemRecord, stopped: bool) -> TurnStatus:
    if item.refused:
        return "failed"
    if stopped:
        return "interrupted"
    if not is_settled(store, item):
        return "in_progress"
    if item.status == "completed" or item.role != "assistant":
        return "completed"
    response = store.response_of(item)
    end = response.status if response is not None and response.done else item.status
    if end in ("failed", "incomplete") and response is not None:
        return "failed"
    return "interrupted" if end in ("cancelled", "incomplete") else "completed"


def _note(store: ConversationStore, item: ItemRecord, *, known: bool) -> str | None:
    if item.note is not None:
        return item.note
    if item.role == "user":
        if item.idle:
            return "nothing was said"
        if not known and is_settled(store, item) and _speaks(item):
            return "not transcribed"
        return None
    response = store.response_of(item)
    return response.note if response is not None and item.status != "completed" else None


def _tool_calls(store: ConversationStore, item: ItemRecord) -> Iterator[ToolCall]:
    for call_item in item.calls:
        call = store.items[call_item]
        call_id = call.call_id or call.id
        if store.calls.get(call_id, call.id) == call.id:  # a call id in two items is one call: docs/protocol.md 26
            yield ToolCall(call_id, call.name, "".join(call.arguments), call.call_status, call.output)


def _responses(store: ConversationStore, item: ItemRecord) -> Iterator[ResponseRecord]:
    """Yields the responses that produced a turn and are counted in no other turn, oldest first."""
    seen = set()
    for item_id in (*item.calls, item.id):
        response = store.response_of(store.items[item_id])
        if response is None or response.id in seen:
            continue
        seen.add(response.id)
        anchor = _anchor(store, response)
        if anchor == item.id or anchor in item.calls:
            yield response


def _anchor(store: ConversationStore, response: ResponseRecord) -> str | None:
    """Returns the item whose turn shows a response's usage: its first message, else its first call."""
    fallback = None
    for item_id in response.items:
        item = store.items[item_id]
        if store.hidden(item):
            continue
        if item.kind == "message":
            return item_id
        if fallback is None and item.kind == "call":
            fallback = item_id
    return fallback


def _usage(store: ConversationStore, item: ItemRecord) -> Usage | None:
    total = item.usage
    if item.response_id is not None or item.calls:
        for response in _responses(store, item):
            if response.usage is not None:
                total = response.usage if total is None else total + response.usage
    return total


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else max(end - start, 0.0) * 1000


def _latency(store: ConversationStore, item: ItemRecord) -> Latency:
    first = next(iter(_responses(store, item)), None) if item.response_id is not None or item.calls else None
    if first is None:
        return Latency()
    own = store.response_of(item) or first
    user = store.items.get(first.user) if first.user is not None else None
    spoke = (user.speech_end_at if user.sent_at is None else user.sent_at) if user is not None else None
    # Where no page plays, or it waits for a gesture, the answer is there when its first sound has come.
    played_at = None if item.not_played else item.first_played_at
    heard_at = own.first_audio_at if item.not_played else played_at
    return Latency(
        speech_end_to_committed=_between(spoke, user.committed_at) if user is not None else None,
        committed_to_response=_between(user.committed_at, first.created_at) if user is not None else None,
        response_to_first_audio=_between(first.created_at, own.first_audio_at),
        first_audio_to_played=_between(own.first_audio_at, played_at),
        total=_between(spoke, heard_at),
    )


def _sound(item: ItemRecord) -> TurnSound | None:
    if item.sound:
        return TurnSound((item.sound,), len(item.sound) // 2)
    chunks = [part.chunks for part in item.parts.values() if part.samples]
    if not chunks:
        return None
    pieces = chunks[0] if len(chunks) == 1 else [piece for part in chunks for piece in part]
    return TurnSound(pieces, sum(part.samples for part in item.parts.values()))
