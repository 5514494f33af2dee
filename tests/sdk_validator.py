"""Validate events with the pydantic types of the official Python SDK, strictly and without unknown fields.

Owns the rebuilt discriminated unions and `check_server` / `check_client`. Must not know our own `wire/` types: this is
a second, independent reading of the protocol.

The SDK's unions carry a private discriminator, so pydantic would match a wrong event against every member; rebuilt with
pydantic's own `Field(discriminator=...)`, they match one. The SDK checks neither base64, nor ranges, nor order, nor
state; base64 is checked here.
"""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any, get_args

from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import Field, TypeAdapter


def _adapter(union: Any) -> TypeAdapter[Any]:
    exact: Any = Annotated[get_args(union)[0], Field(discriminator="type")]
    return TypeAdapter(exact)


_SERVER = _adapter(RealtimeServerEvent)
_CLIENT = _adapter(RealtimeClientEvent)

# The service sends these in `session`; the SDK's types, which are the *request's*, do not name them.
_SESSION_EXTRAS = ("id", "object", "expires_at")

# The published examples carry it and the SDK's types do not.
_EVENT_EXTRAS = ("obfuscation",)

_BASE64_FIELDS = {"response.output_audio.delta": "delta", "input_audio_buffer.append": "audio"}


def check_server(frame: str | bytes | dict[str, Any]) -> dict[str, Any]:
    """Return the decoded server event, or raise `pydantic.ValidationError` if it does not fit the SDK's types."""
    event = _decode(frame)
    bare = {key: value for key, value in event.items() if key not in _EVENT_EXTRAS}
    if isinstance(session := bare.get("session"), dict):
        bare["session"] = {key: value for key, value in session.items() if key not in _SESSION_EXTRAS}
    _SERVER.validate_python(bare, strict=True, extra="forbid")
    _check_base64(event)
    return event


def check_client(frame: str | bytes | dict[str, Any]) -> dict[str, Any]:
    """Return the decoded client event, or raise `pydantic.ValidationError` if it does not fit the SDK's types."""
    event = _decode(frame)
    _CLIENT.validate_python(event, strict=True, extra="forbid")
    _check_base64(event)
    return event


def _decode(frame: str | bytes | dict[str, Any]) -> dict[str, Any]:
    event = frame if isinstance(frame, dict) else json.loads(frame)
    assert isinstance(event, dict), f"an event is a JSON object, not {type(event).__name__}"
    return event


def _check_base64(event: dict[str, Any]) -> None:
    field = _BASE64_FIELDS.get(event["type"])
    if field is not None:
        base64.b64decode(event[field], validate=True)
