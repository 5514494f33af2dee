"""A websocket of this process as a `Transport`.

Owns the open socket and its opening: TLS, no redirects, and a logger that gets no frame and no header. Address and
limits come from the connector. Must not know events.
"""

from __future__ import annotations

import functools
import logging
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websocket_connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.frames import Frame
from websockets.protocol import State

from realtime_nb.client.transport.base import TransportClosed
from realtime_nb.client.transport.connect_errors import refusal
from realtime_nb.keys.secret import Headers, Secret, revealed
from realtime_nb.redact import Secrets, redact, secrets_of

_TOO_BIG = 1009
_NO_PONG = "keepalive ping timeout"  # the close reason of the websockets package


class _QuietLogger(logging.LoggerAdapter[logging.Logger]):
    """Drops records below WARNING: at DEBUG, websockets logs headers and frames, which hold keys and private speech."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's own name
        return level >= logging.WARNING and super().isEnabledFor(level)


_LOGGER = _QuietLogger(logging.getLogger("realtime_nb.websocket"), {})


class _NoRedirects(websocket_connect):
    """Follows no redirect: credentials must not reach an address that a server chose."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class WebSocketTransport:
    """One open websocket."""

    carries_audio = False

    def __init__(self, socket: ClientConnection, max_size: int, secrets: Secrets | None = None) -> None:
        self._socket = socket
        self._max_size = max_size
        self._secrets = secrets or Secrets()
        messages = getattr(socket, "recv_messages", None)
        self._arrived: deque[Frame] = getattr(getattr(messages, "frames", None), "queue", deque())
        self._arrived_less: Callable[[], None] = getattr(messages, "maybe_resume", _nothing)

    async def send(self, frame: bytes | str) -> None:
        """Send one text frame; waits while the socket's buffer is full."""
        if isinstance(frame, bytes) and self._takes_at_once():
            # The hot path of the microphone: the package's own send enters two context managers, to wait for a buffer
            # that is empty here, and to explain a close; that is half the cost of an append, 25 times a second.
            self._socket.protocol.send_text(frame)
            self._socket.transport.write(b"".join(self._socket.protocol.data_to_send()))
            return
        # Raised outside of `except`: the context would keep the original close reason, which may hold a key.
        try:
            await self._socket.send(frame, text=True)
        except ConnectionClosed as closed:
            end = self._closed(closed)
        else:
            return
        raise end

    async def recv(self) -> bytes | str:
        """Return the next frame as bytes, without the detour over str."""
        try:
            if self._arrived and self._arrived[0].fin:
                # The hot path of deltas: the package's own recv makes three coroutines to return a frame that has
                # arrived whole already, which costs more than decoding a text delta.
                frame = bytes(self._arrived.popleft().data)
                self._arrived_less()
            else:
                frame = await self._socket.recv(decode=False)
        except ConnectionClosed as closed:
            end = self._closed(closed)
        else:
            # A server may echo our key, in an error or in the configuration.
            return self._secrets.hide_in_frame(frame)
        raise end

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Send a close frame, and wait at most two seconds for the peer's."""
        await self._socket.close(code, reason)

    def abort(self) -> None:
        """Break the connection off: the other side takes nothing any more, not even a close frame."""
        self._socket.transport.abort()

    def _takes_at_once(self) -> bool:
        socket = self._socket
        wire = socket.transport
        return socket.state is State.OPEN and not wire.is_closing() and not wire.get_write_buffer_size()

    def _closed(self, closed: ConnectionClosed) -> TransportClosed:
        end = self._end(closed)
        return TransportClosed(end.code, redact(end.reason, self._secrets))

    def _end(self, closed: ConnectionClosed) -> TransportClosed:
        sent, received = closed.sent, closed.rcvd
        if sent is not None and sent.code == _TOO_BIG and not (received and closed.rcvd_then_sent):
            return TransportClosed(
                _TOO_BIG,
                f"a frame was larger than the limit of {self._max_size} bytes; pass max_size= with a larger number of "
                "bytes",
            )
        if received is not None and closed.rcvd_then_sent is not False:  # and no mere answer to our goodbye
            return TransportClosed(received.code, received.reason)
        if sent is not None and sent.code == 1000:
            return TransportClosed(1000, sent.reason)
        if sent is not None and sent.reason == _NO_PONG:
            return TransportClosed(
                1006, "the other side answers no pings any more: it stalled, or the network between is gone"
            )
        if sent is not None:
            return TransportClosed(sent.code, sent.reason)
        return TransportClosed(1006, "the connection broke off")


def _nothing() -> None:
    """Stands in where a version of websockets keeps its frames elsewhere; its own recv is used then."""


async def open_websocket(url: str, headers: Headers, options: Mapping[str, Any], max_size: int) -> WebSocketTransport:
    """Open a socket with options of the websockets package; raises `ConnectError`."""
    secrets = _secrets(headers, url, options)
    secure: dict[str, Any] = {"ssl": _tls()} if urlsplit(url).scheme == "wss" else {}
    try:
        # `headers` is no dict, and the proxy's address becomes text in the call: variables show no credential.
        socket = await _NoRedirects(
            url,
            additional_headers=headers,
            logger=_LOGGER,
            **secure,
            **_with_secrets(options),
        )
    except (OSError, EOFError, ImportError, WebSocketException, ValueError, NotImplementedError) as error:
        # Raised outside of `except`: the context would keep request and answer, and so the key.
        refused = refusal(error, url, secrets, proxy=_proxy(url, options))
    else:
        return WebSocketTransport(socket, max_size, secrets)
    raise refused


def _secrets(headers: Headers, url: str, options: Mapping[str, Any]) -> Secrets:
    named = [revealed(name) for name in options.get("subprotocols") or () if isinstance(name, Secret)]
    return Secrets([*secrets_of(headers, url), *named, *(name.rpartition(".")[2] for name in named)])


def _with_secrets(options: Mapping[str, Any]) -> dict[str, Any]:
    named = options.get("subprotocols")
    texts = [revealed(name) for name in named] if named else None
    return {**options, "proxy": revealed(options.get("proxy")), "subprotocols": texts}


def _proxy(url: str, options: Mapping[str, Any]) -> str | None:
    """Return host and port of the proxy that is used, for messages, without its user and password."""
    proxy = revealed(options.get("proxy"))
    if proxy is True:  # as websockets chooses: the system's proxy, unless NO_PROXY excludes the host
        known, parts = getproxies(), urlsplit(url)
        names = ("wss", "socks", "https") if parts.scheme == "wss" else ("ws", "socks", "https", "http")
        proxy = None if proxy_bypass(parts.netloc) else next((known[name] for name in names if name in known), None)
    return urlsplit(proxy).netloc.rpartition("@")[2] if proxy else None


@functools.cache
def _tls() -> ssl.SSLContext:
    """Return a context for TLS 1.2 or newer that checks host names and certificates, by the system's authorities."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    paths = ssl.get_default_verify_paths()
    if paths.cafile is None and paths.capath is None and not context.get_ca_certs():
        import certifi  # comes with httpx; Python builds of python.org for macOS have no authorities of their own

        context.load_verify_locations(certifi.where())
    return context
