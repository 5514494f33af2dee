"""Decodes frames to typed events, and encodes events to frames.

Owns encoding and decoding. Must not know sockets or asyncio. `decode_server` never raises, because a bad frame must
not end a conversation; `decode_client` raises the error that a server should answer with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any, get_args

import msgspec
import pybase64

from realtime_nb.texts import with_texts
from realtime_nb.wire.realtime import beta
from realtime_nb.wire.realtime.client_events import ClientEvent, InputAudioBufferAppend
from realtime_nb.wire.realtime.items import UnknownItem
from realtime_nb.wire.realtime.lenient import error_in_words, is_error_body, read_leniently
from realtime_nb.wire.realtime.response import ErrorDetail
from realtime_nb.wire.realtime.server_events import (
    ErrorEvent,
    ResponseOutputAudioDelta,
    ServerEvent,
    SessionCreated,
    SessionUpdated,
    UnknownEvent,
)
from realtime_nb.wire.realtime.validate import check, nearest

__all__ = [
    "CLIENT_TYPES",
    "MALFORMED",
    "SERVER_TYPES",
    "WireError",
    "decode_client",
    "decode_server",
    "encode",
    "encode_append",
    "to_dict",
]


def _by_type(union: Any) -> dict[str, Any]:
    return {str(kind.__struct_config__.tag): kind for kind in get_args(union)}


SERVER_TYPES: dict[str, Any] = _by_type(ServerEvent)
"""Server event types by their wire name."""
CLIENT_TYPES: dict[str, Any] = _by_type(ClientEvent)
"""Client event types by their wire name."""


def _as_it_came(value: Any) -> Any:
    """Encode an element of a kind that this version does not know in the server's own words."""
    if isinstance(value, UnknownItem):
        return value.raw
    raise NotImplementedError(f"{type(value).__name__} is no JSON value")


_encoder = msgspec.json.Encoder(enc_hook=_as_it_came)

_LONG = 8192
_DELTA = re.compile(rb'[,{\s]"delta"\s*:\s*"')
_HOLE = b"~"
"""Stands for audio that was removed from a frame; not a character of base64."""


@cache
def _server() -> msgspec.json.Decoder[ServerEvent]:
    # Compiled at the first frame, because it takes a third of the time that importing the widget does.
    return msgspec.json.Decoder(ServerEvent)


@cache
def _client() -> msgspec.json.Decoder[ClientEvent]:
    return msgspec.json.Decoder(ClientEvent)


