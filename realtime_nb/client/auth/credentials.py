"""How a key becomes a header, and how a key's function is called.

Owns these, and the credentials in an echoed configuration. Must not know which server a key is for.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from realtime_nb.client.auth.secret import Headers, Secret, check_key
from realtime_nb.errors import ConfigError, ConnectError, RealtimeError
from realtime_nb.redact import HIDDEN, redact


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
