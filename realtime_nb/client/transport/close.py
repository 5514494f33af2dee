"""Turn the close of a transport into the exception and the event that callers get.

Owns the close event, the errors of an ended connection, and the end of a response that was lost with it. Must not know
sockets.
"""

from __future__ import annotations

import msgspec

from realtime_nb.client.transport.base import TransportClosed
from realtime_nb.errors import ConnectError, RealtimeError, SessionExpired
from realtime_nb.wire.realtime import Response, ResponseDone, ResponseError, ResponseStatus

LOST = "connection_lost"
"""The error code of a response or a connection that failed because the connection was lost."""

EXPIRED = "session_expired"
"""The error code by which the service announces the time limit, right before it closes (docs/protocol.md 7)."""

POLITE_CODES = frozenset({1000, 1001})


class CloseEvent(msgspec.Struct, frozen=True):
    """The `"close"` event: how the connection ended; `error` is None after a polite close."""

    code: int
    reason: str
    error: Exception | None = None
    type: str = "close"


class PoliteEnd(ConnectError):  # noqa: N818 - an end
    """A polite close: `async for` ends without an error, every other call raises this."""


def ending(where: str, end: TransportClosed, *, polite: bool, expired: bool) -> RealtimeError:
    """The error for a call that reads, waits or sends after the end of the connection.

    Args:
        where: the address, for people.
        end: how the transport ended.
        polite: whether we closed it, or the server did so with a polite code.
        expired: whether the server announced the session's time limit.
    """
    if polite and not _is_expiry(end, expired=expired):
        return PoliteEnd(f"the connection to {where} is closed{_reason(end)}; open a new one")
    lost = loss(where, end, expired=expired)
    if isinstance(lost, SessionExpired):
        return SessionExpired(f"{lost}; open a new one to go on")
    return ConnectError(f"{lost} Open a new one to go on.")


def loss(where: str, end: TransportClosed, *, expired: bool) -> RealtimeError:
    """The error for a close that will be retried."""
    if _is_expiry(end, expired=expired):
        return SessionExpired(f"the session with {where} reached its time limit")
    return ConnectError(f"the connection to {where} was lost: code {end.code}{_reason(end)}.")


def _is_expiry(end: TransportClosed, *, expired: bool) -> bool:
    # The time limit comes as an error, as a close reason, or as both (docs/protocol.md 7).
    return expired or (end.code == 1001 and "maximum duration" in end.reason.lower())


def _reason(end: TransportClosed) -> str:
    return f" ({end.reason})" if end.reason else ""


def lost_response(response_id: str, why: str) -> ResponseDone:
    """The `response.done` for a response whose own one was lost with its connection."""
    error = ResponseError(type="connection_error", code=LOST, message=why)
    details = ResponseStatus(type="failed", error=error)
    return ResponseDone(response=Response(id=response_id, status="failed", status_details=details, output=[]))


def was_lost(response: Response) -> bool:
    """Whether a response ended because the connection was lost."""
    error = response.status_details.error if response.status_details is not None else None
    return response.status == "failed" and error is not None and error.code == LOST
