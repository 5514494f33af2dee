"""Two ways to a `KillServer` that both break at a chosen frame: in memory with simulated time, and by a real websocket.

Owns when a connection is killed: before or after a frame, in either direction. Must not know what the frames say.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from realtime_nb.client.transport.base import TransportClosed
from realtime_nb.errors import ConnectError
from tests.faults.kills.server import Event, KillServer, Served

Moment = Literal["before", "after"]


class Killer:
    """Chooses the frame at which the next connection is killed.

    Attributes:
        kills: how many connections were killed.
        most: how many are killed at most, in all.
        refused: how often a connection attempt fails, as a share.
    """

    def __init__(self, chance: random.Random) -> None:
        self.kills = 0
        self.most = 0
        self.refused = 0.1
        self._chance = chance
        self._left: int | None = None

    def allow(self, kills: int) -> None:
        """Kill so many more connections, each after a random number of frames."""
        self.most = self.kills + kills
        self._choose()

    def _choose(self) -> None:
        if self.kills >= self.most:
            self._left = None
        elif self._chance.random() < 0.5:
            self._left = self._chance.randrange(1, 12)  # in the greeting, the configuration or the first items
        else:
            self._left = self._chance.randrange(1, 80)

    def refuses(self) -> bool:
        """Whether a connection attempt fails."""
        return self.kills < self.most and self._chance.random() < self.refused

    def on_frame(self) -> Moment | None:
        """Count a frame; returns when it kills the connection, if it does."""
        if self._left is None:
            return None
        self._left -= 1
        if self._left > 0:
            return None
        self.kills += 1
        self._choose()
        return "before" if self._chance.random() < 0.5 else "after"


class SimulatedWire:
    """A connector to a server in memory. Frames take a random time each way, and keep their order."""

    def __init__(self, server: KillServer, killer: Killer, chance: random.Random) -> None:
        self.server = server
        self.killer = killer
        self.chance = chance

    async def connect(self) -> SimulatedTransport:
        """Open a session."""
        await asyncio.sleep(self.chance.random() * 0.02)
        if self.killer.refuses():
            raise ConnectError("a server in memory refuses the connection (503). Try again.", status=503)
        return SimulatedTransport(self)

    def describe(self) -> str:
        """The address for messages."""
        return "a server in memory"


class SimulatedTransport:
    """One connection to the server in memory."""

    carries_audio = False

    def __init__(self, wire: SimulatedWire) -> None:
        self._wire = wire
        self._up: deque[str | bytes] = deque()
        self._down: deque[Event] = deque()
        self._landed: deque[str] = deque()
        self._arrived = asyncio.Event()
        self._broken = False
        self._served: Served = wire.server.serve(self._put)

    async def send(self, frame: str | bytes) -> None:
        """Send a frame to the server."""
        if self._broken:
            raise TransportClosed(1006, "the connection was killed")
        if self._wire.chance.random() < 0.1:
            await asyncio.sleep(self._wire.chance.random() * 0.005)  # a full buffer
            if self._broken:
                raise TransportClosed(1006, "the connection was killed")
        self._up.append(frame)
        self._later(self._reach_server)

    async def recv(self) -> str:
        """The next frame of the server."""
        while not self._landed:
            if self._broken:
                raise TransportClosed(1006, "the connection was killed")
            self._arrived.clear()
            await self._arrived.wait()
        return self._landed.popleft()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection from the client's side."""
        self._break()

    def _put(self, event: Event) -> None:
        self._down.append(event)
        self._later(self._reach_client)

    def _later(self, step: Any) -> None:
        # One timer a frame; each delivers the oldest frame of its direction, so that frames keep their order.
        asyncio.get_running_loop().call_later(self._wire.chance.random() * 0.01, step)

    def _reach_server(self) -> None:
        frame = self._up.popleft()
        moment = None if self._broken else self._wire.killer.on_frame()
        if moment != "before" and not self._broken:
            self._served.receive(frame)
        if moment is not None:
            self._break()

    def _reach_client(self) -> None:
        event = self._down.popleft()
        moment = None if self._broken else self._wire.killer.on_frame()
        if moment != "before" and not self._broken:
            self._landed.append(json.dumps(event))
            self._arrived.set()
        if moment is not None:
            self._break()

    def _break(self) -> None:
        self._broken = True
        self._served.end()
        self._arrived.set()


@asynccontextmanager
async def real_socket(server: KillServer, killer: Killer) -> AsyncIterator[str]:
    """Serve on a port of this machine; returns the url."""

    async def handle(socket: ServerConnection) -> None:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        if killer.refuses():
            socket.transport.abort()
            return
        served = server.serve(queue.put_nowait)
        sending = asyncio.create_task(send_all(socket, queue))
        try:
            async for frame in socket:
                moment = killer.on_frame()
                if moment != "before":
                    served.receive(frame)
                if moment is not None:
                    socket.transport.abort()
                    return
        except ConnectionClosed:
            pass
        finally:
            served.end()
            sending.cancel()

    async def send_all(socket: ServerConnection, queue: asyncio.Queue[Event]) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                event = await queue.get()
                moment = killer.on_frame()
                if moment != "before":
                    await socket.send(json.dumps(event))
                if moment is not None:
                    socket.transport.abort()
                    return

    async with serve(handle, "127.0.0.1", 0) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/v1/realtime"
