"""A replayed session as a file: each event with its time, and the sound beside it.

Owns the form of the log, from which the very same record can be read again. Must not know folders or rows.

The log is JSON Lines, compressed: a head, and one line an event. Sound is not in it twice: an event of sound says how
many samples it carried, and the samples are in a sound file of their own.
"""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from realtime_nb.audio import AudioClip
from realtime_nb.audio.pcm import Pcm16
from realtime_nb.audio.speech_span import SpeechSpan
from realtime_nb.client.replay.trace import ReplayRecord, StampedEvent, TrialTrace
from realtime_nb.wire.realtime import UnknownEvent, decode_server, to_dict

_SOUND = "response.output_audio.delta"
_HEAD = ("model", "started_at", "pacing_lag_ms", "loop_lag_ms", "billed", "error", "retryable", "retry_after_s")
_TURN = ("speech_end_at_ms", "buffer_offset_ms", "pacing", "output_rate_hz", "error")


def log_bytes(record: ReplayRecord) -> tuple[bytes, dict[int, AudioClip]]:
    """Return a record as the bytes of a log, and the sound of the answers by turn."""
    head = {name: getattr(record, name) for name in _HEAD}
    head["session"] = record.session
    head["turns"] = [_turn_head(turn) for turn in record.turns]
    lines = [head]
    sounds: dict[int, AudioClip] = {}
    for number, turn in enumerate(record.turns):
        pieces: list[Pcm16] = []
        for stamped in turn.events:
            # An event of a type that the protocol does not know is kept as the server sent it.
            unknown = isinstance(stamped.event, UnknownEvent)
            event = dict(stamped.event.raw) if unknown else to_dict(stamped.event)
            if stamped.event.type == _SOUND and (pcm := _samples(stamped.event)) is not None:
                pieces.append(pcm)
                event["delta"] = {"samples": len(pcm)}
            lines.append({"turn": number, "at_ms": stamped.at_ms, "event": event})
        sound = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
        if len(sound):
            sounds[number] = AudioClip(sound, turn.output_rate_hz)
    data = b"".join(
        json.dumps(line, ensure_ascii=False, default=str).encode("utf-8", "replace") + b"\n" for line in lines
    )
    # Without the time of day, so that the same record gives the same bytes.
    return gzip.compress(data, compresslevel=6, mtime=0), sounds


def read_log(data: bytes, sounds: Mapping[int, AudioClip]) -> ReplayRecord:
    """Return the record of a log.

    Raises:
        ValueError: this is no log, or a part of one.
    """
    try:
        head, *lines = map(json.loads, gzip.decompress(data).splitlines())
    except (OSError, EOFError) as error:
        raise ValueError(f"this is no log of a session: {error}") from error
    events: list[list[StampedEvent]] = [[] for _ in head["turns"]]
    taken = dict.fromkeys(range(len(events)), 0)
    for line in lines:
        number, event = line["turn"], line["event"]
        if isinstance(event.get("delta"), dict):
            start = taken[number]
            taken[number] += event["delta"]["samples"]
            pcm = sounds[number].samples[start : taken[number]] if number in sounds else np.zeros(0, np.int16)
            event["delta"] = b64encode(pcm.astype("<i2").tobytes()).decode()
        events[number].append(StampedEvent(line["at_ms"], decode_server(json.dumps(event))))
    turns = tuple(_turn(fields, each) for fields, each in zip(head["turns"], events, strict=True))
    return ReplayRecord(turns, session=head["session"], **{name: head[name] for name in _HEAD})


def _samples(event: Any) -> Pcm16 | None:
    """Return the samples of an event of sound; None where its bytes are no PCM16, which stay in the log."""
    try:
        pcm: bytes = event.audio
    except ValueError:
        return None
    return None if len(pcm) % 2 else np.frombuffer(pcm, "<i2")


def _turn_head(turn: TrialTrace) -> dict[str, Any]:
    speech = None if turn.speech is None else [turn.speech.start, turn.speech.end]
    return {**{name: getattr(turn, name) for name in _TURN}, "speech": speech}


def _turn(fields: Mapping[str, Any], events: Sequence[StampedEvent]) -> TrialTrace:
    speech = None if fields["speech"] is None else SpeechSpan(*fields["speech"])
    return TrialTrace(tuple(events), speech=speech, **{name: fields[name] for name in _TURN})
