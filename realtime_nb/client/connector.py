"""Where a websocket leads, and how it shall be opened.

Owns the `Connector` of websockets: address, headers, limits, proxies. Must not know events, or the socket itself.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from realtime_nb.client.credentials import Headers, concealed, refuse_key_in_url
from realtime_nb.client.redact import redacted_headers, safe_url
from realtime_nb.client.transport import Transport
from realtime_nb.errors import ConfigError

__all__ = ["DEFAULT_MAX_SIZE", "WebSocketConnector", "is_loopback"]

DEFAULT_MAX_SIZE = 64 * 2**20
"""Bytes of the largest frame accepted. One frame may hold minutes of sound as base64: websockets' 1 MiB is small."""


class WebSocketConnector:
    """How to open a websocket to one address.

    Args:
        url: `ws://` or `wss://`.
        headers: sent with the handshake; their values never show in a repr, log or error.
        late: returns further headers each time a socket is opened: a token that expires.
        subprotocols: offered in this order.
        max_size: bytes of the largest frame accepted.
        open_timeout_s: how long a handshake may take.
        proxy: True for the system's (`HTTPS_PROXY`, `NO_PROXY`, ...), None for none, or an address.
        user_agent: the header of that name.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        late: Callable[[], Awaitable[Mapping[str, str]]] | None = None,
        subprotocols: Sequence[str] = (),
        max_size: int = DEFAULT_MAX_SIZE,
        open_timeout_s: float = 15.0,
        proxy: str | Literal[True] | None = True,
        user_agent: str | None = None,
    ) -> None:
        if urlsplit(url).scheme not in {"ws", "wss"} or not urlsplit(url).netloc:
            raise ConfigError(
                f"url={safe_url(url)!r} is not a websocket address: it must begin with ws:// or wss:// and name a host"
            )
        refuse_key_in_url(url)
        if max_size < 1:
            raise ConfigError(f"max_size={max_size!r} must be a positive number of bytes")
        self.url = url
        self._headers = Headers(headers or {})
        self._late = late
        self._options: dict[str, Any] = {
            "compression": None,
            "max_size": max_size,
            "max_queue": 64,
            "write_limit": 2**20,
            "open_timeout": open_timeout_s,
            "close_timeout": 2,
            "ping_interval": 20,
            # A half-open socket is noticed within 65 s; a kernel or a server that stalls for half a minute is forgiven.
            "ping_timeout": 45,
            "proxy": None if proxy is True and is_loopback(url) else concealed(proxy),  # it may hold a password
            "user_agent_header": user_agent or _user_agent(),
            "subprotocols": list(subprotocols) or None,
        }
        self._max_size = max_size

    def __repr__(self) -> str:
        return f"WebSocketConnector({safe_url(self.url)!r}, headers={redacted_headers(self._headers)!r})"

    def describe(self) -> str:
        """The address, without anything secret in it."""
        return safe_url(self.url)

    async def connect(self) -> Transport:
        """Open the socket; raises `ConnectError`."""
        headers = self._headers if self._late is None else Headers({**await self._late(), **self._headers})
        # websockets is loaded when a socket is opened: it is most of what importing a client would cost.
        from realtime_nb.client.websocket import open_websocket

        return await open_websocket(self.url, headers, self._options, self._max_size)


def is_loopback(url: str) -> bool:
    """Whether an address is this machine: no proxy leads there, whatever the environment says."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@functools.cache
def _user_agent() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"realtime-nb/{version('realtime-nb')}"
    except PackageNotFoundError:  # a checkout on the path, not installed
        return "realtime-nb"
