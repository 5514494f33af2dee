"""How a key's function is called, and its failures.

Owns the call and its error texts. Must not know which server a key is for.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from realtime_nb.errors import ConfigError, ConnectError, RealtimeError
from realtime_nb.keys.secret import Secret, check_key
from realtime_nb.redact import redact


async def current_key(provider: Callable[[], Any], option: str = "api_key") -> Secret:
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
        failed = ConnectError(f"{option}={name}() raised {type(error).__name__}: {redact(str(error))[:300]}")
    else:
        if isinstance(key, str):
            raise ConfigError(f"{option}={name}() returned {key}; it must return the key or token as text")
        check_key(key, f"{option}={name}()")
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
