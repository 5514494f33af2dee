"""Make short-lived client secrets, which a page may hold instead of a key.

Owns the one REST request that makes them. Must not know which backend it asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import msgspec

from realtime_nb.client.auth.redact import redact, safe_url, secrets_of
from realtime_nb.errors import ConfigError, ConnectError
from realtime_nb.loopback import is_loopback
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
    address = _rest(url)
    import httpx  # imported when the request is made: it costs more than this package

    request = {"session": body, "expires_after": {"anchor": "created_at", "seconds": ttl_s}}
    try:
        # `trust_env`: a proxy of the environment, but never on the way to this machine.
        trusts = not is_loopback(urlsplit(url).hostname or "")
        async with httpx.AsyncClient(timeout=15, follow_redirects=False, trust_env=trusts) as client:
            answer = await client.post(address, json=request, headers=dict(headers))
    except httpx.HTTPError as error:
        # Raised outside of `except`: the context would keep the request, and so the key.
        failed = ConnectError(
            f"no answer from {safe_url(address)}: {redact(str(error), secrets_of(headers)) or type(error).__name__}. "
            "Check the network and the address."
        )
    else:
        return _made(answer, address, headers)
    raise failed


def _made(answer: Any, address: str, headers: Mapping[str, str]) -> ClientSecret:
    if answer.status_code != 200:
        raise _refused(answer.status_code, answer.text, address, headers)
    try:
        made = answer.json()
        return ClientSecret(value=made["value"], expires_at=int(made["expires_at"]), session=made.get("session") or {})
    except (ValueError, KeyError, TypeError):
        raise ConnectError(
            f"{safe_url(address)} answered something that is not a client secret.", retryable=False
        ) from None


def _refused(status: int, text: str, address: str, headers: Mapping[str, str]) -> ConnectError:
    said = redact(text, secrets_of(headers))[:300]
    todo = {
        401: "The key is missing, wrong or expired: set OPENAI_API_KEY, or pass api_key=.",
        403: "The key may not do this: check project and permissions.",
        404: "This server mints no client secrets, or the model is unknown.",
    }.get(status, "")
    return ConnectError(
        f"{safe_url(address)} answered {status}. {todo} It says: {said}", status=status, retryable=status >= 500
    )


def _rest(url: str) -> str:
    parts = urlsplit(url)
    scheme = "https" if parts.scheme == "wss" else "http"
    return urlunsplit((scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/") + "/client_secrets", "", ""))
