"""Make short-lived client secrets, which a page may hold instead of a key.

Owns the one REST request that makes them. Must not know which backend it asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from realtime_nb.client.rest import post
from realtime_nb.errors import ConfigError, ConnectError
from realtime_nb.keys.secret import Headers, Secret, concealed
from realtime_nb.wire.realtime import AnySessionConfig, check


@dataclass(frozen=True, init=False)
class ClientSecret:
    """A short-lived key for a page.

    Attributes:
        value: begins with `ek_`. It is a property: no repr, `asdict`, `vars` or pickle holds it.
        expires_at: when it stops opening sessions, in seconds since 1970; a session opened with it may go on
            (docs/protocol.md 11).
        session: the configuration as the server echoed it.
        secret: the value, hidden.
    """

    expires_at: int
    session: Mapping[str, Any] = field(repr=False)
    secret: Secret = field(repr=False)

    def __init__(self, value: str | Secret, expires_at: int, session: Mapping[str, Any] | None = None) -> None:
        value = concealed(value)
        for name, given in (("expires_at", expires_at), ("session", session or {}), ("secret", value)):
            object.__setattr__(self, name, given)

    @property
    def value(self) -> str:
        """The secret, for the page that opens a session with it."""
        return self.secret.reveal()


async def mint(url: str, headers: Headers, session: Mapping[str, Any], ttl_s: int) -> ClientSecret:
    """Ask the server behind the websocket address `url` for a client secret.

    Raises:
        ConfigError: `ttl_s` out of range, or a bad session field. ConnectError: no answer, or a refusal.
    """
    if not 10 <= ttl_s <= 7200:
        raise ConfigError(f"ttl_s={ttl_s!r} must be 10 to 7200 seconds")
    body = msgspec.to_builtins(dict(session))
    body.setdefault("type", "realtime")
    model = parse_qs(urlsplit(url).query).get("model")
    if model and body["type"] == "realtime":
        body.setdefault("model", model[0])
    problem = check(body, AnySessionConfig, path="session")
    if problem is not None:
        raise ConfigError(problem.message)
    request = {"session": body, "expires_after": {"anchor": "created_at", "seconds": ttl_s}}
    address, made = await post(
        url,
        "client_secrets",
        headers,
        request,
        not_found="This server mints no client secrets, or the model is unknown.",
    )
    secret = _secret_in(made)
    del made  # may hold the secret all the same
    if secret is None:
        raise ConnectError(f"{address} answered something that is not a client secret.", retryable=False)
    return secret


def _secret_in(made: Any) -> ClientSecret | None:
    try:
        return ClientSecret(str(made["value"]), int(made["expires_at"]), made.get("session"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
