"""API keys and tokens, given as text or returned by a function each time a connection is opened.

Owns how a key becomes a header, and that no repr shows it. Must not know which server it is for.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from realtime_nb.client.auth.redact import (
    HIDDEN,
    hold,
    looks_like_a_key,
    redact,
    redacted_headers,
    safe_url,
    secrets_of,
)
from realtime_nb.errors import ConfigError, ConnectError

ApiKey: TypeAlias = str | Callable[[], "str | Awaitable[str]"]
"""A key, or a function (synchronous or not) that returns one and is called for every connection."""

_KEY_NAMES = frozenset({"api_key", "api-key", "apikey", "authorization", "access_token"})


class Secret(str):
    """A key whose repr hides it: tracebacks with local variables are printed, sent and saved."""

    __slots__ = ()

    def __new__(cls, value: str = "") -> Self:
        """Note the key as one that no text of ours may hold."""
        hold(value.strip())
        return super().__new__(cls, value)

    def __repr__(self) -> str:
        return repr(HIDDEN)


class Headers(dict[str, str]):
    """Headers whose repr hides their values."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given: dict[str, str] = dict(*args, **kwargs)
        super().__init__(given)
        for secret in secrets_of(given):
            hold(secret)

    def __repr__(self) -> str:
        return repr(redacted_headers(self))


def concealed(key: Any) -> Any:
    """Return text as a `Secret`, and any other value as it is."""
    return Secret(key) if isinstance(key, str) else key


def bearer(key: str) -> Headers:
    """Return the header `Authorization: Bearer ...`."""
    return Headers(Authorization=f"Bearer {key}")


async def current_key(provider: Callable[[], Any]) -> Secret:
    """Call a key function and return its key; a synchronous one runs in a thread, since it may ask a server.

    Raises:
        ConfigError: it returned no text. ConnectError: it raised; the message holds no key.
    """
    name = getattr(provider, "__qualname__", type(provider).__qualname__)
    try:
        key = provider() if inspect.iscoroutinefunction(provider) else await asyncio.to_thread(provider)
        if inspect.isawaitable(key):
            key = await key
    except Exception as error:
        # Raised outside of `except`: the context would keep the text of a token library's exception.
        failed = ConnectError(f"api_key={name}() raised {type(error).__name__}: {redact(str(error))[:300]}")
    else:
        if not isinstance(key, str) or not key.strip():
            kind = "an empty string" if isinstance(key, str) else type(key).__name__
            raise ConfigError(f"api_key={name}() returned {kind}; it must return the key or token as text")
        return Secret(key.strip())
    raise failed


def without_credentials(session: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an echoed configuration without the credentials of MCP servers."""
    tools = session.get("tools")
    if not isinstance(tools, list) or not any("authorization" in tool or "headers" in tool for tool in tools):
        return session
    hidden = [
        {
            **tool,
            **({"authorization": HIDDEN} if tool.get("authorization") else {}),
            **({"headers": dict.fromkeys(tool["headers"], HIDDEN)} if tool.get("headers") else {}),
        }
        for tool in tools
    ]
    return {**session, "tools": hidden}


def refuse_key_in_url(url: str, *, option: str = "url") -> None:
    """Raise `ConfigError` if an address holds a credential: proxies and servers log addresses."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise ConfigError(
            f"{option}={safe_url(url)!r} holds a user name or password before its host. Addresses end up in logs: pass "
            "api_key=, or headers={'Authorization': ...}."
        )
    try:
        _ = parts.port
    except ValueError:
        odd = True
    else:
        odd = False
    if odd:  # raised outside of `except`: the context would show the port, which may be half a password
        raise ConfigError(
            f"{option}={safe_url(url)!r} has a port that is no number. If a user name and a password stand before the "
            "host, pass headers={'Authorization': ...} instead."
        )
    for name, value in parse_qsl(parts.query):
        if name.lower() in _KEY_NAMES or looks_like_a_key(value):
            raise ConfigError(
                f"{option}={safe_url(url)!r} holds a key, in its {name if name.lower() in _KEY_NAMES else 'query'!r} "
                "parameter. Addresses end up in logs: pass api_key=, or headers={...}."
            )
