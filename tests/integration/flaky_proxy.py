"""A TCP proxy that causes network faults on command.

Owns the sockets between a client and a server, and the faults: a connection is reset or ended, now or after a number of
bytes; bytes are held up, or forwarded one by one; new connections are refused for a while. Must not know websockets,
events or TLS. It has a thread and an event loop of its own, so that the code under test may block.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit, urlunsplit

from realtime_nb.testing.server_thread import ServerThread

T = TypeVar("T")
Direction = Literal["down", "up"]  # down: from the server to the client
How = Literal["reset", "end"]  # "reset" is TCP's RST, "end" its FIN

_PATIENCE_S = 10.0
_READ_BYTES = 65536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, for 0 s


@dataclass(eq=False)
class _Pair:
    """The connection from a client, and the proxy's connection to the server for it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    pumps: list[asyncio.Task[None]] = field(default_factory=list)
    dead: bool = False

    def kill(self, how: How) -> None:
        self.dead = True
        for pump in self.pumps:
            pump.cancel()
        for writer in (self.client, self.server):
            if how == "reset":
                _reset(writer)
            else:
                with contextlib.suppress(OSError):
                    writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


class FlakyProxy(ServerThread):
    """Forwards bytes between clients and the server at `upstream_url`, unchanged until a fault is commanded.

    A command has taken effect when it returns, and may be given from any thread.

    Args:
        upstream_url: the server's address; only its host and port are used.

    Attributes:
        url: `upstream_url` with this proxy's address.
        accepted: the number of connections so far.
        kills: how often connections were killed, by `kill` or by `kill_after`.
        chunk_bytes: the most bytes that are forwarded at once; 1 sends each byte in a TCP segment of its own.

    Example:
        >>> async with ScriptedServer(steps) as server, FlakyProxy(server.url) as proxy:  # doctest: +SKIP
        ...     async with rt.connect(url=proxy.url):
        ...         proxy.kill("reset")
    """

    _thread_name = "flaky proxy"

    def __init__(self, upstream_url: str) -> None:
        parts = urlsplit(upstream_url)
        if parts.hostname is None or parts.port is None:
            raise ValueError(f"{upstream_url!r} has no host and port to forward to")
        super().__init__()
        self._upstream = (parts.hostname, parts.port)
        self._parts = parts
        self.url = ""
        self.accepted = 0
        self.kills = 0
        self.chunk_bytes = _READ_BYTES
        self._port = 0
        self._pairs: set[_Pair] = set()
        self._serving: set[asyncio.Task[Any]] = set()
        self._left: dict[Direction, int | None] = {"down": None, "up": None}
        self._how: How = "reset"
        self._flowing: dict[Direction, asyncio.Event] = {}
        self._door: asyncio.Server | None = None
        self._news = threading.Condition()

    # Faults

    @property
    def open(self) -> int:
        """The number of open connections."""
        return len(self._pairs)

    def kill(self, how: How = "reset") -> int:
        """Kill every connection now, on both sides; return their number."""

        async def work() -> int:
            return self._kill(how)

        return self._do(work())

    def kill_after(self, *, down: int | None = None, up: int | None = None, how: How = "reset") -> None:
        """Kill every connection, once, after so many more bytes of all connections together.

        A reset may overtake bytes that the peer has not read yet; an end (FIN) never does.
        """

        async def work() -> None:
            self._left = {"down": down, "up": up}
            self._how = how

        self._do(work())

    def stall(self, *directions: Direction) -> None:
        """Stop forwarding in the given directions, or in both, without closing: the peer seems silent."""

        async def work() -> None:
            for direction in directions or ("down", "up"):
                self._flowing[direction].clear()

        self._do(work())

    def resume(self) -> None:
        """Resume forwarding, beginning with the bytes that came meanwhile."""

        async def work() -> None:
            for flowing in self._flowing.values():
                flowing.set()

        self._do(work())

    def refuse(self) -> None:
        """Refuse new connections, by the operating system; open connections stay open."""
        self._do(self._shut())

    def accept(self) -> None:
        """Accept new connections again, at the same address."""
        self._do(self._listen())

    # Waiting

    async def connected(self, times: int = 1) -> None:
        """Wait until so many connections were accepted. Raises `TimeoutError` after ten seconds."""
        await self._until(lambda: self.accepted >= times, f"{times} connections")

    async def killed(self, times: int = 1) -> None:
        """Wait until connections were killed so many times. Raises `TimeoutError` after ten seconds."""
        await self._until(lambda: self.kills >= times, f"{times} kills")

    async def _until(self, true: Callable[[], bool], what: str) -> None:
        def wait() -> bool:
            with self._news:
                return bool(self._news.wait_for(true, _PATIENCE_S))

        if not await asyncio.to_thread(wait):
            raise TimeoutError(f"waited for {what}; there were {self.accepted} connections and {self.kills} kills")

    # Running

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        assert self._loop is not None, "start it first"
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)

    async def _serve(self, stop: asyncio.Event) -> None:
        for direction in self._left:
            self._flowing[direction] = asyncio.Event()
            self._flowing[direction].set()
        await self._listen()
        self.url = urlunsplit(self._parts._replace(netloc=f"127.0.0.1:{self._port}"))
        self._listening.set()
        await stop.wait()
        await self._shut()
        for pair in self._pairs:
            pair.kill("reset")
        await asyncio.gather(*self._serving)

    async def _listen(self) -> None:
        if self._door is None:
            self._door = await asyncio.start_server(self._accepted, "127.0.0.1", self._port)
            self._port = self._door.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        if self._door is not None:
            self._door.close()  # the listening socket only; what is open goes on
            self._door = None

    async def _accepted(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            from_server, server = await asyncio.open_connection(*self._upstream)
        except OSError:
            _reset(client)
            return
        pair = _Pair(client, server)
        for writer in (client, server):
            writer.transport.set_write_buffer_limits(0)  # drained means handed to the kernel: counts are exact
        self._pairs.add(pair)
        pair.pumps = [
            asyncio.ensure_future(self._pump(pair, "up", reader, server)),
            asyncio.ensure_future(self._pump(pair, "down", from_server, client)),
        ]
        with self._news:
            self.accepted += 1
            self._news.notify_all()
        await asyncio.wait(pair.pumps)
        # Closing a socket that holds unread bytes would reset it, where an end was meant.
        await asyncio.gather(_discard(reader), _discard(from_server))
        for writer in (client, server):
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        self._pairs.discard(pair)

    async def _pump(
        self, pair: _Pair, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while data := await reader.read(_READ_BYTES):
                await self._flowing[direction].wait()
                await self._forward(pair, direction, data, writer)
            await self._flowing[direction].wait()
            writer.write_eof()
        except OSError:
            pair.kill("reset")  # one side was reset, so the other is

    async def _forward(self, pair: _Pair, direction: Direction, data: bytes, writer: asyncio.StreamWriter) -> None:
        start = 0
        while start < len(data) and not pair.dead:
            left = self._left[direction]
            size = min(self.chunk_bytes, len(data) - start, _READ_BYTES if left is None else left)
            writer.write(data[start : start + size])
            await writer.drain()
            start += size
            if left is not None:
                self._left[direction] = left - size
                if left == size:
                    self._kill(self._how)

    def _kill(self, how: How) -> int:
        self._left = {"down": None, "up": None}
        pairs = list(self._pairs)
        for pair in pairs:
            pair.kill(how)
        with self._news:
            self.kills += 1
            self._news.notify_all()
        return len(pairs)


async def _discard(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(_READ_BYTES):
            pass
