"""The HTTP server: its limits on a request's size and time, and its answer to a client that begins TLS.

Owns a connection until tornado reads its first request. Must not know addresses (URLs), sessions or access.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream, StreamClosedError
from tornado.web import Application

_log = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024
"""The largest body of a request, in bytes: a client secret's configuration, with many tools, has some tens of kB."""

_HANDSHAKE = b"\x16"  # the record type that TLS begins with; no HTTP method begins with it
_HELLO = 16 * 1024
_NO_TLS = "This server speaks plain ws:// and http://, without TLS: use ws:// instead of wss://."
_NO_TLS_ANSWER = (
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
    f"Content-Length: {len(_NO_TLS)}\r\nConnection: close\r\n\r\n{_NO_TLS}"
).encode()


class PlainServer(HTTPServer):
    """A tornado HTTP server that closes slow and oversized requests, and answers TLS instead of waiting for a line."""

    def initialize(self, *args: Any, **options: Any) -> None:
        """Set up the server; tornado calls this instead of a constructor."""
        super().initialize(*args, **options)
        self._silent: set[asyncio.Task[None]] = set()
        self._tls_reported = False

    @classmethod
    def of(cls, application: Application, *, request_s: float) -> PlainServer:
        """Return a server of an application.

        Args:
            application: the handlers.
            request_s: how long the headers of a request, and then its body, may take to arrive.
        """
        return cls(application, idle_connection_timeout=request_s, body_timeout=request_s, max_body_size=MAX_BODY)

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """Serve a new connection, once its first byte shows that it is not TLS."""
        task = asyncio.create_task(self._begin(stream, address))
        self._silent.add(task)
        task.add_done_callback(self._silent.discard)

    async def _begin(self, stream: IOStream, address: Any) -> None:
        try:
            first = await self._peek(stream)
        except asyncio.CancelledError:
            stream.close()
            raise
        if first == _HANDSHAKE:
            await self._refuse_tls(stream)
        elif first:
            super().handle_stream(stream, address)
        else:
            stream.close()

    async def close_all_connections(self) -> None:
        """Close every connection, those that have sent nothing included."""
        for task in tuple(self._silent):
            task.cancel()
        await super().close_all_connections()

    async def _peek(self, stream: IOStream) -> bytes:
        """Return the first byte and leave it in the socket; nothing if the client sends none in time."""
        arrived = asyncio.Event()
        ioloop, descriptor = IOLoop.current(), stream.fileno()
        ioloop.add_handler(descriptor, lambda *_: arrived.set(), IOLoop.READ)
        try:
            async with asyncio.timeout(self.conn_params.header_timeout):
                await arrived.wait()
        except TimeoutError:
            return b""
        finally:
            ioloop.remove_handler(descriptor)
        try:
            first: bytes = stream.socket.recv(1, socket.MSG_PEEK)
        except OSError:
            return b""
        return first

    async def _refuse_tls(self, stream: IOStream) -> None:
        if not self._tls_reported:  # once: a client may retry for hours
            self._tls_reported = True
            _log.warning("A client began a TLS handshake and was refused. %s", _NO_TLS)
        try:
            # Bytes that stay unread turn the close into a reset, which may overtake the answer.
            await stream.read_bytes(_HELLO, partial=True)
            await stream.write(_NO_TLS_ANSWER)
        except StreamClosedError:
            return
        stream.close()
