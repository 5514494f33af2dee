"""A connector and a transport without a socket, for tests of a connection's parts."""

from __future__ import annotations

import json
from typing import Any

from realtime_nb.client.transport.base import Transport, TransportClosed


class Address:
    """A connector that only has an address."""

    def describe(self) -> str:
        return "ws://here"

    async def connect(self) -> Transport:
        raise NotImplementedError


class Recorded:
    """A transport that records what is sent."""

    carries_audio = False

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    async def send(self, frame: bytes | str) -> None:
        self.sent.append(json.loads(frame))

    async def recv(self) -> bytes | str:
        raise TransportClosed(1006)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        pass
