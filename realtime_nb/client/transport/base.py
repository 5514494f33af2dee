"""The protocols between a connection and the object that sends and receives its frames.

Owns `Transport`, `AbortableTransport`, `Connector`, `BilledConnector` and the exception of a transport that has ended.
Must not know events, or which transports exist.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from realtime_nb.conversation import Billing


class TransportClosed(Exception):  # noqa: N818 - an end, not always an error
    """The transport has ended: nothing more can be sent or received.

    Attributes:
        code: the websocket close code (1000 and 1001 are polite; 1006 means that the connection broke off).
        reason: the peer's own words, or ours where it gave none.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed with code {code}{': ' + reason if reason else ''}")
        self.code = code
        self.reason = reason


@runtime_checkable
class Transport(Protocol):
    """Sends and receives whole frames in order, on the event loop that it was opened on."""

    @property
    def carries_audio(self) -> bool:
        """Whether the transport records the microphone and plays sound itself, as a page that holds the socket does."""

    async def send(self, frame: bytes | str) -> None:
        """Send one frame; raises `TransportClosed`."""

    async def recv(self) -> bytes | str:
        """Return the next frame; raises `TransportClosed`. Cancelling the call loses no frame."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close with a closing handshake; may be called twice."""


@runtime_checkable
class AbortableTransport(Protocol):
    """A transport that can end without the other side."""

    def abort(self) -> None:
        """Break the connection off, without a closing handshake; what was not sent yet is lost."""


@runtime_checkable
class BilledConnector(Protocol):
    """A connector that has the prices of its backend."""

    @property
    def billing(self) -> Billing | None:
        """How responses are paid for; None while that is not known."""


@runtime_checkable
class Connector(Protocol):
    """Opens any number of `Transport`s to one address, as reconnection needs."""

    async def connect(self) -> Transport:
        """Open one; raises `ConnectError` with the host, the status and the next step."""

    def describe(self) -> str:
        """Return the address for messages, without keys."""
