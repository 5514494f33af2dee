"""Handlers of delta events: text, transcript, audio and tool arguments as they stream in.

Owns the hot path: the cost of a delta to a live turn does not grow with the conversation. Must not know how turns are
built.
"""

from __future__ import annotations

from realtime_nb.audio.stream_format import StreamDecoder, is_usual
from realtime_nb.errors import AudioError
from realtime_nb.wire.realtime import (
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseMcpCallArgumentsDelta,
    ResponseMcpCallArgumentsDone,
    ResponseOutputAudioDelta,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputAudioTranscriptDone,
    ResponseOutputTextDelta,
    ResponseOutputTextDone,
)

from .calls import note_call
from .changes import AudioDone, AudioLost, AudioReceived, Change, TurnText
from .conversation import Conversation
from .records import ItemRecord

TextDelta = ResponseOutputTextDelta | ResponseOutputAudioTranscriptDelta
TextDone = ResponseOutputTextDone | ResponseOutputAudioTranscriptDone


def _open(c: Conversation, item_id: str, response_id: str, at: float | None) -> ItemRecord | None:
    """Returns the message item that a delta belongs to; None if its item or its response has ended."""
    if not item_id:
        return None
    response = c.store.responses.get(response_id)
    if response is not None and response.done:
        return None
    record = c.store.item(item_id, at)
    if record.closed or record.deleted:
        return None
    if record.kind in (None, "other"):
        record.kind, record.role = "message", "assistant"
    if record.started_at is None:
        record.started_at = c.store.time_of_day(at)
    c.store.join(record, response_id)
    c.store.mark_changed(item_id)
    return record


def on_text_delta(c: Conversation, event: TextDelta, at: float | None, out: list[Change]) -> None:
    """Appends a delta to a part's text or transcript."""
    record = c.store.items.get(event.item_id)
    # `flows`: the text grows at its end in a live turn, so that a TurnText change is enough and nothing is rebuilt.
    flows = record is not None and record.shown == "live" and not record.closed
    if record is None or not flows or (record.response_id or "") != event.response_id:
        record = _open(c, event.item_id, event.response_id, at)
        if record is None:
            return
        flows = False
    part = record.parts.get(event.content_index)
    if part is None:
        part = record.part(event.content_index)
        part.is_audio = isinstance(event, ResponseOutputAudioTranscriptDelta)
        flows = flows and len(record.parts) == 1
    delta = event.delta
    if part.final is not None or not delta:
        return
    if part.is_audio:
        part.marks.append((part.samples, part.chars))
    flows = flows and (len(record.parts) == 1 or (part.chars > 0 and event.content_index == max(record.parts)))
    part.pieces.append(delta)
    part.chars += len(delta)
    if flows:
        c.turn_list.note_growth(record)
        out.append(TurnText(record.id, delta))
    else:
        c.store.mark_changed(record.id)


def on_text_done(c: Conversation, event: TextDone, at: float | None, out: list[Change]) -> None:
    """Replaces the deltas by the final text (docs/protocol.md 24); an empty or missing one erases nothing."""
    record = c.store.undeleted_item(event.item_id, at)
    if record is None:
        return
    if record.kind in (None, "other"):
        record.kind, record.role = "message", "assistant"
    c.store.join(record, event.response_id)
    part = record.part(event.content_index)
    if isinstance(event, ResponseOutputAudioTranscriptDone):
        words, part.is_audio = event.transcript, True
    else:
        words = event.text
    if words or part.words is None:
        part.final = words
    c.store.mark_changed(record.id)


