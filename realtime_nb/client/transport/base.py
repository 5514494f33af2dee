"""What a connection needs of whatever moves its frames.

Owns the `Transport` and `Connector` protocols and how a transport says that it has ended. Must not know events, or
which transports exist.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

__all__ = ["Connector", "Transport", "TransportClosed"]


class TransportClosed(Exception):  # noqa: N818 - an end, not always an error
    """The transport has ended: nothing more can be sent or received.

    Attributes:
        code: the websocket close code (1000 and 1001 are polite; 1006 means that the connection broke off).
        reason: the peer's own words, or ours where it said nothing.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed with code {code}{': ' + reason if reason else ''}")
        self.code = code
        self.reason = reason


@runtime_checkable
class Transport(Protocol):
    """Moves whole frames, in order, both ways, on the event loop that it was opened on."""

    @property
    def carries_audio(self) -> bool:
        """Whether microphone and sound go past the session (a page that holds the socket does both itself)."""

    async def send(self, frame: bytes | str) -> None:
        """Hand over one frame; raises `TransportClosed`."""

    async def recv(self) -> bytes | str:
        """The next frame; raises `TransportClosed`. Cancelling it loses nothing."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End politely; may be called twice."""


@runtime_checkable
class Connector(Protocol):
    """Knows how to open a `Transport`, again and again: what reconnection needs."""

    async def connect(self) -> Transport:
        """Open one; raises `ConnectError` with the host, the status and the next step."""

    def describe(self) -> str:
        """Where it leads, for people: never a key."""
