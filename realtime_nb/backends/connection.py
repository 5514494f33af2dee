"""`rt.connect`: a connection to a backend, without a widget.

Owns the options that a user gives. Must not know sessions.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Literal

from realtime_nb.client.connection import RealtimeConnection
from realtime_nb.client.events.handlers import OnHandlerError
from realtime_nb.client.reconnect.policy import Reconnect
from realtime_nb.client.transport.connector import (
    DEFAULT_MAX_SIZE,
    DEFAULT_PING_INTERVAL_S,
    DEFAULT_PING_TIMEOUT_S,
)
from realtime_nb.errors import ConfigError
from realtime_nb.keys.address import concealed_address, refuse_wrong_address
from realtime_nb.keys.secret import (
    ApiKey,
    Headers,
    Secret,
    concealed,
    concealed_by_mistake,
    concealed_proxy,
)
from realtime_nb.redact import safe_url

from .backend import Backend
from .connector import BackendConnector

if TYPE_CHECKING:
    from realtime_nb.local.models import LocalModels


def connect(
    *,
    backend: str | Backend | LocalModels = "auto",
    model: str | None = None,
    call_id: str | None = None,
    intent: str | None = None,
    url: str | None = None,
    api_key: ApiKey | None = None,
    headers: Mapping[str, str] | Headers | None = None,
    max_size: int = DEFAULT_MAX_SIZE,
    proxy: str | Literal[True] | None = True,
    user_agent: str | None = None,
    open_timeout_s: float = 15.0,
    ping_interval_s: float | None = DEFAULT_PING_INTERVAL_S,
    ping_timeout_s: float | None = DEFAULT_PING_TIMEOUT_S,
    executor: Executor | None = None,
    on_handler_error: OnHandlerError | None = None,
    buffer: int = 4096,
    reconnect: bool | Reconnect = False,
) -> RealtimeConnection:
    """Returns a connection to a Realtime server, without a widget; `async with` or `await` opens it.

    Before it is open, handlers can be registered, and events that are sent wait.

    Args:
        backend: as for `resolve`.
        model: as for `resolve`.
        call_id: as for `resolve`; follows a call's session beside it.
        intent: as for `resolve`.
        api_key: as for `resolve`.
        headers: as for `resolve`.
        url: a `ws://` or `wss://` address, instead of `backend`.
        max_size: the size in bytes of the largest frame accepted (docs/protocol.md 6).
        proxy: True for the system's proxy, None for no proxy, or an address.
        user_agent: the header of that name.
        open_timeout_s: the time limit of the handshake, and then of `session.created`.
        ping_interval_s: seconds between two websocket pings; None sends none.
        ping_timeout_s: a connection that has not answered a ping after this time is lost; None waits for ever.
        executor: runs synchronous handlers.
        on_handler_error: is called with the exceptions of handlers.
        buffer: the number of events kept for `recv` and `async for`.
        reconnect: True or an `rt.Reconnect` to go on after a lost connection: the conversation and the settings are
            restored in a new session, events sent meanwhile wait, and `"reconnecting"` and `"reconnected"` report it.

    Example:
        >>> async with rt.connect(backend="local") as conn:  # doctest: +SKIP
        ...     await conn.conversation.item.create(item=rt.user_message("Say hello!"))
        ...     await conn.response.create()
        ...     async for event in conn:
        ...         if event.type == "response.done":
        ...             break

    Raises:
        ConfigError: an option is invalid.
        ConnectError: the connection failed; the message names the host, the status and the remedy.
    """
    # First of all: a verbose traceback shows the variables of this call.
    api_key, proxy, headers = concealed(api_key), concealed_proxy(proxy), Headers(headers)
    backend, url, model, call_id, intent = map(concealed_by_mistake, (backend, url, model, call_id, intent))
    backend, url = concealed_address(backend, "backend"), concealed_address(url)
    refuse_wrong_address(url)
    refuse_wrong_address(backend)
    if isinstance(url, Secret):
        raise ConfigError(f"url={url!r} must be a ws:// or wss:// address; a key is api_key=")
    if url is not None and backend != "auto":
        raise ConfigError(f"url={safe_url(url)!r} and backend={backend!r} exclude each other: give one")
    connector = BackendConnector(
        url if url is not None else backend,
        model,
        api_key,
        headers,
        call_id,
        intent,
        max_size=max_size,
        proxy=proxy,
        user_agent=user_agent,
        open_timeout_s=open_timeout_s,
        ping_interval_s=ping_interval_s,
        ping_timeout_s=ping_timeout_s,
    )
    return RealtimeConnection(
        connector,
        executor=executor,
        on_handler_error=on_handler_error,
        session_timeout_s=open_timeout_s,
        buffer=buffer,
        reconnect=reconnect,
    )
