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
from realtime_nb.wire.realtime import AnySessionConfig, check


@dataclass(frozen=True)
class ClientSecret:
    """A short-lived key for a page.

    Attributes:
        value: begins with `ek_`; never shown in a repr.
        expires_at: when it stops opening sessions, in seconds since 1970; a session opened with it may go on
            (docs/protocol.md 11).
        session: the configuration as the server echoed it.
    """

    value: str = field(repr=False)
    expires_at: int
    session: Mapping[str, Any] = field(default_factory=dict, repr=False)


async def mint(url: str, headers: Mapping[str, str], session: Mapping[str, Any], ttl_s: int) -> ClientSecret:
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
    try:
        return ClientSecret(value=made["value"], expires_at=int(made["expires_at"]), session=made.get("session") or {})
    except (ValueError, KeyError, TypeError):
        raise ConnectError(f"{address} answered something that is not a client secret.", retryable=False) from None
