"""HTTP requests beside the websocket: client secrets, and a page that describes the server.

Owns the REST handlers. Must not know sessions beyond their configuration.
"""

from __future__ import annotations

from typing import Any

import msgspec
from tornado.web import RequestHandler, stream_request_body

from realtime_nb.local.http.auth import RequestRefused, error_body
from realtime_nb.local.http.context import ServerContext
from realtime_nb.local.http.plain_server import MAX_BODY
from realtime_nb.local.session.config import SessionDefaults, default_config, merge
from realtime_nb.local.session.ids import random_id
from realtime_nb.local.session.json_depth import check_depth
from realtime_nb.local.session.refusal import refusal
from realtime_nb.wire.realtime import SessionUpdate, WireError, decode_client, encode

_DEFAULT_S, _LEAST_S, _MOST_S = 600, 10, 7_200


class _Json(RequestHandler):
    def initialize(self, context: ServerContext) -> None:
        self._context = context

    def set_default_headers(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")

    def prepare(self) -> None:
        try:
            self._context.access.check_origin(self.request.headers.get("Origin"), self.request.headers.get("Host"))
        except RequestRefused as refused:
            self.refuse(refused.status, refused.body())

    def refuse(self, status: int, body: dict[str, Any]) -> None:
        self.set_status(status)
        self.finish(encode(body))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.finish(encode(error_body(f"{status_code} {self._reason}")))


@stream_request_body  # so that `prepare` can refuse before the body is read
class ClientSecrets(_Json):
    """Answers `POST /v1/realtime/client_secrets` with a new client secret."""

    def prepare(self) -> None:
        """Refuse a body that is too large by its announced length; tornado closes one that grows beyond the limit."""
        self._body = bytearray()
        super().prepare()
        length = self.request.headers.get("Content-Length", "")
        if not self._finished and length.isascii() and length.isdigit() and int(length) > MAX_BODY:
            message = f"The body has {length} bytes: this server reads up to {MAX_BODY}."
            self.refuse(413, error_body(message, code="request_too_large"))

    def data_received(self, chunk: bytes) -> None:
        """Collect the body; tornado calls this for each piece."""
        self._body += chunk

    def post(self) -> None:
        """Make a client secret for sessions with the given configuration."""
        try:
            self._context.access.check_token(self.request.headers)
            seconds, config = _request(bytes(self._body), self._context.defaults)
        except RequestRefused as refused:
            return self.refuse(refused.status, refused.body())
        except WireError as error:
            return self.refuse(400, error_body(error.message, error.param, error.code))
        value, expires_at = self._context.access.secrets.create(config, seconds)
        kind = "realtime.session" if config["type"] == "realtime" else "realtime.transcription_session"
        session = {**config, "id": random_id("sess"), "object": kind, "expires_at": 0}
        return self.write(encode({"value": value, "expires_at": expires_at, "session": session}))


class Welcome(_Json):
    """Answers `GET /`, for people who open the address in a browser."""

    def get(self) -> None:
        """Describe the server."""
        voice = self._context.voice
        about = {"server": voice.label, "notice": voice.notice, "hearing": voice.hearing, "realtime": "/v1/realtime"}
        self.write(encode(about))


class NotFound(_Json):
    """Answers every other address with 404."""

    def prepare(self) -> None:
        """Answer 404 in JSON, as the service does."""
        message = f"Unknown request URL: {self.request.method} {self.request.path}."
        self.refuse(404, error_body(message, code="unknown_url"))


def _request(body: bytes, defaults: SessionDefaults) -> tuple[int, dict[str, Any]]:
    check_depth(body)
    try:
        asked = msgspec.json.decode(body) if body.strip() else {}
    except msgspec.DecodeError:
        raise refusal("The body is not valid JSON.", code="invalid_json") from None
    if not isinstance(asked, dict):
        raise refusal("The body is not a JSON object.", code="invalid_type")
    for name in asked:
        if name not in ("session", "expires_after"):
            raise refusal(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    return _seconds(asked.get("expires_after")), _config(asked.get("session"), defaults)


def _seconds(expires_after: Any) -> int:
    if expires_after is None:
        return _DEFAULT_S
    if not isinstance(expires_after, dict):
        raise refusal("'expires_after' is an object.", "expires_after", "invalid_type")
    for name in expires_after:
        if name not in ("anchor", "seconds"):
            where = f"expires_after.{name}"
            raise refusal(f"Unknown parameter: '{where}'.", where, "unknown_parameter")
    if expires_after.get("anchor", "created_at") != "created_at":
        raise refusal("The anchor is 'created_at'.", "expires_after.anchor")
    seconds = expires_after.get("seconds")
    if seconds is None:
        return _DEFAULT_S
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not _LEAST_S <= seconds <= _MOST_S:
        message = f"Invalid value: {seconds!r}. Expected a whole number from {_LEAST_S} to {_MOST_S}."
        raise refusal(message, "expires_after.seconds")
    return seconds


def _config(session: Any, defaults: SessionDefaults) -> dict[str, Any]:
    if session is None:
        return default_config("realtime", defaults=defaults)
    event = decode_client(encode({"type": "session.update", "session": session}))
    assert isinstance(event, SessionUpdate)
    kind = event.session.type
    return merge(default_config(kind, defaults=defaults), event.session, defaults=defaults)
