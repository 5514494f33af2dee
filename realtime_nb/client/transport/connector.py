"""The `Connector` of websockets: address, headers, limits and proxy of the sockets that it opens.

Owns these options and their checks. Must not know events, or the socket itself.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from realtime_nb.client.transport.base import Transport
from realtime_nb.errors import ConfigError
from realtime_nb.keys.address import refuse_key_in_url
from realtime_nb.keys.secret import (
    Headers,
    Secret,
    check_headers,
    check_key,
    concealed_proxy,
    concealed_subprotocols,
)
from realtime_nb.loopback import is_loopback
from realtime_nb.redact import safe_url

DEFAULT_MAX_SIZE = 64 * 2**20
"""Bytes of the largest frame accepted: one frame may hold minutes of sound as base64 (docs/protocol.md 6)."""

DEFAULT_PING_INTERVAL_S = 20.0
"""Seconds between two pings."""

DEFAULT_PING_TIMEOUT_S = 45.0
"""Seconds until a pong must come: long enough for a server that stalls half a minute, short for a half-open socket."""


class WebSocketConnector:
    """Opens websockets to one address.

    Args:
        url: `ws://` or `wss://`.
        headers: sent with the handshake; their values never show in a repr, log or error.
        late: returns further headers each time a socket is opened, such as a token that expires.
        subprotocols: offered in this order.
        max_size: bytes of the largest frame accepted.
        open_timeout_s: how long a handshake may take.
        ping_interval_s: seconds between two pings; None sends none, and a connection that is half open is not noticed.
        ping_timeout_s: how long the other side may take to answer one; None waits for ever.
        proxy: True for the system's (`HTTPS_PROXY`, `NO_PROXY`, ...), None for none, or an address.
        user_agent: the header of that name.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | Headers | None = None,
        *,
        late: Callable[[], Awaitable[Headers]] | None = None,
        subprotocols: Sequence[Any] = (),
        max_size: int = DEFAULT_MAX_SIZE,
        open_timeout_s: float = 15.0,
        ping_interval_s: float | None = DEFAULT_PING_INTERVAL_S,
        ping_timeout_s: float | None = DEFAULT_PING_TIMEOUT_S,
        proxy: str | Secret | Literal[True] | None = True,
        user_agent: str | None = None,
    ) -> None:
        headers, subprotocols = Headers(headers), concealed_subprotocols(subprotocols)
        proxy = concealed_proxy(proxy)
        check_headers(headers)
        check_key(proxy, "proxy")
        if urlsplit(url).scheme not in {"ws", "wss"} or not urlsplit(url).netloc:
            raise ConfigError(
                f"url={safe_url(url)!r} is not a websocket address: it must begin with ws:// or wss:// and name a host"
            )
        refuse_key_in_url(url)
        if max_size < 1:
            raise ConfigError(f"max_size={max_size!r} must be a positive number of bytes")
        for name, seconds in (("ping_interval_s", ping_interval_s), ("ping_timeout_s", ping_timeout_s)):
            if seconds is not None and seconds <= 0:
                raise ConfigError(f"{name}={seconds!r} must be a positive number of seconds, or None")
        self.url = url
        self._headers = headers
        self._late = late
        self._options: dict[str, Any] = {
            "compression": None,  # sound as base64 would cost more time than it saves (docs/protocol.md 6)
            "max_size": max_size,
            "max_queue": 64,
            "write_limit": 2**20,
            "open_timeout": open_timeout_s,
            "close_timeout": 2,
            "ping_interval": ping_interval_s,
            "ping_timeout": ping_timeout_s,
            "proxy": None if proxy is True and is_loopback(urlsplit(url).hostname or "") else proxy,
            "user_agent_header": user_agent or _user_agent(),
            "subprotocols": list(subprotocols) or None,
        }
        self._max_size = max_size

    def __repr__(self) -> str:
        return f"WebSocketConnector({safe_url(self.url)!r}, headers={self._headers!r})"

    def describe(self) -> str:
        """Return the address, without secrets."""
        return safe_url(self.url)

    async def connect(self) -> Transport:
        """Open the socket; raises `ConnectError`."""
        headers = self._headers if self._late is None else Headers({**await self._late(), **self._headers})
        # websockets is loaded when a socket is opened: it is most of what importing a client would cost.
        from realtime_nb.client.transport.websocket import open_websocket

        return await open_websocket(self.url, headers, self._options, self._max_size)


@functools.cache
def _user_agent() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"realtime-nb/{version('realtime-nb')}"
    except PackageNotFoundError:  # a checkout on the path, not installed
        return "realtime-nb"
