"""How a key becomes a header, and how a key's function is called.

Owns these, the credentials in an echoed configuration, and the refusal of a key in an address. Must not know which
server a key is for.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from realtime_nb.client.auth.secret import Headers, Secret, check_key
from realtime_nb.errors import ConfigError, ConnectError, RealtimeError
from realtime_nb.redact import HIDDEN, looks_like_a_key, redact, safe_url

_KEY_NAMES = frozenset({"api_key", "api-key", "apikey", "authorization", "access_token"})


def bearer(key: Secret) -> Headers:
    """Return the header `Authorization: Bearer ...`."""
    return Headers({"Authorization": f"Bearer {key.reveal()}"})


async def current_key(provider: Callable[[], Any]) -> Secret:
    """Call a key function and return its key; a synchronous one runs in a thread, since it may ask a server.

    Raises:
        ConfigError: it returned no text, or text that no header can carry. ConnectError: it raised; the message holds
            no key. The function's own `RealtimeError` is raised unchanged.
    """
    name = getattr(provider, "__qualname__", type(provider).__qualname__)
    failed: RealtimeError
    try:
        key = await _returned_by(provider)
    except RealtimeError as error:
        failed = error
    except Exception as error:
        # Raised outside of `except`: the context would keep the text of a token library's exception.
        failed = ConnectError(f"api_key={name}() raised {type(error).__name__}: {redact(str(error))[:300]}")
    else:
        if isinstance(key, str):
            raise ConfigError(f"api_key={name}() returned {key}; it must return the key or token as text")
        check_key(key, f"api_key={name}()")
        secret: Secret = key
        return secret
    raise failed


async def _returned_by(provider: Callable[[], Any]) -> Any:
    """Return the key; or in words what was returned instead of one. No variable holds the key."""
    key = _answer(provider() if inspect.iscoroutinefunction(provider) else await asyncio.to_thread(provider))
    return _answer(await key) if inspect.isawaitable(key) else key


def _answer(given: Any) -> Any:
    if isinstance(given, str):
        return Secret(given.strip()) if given.strip() else "an empty string"
    return given if isinstance(given, Secret) or inspect.isawaitable(given) else type(given).__name__


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