class WireError(ValueError):
    """A client's frame is invalid; holds the fields of the `error` event that answers it.

    Attributes:
        code, param: as in the service's `error` event.
        event_id: the client's id of the refused event, or None.
    """

    def __init__(self, message: str, *, code: str, param: str | None = None, event_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.event_id = event_id


MALFORMED = "malformed_frame"
"""The code of our own `ErrorEvent` for a frame that is no event."""

encode: Callable[[Any], bytes] = _encoder.encode
"""Encodes an event, typed or a dict, as a JSON frame."""


def encode_append(pcm: bytes | bytearray | memoryview, event_id: str | None = None) -> bytes:
    """Encodes an `input_audio_buffer.append` frame without a struct: the hot path from the microphone."""
    if event_id is None:
        return b'{"type":"input_audio_buffer.append","audio":"%b"}' % pybase64.b64encode(pcm)
    return b'{"event_id":%b,"type":"input_audio_buffer.append","audio":"%b"}' % (
        _encoder.encode(event_id),
        pybase64.b64encode(pcm),
    )


def to_dict(event: Any) -> dict[str, Any]:
    """Converts an event, an item or a configuration to builtins, as it is sent: absent fields are left out."""
    built = msgspec.to_builtins(event, enc_hook=_as_it_came)
    if not isinstance(built, dict):
        raise TypeError(f"{type(event).__name__} is not an event or a configuration.")
    return built


def decode_server(frame: bytes | str) -> ServerEvent | UnknownEvent:
    """Decodes a server's frame; never raises.

    Beta names are translated to GA names, and unknown types become `UnknownEvent` (docs/protocol.md 4). A frame that
    is no event becomes a local `ErrorEvent` with the code `MALFORMED`, whose message never quotes the frame.
    """
    try:
        if len(frame) >= _LONG and isinstance(frame, bytes):
            sound = _with_long_sound(frame)
            if sound is not None:
                return sound
        event: ServerEvent = _server().decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _rescue(frame)
    if type(event) in _RARE and _says_it_otherwise(event, frame):
        return _rescue(frame)
    return event


_RARE = frozenset({ErrorEvent, SessionCreated, SessionUpdated})


def _says_it_otherwise(event: Any, frame: bytes | str) -> bool:
    """Whether a field that other code relies on stands in the frame under another name."""
    if type(event) is ErrorEvent:
        return not event.error.message
    return ("sample_rate" if isinstance(frame, str) else b"sample_rate") in frame  # type: ignore[operator]


def _with_long_sound(frame: bytes) -> ResponseOutputAudioDelta | None:
    """Decodes an audio delta without passing its base64 through the JSON parser, which is slower; None if not possible.

    The base64 is replaced by `_HOLE` and put back only if the parser finds exactly `_HOLE` as the delta of an audio
    event. So text that merely looks like an audio delta is never taken for one.
    """
    mark = _DELTA.search(frame)
    if mark is None:
        return None
    start = mark.end()
    end = frame.find(b'"', start)
    if end - start < _LONG // 2 or frame.find(b"\\", start, end) >= 0:
        return None
    try:
        event = _server().decode(b"".join((frame[:start], _HOLE, frame[end:])))
        if type(event) is not ResponseOutputAudioDelta or event.delta != _HOLE.decode():
            return None
        event.delta = frame[start:end].decode("ascii")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # decoding the whole frame gives the better error
    return event


def _malformed(why: str) -> ErrorEvent:
    return ErrorEvent(error=ErrorDetail(type="client_error", code=MALFORMED, message=why))


def _rescue(frame: bytes | str) -> ServerEvent | UnknownEvent:
    """The event of a frame that strict decoding refused: beta names, unknown types, and fields of another shape."""
    try:
        raw = _parsed(frame)
    except (ValueError, RecursionError):
        return _malformed(f"The server sent a frame of {len(frame)} characters that is not JSON; it was left out.")
    kind = raw.get("type") if isinstance(raw, dict) else None
    if not isinstance(kind, str):
        if isinstance(raw, dict) and is_error_body(raw):
            kind, raw = "error", {**raw, "type": "error"}  # an HTTP-like body, which a proxy may send
        else:
            return _malformed("The server sent JSON without an event type; it was left out.")
    upgraded = beta.upgrade(raw) or raw
    kind = upgraded["type"]
    struct = SERVER_TYPES.get(kind)
    if struct is None and kind.endswith(".error") and is_error_body(raw):
        kind, struct = "error", ErrorEvent  # `response.error` and `session.error` of some servers
        upgraded = {**upgraded, "type": kind}
    if struct is None:
        event_id = raw.get("event_id")
        return UnknownEvent(type=kind, raw=raw, event_id=event_id if isinstance(event_id, str) else "")
    if upgraded is not raw and struct is not ErrorEvent:
        try:
            whole: ServerEvent = msgspec.convert(upgraded, ServerEvent)
        except (msgspec.ValidationError, RecursionError):
            pass
        else:
            return whole
    if kind == "error":
        upgraded = {**upgraded, "error": error_in_words(raw)}
    event: ServerEvent
    event, lost = read_leniently(upgraded, struct)
    event.note_lost(raw, lost)
    return event


def _parsed(frame: bytes | str) -> Any:
    """JSON, also with what strict JSON forbids: NaN, Infinity, lone surrogates, bytes that are not UTF-8."""
    try:
        return msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = frame if isinstance(frame, str) else frame.decode("utf-8", "replace")
        return with_texts(json.loads(text), _readable)


def _readable(text: str) -> str:
    """The same text with U+FFFD for halves of surrogate pairs, such as half of an emoji that a server split.

    No message to a page can hold such a half: a notebook's kernel would fail to encode it, and the turn would be lost.
    """
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def decode_client(frame: bytes | str) -> ClientEvent:
    """Decodes and checks a client's frame.

    Raises:
        WireError: the frame is invalid; its code is the service's: `invalid_json`, `invalid_event`,
            `unknown_parameter`, `missing_required_parameter`, `invalid_type` or `invalid_value`.
    """
    try:
        event: ClientEvent = _client().decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    else:
        if isinstance(event, InputAudioBufferAppend):
            return event  # has no nested fields to check, and comes 25 times a second
    return _strict(frame)


def _strict(frame: bytes | str) -> ClientEvent:
    try:
        raw = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise WireError("The frame is not valid JSON.", code="invalid_json") from None
    if not isinstance(raw, dict):
        raise WireError("The frame is not a JSON object.", code="invalid_event")
    event_id = raw.get("event_id")
    event_id = event_id if isinstance(event_id, str) else None
    kind = raw.get("type")
    if kind is None:
        raise WireError("The 'type' field is missing.", code="invalid_event", param="type", event_id=event_id)
    if kind not in CLIENT_TYPES:
        near = nearest(str(kind), list(CLIENT_TYPES))
        supported = ", ".join(f"'{name}'" for name in CLIENT_TYPES)
        raise WireError(
            f"Invalid value: {str(kind)[:80]!r}.{near} Supported values are: {supported}.",
            code="invalid_value",
            param="type",
            event_id=event_id,
        )
    problem = check(raw, CLIENT_TYPES[kind])
    if problem is not None:
        raise WireError(problem.message, code=problem.code, param=problem.param, event_id=event_id)
    event: ClientEvent = msgspec.convert(raw, ClientEvent)
    return event
