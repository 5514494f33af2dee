"""Access control for HTTP and websocket requests: tokens, client secrets and origins.

Owns every decision to allow or refuse a request. Must not know tornado: it reads header values.

A page of any site can open a websocket to 127.0.0.1, and a browser says where the page came from only in `Origin`: it
is checked whenever it is there, with or without a token. On a loopback address the name in `Host` proves nothing (any
DNS name can point at 127.0.0.1), so a page must itself come from a loopback name there.
"""

from __future__ import annotations

import copy
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from realtime_nb.local.session.ids import random_id
from realtime_nb.loopback import is_loopback

_SUBPROTOCOL_KEY = "openai-insecure-api-key."
_SECRET = "ek_"


class RequestRefused(Exception):  # noqa: N818 - an answer, not a fault
    """A request that is not allowed.

    Attributes:
        status: the HTTP status.
        code: the error code of the service.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    def body(self) -> dict[str, Any]:
        """Return the JSON body that the service answers with."""
        return error_body(str(self), None, self.code)


def error_body(message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """Return the JSON body of an HTTP error, as the service writes it."""
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


@dataclass(slots=True)
class SecretStore:
    """Client secrets: short-lived keys with a configuration, reusable until they expire (docs/protocol.md 11)."""

    now: Callable[[], float] = time.time
    _secrets: dict[str, tuple[float, dict[str, Any] | None]] = field(default_factory=dict)

    def create(self, config: dict[str, Any] | None, seconds: int) -> tuple[str, int]:
        """Return a new secret and when it expires (seconds since 1970)."""
        now = self.now()
        self._secrets = {value: entry for value, entry in self._secrets.items() if entry[0] > now}
        value, expires_at = random_id("ek"), int(now) + seconds
        self._secrets[value] = (expires_at, config)
        return value, expires_at

    def find(self, value: str) -> tuple[bool, dict[str, Any] | None]:
        """Return whether the secret is good, and a copy of its configuration."""
        # Compared with every one: the time of a look-up must not show how much of a guess was right.
        found: tuple[bool, dict[str, Any] | None] = (False, None)
        now = self.now()
        for known, (expires_at, config) in self._secrets.items():
            if hmac.compare_digest(known.encode(), value.encode()) and expires_at > now:
                found = (True, copy.deepcopy(config))
        return found


@dataclass(frozen=True, slots=True)
class AccessControl:
    """The access rules of one server.

    Attributes:
        token: the key that a caller must send; None allows every local caller.
        loopback: whether the server listens on loopback addresses only.
        secrets: the client secrets that were created.
    """

    token: str | None
    loopback: bool
    secrets: SecretStore

    def check_origin(self, origin: str | None, host: str | None) -> None:
        """Refuse pages of other hosts.

        Args:
            origin: the `Origin` header; None when the caller is not a page.
            host: the `Host` header.

        Raises:
            RequestRefused: 403.
        """
        if origin is None:
            return
        try:
            page = urlsplit(origin).hostname
            here = urlsplit(f"//{host}").hostname
        except ValueError:
            page = here = None
        if page is not None and is_loopback(page) and (self.loopback or (here is not None and is_loopback(here))):
            return
        if page is not None and not self.loopback and page == here:
            return
        raise RequestRefused(403, "origin_not_allowed", "This server answers pages of its own host only.")

    def check_key(self, headers: Mapping[str, str], subprotocols: Sequence[str] = ()) -> dict[str, Any] | None:
        """Refuse callers without the token or a live client secret.

        Returns:
            The configuration of the client secret, or None.

        Raises:
            RequestRefused: 401.
        """
        key = _key(headers, subprotocols)
        if key is not None and key.startswith(_SECRET):
            good, config = self.secrets.find(key)
            if good:
                return config
            raise RequestRefused(401, "invalid_api_key", "The client secret is unknown or has expired: make a new one.")
        self.check_token(headers, subprotocols)
        return None

    def check_token(self, headers: Mapping[str, str], subprotocols: Sequence[str] = ()) -> None:
        """Refuse callers without the token itself; a client secret is not enough.

        Raises:
            RequestRefused: 401.
        """
        if self.token is None:
            return
        key = _key(headers, subprotocols)
        if key is None:
            raise RequestRefused(
                401, "missing_api_key", "This server requires its token: send it as `Authorization: Bearer TOKEN`."
            )
        if not hmac.compare_digest(key.encode(), self.token.encode()):
            raise RequestRefused(
                401, "invalid_api_key", "Incorrect token: this server accepts the one it was started with."
            )


def _key(headers: Mapping[str, str], subprotocols: Sequence[str]) -> str | None:
    scheme, _, bearer = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and bearer.strip():
        return bearer.strip()
    if headers.get("api-key"):
        return headers["api-key"]
    for name in subprotocols:
        if name.startswith(_SUBPROTOCOL_KEY):
            return name.removeprefix(_SUBPROTOCOL_KEY)
    return None