def on_audio_delta(c: Conversation, event: ResponseOutputAudioDelta, at: float | None, out: list[Change]) -> None:
    """Appends audio to a part and returns it for playback, unless it is out of band or was interrupted.

    Deltas of an interrupted response still arrive: they are kept and never played (docs/protocol.md 33).
    """
    try:
        pcm = event.audio
    except ValueError:  # invalid base64 loses this delta only
        out.append(AudioLost(event.item_id, "the server sent sound that is not base64"))
        return
    record = c.store.items.get(event.item_id)
    flows = record is not None and record.shown == "live" and not record.closed
    if record is None or not flows or (record.response_id or "") != event.response_id:
        record = _open(c, event.item_id, event.response_id, at)
        if record is None:
            return
    part = record.parts.get(event.content_index) or record.part(event.content_index)
    if part.audio_done:
        return
    if not part.samples and not part.chunks and part.decoder is None:
        try:
            part.decoder = _decoder(c, record, event.sample_rate_hz or None)
        except AudioError as error:
            part.audio_done = True
            out.append(AudioLost(event.item_id, str(error)))
            return
    if part.decoder is not None:
        pcm = part.decoder.decode(pcm)
    elif part.odd_byte or len(pcm) % 2:  # a server may split a delta inside a sample
        pcm = part.odd_byte + pcm
        part.odd_byte = pcm[len(pcm) // 2 * 2 :]
        pcm = pcm[: len(pcm) // 2 * 2]
    if pcm:
        _add_sound(c, record, event.content_index, pcm, at, out, flows=flows)


def _decoder(c: Conversation, record: ItemRecord, rate_hz: int | None) -> StreamDecoder | None:
    """What converts the sound of a part that begins; None where the server sends 24 kHz PCM."""
    response = c.store.response_of(record)
    told = response.format if response is not None and response.format is not None else c.store.output_format
    if rate_hz is not None:
        told = told[0], rate_hz
    return None if is_usual(*told) else StreamDecoder(*told)


def _add_sound(
    c: Conversation,
    record: ItemRecord,
    content_index: int,
    pcm: bytes,
    at: float | None,
    out: list[Change],
    *,
    flows: bool,
) -> None:
    part = record.parts[content_index]
    start = part.samples
    if not start:
        _begin_sound(c, record, content_index, at)
    part.chunks.append(pcm)
    part.samples = start + len(pcm) // 2
    if flows:
        c.turn_list.note_growth(record)
    response = c.store.response_of(record)
    if response is not None and (response.interrupted or response.in_band is False):
        return
    if part.cut is None and part.truncated is None:
        out.append(AudioReceived(record.id, content_index, start, pcm))


def _begin_sound(c: Conversation, record: ItemRecord, content_index: int, at: float | None) -> None:
    part = record.parts[content_index]
    part.is_audio = True
    response = c.store.response_of(record)
    if response is not None and response.first_audio_at is None:
        response.first_audio_at = at
    if response is not None and response.interrupted and part.cut is None:
        part.implied_cut = 0  # the response was interrupted before this part: it is never played
    elif not c.store.hidden(record):
        c.store.queue[record.id, content_index] = None
    c.store.mark_changed(record.id)


def on_audio_done(c: Conversation, event: ResponseOutputAudioDone, at: float | None, out: list[Change]) -> None:
    """Marks a part's audio as received in full."""
    record = c.store.items.get(event.item_id)
    part = record.parts.get(event.content_index) if record is not None else None
    if record is None or part is None or part.audio_done:
        return
    if part.decoder is not None and (rest := part.decoder.flush()):
        _add_sound(c, record, event.content_index, rest, at, out, flows=False)
    part.audio_done = True
    response = c.store.response_of(record)
    if not c.store.hidden(record) and not (response is not None and response.interrupted):
        out.append(AudioDone(record.id, event.content_index, part.samples))
    c.store.mark_changed(record.id)


def on_arguments_delta(
    c: Conversation,
    event: ResponseFunctionCallArgumentsDelta | ResponseMcpCallArgumentsDelta,
    at: float | None,
    out: list[Change],
) -> None:
    """Appends to a call's arguments, which are not valid JSON before they are done (docs/protocol.md 26)."""
    if not event.item_id:
        return
    response = c.store.responses.get(event.response_id)
    known = c.store.items.get(event.item_id)
    if (response is not None and response.done) or (known is not None and known.arguments_done):
        return
    record = known or c.store.item(event.item_id, at)
    if known is None or record.kind in (None, "other"):
        c.store.join(record, event.response_id)
        note_call(c.store, record, call_id=getattr(event, "call_id", "") or "", name="")
        c.store.mark_changed(record.id)
    record.arguments.append(event.delta)


def on_arguments_done(
    c: Conversation,
    event: ResponseFunctionCallArgumentsDone | ResponseMcpCallArgumentsDone,
    at: float | None,
    out: list[Change],
) -> None:
    """Replaces a call's arguments by the final ones.

    The server repeats them in `response.output_item.done` and `response.done` (docs/protocol.md 26).
    """
    record = c.store.undeleted_item(event.item_id, at)
    if record is None:
        return
    c.store.join(record, event.response_id)
    if isinstance(event, ResponseFunctionCallArgumentsDone):
        note_call(c.store, record, call_id=event.call_id, name=event.name)
    else:
        note_call(c.store, record, call_id=record.id, name="")
    if event.arguments or not record.arguments:
        record.arguments = [event.arguments]
    record.arguments_done = True
    c.store.mark_changed(record.id)
