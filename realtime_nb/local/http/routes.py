"""The HTTP beside the websocket: client secrets, and a page that says what this server is.

Owns the REST handlers. Must not know sessions beyond their configuration.
"""

from __future__ import annotations

from typing import Any

import msgspec
from tornado.web import RequestHandler

from realtime_nb.local.http.auth import Refused
from realtime_nb.local.http.context import Services
from realtime_nb.local.session.config import default_config, merge
from realtime_nb.local.session.ids import random_id
from realtime_nb.wire.realtime import SessionUpdate, WireError, decode_client, encode

__all__ = ["ClientSecrets", "NotFound", "Welcome"]

_DEFAULT_S, _LEAST_S, _MOST_S = 600, 10, 7_200


class _Json(RequestHandler):
    def initialize(self, services: Services) -> None:
        self._services = services

    def set_default_headers(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")

    def prepare(self) -> None:
        try:
            self._services.gate.check_origin(self.request.headers.get("Origin"), self.request.headers.get("Host"))
        except Refused as refused:
            self.refuse(refused.status, refused.body()["error"])

    def refuse(self, status: int, error: dict[str, Any]) -> None:
        self.set_status(status)
        self.finish(encode({"error": error}))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.finish(encode({"error": _error(f"{status_code} {self._reason}", None, None)}))


class ClientSecrets(_Json):
    """`POST /v1/realtime/client_secrets`."""

    def post(self) -> None:
        """Make a client secret for sessions with the given configuration."""
        try:
            self._services.gate.check_token(self.request.headers)
            seconds, config = _request(self.request.body)
        except Refused as refused:
            return self.refuse(refused.status, refused.body()["error"])
        except WireError as error:
            return self.refuse(400, _error(error.message, error.param, error.code))
        value, expires_at = self._services.gate.secrets.create(config, seconds)
        kind = "realtime.session" if config["type"] == "realtime" else "realtime.transcription_session"
        session = {**config, "id": random_id("sess"), "object": kind, "expires_at": 0}
        return self.write(encode({"value": value, "expires_at": expires_at, "session": session}))


class Welcome(_Json):
    """`GET /`: for people who open the address in a browser."""

    def get(self) -> None:
        """Say what this is."""
        voice = self._services.voice
        self.write(encode({"server": voice.label, "notice": voice.notice, "realtime": "/v1/realtime"}))


class NotFound(_Json):
    """Everything else."""

    def prepare(self) -> None:
        """Answer 404 as the service would, in JSON."""
        self.refuse(
            404, _error(f"Unknown request URL: {self.request.method} {self.request.path}.", None, "unknown_url")
        )


def _request(body: bytes) -> tuple[int, dict[str, Any]]:
    try:
        asked = msgspec.json.decode(body) if body.strip() else {}
    except msgspec.DecodeError:
        raise WireError("The body is not valid JSON.", code="invalid_json") from None
    if not isinstance(asked, dict):
        raise WireError("The body is not a JSON object.", code="invalid_type")
    for name in asked:
        if name not in ("session", "expires_after"):
            raise WireError(f"Unknown parameter: '{name}'.", code="unknown_parameter", param=name)
    return _seconds(asked.get("expires_after")), _config(asked.get("session"))


def _seconds(expires_after: Any) -> int:
    if expires_after is None:
        return _DEFAULT_S
    if not isinstance(expires_after, dict):
        raise WireError("'expires_after' is an object.", code="invalid_type", param="expires_after")
    for name in expires_after:
        if name not in ("anchor", "seconds"):
            where = f"expires_after.{name}"
            raise WireError(f"Unknown parameter: '{where}'.", code="unknown_parameter", param=where)
    if expires_after.get("anchor", "created_at") != "created_at":
        raise WireError("The anchor is 'created_at'.", code="invalid_value", param="expires_after.anchor")
    seconds = expires_after.get("seconds")
    if seconds is None:
        return _DEFAULT_S
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not _LEAST_S <= seconds <= _MOST_S:
        raise WireError(
            f"Invalid value: {seconds!r}. Expected a whole number from {_LEAST_S} to {_MOST_S}.",
            code="invalid_value",
            param="expires_after.seconds",
        )
    return seconds


def _config(session: Any) -> dict[str, Any]:
    if session is None:
        return default_config("realtime")
    event = decode_client(encode({"type": "session.update", "session": session}))
    assert isinstance(event, SessionUpdate)
    kind = event.session.type
    return merge(default_config(kind), event.session)


def _error(message: str, param: str | None, code: str | None) -> dict[str, Any]:
    return {"message": message, "type": "invalid_request_error", "param": param, "code": code}
