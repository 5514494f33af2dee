"""How a connection ended, and what that is for whoever still wants something of it.

Owns the close event and the exceptions of an end. Must not know sockets.
"""

from __future__ import annotations

import msgspec

from realtime_nb.client.transport.base import TransportClosed
from realtime_nb.errors import ConnectError, RealtimeError, SessionExpired
from realtime_nb.wire.realtime import Response, ResponseDone, ResponseError, ResponseStatus

__all__ = ["EXPIRED", "LOST", "POLITE_CODES", "CloseEvent", "PoliteEnd", "ending", "loss", "lost_response", "was_lost"]

LOST = "connection_lost"
"""The code of what failed because the connection was lost."""

EXPIRED = "session_expired"
"""The code with which the service says that a session's time is over, right before it closes the socket."""

POLITE_CODES = frozenset({1000, 1001})


class CloseEvent(msgspec.Struct, frozen=True):
    """The connection has ended; `error` is None when it ended politely."""

    code: int
    reason: str
    error: Exception | None = None
    type: str = "close"


class PoliteEnd(ConnectError):  # noqa: N818 - an end
    """The end that iteration treats as an end, and everything else as an error."""


def ending(where: str, end: TransportClosed, *, polite: bool, expired: bool) -> RealtimeError:
    """The exception for whoever reads, waits or sends after the end.

    Args:
        where: the address, for people.
        end: how the transport ended.
        polite: whether we closed it, or the server did so in peace.
        expired: whether the server said that the session's time is over.
    """
    if polite and not _is_expiry(end, expired=expired):
        return PoliteEnd(f"the connection to {where} is closed{_said(end)}; open a new one")
    lost = loss(where, end, expired=expired)
    if isinstance(lost, SessionExpired):
        return SessionExpired(f"{lost}; open a new one to go on")
    return ConnectError(f"{lost} Open a new one to go on.")


def loss(where: str, end: TransportClosed, *, expired: bool) -> RealtimeError:
    """The exception for an end after which somebody tries to go on."""
    if _is_expiry(end, expired=expired):
        return SessionExpired(f"the session with {where} reached its time limit")
    return ConnectError(f"the connection to {where} was lost: code {end.code}{_said(end)}.")


def _is_expiry(end: TransportClosed, *, expired: bool) -> bool:
    return expired or (end.code == 1001 and "maximum duration" in end.reason.lower())


def _said(end: TransportClosed) -> str:
    return f" ({end.reason})" if end.reason else ""


def lost_response(response_id: str, why: str) -> ResponseDone:
    """The end of a response that no server will tell any more."""
    error = ResponseError(type="connection_error", code=LOST, message=why)
    details = ResponseStatus(type="failed", error=error)
    return ResponseDone(response=Response(id=response_id, status="failed", status_details=details, output=[]))


def was_lost(response: Response) -> bool:
    """Whether a response ended because the connection was lost."""
    error = response.status_details.error if response.status_details is not None else None
    return response.status == "failed" and error is not None and error.code == LOST
