"""The websocket in this process, as a `Transport`.

Owns the open socket and its opening: TLS, no redirects, and a logger that never sees a frame or a header. Where it
leads, and with which limits, is the connector's. Must not know events.
"""

from __future__ import annotations

import functools
import logging
import ssl
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websocket_connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.frames import Frame
from websockets.protocol import State

from realtime_nb.client.auth.redact import HIDDEN, redact, secrets_of
from realtime_nb.client.transport.base import TransportClosed
from realtime_nb.client.transport.connect_errors import refusal

__all__ = ["WebSocketTransport", "open_websocket"]

_TOO_BIG = 1009
_SHORTEST_SECRET = 8
_NO_PONG = "keepalive ping timeout"  # how websockets says it


class _QuietLogger(logging.LoggerAdapter[logging.Logger]):
    """websockets logs headers and frames at DEBUG: keys and private speech. Whatever a user configures, not ours."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's own name
        return level >= logging.WARNING and super().isEnabledFor(level)


_LOGGER = _QuietLogger(logging.getLogger("realtime_nb.websocket"), {})


class _NoRedirects(websocket_connect):
    """Opens once, where it was told to: credentials never travel to an address that a server chose."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class WebSocketTransport:
    """One open websocket."""

    carries_audio = False

    def __init__(self, socket: ClientConnection, max_size: int, secrets: Iterable[str] = ()) -> None:
        self._socket = socket
        self._max_size = max_size
        # Shorter ones might stand in a frame by chance.
        self._secrets = [secret.encode() for secret in secrets if len(secret) >= _SHORTEST_SECRET]
        messages = getattr(socket, "recv_messages", None)
        self._arrived: deque[Frame] = getattr(getattr(messages, "frames", None), "queue", deque())
        self._arrived_less: Callable[[], None] = getattr(messages, "maybe_resume", _nothing)

    async def send(self, frame: bytes | str) -> None:
        """Send one text frame; waits while the socket's buffer is full."""
        if isinstance(frame, bytes) and self._takes_at_once():
            # websockets' own send enters two context managers to wait for a buffer that is empty, and to say why a
            # closed connection is closed: half of what an append costs, 25 times a second.
            self._socket.protocol.send_text(frame)
            self._socket.transport.write(b"".join(self._socket.protocol.data_to_send()))
            return
        # Errors are raised behind the `except`: a context would keep the close reason as it came, with a key in it.
        try:
            await self._socket.send(frame, text=True)
        except ConnectionClosed as closed:
            end = self._closed(closed)
        else:
            return
        raise end

    async def recv(self) -> bytes | str:
        """The next frame, as bytes: the decoder wants no str."""
        try:
            if self._arrived and self._arrived[0].fin:
                # websockets' own recv makes three coroutines to hand over what is here and whole already:
                # more than reading a text delta costs.
                frame = bytes(self._arrived.popleft().data)
                self._arrived_less()
            else:
                frame = await self._socket.recv(decode=False)
        except ConnectionClosed as closed:
            end = self._closed(closed)
        else:
            for secret in self._secrets:
                if secret in frame:  # a server echoes our key, in an error or a configuration: nobody is to see it
                    frame = frame.replace(secret, HIDDEN.encode())
            return frame
        raise end

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye, and wait at most two seconds for the other side to do so too."""
        await self._socket.close(code, reason)

    def _takes_at_once(self) -> bool:
        socket = self._socket
        wire = socket.transport
        return socket.state is State.OPEN and not wire.is_closing() and not wire.get_write_buffer_size()

    def _closed(self, closed: ConnectionClosed) -> TransportClosed:
        end = self._end(closed)
        return TransportClosed(end.code, redact(end.reason, [secret.decode() for secret in self._secrets]))

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
    """A version of websockets that keeps its frames elsewhere: its own recv is used for all of them."""


async def open_websocket(
    url: str, headers: Mapping[str, str], options: Mapping[str, Any], max_size: int
) -> WebSocketTransport:
    """Open a socket with websockets' own options; raises `ConnectError`."""
    secrets = secrets_of(headers, url)
    secure: dict[str, Any] = {"ssl": _tls()} if urlsplit(url).scheme == "wss" else {}
    try:
        socket = await _NoRedirects(url, additional_headers=headers, logger=_LOGGER, **secure, **options)
    except (OSError, EOFError, ImportError, WebSocketException, ValueError, NotImplementedError) as error:
        # Raised below, so that not even its context is kept: request and answer, and so the key, are in there.
        refused = refusal(error, url, secrets, proxy=_proxy(url, options))
    else:
        return WebSocketTransport(socket, max_size, secrets)
    raise refused


def _proxy(url: str, options: Mapping[str, Any]) -> str | None:
    """Host and port of the proxy on the way, for messages; its user and password stay out."""
    proxy = options.get("proxy")
    if proxy is True:  # as websockets chooses: the system's, unless it says that none leads there
        known, parts = getproxies(), urlsplit(url)
        names = ("wss", "socks", "https") if parts.scheme == "wss" else ("ws", "socks", "https", "http")
        proxy = None if proxy_bypass(parts.netloc) else next((known[name] for name in names if name in known), None)
    return urlsplit(proxy).netloc.rpartition("@")[2] if proxy else None


@functools.cache
def _tls() -> ssl.SSLContext:
    """TLS 1.2 or newer, certificates and host names checked, by the system's authorities or certifi's."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    paths = ssl.get_default_verify_paths()
    if paths.cafile is None and paths.capath is None and not context.get_ca_certs():
        import certifi  # comes with httpx; python.org's macOS builds have no authorities of their own

        context.load_verify_locations(certifi.where())
    return context
